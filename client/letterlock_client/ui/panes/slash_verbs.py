"""What typed commands do: those with something behind their word, and by their own actions all others.

What cannot be done is given back to the composer it was typed in. Must not know keys or the palette.
"""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import TYPE_CHECKING

from letterlock_client.errors import ClientError, Code
from letterlock_client.file_paths import file_of, path_of
from letterlock_client.sanitize import line_of
from letterlock_client.shapes import exported_line, seconds_of
from letterlock_client.ui import intents
from letterlock_client.ui.commands import Where, slashes
from letterlock_client.ui.themes import OFFERED
from letterlock_client.ui.wording import local_day

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from letterlock_client.ui.panes.calls import Calls


class SlashVerbs:
    """Typed commands, for one client pane."""

    def __init__(self, pane: Calls) -> None:
        self._pane = pane
        self._with_rest: dict[str, Callable[[intents.Slash], Awaitable[object]]] = {
            "timer": self._timer,
            "attach": self._attach,
            "view_once": self._attach,
            "once": self._once,
            "date": self._date,
            "new_chat": self._new_chat,
            "filter": self._filter,
            "export": self._export,
            "theme": self._theme,
            "mute": self._mute,
            "paste": self._paste,
            "share": self._share,
            "quiet": self._quiet,
        }

    def do(self, typed: intents.Slash) -> None:
        """Do a typed command; one that is not known, or fails, comes back to where it was typed."""
        pane = self._pane
        spec = slashes().get(typed.word)
        if spec is None:
            self._give_back(typed)
            pane.tell(f"There is no command /{line_of(typed.word, 20)}. Two slashes begin a text with one.")
        elif typed.rest.strip() and spec.action in self._with_rest:
            verb = self._with_rest[spec.action]
            pane.errand(verb(typed), failed=lambda: self._give_back(typed), in_order=True)
        elif typed.rest.strip() and not spec.argument:
            self._give_back(typed)
            pane.tell(f"/{typed.word} takes nothing behind it.")
        elif spec.where is Where.MESSAGE:
            pane.verbs.begin(spec.name, typed.reply_to)
        else:
            pane.call_later(pane.run_action, spec.on_client)

    def _give_back(self, typed: intents.Slash) -> None:
        view = self._pane.view
        if view is not None and view.id_of_chat == typed.conversation:
            view.composer.begin(f"/{typed.word} {typed.rest}".rstrip())

    async def _timer(self, typed: intents.Slash) -> None:
        await self._pane.messenger.set_timer(typed.conversation, _seconds(typed.rest))

    async def _share(self, typed: intents.Slash) -> None:
        who = await self._pane.messenger.find(typed.rest.strip())
        await self._pane.share(who, typed.conversation)

    async def _paste(self, typed: intents.Slash) -> None:
        await self._pane.send_clipboard(typed.conversation, typed.rest.strip())

    async def _mute(self, typed: intents.Slash) -> None:
        seconds = _seconds(typed.rest)
        await self._pane.messenger.set_muted(typed.conversation, seconds > 0, seconds)

    async def _quiet(self, typed: intents.Slash) -> None:
        self._pane.be_quiet(_seconds(typed.rest) or None)

    async def _attach(self, typed: intents.Slash) -> None:
        path, caption = await asyncio.to_thread(file_of, typed.rest)
        once = typed.word == "view-once"
        send = self._pane.messenger.send_file
        await send(typed.conversation, path, caption=caption, view_once=once, reply_to=typed.reply_to)

    async def _once(self, typed: intents.Slash) -> None:
        send = self._pane.messenger.send_once
        await send(typed.conversation, typed.rest.strip(), reply_to=typed.reply_to)

    async def _date(self, typed: intents.Slash) -> None:
        day = day_meant(typed.rest, local_day(self._pane.around.clock()))
        if day is None:
            raise ClientError(Code.BAD_INPUT, "give a day like yesterday, monday, 23.11. or 2026-11-23")
        view = self._pane.view
        if view is not None and view.id_of_chat == typed.conversation:
            await view.go_to_day(day)

    async def _filter(self, typed: intents.Slash) -> None:
        self._pane.order_chats(unread_first=self._pane.chat_list.unread_first, words=typed.rest.strip())

    async def _export(self, typed: intents.Slash) -> None:
        path = await asyncio.to_thread(path_of, typed.rest)
        self._pane.tell("Writing the chat to a file…")
        done = await self._pane.messenger.export_to(typed.conversation, path)
        self._pane.tell(exported_line(done, line_of(str(done.path), 200)))

    async def _theme(self, typed: intents.Slash) -> None:
        name = typed.rest.strip()
        if name not in OFFERED:
            raise ClientError(Code.BAD_INPUT, f"there are these themes: {', '.join(OFFERED)}")
        self._pane.app.theme = name

    async def _new_chat(self, typed: intents.Slash) -> None:
        found = await self._pane.messenger.find(typed.rest.strip())
        self._pane.post_message(intents.OpenChat(found))


def _seconds(text: str) -> int:
    """Read a time; off is 0. Raises code bad_input."""
    seconds = seconds_of(text.strip().replace(" ", "").replace("min", "m"))
    if seconds is None:
        raise ClientError(Code.BAD_INPUT, "give a time like 30s, 5m, 8h, 7d, 4w, or off")
    return seconds


_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def day_meant(text: str, today: date) -> date | None:
    """Read today, yesterday, a weekday, 2026-11-23, 23.11. or 23.11.2026; the last such day, never a later one."""
    word = text.strip().lower()
    if word in ("today", "yesterday"):
        return today - timedelta(days=word == "yesterday")
    if word in _WEEKDAYS:
        return today - timedelta(days=(today.weekday() - _WEEKDAYS.index(word)) % 7)
    try:
        if word.count(".") in (1, 2):
            day, month, year = (*word.split("."), "")[:3]
            found = date(int(year or today.year), int(month), int(day))
            return found if year or found <= today else found.replace(year=today.year - 1)
        return date.fromisoformat(word)
    except ValueError:
        return None

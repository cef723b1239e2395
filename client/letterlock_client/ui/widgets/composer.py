"""Where a message is written. Belongs to one chat for its whole life, so that no draft reaches another person.

Must not know the messenger.
"""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from typing import Final

from textual import events, on
from textual.message import Message as TextualMessage
from textual.timer import Timer
from textual.widgets import TextArea

from letterlock.ids import ConversationId, MessageId
from letterlock_client.file_paths import file_meant, paths_beginning, quoted
from letterlock_client.models import Message
from letterlock_client.ui import intents
from letterlock_client.ui.background import start
from letterlock_client.ui.commands import Where, actions
from letterlock_client.ui.completion import (
    MOST,
    Completion,
    Offer,
    complete,
    path_typed,
    whole_emoji,
    with_emoji,
)
from letterlock_client.ui.icons import UNICODE, Icons
from letterlock_client.ui.widgets.offers import Offers

DRAFT_SECONDS: Final = 0.6
"""How long typing rests before a draft is kept."""

TYPING_SECONDS: Final = 4.0
"""How long after the last key the person still counts as typing."""


SETTLE_SECONDS: Final = 1.0
"""How long `settled` waits for a queue that does not move."""


class Composer(TextArea):
    """The text being written, and whether it answers or changes a message."""

    class PathsFound(TextualMessage):
        """Paths were looked up for what is being typed."""

        def __init__(self, start: int, typed: str, paths: Sequence[tuple[str, bool]]) -> None:
            super().__init__()
            self.start = start
            self.typed = typed
            self.paths = paths

    def __init__(
        self,
        conversation: ConversationId,
        draft: str = "",
        keymap: Mapping[str, str] | None = None,
        icons: Icons = UNICODE,
    ) -> None:
        super().__init__(
            draft,
            soft_wrap=True,
            show_line_numbers=False,
            compact=True,
            highlight_cursor_line=False,
            placeholder="Message…",
            tab_behavior="focus",
        )
        self.conversation = conversation
        self.offers = Offers(icons)
        self.names: Collection[str] = ()
        self._verbs = actions(Where.COMPOSER, keymap or {})
        self.reply_to: MessageId | None = None
        self.editing: MessageId | None = None
        self._kept = draft
        self._shelved = ""
        self._draft_timer: Timer | None = None
        self._typing_timer: Timer | None = None
        self._typing = False
        self._typing_told = 0.0

    @property
    def draft(self) -> str:
        """What should be kept for later: never the text of a message being edited."""
        return self._shelved if self.editing is not None else self.text

    # Answering and editing.

    def begin_reply(self, message: Message) -> None:
        """What is written next answers this message."""
        self.stop_editing()
        self.reply_to = message.id
        self.focus()

    def begin_edit(self, message: Message) -> None:
        """Change this message's text; what stood here comes back afterwards."""
        if self.editing is None:
            self._shelved = self.text
        self.reply_to = None
        self.editing = message.id
        self._write(message.text)
        self.focus()

    def stop_editing(self) -> None:
        """Answer and change nothing; bring back what stood here before."""
        self.reply_to = None
        if self.editing is not None:
            self.editing = None
            self._write(self._shelved)
            self._shelved = ""

    def give_back(self, text: str) -> None:
        """A text could not be sent: put it back, before what was written since."""
        now = self.text
        self._write(f"{text}\n{now}" if now.strip() and now != text else text)

    def _write(self, text: str) -> None:
        self.load_text(text)
        self.move_cursor(self.document.end)

    # Keys.

    async def _on_key(self, event: events.Key) -> None:
        # Not bindings: the application runs those before the letters that still wait here, and an enter
        # at the end of fast typing would send half a message.
        verb = self._verbs.get(event.key)
        if self._offered(event.key, verb):
            event.stop()
            event.prevent_default()
            return
        if verb is None:
            return
        event.stop()
        event.prevent_default()
        getattr(self, f"action_{verb}")()

    def _offered(self, key: str, verb: str | None) -> bool:
        """Use a key for the offers, while there are some; say whether that was its use."""
        completion = self.offers.completion
        if completion is None:
            return False
        if key in ("up", "down"):
            self.offers.step(-1 if key == "up" else 1)
        elif key == "tab" or (verb == "send" and completion.command):
            self._take_offer(completion)
        elif verb == "leave":
            self.offers.show(None)
        else:
            return False
        return True

    def _take_offer(self, completion: Completion) -> None:
        offer, row = self.offers.chosen, self.cursor_location[0]
        if offer is not None:
            self.offers.show(None)
            self.replace(offer.text, (row, completion.start), (row, completion.stop))
            self.move_cursor((row, completion.start + len(offer.text)))

    def _look_for_offers(self) -> None:
        row, column = self.cursor_location
        line = self.document.get_line(row)
        if self.editing is None and (emoji := whole_emoji(line[:column])):
            begin, sign = emoji
            self.replace(sign, (row, begin), (row, column))
            return
        first = row == 0 and self.editing is None
        if first and (typed := path_typed(line, column)):
            start(self, self._look_for_paths, *typed, group="paths", exclusive=True)
            return
        self.offers.show(complete(line, column, self.names, first=first) if self.has_focus else None)

    async def _look_for_paths(self, start: int, typed: str) -> None:
        paths = await asyncio.to_thread(paths_beginning, typed, MOST)
        self.post_message(self.PathsFound(start, typed, paths))

    @on(PathsFound)
    def _offer_paths(self, event: PathsFound) -> None:
        event.stop()
        if path_typed(*self._line_and_column()) != (event.start, event.typed):
            return
        offers = [
            Offer(f"{path}/" if folder else f"{quoted(path)} ", "folder" if folder else "")
            for path, folder in event.paths
        ]
        stop = event.start + len(event.typed)
        self.offers.show(Completion(event.start, stop, offers, command=False) if offers else None)

    def _line_and_column(self) -> tuple[str, int]:
        row, column = self.cursor_location
        return (self.document.get_line(row), column) if row == 0 else ("", 0)

    async def _on_paste(self, event: events.Paste) -> None:
        """A file's path, pasted or dropped into an empty composer, becomes the command that sends it."""
        if self.text.strip() or self.editing is not None:
            return
        path = await asyncio.to_thread(file_meant, event.text)
        if path is not None:
            event.stop()
            event.prevent_default()
            self.begin(f"/attach {quoted(str(path))} ")

    def begin(self, text: str) -> bool:
        """Begin with this text, if nothing is written yet; say whether."""
        self.focus()
        if self.text.strip() or self.editing is not None:
            return False
        self._write(text)
        return True

    async def settled(self) -> None:
        """Wait until every key that was pressed here has arrived."""
        arrived = asyncio.Event()
        if self.call_later(arrived.set):
            with suppress(TimeoutError):
                await asyncio.wait_for(arrived.wait(), SETTLE_SECONDS)

    def action_send(self) -> None:
        """Send, or save the change."""
        text = self.text.strip("\n")
        if not text.startswith("/") or text.startswith("//"):
            text = with_emoji(text)
        if not text.strip():
            return
        if self.editing is not None:
            self.post_message(intents.ChangeText(self.conversation, self.editing, text))
            self.stop_editing()
        else:
            self.post_message(self._said(text))
            self.reply_to = None
            self._write("")
        self._stop_typing()
        self.keep_draft()
        self.post_message(intents.ReplyCancelled(self.conversation))

    def _said(self, text: str) -> TextualMessage:
        """A slash begins a command, two of them a text that begins with one."""
        if not text.startswith("/") or text.startswith("//"):
            return intents.Send(
                self.conversation, text.removeprefix("/") if text[:1] == "/" else text, self.reply_to
            )
        word, _, rest = text[1:].partition(" ")
        return intents.Slash(self.conversation, word, rest, self.reply_to)

    def action_editor(self) -> None:
        """Write this text in an editor."""
        self.post_message(intents.WriteOutside(self.conversation, self.text))

    def written_outside(self, text: str) -> None:
        """Take what the editor left."""
        self._write(text.rstrip("\n"))
        self.focus()

    def action_newline(self) -> None:
        """Begin a new line."""
        self.insert("\n")

    def action_up(self) -> None:
        """Edit the last message from an empty composer, else move up."""
        if self.text or self.editing is not None:
            self.action_cursor_up()
        else:
            self.post_message(intents.EditLast(self.conversation))

    def action_page_up(self) -> None:
        """Scroll the messages."""
        self.post_message(intents.ScrollLog(self.conversation, -1))

    def action_page_down(self) -> None:
        """Scroll the messages."""
        self.post_message(intents.ScrollLog(self.conversation, 1))

    def action_leave(self) -> None:
        """Stop answering or editing; else go to the messages."""
        if self.editing is not None or self.reply_to is not None:
            self.stop_editing()
            self.post_message(intents.ReplyCancelled(self.conversation))
        else:
            self.post_message(intents.FocusLog(self.conversation))

    # Drafts and typing.

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        """Keep the draft soon, and say that somebody types."""
        event.stop()
        self._look_for_offers()
        if self._draft_timer is None:
            self._draft_timer = self.set_timer(DRAFT_SECONDS, self.keep_draft)
        else:
            self._draft_timer.reset()
        if (
            self.text
            and self.text[0] != "/"
            and self.has_focus
            and self.editing is None
            and self.text != self._kept
        ):
            self._start_typing()

    def keep_draft(self) -> None:
        """Say what stands here now, if it is not known yet."""
        if self._draft_timer is not None:
            self._draft_timer.stop()
            self._draft_timer = None
        if self.draft != self._kept:
            self._kept = self.draft
            self.post_message(intents.DraftChanged(self.conversation, self._kept))

    def _start_typing(self) -> None:
        if self._typing_timer is None:
            self._typing_timer = self.set_timer(TYPING_SECONDS, self._stop_typing)
        else:
            self._typing_timer.reset()
        # Told again now and then: the other side takes a long silence for the end.
        if not self._typing or time.monotonic() - self._typing_told >= TYPING_SECONDS:
            self._typing, self._typing_told = True, time.monotonic()
            self.post_message(intents.TypingNoticed(self.conversation, typing=True))

    def _stop_typing(self) -> None:
        if self._typing_timer is not None:
            self._typing_timer.stop()
            self._typing_timer = None
        if self._typing:
            self._typing = False
            self.post_message(intents.TypingNoticed(self.conversation, typing=False))

    def on_blur(self, event: events.Blur) -> None:
        """Nobody types here now."""
        self.offers.show(None)
        self._stop_typing()
        self.keep_draft()

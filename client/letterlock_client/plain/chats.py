"""Words about chats: which there are, going to one, and how it stands."""

import asyncio
from collections.abc import Mapping
from typing import Final

from letterlock_client.errors import ClientError, Code
from letterlock_client.file_paths import path_of
from letterlock_client.models import Listed
from letterlock_client.plain.speaking import Action, Verbs, say
from letterlock_client.shapes import absent_words, exported_line, seconds_of, who

SHOWN: Final = 10
"""How many messages entering a chat shows."""


class ChatVerbs(Verbs):
    """The words."""

    @property
    def words(self) -> Mapping[str, tuple[Action, str]]:
        """See `Verbs`."""
        return {
            "chats": (self.chats, "list the chats"),
            "to": (self.enter, "WHO: go to a chat, by handle, account id or invite link"),
            "history": (self.history, "[N]: the last messages of this chat"),
            "search": (self.search, "WORDS: find messages in every chat"),
            "timer": (
                self.timer,
                "TIME: let messages of this chat disappear after 30s, 5m, 8h, 7d, 4w, or off",
            ),
            "read": (self.read, "let what you saw of this chat count as read, where that waits for you"),
            "mute": (
                self.mute,
                "[TIME]: let this chat be quiet, or not; for 1h, 8h, 7d, or until you take it back",
            ),
            "pin": (self.pin, "keep this chat on top of the list, or not"),
            "archive": (
                self.archive,
                "put this chat out of sight until somebody writes in it, or take it back",
            ),
            "export": (self.export, "FILE: write this chat to a .jsonl, .html or .txt"),
        }

    async def chats(self, rest: str) -> None:
        """List the chats."""
        del rest
        if not await self.list_chats():
            say("No chats yet: /to WHO goes to one, /invite shows your own link.")

    async def list_chats(self) -> bool:
        """List the chats; say whether there are any."""
        chats = await self.messenger.conversations()
        for each in chats:
            unread = f", {each.unread} unread" if each.unread else ""
            verified = ", verified" if each.contact.verified else ""
            absent = f", {words}" if (words := absent_words(each)) else ""
            say(f"Chat with {who(each.contact)}{unread}{verified}{absent}")
        return bool(chats)

    async def enter(self, rest: str) -> None:
        """Go to a chat and show its last messages."""
        self.present.chat = await self.messenger.find(rest)
        conversation = await self.messenger.conversation(self.present.chat)
        say(f"Now with {who(conversation.contact)}. What you type goes there.")
        if conversation.contact.warning:
            say(f"Warning: {conversation.contact.warning}")
        await self.history("")

    async def history(self, rest: str) -> None:
        """Show the last messages of the present chat."""
        chat = self.present.require()
        limit = int(rest) if rest.isdecimal() and 0 < int(rest) <= 10_000 else SHOWN
        messages = await self.messenger.history(chat, limit)
        for message in messages:
            say(await self.present.line(message))
        if not messages:
            say("Nothing is written here yet.")
        else:
            await self.messenger.saw(chat, messages[-1].id)

    async def search(self, rest: str) -> None:
        """Find messages by their words, the newest first."""
        found = await self.messenger.search(rest, limit=SHOWN)
        for message in found:
            say(await self.present.line(message))
        if not found:
            say("Nothing found.")

    async def timer(self, rest: str) -> None:
        """Set the disappearing timer of the present chat."""
        seconds = seconds_of(rest)
        if seconds is None:
            raise ClientError(Code.BAD_INPUT, "give a time like 30s, 5m, 8h, 7d, 4w, or off")
        await self.messenger.set_timer(self.present.require(), seconds)

    async def mute(self, rest: str) -> None:
        """Let the present chat be quiet, for a time or for good, or not."""
        chat = self.present.require()
        seconds = seconds_of(rest) if rest else 0
        if seconds is None:
            raise ClientError(Code.BAD_INPUT, "give a time like 1h, 8h or 7d")
        muted = bool(rest) or not (await self.messenger.conversation(chat)).muted
        await self.messenger.set_muted(chat, muted, seconds)
        say("This chat is muted." if muted else "This chat is not muted any more.")

    async def read(self, rest: str) -> None:
        """Let what was seen of the present chat count as read."""
        del rest
        done = await self.messenger.read_now(self.present.require())
        say("Read." if done else "Nothing waits to count as read.")

    async def pin(self, rest: str) -> None:
        """Keep the present chat on top of the list, or not."""
        del rest
        await self._list_as(Listed.PINNED, "This chat is on top of the list.")

    async def archive(self, rest: str) -> None:
        """Put the present chat out of sight, or take it back."""
        del rest
        await self._list_as(Listed.ARCHIVED, "This chat is archived. A new message brings it back.")

    async def _list_as(self, wanted: Listed, done: str) -> None:
        chat = self.present.require()
        present = (await self.messenger.conversation(chat)).listed
        listed = Listed.USUAL if present is wanted else wanted
        await self.messenger.set_listed(chat, listed)
        say(done if listed is wanted else "This chat stands where it belongs in the list again.")

    async def export(self, rest: str) -> None:
        """Write the present chat to a file."""
        chat = self.present.require()
        path = await asyncio.to_thread(path_of, rest)
        done = await self.messenger.export_to(chat, path)
        say(exported_line(done, str(done.path)))

"""Line mode: the same messenger, spoken in lines, for screen readers, pipes and serial consoles.

Prints a line for everything that happens, never moves the cursor and draws nothing. A line that is typed
goes to the present chat; a line that begins with a slash is a command. Must not know Textual.
"""

import asyncio
import sys
import threading
from argparse import Namespace
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from letterlock.ids import ConversationId
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import (
    Alarm,
    ConnectionChanged,
    Event,
    EventsLost,
    KeyChanged,
    Link,
    MessageAdded,
    RequestArrived,
    SentAsIs,
)
from letterlock_client.file_paths import file_of
from letterlock_client.messenger import Messenger
from letterlock_client.models import Listed, Message
from letterlock_client.output import DONE, Output, print_line
from letterlock_client.sanitize import clean, line_of
from letterlock_client.shapes import message_line, seconds_of, who

LINES: Final = 64
"""How many typed lines may wait; the reader blocks past that."""
SHOWN: Final = 10
"""How many messages entering a chat shows."""

Action = Callable[[str], Awaitable[None]]


async def chat(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Chat in lines until /quit or the end of standard input; return the exit status."""
    del given, output
    lines: asyncio.Queue[str | None] = asyncio.Queue(LINES)
    read_lines(lines)
    talk = Talk(messenger)
    messenger.connect()
    await talk.greet()
    listening = asyncio.create_task(talk.listen())
    try:
        while not talk.over and (line := await lines.get()) is not None:
            await talk.obey(line)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    return DONE


def read_lines(lines: asyncio.Queue[str | None]) -> None:
    """Put what is typed into the queue, None at the end, from a thread that no exit has to wait for."""
    loop = asyncio.get_running_loop()

    def put(line: str | None) -> None:
        asyncio.run_coroutine_threadsafe(lines.put(line), loop).result()

    def read() -> None:
        try:
            for line in sys.stdin:
                put(line.rstrip("\n"))
            put(None)
        except RuntimeError:
            # The loop is gone: the client was left while a line was being typed.
            return

    threading.Thread(target=read, daemon=True, name="standard input").start()


class Talk:
    """A conversation with the person at the keyboard: the present chat, and what the commands do."""

    def __init__(self, messenger: Messenger) -> None:
        self.over = False
        self._messenger = messenger
        self._present: ConversationId | None = None
        self._commands: dict[str, tuple[Action, str]] = {
            "chats": (self.chats, "list the chats"),
            "to": (self.enter, "WHO: go to a chat"),
            "history": (self.history, "[N]: the last messages of this chat"),
            "requests": (self.requests, "who wrote for the first time"),
            "accept": (self.accept, "WHO: accept a request"),
            "block": (self.block, "WHO: block somebody"),
            "reply": (self.reply, "MESSAGE TEXT: answer a message"),
            "react": (self.react, "MESSAGE EMOJI: react to a message"),
            "edit": (self.edit, "MESSAGE TEXT: change an own message"),
            "delete": (self.delete, "MESSAGE: delete a message for everyone"),
            "edits": (self.edits, "MESSAGE: what a message said before it was changed"),
            "forward": (self.forward, "MESSAGE WHO: say a message again in another chat"),
            "timer": (
                self.timer,
                "TIME: let messages of this chat disappear after 30s, 5m, 8h, 7d, 4w, or off",
            ),
            "attach": (self.file, "PATH [CAPTION]: send a file; quotes around a path with spaces"),
            "view-once": (self.file_once, "PATH [CAPTION]: send a file that opens one time"),
            "export": (self.export, "FILE: write this chat to a .jsonl, .html or .txt"),
            "mute": (self.mute, "let this chat be quiet, or not"),
            "pin": (self.pin, "keep this chat on top of the list, or not"),
            "archive": (
                self.archive,
                "put this chat out of sight until somebody writes in it, or take it back",
            ),
            "save": (self.save, "MESSAGE [PATH]: save a message's file, here under its name or as PATH"),
            "verify": (self.verify, "show the safety number of this chat"),
            "help": (self.help, "this list"),
            "quit": (self.quit, "leave"),
        }

    async def greet(self) -> None:
        """Say who one is and what there is."""
        say(f"You are {self._messenger.profile.handle}. /help lists what you can type.")
        await self.chats("")
        await self.requests("")

    async def obey(self, line: str) -> None:
        """Do what one typed line says; an error is said and nothing else happens."""
        try:
            if line.startswith("/") and not line.startswith("//"):
                word, _, rest = line[1:].partition(" ")
                action, _ = self._commands.get(word, (None, ""))
                if action is None:
                    say(
                        f"There is no command /{line_of(word)}; /help lists them, // begins a text with a slash."
                    )
                else:
                    await action(rest.strip())
            elif line:
                await self.say_there(line.removeprefix("/") if line.startswith("//") else line)
        except ClientError as error:
            say(f"{error.message}.")

    async def say_there(self, text: str) -> None:
        """Send a text to the present chat."""
        if self._present is None:
            say("Say first to whom: /to WHO")
            return
        try:
            await self._messenger.send_text(self._present, text)
        except ClientError as error:
            if error.code is not Code.TOO_LARGE:
                raise
            await self._messenger.send_long_text(self._present, text)
            say("This text is too long for a message: it goes as the file message.txt.")

    async def listen(self) -> None:
        """Say what happens, as it happens."""
        async for event in self._messenger.events():
            await self.tell(event)

    async def tell(self, event: Event) -> None:
        """Say one event, if it is for the ear."""
        match event:
            case MessageAdded(message) if message.conversation == self._present or not message.mine:
                await self.tell_message(message)
            case RequestArrived(conversation):
                name = who(conversation.contact)
                say(f"{name} wrote to you for the first time: /accept {name} or /block {name}")
            case ConnectionChanged(link, reason, retry_in):
                again = (
                    f", next attempt in {retry_in:.0f} seconds" if link is Link.OFFLINE and retry_in else ""
                )
                say(f"{link.value.capitalize()}{again}{': ' if reason else ''}{reason}.")
            case KeyChanged(_, conversation, was_verified):
                name = who((await self._messenger.conversation(conversation)).contact)
                more = " You had verified it: compare the safety number again." if was_verified else ""
                say(f"The key of {name} changed.{more}")
            case Alarm(_, text):
                say(f"Alarm: {text}")
            case SentAsIs(_, name, reason):
                say(f"{line_of(name)} goes as it is, with what the camera wrote into it: {reason}.")
            case EventsLost():
                say("Too much happened at once; /history shows what this chat says now.")
            case _:
                pass

    async def tell_message(self, message: Message) -> None:
        """Say a message, with its chat, and take it as read where that is the present one."""
        conversation = await self._messenger.conversation(message.conversation)
        say(message_line(message, conversation, self._messenger.profile.handle))
        if message.conversation == self._present and not message.mine:
            await self._messenger.mark_read(message.conversation, message.id)

    async def chats(self, rest: str) -> None:
        """List the chats."""
        del rest
        for each in await self._messenger.conversations():
            unread = f", {each.unread} unread" if each.unread else ""
            verified = ", verified" if each.contact.verified else ""
            say(f"Chat with {who(each.contact)}{unread}{verified}")

    async def requests(self, rest: str) -> None:
        """List who waits for an answer."""
        del rest
        for each in await self._messenger.requests():
            name = who(each.contact)
            say(f"{name} waits for an answer: /accept {name} or /block {name}")

    async def enter(self, rest: str) -> None:
        """Go to a chat and show its last messages."""
        self._present = await self._messenger.find(rest)
        conversation = await self._messenger.conversation(self._present)
        say(f"Now with {who(conversation.contact)}. What you type goes there.")
        if conversation.contact.warning:
            say(f"Warning: {conversation.contact.warning}")
        await self.history("")

    async def history(self, rest: str) -> None:
        """Show the last messages of the present chat."""
        if self._present is None:
            say("Say first which chat: /to WHO")
            return
        limit = int(rest) if rest.isdecimal() and 0 < int(rest) <= 10_000 else SHOWN
        conversation = await self._messenger.conversation(self._present)
        messages = await self._messenger.history(self._present, limit)
        for message in messages:
            say(message_line(message, conversation, self._messenger.profile.handle))
        if messages:
            await self._messenger.mark_read(self._present, messages[-1].id)

    async def accept(self, rest: str) -> None:
        """Accept a request and go to its chat."""
        await self._messenger.accept(await self._messenger.find(rest))
        await self.enter(rest)

    async def block(self, rest: str) -> None:
        """Block somebody."""
        await self._messenger.block(await self._messenger.find(rest))
        say(f"{rest} is blocked.")

    async def reply(self, rest: str) -> None:
        """Answer a message."""
        target, text = await self.message_and_text(rest)
        await self._messenger.send_text(target.conversation, text, reply_to=target.id)

    async def react(self, rest: str) -> None:
        """React to a message."""
        target, emoji = await self.message_and_text(rest)
        await self._messenger.react(target.id, emoji)

    async def edit(self, rest: str) -> None:
        """Change an own message."""
        target, text = await self.message_and_text(rest)
        await self._messenger.edit(target.id, text)

    async def delete(self, rest: str) -> None:
        """Delete an own message on both sides, or another's here."""
        target, _ = await self.message_and_text(rest)
        await self._messenger.delete(target.id, for_everyone=target.mine)

    async def edits(self, rest: str) -> None:
        """Show the earlier texts of a message, the oldest first."""
        target, _ = await self.message_and_text(rest)
        texts = await self._messenger.edits(target.id)
        for text in texts:
            say(text.replace("\n", "\n    "))
        if not texts:
            say("This message was never changed.")

    async def forward(self, rest: str) -> None:
        """Say a message again in another chat."""
        target, to = await self.message_and_text(rest)
        await self._messenger.forward(target.id, await self._messenger.find(to))
        say("Forwarded.")

    async def timer(self, rest: str) -> None:
        """Set the disappearing timer of the present chat."""
        seconds = seconds_of(rest)
        if self._present is None:
            say("Say first which chat: /to WHO")
        elif seconds is None:
            say("Give a time like 30s, 5m, 8h, 7d, 4w, or off.")
        else:
            await self._messenger.set_timer(self._present, seconds)

    async def message_and_text(self, rest: str) -> tuple[Message, str]:
        """Read a message's id and the text behind it."""
        word, _, text = rest.partition(" ")
        return await self._messenger.find_message(word), text.strip()

    async def file(self, rest: str, *, once: bool = False) -> None:
        """Send a file to the present chat."""
        if self._present is None:
            say("Say first to whom: /to WHO")
            return
        path, caption = await asyncio.to_thread(file_of, rest)
        await self._messenger.send_file(self._present, path, caption=caption, view_once=once)
        say("The file is on its way.")

    async def file_once(self, rest: str) -> None:
        """Send a file that can be opened one time."""
        await self.file(rest, once=True)

    async def mute(self, rest: str) -> None:
        """Let the present chat be quiet, or not."""
        del rest
        if self._present is None:
            say("Say first which chat: /to WHO")
            return
        muted = not (await self._messenger.conversation(self._present)).muted
        await self._messenger.set_muted(self._present, muted)
        say("This chat is muted." if muted else "This chat is not muted any more.")

    async def export(self, rest: str) -> None:
        """Write the present chat to a file."""
        if self._present is None:
            say("Say first which chat: /to WHO")
            return
        path = await asyncio.to_thread(lambda: Path(rest.strip()).expanduser())
        done = await self._messenger.export_to(self._present, path)
        say(f"{done.messages} messages are in {done.path}; {done.left_out} that were to disappear are not.")

    async def pin(self, rest: str) -> None:
        """Keep the present chat on top of the list, or not."""
        del rest
        await self._list_as(Listed.PINNED, "This chat is on top of the list.")

    async def archive(self, rest: str) -> None:
        """Put the present chat out of sight, or take it back."""
        del rest
        await self._list_as(Listed.ARCHIVED, "This chat is archived. A new message brings it back.")

    async def _list_as(self, wanted: Listed, done: str) -> None:
        if self._present is None:
            say("Say first which chat: /to WHO")
            return
        present = (await self._messenger.conversation(self._present)).listed
        listed = Listed.USUAL if present is wanted else wanted
        await self._messenger.set_listed(self._present, listed)
        say(done if listed is wanted else "This chat stands where it belongs in the list again.")

    async def save(self, rest: str) -> None:
        """Save a message's file; a view-once one this one time."""
        target, path = await self.message_and_text(rest)
        place = await asyncio.to_thread(Path(path or ".").expanduser)
        if target.view_once and not target.mine:
            saved = await self._messenger.view_once(target.id, place)
        else:
            saved = await self._messenger.save(target.id, place)
        say(f"Saved as {saved}." if isinstance(saved, Path) else saved.text)

    async def verify(self, rest: str) -> None:
        """Show the safety number, or take the digits that the other side read out."""
        if self._present is None:
            say("Say first which chat: /to WHO")
            return
        if rest and not await self._messenger.confirm_verified(self._present, rest):
            say("These are not the digits: compare again, and do not trust this chat before they agree.")
            return
        number = await self._messenger.safety_number(self._present)
        say(" ".join(number.digits[at : at + 5] for at in range(0, 60, 5)))
        say(
            "Verified."
            if number.verified
            else "Not verified. If the other side reads the same: /verify DIGITS"
        )

    async def help(self, rest: str) -> None:
        """List the commands."""
        del rest
        for word, (_, text) in self._commands.items():
            say(f"/{word} {text}")
        say(
            "MESSAGE is the id in brackets at a message's end. Anything else you type is sent to the present chat."
        )

    async def quit(self, rest: str) -> None:
        """Leave."""
        del rest
        self.over = True


def say(text: str) -> None:
    """Print a text; nothing in it can do anything to the terminal."""
    print_line(clean(text))

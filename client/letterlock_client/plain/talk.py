"""The talk with the person at the keyboard: reads lines, does what they say, tells what happens.

Prints a line for everything that happens, never moves the cursor and draws nothing. A line that is typed goes to the
present chat; a line that begins with a slash is a command. Must not know Textual.
"""

import asyncio
import sys
import threading
from argparse import Namespace
from typing import Final

from letterlock_client.errors import ClientError
from letterlock_client.events import (
    Alarm,
    BackupFinished,
    BackupMoved,
    ConnectionChanged,
    Event,
    EventsLost,
    KeyChanged,
    Link,
    MessageAdded,
    MessageChanged,
    RequestArrived,
    RestoreFinished,
    RestoreMoved,
    SentAsIs,
)
from letterlock_client.messenger import Messenger
from letterlock_client.output import DONE, Output
from letterlock_client.plain.backups import LONG, BackupVerbs
from letterlock_client.plain.chats import ChatVerbs
from letterlock_client.plain.messages import MessageVerbs
from letterlock_client.plain.people import PeopleVerbs
from letterlock_client.plain.speaking import Action, Present, say
from letterlock_client.sanitize import line_of
from letterlock_client.shapes import who

LINES: Final = 64
"""How many typed lines may wait; the reader blocks past that."""


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
        await talk.stop()
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
    """One talk."""

    def __init__(self, messenger: Messenger) -> None:
        self.over = False
        self._messenger = messenger
        self._present = Present(messenger)
        self._chats = ChatVerbs(self._present)
        self._people = PeopleVerbs(self._present, self._chats)
        self._messages = MessageVerbs(self._present)
        self._backups = BackupVerbs(self._present)
        self._long: asyncio.Task[None] | None = None
        """What takes long goes on while people chat."""
        self._words: dict[str, tuple[Action, str]] = {
            **self._chats.words,
            **self._people.words,
            **self._messages.words,
            **self._backups.words,
            "help": (self.help, "this list"),
            "quit": (self.quit, "leave"),
        }

    async def greet(self) -> None:
        """Say who one is and what there is."""
        say(f"You are {self._messenger.profile.handle}. /help lists what you can type.")
        await self._chats.list_chats()
        await self._people.list_requests()
        self._messenger.backups.go_on_restoring()

    async def obey(self, line: str) -> None:
        """Do what one typed line says; an error is said and nothing else happens."""
        if not line.startswith("/") or line.startswith("//"):
            if line:
                await self._do(self._messages.say_there, line.removeprefix("/") if line[0] == "/" else line)
            return
        word, _, rest = line[1:].partition(" ")
        action, _ = self._words.get(word, (None, ""))
        if action is None:
            say(f"There is no command /{line_of(word)}; /help lists them, // begins a text with a slash.")
        elif word == "backup" and rest.strip() in LONG:
            self._begin(action, rest.strip())
        else:
            await self._do(action, rest.strip())

    async def _do(self, action: Action, rest: str) -> None:
        try:
            await action(rest)
        except ClientError as error:
            say(error.sentence)

    def _begin(self, action: Action, rest: str) -> None:
        """Do it beside the chat; one such thing at a time."""
        if self._long is not None and not self._long.done():
            say("Something still goes on; /backup stop ends it.")
            return
        self._long = asyncio.create_task(self._do(action, rest), name="line mode")

    async def stop(self) -> None:
        """End what still goes on."""
        if self._long is not None:
            await self._messenger.backups.cancel()
            await asyncio.gather(self._long, return_exceptions=True)

    async def listen(self) -> None:
        """Say what happens, as it happens."""
        async for event in self._messenger.events():
            await self.tell(event)

    async def tell(self, event: Event) -> None:
        """Say one event, if it is for the ear."""
        match event:
            case MessageAdded(message) if message.conversation == self._present.chat or not message.mine:
                await self._present.tell_message(message)
            case MessageChanged(message):
                await self._present.tell_change(message)
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
            case BackupMoved(progress):
                self._backups.tell_progress(progress)
            case BackupFinished():
                await self._backups.tell_finished(event)
            case RestoreMoved(progress):
                self._backups.tell_progress(progress, before="restoring ")
            case RestoreFinished():
                self._backups.tell_restored(event)
            case EventsLost():
                say("Too much happened at once; /history shows what this chat says now.")
            case _:
                pass

    async def help(self, rest: str) -> None:
        """List the commands."""
        del rest
        for word, (_, text) in self._words.items():
            say(f"/{word} {text}" if ": " in text else f"/{word}: {text}")
        say(
            "MESSAGE is the id in brackets at a message's end. Anything else you type is sent to the present chat."
        )

    async def quit(self, rest: str) -> None:
        """Leave."""
        del rest
        self.over = True

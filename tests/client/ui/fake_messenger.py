"""A messenger in memory for the interface's tests: every verb of the real one, a fixed clock, counted ids."""

import asyncio
import itertools
from array import array
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from letterlock.ids import AccountId, BlobId, ConversationId, MessageId
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import (
    ConnectionChanged,
    ConversationChanged,
    Event,
    Link,
    MessageAdded,
    MessageChanged,
    MessageRemoved,
    RequestArrived,
)
from letterlock_client.models import (
    Attachment,
    Cleared,
    Contact,
    Conversation,
    Delivery,
    Exported,
    FileSum,
    Inspection,
    KeptFile,
    Listed,
    Message,
    MessageKind,
    News,
    Picture,
    Profile,
    Reaction,
    ReadWhen,
    SafetyNumber,
    Settings,
    Standing,
    Timeline,
    TransferState,
)
from letterlock_client.sanitize import body_of, line_of, width
from tests.client.ui.fake_backups import FakeBackups

START = 1_795_443_000_000
"""Monday 23 November 2026, 14:10:00 UTC."""
MINUTE = 60_000
DAY = 86_400_000

ME = AccountId(b"me".ljust(20, b"\1"))
DIGITS = "".join(f"{(7919 * group) % 100_000:05}" for group in range(1, 13))


class FakeClock:
    """Stands still until it is moved."""

    def __init__(self, now: int = START) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def pass_time(self, milliseconds: int) -> None:
        self.now += milliseconds


class FakeEvents:
    """One listener."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self.queue.get()
        if event is None:
            raise StopAsyncIteration
        return event

    def close(self) -> None:
        self.queue.put_nowait(None)


def account(name: str) -> AccountId:
    return AccountId(name.encode()[:20].ljust(20, b"\0"))


def chat_id(name: str) -> ConversationId:
    return ConversationId(account(name))


class FakeMessenger:
    """The people and messages are put in by the test; `calls` tells what the interface asked for."""

    def __init__(self, handle: str = "alice", clock: FakeClock | None = None) -> None:
        self.clock = clock or FakeClock()
        self.profile = Profile(ME, handle, 1, "wss://relay.example", has_passphrase=False)
        self.calls: list[tuple[object, ...]] = []
        self.failures: dict[str, ClientError] = {}
        self.gates: dict[str, asyncio.Event] = {}
        self.link = ConnectionChanged(Link.ONLINE)
        self._chats: dict[ConversationId, Conversation] = {}
        self._messages: dict[ConversationId, dict[int, Message]] = {}
        self._listeners: list[FakeEvents] = []
        self._ids = itertools.count(1)
        self._rows = itertools.count(1)
        self.kept: list[KeptFile] = []
        self.kinds: dict[MessageId, MessageKind] = {}
        """What kinds of messages `kept` belong to, where they are no plain files."""
        self.cards: dict[ConversationId, str] = {}
        self._settings = Settings()
        self._directory: dict[str, str] = {}
        self.backups = FakeBackups(self.tell)
        self.closed = False
        self.pictures: dict[MessageId, Picture] = {}
        self.parcels: list[tuple[str, bool]] = []

    # Putting things in.

    def person(
        self,
        name: str,
        *,
        handle: str | None = None,
        standing: Standing = Standing.ACCEPTED,
        **changes: object,
    ) -> ConversationId:
        contact_changes = {
            key: changes.pop(key) for key in ("verified", "key_changed_at", "warning") if key in changes
        }
        known = handle if handle is not None else name
        contact = Contact(account(name), known, standing, verified=False, key_changed_at=0, warning="")
        contact = replace(contact, **contact_changes)  # type: ignore[arg-type]
        chat = Conversation(
            chat_id(name), contact, known, None, self.clock.now - DAY, 0, None, "", 0, muted=False
        )
        self._chats[chat.id] = replace(chat, **changes)  # type: ignore[arg-type]
        self._messages[chat.id] = {}
        return chat.id

    def list_in_directory(self, who: str, name: str) -> None:
        self._directory[who] = name

    def put(
        self, conversation: ConversationId, text: str, *, mine: bool = False, ago: int = 0, **changes: object
    ) -> Message:
        """Store a message without telling anybody."""
        at = self.clock.now - ago
        message = Message(
            id=MessageId(next(self._ids).to_bytes(16, "big")),
            conversation=conversation,
            author=ME if mine else AccountId(conversation),
            mine=mine,
            kind=MessageKind.TEXT,
            text=text,
            sent_at=at,
            received_at=at,
            delivery=Delivery.ACCEPTED if mine else Delivery.NONE,
        )
        message = replace(message, **changes)  # type: ignore[arg-type]
        self._messages[conversation][next(self._rows)] = message
        chat = self._chats[conversation]
        unread = chat.unread if mine else chat.unread + 1
        first = chat.first_unread or (None if mine else message.id)
        self._chats[conversation] = replace(
            chat, last=message, last_at=at, unread=unread, first_unread=first, left_out=False, lost=False
        )
        return message

    def read_all(self, conversation: ConversationId) -> None:
        self._chats[conversation] = replace(self._chats[conversation], unread=0, first_unread=None)

    def receive(self, conversation: ConversationId, text: str, **changes: object) -> Message:
        """A message arrives."""
        message = self.put(conversation, text, **changes)  # type: ignore[arg-type]
        if self._chats[conversation].contact.standing is Standing.REQUESTED:
            self.tell(RequestArrived(self._chats[conversation]))
        else:
            self.tell(MessageAdded(message))
            self.tell(ConversationChanged(self._chats[conversation]))
        return message

    def change(self, message: MessageId, **changes: object) -> Message:
        """A stored message becomes different."""
        conversation, row = self._find(message)
        changed = replace(self._messages[conversation][row], **changes)  # type: ignore[arg-type]
        self._messages[conversation][row] = changed
        chat = self._chats[conversation]
        if chat.last is not None and chat.last.id == message:
            self._chats[conversation] = replace(chat, last=changed)
        self.tell(MessageChanged(changed))
        return changed

    def change_chat(self, conversation: ConversationId, **changes: object) -> None:
        contact_changes = {
            key: changes.pop(key)
            for key in ("verified", "key_changed_at", "warning", "standing")
            if key in changes
        }
        chat = self._chats[conversation]
        contact = replace(chat.contact, **contact_changes)  # type: ignore[arg-type]
        self._chats[conversation] = replace(chat, contact=contact, **changes)  # type: ignore[arg-type]
        self.tell(ConversationChanged(self._chats[conversation]))

    def remove(self, message: MessageId) -> None:
        conversation, row = self._find(message)
        del self._messages[conversation][row]
        self.tell(MessageRemoved(conversation, message))

    def tell(self, event: Event) -> None:
        if isinstance(event, ConnectionChanged):
            self.link = event
        for listener in self._listeners:
            listener.queue.put_nowait(event)

    def asked(self, verb: str) -> list[tuple[object, ...]]:
        """Return the arguments of every call of a verb."""
        return [call[1:] for call in self.calls if call[0] == verb]

    def _find(self, message: MessageId) -> tuple[ConversationId, int]:
        for conversation, rows in self._messages.items():
            for row, found in rows.items():
                if found.id == message:
                    return conversation, row
        raise ClientError(Code.UNKNOWN_MESSAGE, "there is no such message")

    async def _call(self, verb: str, *arguments: object) -> None:
        self.calls.append((verb, *arguments))
        await asyncio.sleep(0)
        if verb in self.gates:
            await self.gates[verb].wait()
        if verb in self.failures:
            raise self.failures[verb]

    # The real one's verbs.

    async def close(self) -> None:
        self.closed = True
        for listener in self._listeners:
            listener.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def connect(self) -> None:
        self.calls.append(("connect",))

    async def disconnect(self) -> None:
        await self._call("disconnect")

    async def connected(self, timeout: float) -> bool:
        return True

    async def drained(self, timeout: float) -> bool:
        return True

    async def flushed(self, timeout: float) -> bool:
        return True

    def events(self) -> FakeEvents:
        listener = FakeEvents()
        self._listeners.append(listener)
        listener.queue.put_nowait(self.link)
        return listener

    async def find(self, who: str) -> ConversationId:
        await self._call("find", who)
        for chat in self._chats.values():
            if who in (chat.contact.handle, self.cards.get(chat.id)):
                return chat.id
        if who in self._directory:
            return self.person(self._directory[who])
        raise ClientError(Code.UNKNOWN_CONTACT, f"nobody is called {who} here or at the relay")

    async def conversations(self) -> list[Conversation]:
        await self._call("conversations")
        chats = [chat for chat in self._chats.values() if chat.contact.standing is Standing.ACCEPTED]
        return sorted(chats, key=lambda chat: -chat.last_at)

    async def conversation(self, conversation: ConversationId) -> Conversation:
        await self._call("conversation", conversation)
        return self._chats[conversation]

    async def contacts(self) -> list[Contact]:
        return [chat.contact for chat in self._chats.values()]

    async def requests(self) -> list[Conversation]:
        await self._call("requests")
        chats = [chat for chat in self._chats.values() if chat.contact.standing is Standing.REQUESTED]
        return [replace(chat, last=None) for chat in chats]

    async def accept(self, conversation: ConversationId) -> None:
        await self._call("accept", conversation)
        self.change_chat(conversation, standing=Standing.ACCEPTED)

    async def block(self, conversation: ConversationId) -> None:
        await self._call("block", conversation)
        self.change_chat(conversation, standing=Standing.BLOCKED)

    async def unblock(self, conversation: ConversationId) -> None:
        await self._call("unblock", conversation)
        self.change_chat(conversation, standing=Standing.ACCEPTED)

    async def delete_request(self, conversation: ConversationId) -> None:
        await self._call("delete_request", conversation)
        del self._chats[conversation]

    async def invite_link(self) -> str:
        await self._call("invite_link")
        return (
            "letterlock:add?id=nvss4zlqmfzxgzltobqwg5lnnvzg4zlo&handle=alice&relay=wss%3A%2F%2Frelay.example"
        )

    async def card(self, conversation: ConversationId) -> str:
        await self._call("card", conversation)
        return "letterlock:card"

    async def safety_number(self, conversation: ConversationId) -> SafetyNumber:
        await self._call("safety_number", conversation)
        return SafetyNumber(DIGITS, b"\0" + bytes(range(70)), self._chats[conversation].contact.verified)

    async def confirm_verified(self, conversation: ConversationId, digits: str) -> bool:
        await self._call("confirm_verified", conversation, digits)
        right = digits.replace(" ", "") == DIGITS
        if right:
            self.change_chat(conversation, verified=True, key_changed_at=0)
        return right

    async def withdraw_verified(self, conversation: ConversationId) -> None:
        await self._call("withdraw_verified", conversation)
        self.change_chat(conversation, verified=False)

    async def acknowledge_warning(self, conversation: ConversationId) -> None:
        await self._call("acknowledge_warning", conversation)
        self.change_chat(conversation, warning="", key_changed_at=0)

    async def timeline(self, conversation: ConversationId) -> Timeline:
        await self._call("timeline", conversation)
        waits = self._chats[conversation].contact.standing is Standing.REQUESTED
        messages = {} if waits else self._messages[conversation]
        widths = bytes(min(255, width(line_of(body_of(one.text).text, 256))) for one in messages.values())
        return Timeline(memoryview(array("q", messages)), widths)

    async def page(self, conversation: ConversationId, rows: Sequence[int]) -> list[Message]:
        await self._call("page", conversation, tuple(rows))
        messages = self._messages[conversation]
        return [messages[row] for row in rows if row in messages]

    async def shared_files(self, conversation: ConversationId, limit: int = 200) -> list[Message]:
        await self._call("shared_files", conversation)
        every = list(self._messages[conversation].values())
        return [one for one in reversed(every) if one.attachment is not None][:limit]

    async def row_of(self, message: MessageId) -> int | None:
        await self._call("row_of", message)
        return self._find(message)[1]

    async def export_to(self, conversation: ConversationId, path: Path) -> Exported:
        await self._call("export_to", conversation, path)
        if not path.suffix:
            raise ClientError(Code.BAD_INPUT, "give a file whose name ends in one of .html")
        return Exported(path, 7, 0, 2, "", whole=not self.backups.now.restoring)

    async def search(
        self, text: str, conversation: ConversationId | None = None, limit: int = 50
    ) -> list[Message]:
        await self._call("search", text)
        every = [one for rows in self._messages.values() for one in rows.values()]
        words = text.casefold().split()
        fitting = [one for one in every if all(word in one.text.casefold() for word in words)]
        return sorted(fitting, key=lambda one: -one.sent_at)[:limit]

    async def message(self, message: MessageId) -> Message:
        await self._call("message", message)
        conversation, row = self._find(message)
        return self._messages[conversation][row]

    async def history(self, conversation: ConversationId, limit: int) -> list[Message]:
        return list(self._messages[conversation].values())[-limit:]

    async def edits(self, message: MessageId) -> list[str]:
        await self._call("edits", message)
        return ["what stood here before"]

    async def inspect(self, message: MessageId) -> Inspection:
        await self._call("inspect", message)
        conversation, row = self._find(message)
        found = self._messages[conversation][row]
        return Inspection(
            message,
            found.mine,
            len(found.text.encode(errors="replace")),
            256,
            311,
            642,
            1,
            4,
            12,
            first_contact=False,
            last_resort=False,
        )

    async def unprinted(self, limit: int = 256) -> list[News]:
        return []

    async def mark_printed(self, up_to: int) -> None:
        await self._call("mark_printed", up_to)

    async def send_text(
        self, conversation: ConversationId, text: str, *, reply_to: MessageId | None = None
    ) -> Message:
        await self._call("send_text", conversation, text, reply_to)
        message = self.put(conversation, text, mine=True, delivery=Delivery.WAITING, reply_to=reply_to)
        self.tell(MessageAdded(message))
        self.tell(ConversationChanged(self._chats[conversation]))
        return message

    async def send_file(
        self,
        conversation: ConversationId,
        path: Path,
        *,
        caption: str = "",
        view_once: bool = False,
        reply_to: MessageId | None = None,
    ) -> Message:
        await self._call("send_file", conversation, path)
        self.parcels.append((caption, view_once))
        file = attachment(path.name)
        return self.put(conversation, caption, mine=True, kind=MessageKind.FILE, attachment=file)

    async def send_voice(
        self, conversation: ConversationId, sound: bytes, *, reply_to: MessageId | None = None
    ) -> Message:
        await self._call("send_voice", conversation, sound)
        file = replace(attachment("voice note.ogg"), duration_ms=1000, preview=bytes(range(0, 256, 4)))
        message = self.put(conversation, "", mine=True, kind=MessageKind.VOICE, attachment=file)
        self.tell(MessageAdded(message))
        return message

    async def hear(self, message: MessageId) -> bytes:
        await self._call("hear", message)
        return b"sound"

    async def picture(self, message: Message) -> Picture | None:
        await self._call("picture", message.id)
        return self.pictures.get(message.id)

    async def whole_picture(self, message: MessageId, width: int, height: int) -> Picture | None:
        await self._call("whole_picture", message, width, height)
        return self.pictures.get(message)

    async def send_long_text(
        self, conversation: ConversationId, text: str, *, reply_to: MessageId | None = None
    ) -> Message:
        await self._call("send_long_text", conversation, text, reply_to)
        return self.put(
            conversation, "", mine=True, kind=MessageKind.FILE, attachment=attachment("message.txt")
        )

    async def send_once(
        self, conversation: ConversationId, text: str, *, reply_to: MessageId | None = None
    ) -> Message:
        await self._call("send_once", conversation, text, reply_to)
        file = attachment("message.txt")
        return self.put(conversation, "", mine=True, kind=MessageKind.FILE, attachment=file, view_once=True)

    @staticmethod
    def reads_once(message: Message) -> bool:
        return message.attachment is None or message.attachment.name == "message.txt"

    async def forward(self, message: MessageId, conversation: ConversationId) -> Message:
        await self._call("forward", message, conversation)
        told = await self.message(message)
        return self.put(conversation, told.text, mine=True, kind=told.kind, attachment=told.attachment)

    async def react(self, message: MessageId, emoji: str) -> None:
        await self._call("react", message, emoji)
        conversation, row = self._find(message)
        others = [one for one in self._messages[conversation][row].reactions if one.author != ME]
        self.change(message, reactions=(*others, *([Reaction(ME, emoji)] if emoji else [])))

    async def edit(self, message: MessageId, text: str) -> None:
        await self._call("edit", message, text)
        conversation, row = self._find(message)
        self.change(message, text=text, edits=self._messages[conversation][row].edits + 1)

    async def delete(self, message: MessageId, *, for_everyone: bool) -> None:
        await self._call("delete", message, for_everyone)
        if for_everyone:
            self.change(message, deleted=True, text="")
        else:
            self.remove(message)

    async def set_timer(self, conversation: ConversationId, seconds: int) -> None:
        await self._call("set_timer", conversation, seconds)
        self.change_chat(conversation, timer_s=seconds)

    async def resend(self, message: MessageId) -> None:
        await self._call("resend", message)
        self.change(message, delivery=Delivery.WAITING, failure="")

    async def saw(self, conversation: ConversationId, up_to: MessageId) -> None:
        await self._call("saw", conversation, up_to)
        if self._settings.read_when is ReadWhen.SEEN:
            self.change_chat(conversation, unread=0, first_unread=None)

    async def read_now(self, conversation: ConversationId) -> bool:
        await self._call("read_now", conversation)
        waiting = self._settings.read_when is not ReadWhen.SEEN
        self.change_chat(conversation, unread=0, first_unread=None)
        return waiting

    async def view_once(self, message: MessageId, target: Path | None = None) -> str | Path:
        await self._call("view_once", message, target)
        self.change(message, viewed=True)
        return target / "file" if target is not None else (await self.message(message)).text

    async def download(self, message: MessageId) -> Message:
        await self._call("download", message)
        return await self.message(message)

    async def save(self, message: MessageId, target: Path) -> Path:
        await self._call("save", message)
        return target / "file"

    async def pause(self, message: MessageId) -> None:
        await self._call("pause", message)

    async def set_typing(self, conversation: ConversationId, typing: bool) -> None:
        await self._call("set_typing", conversation, typing)

    async def watch_presence(self, conversation: ConversationId) -> None:
        await self._call("watch_presence", conversation)

    async def save_draft(self, conversation: ConversationId, text: str) -> None:
        await self._call("save_draft", conversation, text)
        self.change_chat(conversation, draft=text)

    async def set_muted(self, conversation: ConversationId, muted: bool, seconds: int = 0) -> None:
        await self._call("set_muted", conversation, muted, seconds)
        until = self.clock.now + seconds * 1000 if seconds else 0
        self.change_chat(conversation, muted=muted, muted_until=until)

    async def set_listed(self, conversation: ConversationId, listed: Listed) -> None:
        await self._call("set_listed", conversation, listed)
        self.change_chat(conversation, listed=listed)

    async def kept_files(self) -> list[KeptFile]:
        await self._call("kept_files")
        return list(self.kept)

    async def file_sums(self) -> list[FileSum]:
        await self._call("file_sums")
        return [
            FileSum(each.conversation, self.kinds.get(each.message, MessageKind.FILE), 1, each.size)
            for each in self.kept
        ]

    async def clear_files(self, messages: Sequence[MessageId]) -> Cleared:
        await self._call("clear_files", tuple(messages))
        gone = [each for each in self.kept if each.message in messages]
        self.kept = [each for each in self.kept if each not in gone]
        return Cleared(len(gone), sum(each.size for each in gone))

    async def settings(self) -> Settings:
        await self._call("settings")
        return self._settings

    async def save_settings(self, settings: Settings) -> None:
        await self._call("save_settings", settings)
        self._settings = settings


def attachment(name: str, state: TransferState = TransferState.REMOTE) -> Attachment:
    return Attachment(BlobId(bytes(16)), name, "application/octet-stream", 1_234_567, state)


def lively() -> FakeMessenger:
    """A client with a bit of everything, the same every time."""
    fake = FakeMessenger()
    bob = fake.person("bob", verified=True, online=True, timer_s=604_800)
    yesterday = DAY + 20 * MINUTE
    first = fake.put(bob, "Are you coming to the workshop on Tuesday?", ago=yesterday)
    fake.put(bob, "It starts at nine, in the old library.", ago=yesterday - MINUTE)
    fake.put(
        bob,
        "Yes! I will bring the printed safety numbers, so that everybody can compare theirs before lunch.",
        mine=True,
        ago=yesterday - 9 * MINUTE,
        delivery=Delivery.READ,
        reply_to=first.id,
    )
    fake.put(bob, "Perfect 👍", ago=yesterday - 10 * MINUTE, reactions=(Reaction(ME, "🎉"),))
    fake.put(bob, "", ago=90 * MINUTE, kind=MessageKind.FILE, attachment=attachment("floor plan.pdf"))
    fake.put(bob, "That is the floor plan. More at https://example.org/library", ago=89 * MINUTE)
    fake.put(
        bob,
        "got it, thanks",
        mine=True,
        ago=60 * MINUTE,
        delivery=Delivery.READ,
        edits=1,
        delivered_at=fake.clock.now - 58 * MINUTE,
        read_at=fake.clock.now - 51 * MINUTE,
    )
    fake.put(bob, "messages disappear 7 d after they were read", ago=50 * MINUTE, kind=MessageKind.NOTE)
    fake.put(bob, "on my way", mine=True, ago=11 * MINUTE, delivery=Delivery.DELIVERED)
    fake.put(
        bob,
        "which door?",
        mine=True,
        ago=10 * MINUTE,
        delivery=Delivery.FAILED,
        failure="the relay is full",
    )
    fake.read_all(bob)
    fake.put(bob, "see you there", ago=8 * MINUTE)
    fake.put(bob, "the side door, next to the bicycle stands", ago=8 * MINUTE)
    carol = fake.person("carol")
    fake.put(carol, "ok", ago=30 * MINUTE)
    fake.read_all(carol)
    dave = fake.person("dave", muted=True)
    fake.put(dave, "did you see the new release?", ago=3 * DAY)
    fake.read_all(dave)
    alike = fake.person("b0b")
    fake.put(alike, "hello, it is me", ago=2 * DAY)
    fake.read_all(alike)
    erin = fake.person("erin", draft="I was about to say")
    fake.put(erin, "see you next week then", mine=True, ago=4 * DAY, delivery=Delivery.ACCEPTED)
    fake.person("mallory", standing=Standing.REQUESTED)
    fake.put(chat_id("mallory"), "let me in", ago=5 * MINUTE)
    return fake


Opener = Callable[[str], Awaitable[FakeMessenger]]

"""Writes a chat to a file that outlives the program: a record that can be checked, a page, or plain text.

What disappears or can be viewed once stays out, whatever the format. The file gets its name only when it is whole,
and never takes the place of another. Must not know what a format looks like.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final, Protocol

from letterlock.ids import ConversationId
from letterlock_client.config import make_private_folder
from letterlock_client.errors import ClientError, Code
from letterlock_client.exports.chain import Recorder, Signer
from letterlock_client.exports.pages import MAX_INLINE, NO_MEDIA, HtmlPage, Media, TextPage
from letterlock_client.flows.files.downloading import download, require_file
from letterlock_client.flows.files.plain_files import Draft, free_place
from letterlock_client.flows.files.saving import save
from letterlock_client.flows.files.sealed_files import off_loop
from letterlock_client.flows.files.transfers import described
from letterlock_client.flows.workplace import Workplace
from letterlock_client.models import Conversation, Exported, Message, TransferState
from letterlock_client.shapes import message_shape, when, who
from letterlock_client.storage import backup_state, conversations, messages

_PAGE: Final = 256


class Format(StrEnum):
    """What an export looks like."""

    JSONL = "jsonl"
    """Lines that show whether anything was changed since: `exports.chain`."""
    HTML = "html"
    """One page, media inside."""
    TXT = "txt"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants exported, and where to."""

    conversation: ConversationId
    target: Path
    format: Format
    media: bool


def wish_of(conversation: ConversationId, path: Path) -> Wish:
    """A chat into this file; the end of its name says the format, and media go along where that has room for them.

    Raises code bad_input.
    """
    try:
        kind = Format(path.suffix.removeprefix(".").lower())
    except ValueError:
        ends = ", ".join(f".{each.value}" for each in Format)
        raise ClientError(Code.BAD_INPUT, f"give a file whose name ends in one of {ends}") from None
    return Wish(conversation, path, kind, media=kind is not Format.TXT)


class Scribe(Protocol):
    """Turns a chat into bytes, in order."""

    def begin(self) -> bytes:
        """All before the first message."""

    def message(self, message: Message, media: Media) -> bytes:
        """One message."""

    def end(self, left_out: int, *, whole: bool) -> bytes:
        """All after the last message."""


class Record:
    """The scribe of the record that can be checked."""

    def __init__(self, chat: Conversation, own: str, signer: Signer, now: int) -> None:
        self._chat = chat
        self._own = own
        self._now = now
        self._recorder = Recorder(signer)
        self._count = 0

    @property
    def head(self) -> str:
        """What the whole record is known by: the end of its chain, in hex."""
        return self._recorder.head

    def begin(self) -> bytes:
        """The first line."""
        about: dict[str, object] = {"from": self._own, "conversation": who(self._chat.contact)}
        return self._recorder.begin(about | {"exported_at": when(self._now)})

    def message(self, message: Message, media: Media) -> bytes:
        """A line in the shape of `history`, with the file's digest."""
        self._count += 1
        shape = message_shape(message, self._chat, self._own)
        if media.digest:
            shape["file"] = {"sha256": media.digest} | ({"path": media.place} if media.place else {})
        return self._recorder.entry(shape)

    def end(self, left_out: int, *, whole: bool) -> bytes:
        """The signed last line."""
        totals: dict[str, object] = {"messages": self._count, "left_out": left_out}
        return self._recorder.end(totals if whole else totals | {"whole": False})


async def export(place: Workplace, wish: Wish) -> Exported:
    """Write one chat; return what was written. Media that is not here is fetched where it can be.

    While a restore is not complete, what it brings back later is missing, and file and result say so.

    Raises codes unknown_conversation, not_accepted, file_failed, storage_full.
    """
    chat = await _chat(place, wish.conversation)
    target = await asyncio.to_thread(free_place, wish.target)
    if target.is_dir():
        raise ClientError(Code.FILE_FAILED, f"{target} is a folder; give the name of a new file")
    scribe = _scribe(place, chat, wish.format)
    draft = await asyncio.to_thread(Draft, iter([target]), place.random(8).hex())
    whole = not await place.database.read(backup_state.restoring)
    count = left_out = files = 0
    try:
        await asyncio.to_thread(draft.write, scribe.begin())
        async for message in _every(place, wish.conversation):
            if message.view_once or message.timer_s:
                left_out += 1
                continue
            media = await _media(place, message, wish)
            count += 1
            files += bool(media.place or media.data)
            await asyncio.to_thread(draft.write, scribe.message(message, media))
        await asyncio.to_thread(draft.write, scribe.end(left_out, whole=whole))
        written = await asyncio.to_thread(draft.finish)
    finally:
        await asyncio.to_thread(draft.drop)
    head = scribe.head if isinstance(scribe, Record) else ""
    return Exported(written, count, files, left_out, head, whole)


def _scribe(place: Workplace, chat: Conversation, kind: Format) -> Scribe:
    own = place.own.identity.handle
    if kind is Format.HTML:
        return HtmlPage(chat, own)
    if kind is Format.TXT:
        return TextPage(chat, own)
    device = place.own.device
    signer = Signer(place.own.id, device.device, device.identity, place.own.chain)
    return Record(chat, own, signer, place.clock())


async def _chat(place: Workplace, conversation: ConversationId) -> Conversation:
    found = await place.database.read(lambda reader: conversations.get(reader, conversation))
    if found is None:
        raise ClientError(Code.UNKNOWN_CONVERSATION, "there is no such chat")
    return found


async def _every(place: Workplace, conversation: ConversationId) -> AsyncIterator[Message]:
    timeline = await place.database.read(lambda reader: messages.timeline(reader, conversation))
    for at in range(0, len(timeline.rows), _PAGE):
        rows = timeline.rows[at : at + _PAGE].tolist()
        for message in await place.database.read(
            lambda reader, rows=rows: messages.page(reader, conversation, rows)  # type: ignore[misc]
        ):
            yield message


async def _media(place: Workplace, message: Message, wish: Wish) -> Media:
    if message.attachment is None or message.deleted:
        return NO_MEDIA
    digest = described(await require_file(place, message.id)).digest.hex()
    if not wish.media or message.attachment.state is TransferState.GONE:
        return Media(digest=digest)
    try:
        if wish.format is Format.HTML:
            return Media(digest=digest, data=await _bytes(place, message))
        folder = wish.target.with_name(f"{wish.target.stem}-media").absolute()
        await asyncio.to_thread(make_private_folder, folder)
        saved = await save(place, message, folder)
        return Media(f"{folder.name}/{saved.name}", digest)
    except ClientError as error:
        if error.code not in (Code.OFFLINE, Code.GONE, Code.DAMAGED, Code.UNKNOWN_MESSAGE):
            raise
        # The words are worth keeping without the file; the digest still names it.
        return Media(digest=digest)


async def _bytes(place: Workplace, message: Message) -> bytes:
    if message.attachment is None or message.attachment.size > MAX_INLINE:
        return b""
    sealed = await download(place, message.id)
    return await off_loop(lambda halt: b"".join(sealed.plain(halt)))

"""Which files lie here, and what they take: of every state a file can be in only copies that may go are counted."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock.ids import AccountId, BlobId, ConversationId
from letterlock_client.file_sums import FileKind, Total, by_chat, by_kind
from letterlock_client.models import Attachment, FileSum, MessageKind, TransferState
from letterlock_client.storage import attachments, contacts, conversations, kept_files, messages
from letterlock_client.storage.attachments import StoredAttachment
from letterlock_client.storage.database import Database, Transaction
from tests.client.storage.chat import CHAT, KEY, contact, make_chat, message

CAROL = ConversationId(b"c" * 20)
SIZE = 1000


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(tmp_path / "messages.db", KEY) as opened:
        await opened.write(make_chat)
        await opened.write(make_second_chat)
        yield opened


async def make_second_chat(tx: Transaction) -> None:
    await contacts.save(tx, contact(AccountId(CAROL), "carol"))
    await conversations.ensure(tx, CAROL, now=1)


async def attach(
    database: Database,
    number: int,
    kind: MessageKind = MessageKind.FILE,
    chat: ConversationId = CHAT,
    size: int = SIZE,
    **stored: object,
) -> None:
    values: dict[str, object] = {"descriptor": b"key", "path": f"{number}/sealed", "upload": False}
    state = stored.pop("state", TransferState.HERE)
    shown = Attachment(BlobId(bytes(16)), "a", "", size, state)  # type: ignore[arg-type]
    said = message(number, kind=kind, conversation=chat, author=AccountId(chat))
    file = StoredAttachment(said.id, shown, **(values | stored))  # type: ignore[arg-type]

    async def work(tx: Transaction) -> None:
        assert await messages.add(tx, said)
        await attachments.add(tx, file)

    await database.write(work)


async def test_sums_and_lists_and_letting_go_mean_the_same_files(database: Database) -> None:
    cases = itertools.product(TransferState, ("", "1/sealed"), (False, True), (b"", b"key"))
    lying = []
    for number, (state, path, upload, descriptor) in enumerate(cases, 1):
        await attach(database, number, state=state, path=path, upload=upload, descriptor=descriptor)
        if path and not upload and descriptor and state is not TransferState.MOVING:
            lying.append(message(number).id)
    kept = await database.read(lambda reader: kept_files.kept(reader, 0))
    assert [each.message for each in kept] == lying
    assert lying
    assert await database.read(kept_files.sums) == [
        FileSum(CHAT, MessageKind.FILE, len(lying), SIZE * len(lying))
    ]
    everything = [message(number).id for number in range(1, 100)]
    gone = await database.write(lambda tx: kept_files.let_go(tx, everything))
    assert len(gone) == len(lying)
    assert await database.read(kept_files.sums) == []


async def test_files_are_summed_by_kind_and_by_chat(database: Database) -> None:
    kinds = [MessageKind.IMAGE, MessageKind.AUDIO, MessageKind.VOICE, MessageKind.VIDEO, MessageKind.FILE]
    for number, kind in enumerate(kinds, 1):
        await attach(database, number, kind, size=10**number)
    await attach(database, 6, MessageKind.IMAGE, CAROL, size=7, offset=10**6)
    await database.write(lambda tx: messages.add(tx, message(7)))
    sums = await database.read(kept_files.sums)
    assert by_kind(sums) == [
        (FileKind.PICTURES, Total(2, 10 + 10**6)),
        (FileKind.VIDEOS, Total(1, 10_000)),
        (FileKind.SOUNDS, Total(2, 1_100)),
        (FileKind.OTHERS, Total(1, 100_000)),
    ]
    assert by_chat(sums) == [(CAROL, Total(1, 10**6)), (CHAT, Total(5, 111_110))]


async def test_a_message_that_is_deleted_leaves_the_sums(database: Database) -> None:
    await attach(database, 1)
    await attach(database, 2)
    await database.write(lambda tx: messages.blank(tx, message(1).id))
    assert by_chat(await database.read(kept_files.sums)) == [(CHAT, Total(1, SIZE))]
    await database.write(lambda tx: messages.remove(tx, message(2).id))
    assert await database.read(kept_files.sums) == []


async def test_every_kind_of_message_that_carries_a_file_is_in_the_sums(database: Database) -> None:
    # Whoever makes a new kind of them has to give the index a new condition.
    without = {MessageKind.TEXT, MessageKind.NOTE, MessageKind.UNKNOWN}
    for number, kind in enumerate(set(MessageKind) - without, 1):
        await attach(database, number, kind)
    assert {each.kind for each in await database.read(kept_files.sums)} == set(MessageKind) - without

"""Messages, chats and their counts, checked against a plain model; and each promise about one message."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from letterlock.errors import MisuseError
from letterlock.ids import AccountId, BlobId, ConversationId, MessageId
from letterlock_client.errors import ClientError, Code
from letterlock_client.models import (
    Attachment,
    Delivery,
    Inspection,
    Listed,
    Message,
    Standing,
    TransferState,
)
from letterlock_client.storage import attachments, contacts, conversations, inspections, messages
from letterlock_client.storage.attachments import StoredAttachment
from letterlock_client.storage.database import Database, Reader, Transaction
from letterlock_client.storage.widths import cell_width, cell_widths
from tests.client.storage.chat import BOB, CHAT, KEY, ME, contact, make_chat, message

T = TypeVar("T")
NUMBERS = st.integers(0, 12)
TIMES = st.integers(0, 50)


@dataclass
class Model:
    """What the chat should hold."""

    order: list[int] = field(default_factory=list)
    unread: set[int] = field(default_factory=set)
    texts: dict[int, dict[int, str]] = field(default_factory=dict)
    expiry: dict[int, int] = field(default_factory=dict)
    gone: set[int] = field(default_factory=set)


class Chat(RuleBasedStateMachine):
    """Whatever happens in whatever order, timeline, unread counts, texts and expiry are those of the model."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "messages.db"
        self.database = self.runner.run(Database.open(self.path, KEY))
        self.runner.run(self.database.write(make_chat))
        self.model = Model()
        self.changes = 0

    def teardown(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()
        self.folder.cleanup()

    def read(self, work: Callable[[Reader], Awaitable[T]]) -> T:
        return self.runner.run(self.database.read(work))

    def write(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        return self.runner.run(self.database.write(work))

    @rule(number=NUMBERS, mine=st.booleans(), timer=st.sampled_from([0, 1]))
    def add(self, number: int, mine: bool, timer: int) -> None:
        unread = not mine
        value = message(number, mine=mine, timer_s=timer, sent_at=0)
        added = self.write(lambda tx: messages.add(tx, value, unread=unread))
        assert added == (number not in self.model.order and number not in self.model.gone)
        if added:
            self.model.order.append(number)
            self.model.texts[number] = {0: value.text}
            self.model.expiry[number] = 0 if timer else -1
            if unread:
                self.model.unread.add(number)

    @rule(number=NUMBERS, at=TIMES)
    def mark_read(self, number: int, at: int) -> None:
        read = self.write(lambda tx: conversations.mark_read(tx, CHAT, message(number).id, at))
        expected = []
        if number in self.model.order:
            upto = self.model.order[: self.model.order.index(number) + 1]
            expected = [each for each in upto if each in self.model.unread]
        assert read == [message(each).id for each in expected]
        self.model.unread -= set(expected)
        for each in expected:
            if self.model.expiry[each] == 0:
                self.model.expiry[each] = at + 1000

    @rule(number=NUMBERS, at=st.integers(1, 50), text=st.text(max_size=5))
    def edit(self, number: int, at: int, text: str) -> None:
        changed = self.write(lambda tx: messages.edit(tx, message(number).id, text, at))
        assert changed == (number in self.model.order)
        if changed:
            self.model.texts[number].setdefault(at, text)

    @rule(number=NUMBERS)
    def remove(self, number: int) -> None:
        removed = self.write(lambda tx: messages.remove(tx, message(number).id))
        assert (removed is not None) == (number in self.model.order)
        self.forget([number])

    @rule(at=st.integers(0, 1100))
    def expire(self, at: int) -> None:
        removed = self.write(lambda tx: messages.expired(tx, at))
        due = {number for number in self.model.order if 0 < self.model.expiry[number] <= at}
        assert {each.id for each in removed} == {message(number).id for number in due}
        self.forget(due)

    @precondition(lambda self: self.model.order)
    @rule()
    def reopen(self) -> None:
        self.runner.run(self.database.close())
        self.database = self.runner.run(Database.open(self.path, KEY))

    def forget(self, numbers: Iterable[int]) -> None:
        for number in set(numbers) & set(self.model.order):
            self.model.order.remove(number)
            self.model.gone.add(number)
            self.model.unread.discard(number)

    @invariant()
    def the_timeline_is_the_model(self) -> None:
        timeline = self.read(lambda reader: messages.timeline(reader, CHAT))
        page = self.read(lambda reader: messages.page(reader, CHAT, list(timeline.rows)))
        latest = [self.model.texts[number][max(self.model.texts[number])] for number in self.model.order]
        assert [each.id for each in page] == [message(number).id for number in self.model.order]
        assert [each.text for each in page] == latest
        assert list(timeline.widths) == [cell_width(text) for text in latest]
        assert [each.edits for each in page] == [
            len(self.model.texts[number]) - 1 for number in self.model.order
        ]

    @invariant()
    def the_chat_line_is_the_model(self) -> None:
        chat = self.read(lambda reader: conversations.get(reader, CHAT))
        unread = [number for number in self.model.order if number in self.model.unread]
        assert chat.unread == len(unread)
        assert chat.first_unread == (message(unread[0]).id if unread else None)
        assert (chat.last.id if chat.last else None) == (
            message(self.model.order[-1]).id if self.model.order else None
        )

    @invariant()
    def the_next_expiry_is_the_model(self) -> None:
        due = [self.model.expiry[number] for number in self.model.order if self.model.expiry[number] > 0]
        assert self.read(messages.next_expiry) == (min(due) if due else None)


TestChat = Chat.TestCase
TestChat.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)


async def store(database: Database, *values: Message, unread: bool = False) -> None:
    async def work(tx: Transaction) -> None:
        for value in values:
            assert await messages.add(tx, value, unread=unread)

    await database.write(work)


async def stored(database: Database, number: int) -> Message:
    found = await database.read(lambda reader: messages.get(reader, message(number).id))
    assert found is not None
    return found


async def test_a_message_comes_back_as_it_was_stored(database: Database) -> None:
    value = message(
        1, mine=True, text="a\u0000b\nü😀", reply_to=message(9).id, view_once=True, timer_s=5, failure="x"
    )
    await store(database, value)
    assert await stored(database, 1) == value


async def test_hostile_text_is_stored_literally(database: Database) -> None:
    for number, text in enumerate(("'; DROP TABLE message; --", "%s ? ?1 :a", "\r\n../\0*>.", "' OR 1=1")):
        await store(database, message(number, text=text))
        assert (await stored(database, number)).text == text


async def test_what_cannot_be_stored_is_refused_without_showing_it(database: Database) -> None:
    for value in (message(1, text="half a pair \ud83d"), message(1, sent_at=2**63)):
        with pytest.raises(ClientError) as caught:
            await store(database, value)
        assert caught.value.code is Code.BAD_INPUT
        assert caught.value.__suppress_context__
    await store(database, message(1, sent_at=2**63 - 1))


async def test_a_message_without_a_chat_is_refused(database: Database) -> None:
    stranger = ConversationId(b"s" * 20)
    with pytest.raises(MisuseError):
        await database.write(lambda tx: messages.add(tx, message(1, conversation=stranger)))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("accepted delivered read", "read"),
        ("read delivered accepted", "read"),
        ("delivered failed", "delivered"),
        ("failed accepted", "accepted"),
        ("failed waiting accepted", "accepted"),
        ("accepted waiting", "accepted"),
        ("accepted failed", "accepted"),
    ],
)
async def test_delivery_never_goes_back(database: Database, steps: str, expected: str) -> None:
    await store(database, message(1, mine=True))
    for step in steps.split():
        await database.write(lambda tx, step=step: messages.set_delivery(tx, message(1).id, Delivery(step)))
    assert (await stored(database, 1)).delivery == expected


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("accepted", (0, 0)),
        ("accepted delivered", (2, 0)),
        ("accepted delivered delivered read read", (2, 4)),
        ("read delivered", (1, 1)),
        ("failed waiting delivered", (3, 0)),
    ],
)
async def test_the_first_receipt_of_each_kind_says_when(
    database: Database, steps: str, expected: tuple[int, int]
) -> None:
    await store(database, message(1, mine=True))
    for at, step in enumerate(steps.split(), 1):
        await database.write(
            lambda tx, step=step, at=at: messages.set_delivery(tx, message(1).id, Delivery(step), at=at)
        )
    known = await stored(database, 1)
    assert (known.delivered_at, known.read_at) == expected


async def test_a_message_delivered_before_times_were_kept_is_only_known_to_be_read(
    database: Database,
) -> None:
    await store(database, message(1, mine=True, delivery=Delivery.DELIVERED))
    await database.write(lambda tx: messages.set_delivery(tx, message(1).id, Delivery.READ, at=7))
    known = await stored(database, 1)
    assert (known.delivered_at, known.read_at) == (0, 7)


async def test_nobody_elses_message_has_a_delivery(database: Database) -> None:
    await store(database, message(1))
    assert not await database.write(lambda tx: messages.set_delivery(tx, message(1).id, Delivery.READ))


async def test_each_author_has_one_reaction_and_the_newest_counts(database: Database) -> None:
    await store(database, message(1))

    async def react(author: AccountId, emoji: str, at: int) -> bool:
        return await database.write(lambda tx: messages.react(tx, message(1).id, author, emoji, at))

    assert await react(BOB, "a", 1)
    assert await react(ME, "b", 2)
    assert await react(BOB, "c", 5)
    assert not await react(BOB, "d", 4)
    assert not await react(BOB, "c", 6)
    assert {(each.author, each.emoji) for each in (await stored(database, 1)).reactions} == {
        (BOB, "c"),
        (ME, "b"),
    }
    assert await react(ME, "", 3)
    assert not await react(ME, "b", 2)
    assert [each.emoji for each in (await stored(database, 1)).reactions] == ["c"]
    assert not await database.write(lambda tx: messages.react(tx, message(7).id, ME, "x", 1))


async def test_a_flood_of_edits_keeps_a_bounded_history(database: Database) -> None:
    await store(database, message(1, sent_at=0))

    async def flood(tx: Transaction) -> None:
        for at in range(1, messages.MAX_EDITS + 50):
            await messages.edit(tx, message(1).id, f"{at}", at)

    await database.write(flood)
    history = await database.read(lambda reader: inspections.earlier_texts(reader, message(1).id))
    assert len(history) == messages.MAX_EDITS
    assert history[-1] == f"{messages.MAX_EDITS + 48}"
    assert (await stored(database, 1)).text == f"{messages.MAX_EDITS + 49}"


async def test_an_edit_that_comes_again_is_counted_once(database: Database) -> None:
    await store(database, message(1, sent_at=0))
    for _ in range(2):
        assert await database.write(lambda tx: messages.edit(tx, message(1).id, "better", 7))
    assert (await stored(database, 1)).text == "better"
    assert (await stored(database, 1)).edits == 1


PICTURE = Attachment(BlobId(b"p" * 16), "a.png", "image/png", 10, TransferState.REMOTE, 3, 4, 0, b"preview")
FILE = StoredAttachment(message(1).id, PICTURE, b"key", "/here/a.png", upload=True, offset=0, sealed_size=99)


async def test_deleted_for_everyone_keeps_the_place_and_nothing_else(database: Database) -> None:
    await store(database, message(1, mine=True, reply_to=message(3).id), message(2))

    async def work(tx: Transaction) -> messages.Removed | None:
        await attachments.add(tx, FILE)
        await messages.edit(tx, message(1).id, "edited", 10**6)
        await messages.react(tx, message(1).id, BOB, "a", 1)
        return await messages.blank(tx, message(1).id)

    removed = await database.write(work)
    assert removed == messages.Removed(CHAT, message(1).id, "/here/a.png")
    left = await stored(database, 1)
    assert (left.deleted, left.text, left.edits, left.reactions, left.attachment) == (True, "", 0, (), None)
    assert left.reply_to is None
    assert await database.read(lambda reader: inspections.earlier_texts(reader, message(1).id)) == []
    assert not await database.write(lambda tx: messages.edit(tx, message(1).id, "back", 10**7))
    assert not await database.write(lambda tx: messages.react(tx, message(1).id, BOB, "b", 9))
    assert len((await database.read(lambda reader: messages.timeline(reader, CHAT))).rows) == 2


async def test_a_removed_message_never_comes_back(database: Database) -> None:
    await store(database, message(1))
    await database.write(lambda tx: messages.remove(tx, message(1).id))
    assert not await database.write(lambda tx: messages.add(tx, message(1)))
    assert await database.read(lambda reader: messages.get(reader, message(1).id)) is None


async def test_view_once_can_be_viewed_once(database: Database) -> None:
    await store(database, message(1, view_once=True), message(2))
    assert await database.write(lambda tx: messages.mark_viewed(tx, message(1).id))
    assert not await database.write(lambda tx: messages.mark_viewed(tx, message(1).id))
    assert not await database.write(lambda tx: messages.mark_viewed(tx, message(2).id))
    seen = await stored(database, 1)
    assert (seen.viewed, seen.text) == (True, "")
    assert not await database.write(lambda tx: messages.edit(tx, message(1).id, "again", 10**6))


async def test_row_numbers_are_never_used_twice(database: Database) -> None:
    await store(database, message(1), message(2))
    before = list((await database.read(lambda reader: messages.timeline(reader, CHAT))).rows)
    await database.write(lambda tx: messages.remove(tx, message(2).id))
    await store(database, message(3))
    after = list((await database.read(lambda reader: messages.timeline(reader, CHAT))).rows)
    assert after[0] == before[0]
    assert after[1] > before[1]


async def test_a_page_holds_only_its_own_chats_rows_in_the_order_asked(database: Database) -> None:
    carol = AccountId(b"c" * 20)

    async def another(tx: Transaction) -> None:
        await contacts.save(tx, contact(carol, "carol"))
        await conversations.ensure(tx, ConversationId(carol), now=2)
        await messages.add(tx, message(9, conversation=ConversationId(carol)))

    await store(database, message(1), message(2), message(3))
    await database.write(another)
    found = await database.read(lambda reader: messages.page(reader, CHAT, [3, 77, 1, 4]))
    assert [each.id for each in found] == [message(3).id, message(1).id]
    last = await database.read(lambda reader: messages.last(reader, CHAT, 2))
    assert [each.id for each in last] == [message(2).id, message(3).id]


async def test_a_timeline_longer_than_one_step_is_whole_and_in_order(database: Database) -> None:
    count = messages._STEP + 10

    async def many(tx: Transaction) -> None:
        await tx.many(
            "INSERT INTO message (id, conversation, author, mine, kind, text, width, sent_at, received_at, delivery,"
            " failure, deleted, view_once, viewed, timer_s, expires_at, unread)"
            " VALUES (?, 1, x'', 0, 'text', '', ?, 0, 0, 'none', '', 0, 0, 0, 0, 0, 0)",
            [(number.to_bytes(16), number % 256) for number in range(count)],
        )

    await database.write(many)
    timeline = await database.read(lambda reader: messages.timeline(reader, CHAT))
    assert list(timeline.rows) == list(range(1, count + 1))
    assert timeline.widths == bytes(number % 256 for number in range(count))


async def test_an_attachment_moves_and_is_forgotten(database: Database) -> None:
    await store(database, message(1), message(2))

    async def kept(reader: Reader) -> StoredAttachment:
        found = await attachments.get(reader, message(1).id)
        assert found is not None
        return found

    await database.write(lambda tx: attachments.add(tx, FILE))
    assert await database.read(kept) == FILE
    assert (await stored(database, 1)).attachment == PICTURE
    assert await database.read(attachments.unfinished_uploads) == [FILE]
    await database.write(lambda tx: attachments.moved(tx, message(1).id, TransferState.PAUSED, 42))
    assert (await database.read(kept)).offset == 42
    assert await database.read(attachments.unfinished_uploads) == []
    assert await database.read(attachments.paths) == {"/here/a.png"}
    assert await database.write(lambda tx: attachments.forget(tx, message(1).id)) == "/here/a.png"
    gone = await database.read(kept)
    assert (gone.descriptor, gone.path, gone.shown.preview, gone.shown.state) == (
        b"",
        "",
        b"",
        TransferState.GONE,
    )
    with pytest.raises(MisuseError):
        await database.write(lambda tx: attachments.add(tx, replace(FILE, message=MessageId(b"x" * 16))))


async def test_an_uploaded_attachment_is_a_copy_and_a_start_pauses_what_nobody_fetches(
    database: Database,
) -> None:
    await store(database, message(1), message(2))
    await database.write(lambda tx: attachments.add(tx, FILE))
    theirs = replace(FILE, message=message(2).id, path="", upload=False)
    await database.write(lambda tx: attachments.add(tx, theirs))
    await database.write(lambda tx: attachments.begin(tx, message(1).id, "1/sealed"))
    await database.write(lambda tx: attachments.begin(tx, message(2).id, "2/sealed"))
    assert await database.read(attachments.paths) == {"1/sealed", "2/sealed"}

    async def states(reader: Reader) -> list[TransferState]:
        both = [await attachments.get(reader, message(number).id) for number in (1, 2)]
        return [one.shown.state for one in both if one is not None]

    assert await database.read(states) == [TransferState.MOVING, TransferState.MOVING]
    await database.write(attachments.settle)
    assert await database.read(states) == [TransferState.MOVING, TransferState.PAUSED]
    await database.write(lambda tx: attachments.uploaded(tx, message(1).id, 77))
    sent = await database.read(lambda reader: attachments.get(reader, message(1).id))
    assert sent is not None
    assert (sent.upload, sent.offset, sent.blob_expires) == (False, FILE.sealed_size, 77)
    await database.write(attachments.settle)
    assert await database.read(states) == [TransferState.HERE, TransferState.PAUSED]
    assert await database.read(attachments.unfinished_uploads) == []


async def test_a_deleted_chat_takes_everything_and_names_its_files(database: Database) -> None:
    await store(database, message(1), message(2), unread=True)
    await database.write(lambda tx: attachments.add(tx, FILE))
    assert await database.write(lambda tx: conversations.delete(tx, CHAT)) == ["/here/a.png"]
    assert await database.read(lambda reader: conversations.get(reader, CHAT)) is None
    for table in ("message", "attachment", "edit", "reaction", "inspection"):
        assert await database.read(lambda r, table=table: r.value(f"SELECT count(*) FROM {table}")) == 0
    dead = await database.read(lambda reader: messages.tombstones(reader, 0))
    assert [each for each, _ in dead] == [message(1).id, message(2).id]
    # The same person may write again.
    assert await database.write(lambda tx: conversations.ensure(tx, CHAT, now=5))


async def test_chats_are_listed_by_standing_the_newest_first(database: Database) -> None:
    async def people(tx: Transaction) -> None:
        for number, standing in enumerate((Standing.ACCEPTED, Standing.REQUESTED, Standing.ACCEPTED)):
            account = AccountId(bytes([number]) * 20)
            await contacts.save(tx, contact(account, f"p{number}", standing))
            await conversations.ensure(tx, ConversationId(account), now=1)
            value = message(number, conversation=ConversationId(account), received_at=100 - number)
            await messages.add(tx, value, unread=True)

    await database.write(people)
    listed = await database.read(lambda reader: conversations.every(reader, Standing.ACCEPTED))
    assert [each.title for each in listed] == ["p0", "p2", "bob"]
    requests = await database.read(lambda reader: conversations.every(reader, Standing.REQUESTED))
    assert [each.title for each in requests] == ["p1"]


@pytest.mark.parametrize(
    ("listed", "muted", "mine", "after"),
    [
        (Listed.ARCHIVED, False, False, Listed.USUAL),
        (Listed.ARCHIVED, True, False, Listed.ARCHIVED),
        (Listed.ARCHIVED, True, True, Listed.USUAL),
        (Listed.PINNED, False, False, Listed.PINNED),
    ],
)
async def test_a_new_message_brings_an_archived_chat_back_unless_it_is_muted(
    database: Database, listed: Listed, muted: bool, mine: bool, after: Listed
) -> None:
    async def arrive(tx: Transaction) -> None:
        await conversations.set_listed(tx, CHAT, listed)
        await conversations.set_muted(tx, CHAT, muted)
        await messages.add(tx, message(1, mine=mine))

    await database.write(arrive)
    chat = await database.read(lambda reader: conversations.get(reader, CHAT))
    assert chat is not None
    assert chat.listed is after


async def test_the_last_setter_of_a_timer_wins(database: Database) -> None:
    async def set_timer(seconds: int, at: int) -> bool:
        return await database.write(lambda tx: conversations.set_timer(tx, CHAT, seconds, at))

    assert await set_timer(60, 10)
    assert not await set_timer(5, 9)
    assert not await set_timer(60, 11)
    assert await database.read(lambda reader: conversations.timer(reader, CHAT)) == (60, 11)


async def test_every_change_that_a_backup_carries_gets_a_higher_number(database: Database) -> None:
    await store(database, message(1, mine=True), unread=True)
    sequence = [0]

    async def check(change, *, counts: bool = True) -> None:  # type: ignore[no-untyped-def]
        await database.write(change)
        now = await database.read(
            lambda r: r.value(
                "SELECT max(change_seq) FROM (SELECT change_seq FROM message UNION ALL SELECT change_seq FROM"
                " contact UNION ALL SELECT change_seq FROM conversation UNION ALL SELECT change_seq FROM tombstone)"
            )
        )
        assert (now > sequence[-1]) is counts
        sequence.append(now)

    one = message(1).id
    await check(lambda tx: messages.set_delivery(tx, one, Delivery.ACCEPTED))
    await check(lambda tx: messages.edit(tx, one, "b", 10**6))
    await check(lambda tx: messages.react(tx, one, BOB, "x", 1))
    await check(lambda tx: messages.react(tx, one, BOB, "y", 2))
    await check(lambda tx: attachments.add(tx, FILE))
    await check(lambda tx: attachments.moved(tx, one, TransferState.HERE, 9), counts=False)
    await check(lambda tx: attachments.begin(tx, one, "1/sealed"), counts=False)
    await check(lambda tx: attachments.uploaded(tx, one, 9), counts=False)
    await check(lambda tx: conversations.mark_read(tx, CHAT, one, 5), counts=False)
    await check(lambda tx: conversations.set_draft(tx, CHAT, "x"))
    await check(lambda tx: contacts.save(tx, replace(contact(), verified=True)))
    await check(lambda tx: messages.blank(tx, one))
    await check(lambda tx: messages.remove(tx, one))


async def test_how_a_message_travelled_goes_with_the_message(database: Database) -> None:
    travelled = Inspection(message(1).id, True, 1, 2, 3, 4, 5, 6, 7, True, False)
    await store(database, message(1))
    await database.write(lambda tx: inspections.save(tx, travelled))
    assert await database.read(lambda reader: inspections.get(reader, message(1).id)) == travelled
    await database.write(lambda tx: messages.remove(tx, message(1).id))
    assert await database.read(lambda reader: inspections.get(reader, message(1).id)) is None


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("日本", 4), ("e\u0301", 1), ("x" * 300, 255), ("\u0301" * 5000, 0)],
)
def test_widths_are_cells_up_to_255(text: str, width: int) -> None:
    assert cell_width(text) == width


@pytest.mark.parametrize(
    "texts", [[], ["", "abc", "x" * 255], ["abc", "x" * 300], ["日本", "abc", "x" * 300]]
)
def test_widths_of_many_are_those_of_each(texts: list[str]) -> None:
    each = list(map(cell_width, texts))
    assert cell_widths(texts, ascii_only=all(text.isascii() for text in texts)) == each

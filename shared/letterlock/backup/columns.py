"""Messages that are nothing but text, many at once and column by column: most of a history, in half the bytes.

Knows which messages may stand in columns, and how to turn them into records and back. Must not know segments.
Spec: shared/spec/backup.md, "Plain messages".

What is alike stands together, so it compresses better, and neither end makes an object of each message where
it needs none.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from operator import add, sub
from struct import iter_unpack
from typing import Final, TypeVar

from letterlock.backup.records import (
    MAX_NUMBER,
    Entry,
    MessageFlag,
    MessageRecord,
    PlainMessages,
    Record,
)
from letterlock.errors import MalformedError
from letterlock.ids import ACCOUNT_BYTES, RANDOM_ID_BYTES

T = TypeVar("T")

KIND: Final = "text"
MAX_TEXT_BYTES: Final = 2048
"""Of one message; a longer one is a record of its own, so that no number of them passes a batch's size."""
MAX_MESSAGES: Final = 4096
"""Of one record, for the same reason."""

_MINE: Final = MessageFlag.MINE.value
_FEWEST: Final = 4
"""Fewer are written as they are: a table of their own would cost more."""


def steps(numbers: Sequence[int]) -> list[int]:
    """Turn numbers into what each is more than the one before."""
    return list(map(sub, numbers, (0, *numbers[:-1])))


def numbered(values: Sequence[T]) -> tuple[list[T], list[int]]:
    """Return each value once, in the order in which they come, and for each of `values` where it stands there."""
    places = {value: place for place, value in enumerate(dict.fromkeys(values))}
    return list(places), list(map(places.__getitem__, values))


def compact(records: Sequence[Record]) -> list[Entry]:
    """Put those of some records that are plain messages into columns, behind the others."""
    owner = next((_owner(each) for each in records if _owner(each)), bytes(ACCOUNT_BYTES))
    plain: list[MessageRecord] = []
    rest: list[Entry] = []
    for each in records:
        if isinstance(each, MessageRecord) and _is_plain(each, owner):
            plain.append(each)
        else:
            rest.append(each)
    if len(plain) < _FEWEST:
        return list(records)
    return rest + [
        _columns(plain[start : start + MAX_MESSAGES], owner) for start in range(0, len(plain), MAX_MESSAGES)
    ]


def _owner(record: Record) -> bytes:
    return record.author if isinstance(record, MessageRecord) and record.flags & _MINE else b""


def _is_plain(each: MessageRecord, owner: bytes) -> bool:
    return (
        each.kind == KIND
        and each.author == (owner if each.flags & _MINE else each.conversation)
        and len(each.conversation) == ACCOUNT_BYTES
        and not (each.failure or each.edited_at or each.timer_s or each.expires_at or each.details)
        and each.reply_to is None
        and each.edits is None
        and each.reactions is None
        and each.attachment is None
        and len(each.text.encode()) <= MAX_TEXT_BYTES
    )


def _columns(plain: Sequence[MessageRecord], owner: bytes) -> PlainMessages:
    chat_ids, chats = numbered([each.conversation for each in plain])
    delivery_words, deliveries = numbered([each.delivery for each in plain])
    texts = [each.text.encode() for each in plain]
    return PlainMessages(
        owner=owner,
        ids=b"".join([each.id for each in plain]),
        versions=steps([each.version for each in plain]),
        chat_ids=chat_ids,
        chats=chats,
        flags=[each.flags for each in plain],
        delivery_words=delivery_words,
        deliveries=deliveries,
        texts=b"".join(texts),
        lengths=list(map(len, texts)),
        sent=steps([each.sent_at for each in plain]),
        received=[each.received_at - each.sent_at for each in plain],
        positions=[each.position - each.version for each in plain],
    )


def expand(entries: Iterable[Entry]) -> Iterator[Record]:
    """Give out every record by itself. Raises MalformedError as `Columns` does."""
    for entry in entries:
        if isinstance(entry, PlainMessages):
            yield from Columns(entry).records()
        else:
            yield entry


def last_position(raw: PlainMessages) -> int:
    """Return the greatest position in columns that nobody has checked; 0 without one."""
    return max(map(add, accumulate(raw.versions), raw.positions), default=0)


class Columns:
    """Plain messages, read and checked: a list for each field, with one place for each message."""

    __slots__ = (
        "authors",
        "chats",
        "deliveries",
        "flags",
        "ids",
        "positions",
        "received",
        "sent",
        "texts",
        "versions",
    )

    def __init__(self, raw: PlainMessages) -> None:
        """Read columns. Raises MalformedError unless each message is one that a record of its own could be."""
        count = len(raw.versions)
        lists = (raw.chats, raw.flags, raw.deliveries, raw.lengths, raw.sent, raw.received, raw.positions)
        if any(len(each) != count for each in lists) or len(raw.ids) != RANDOM_ID_BYTES * count:
            raise MalformedError("columns of a backup differ in length")
        if sum(raw.lengths) != len(raw.texts) or max(raw.lengths, default=0) > MAX_TEXT_BYTES:
            raise MalformedError("columns of a backup do not hold the texts they name")
        self.versions = _within(list(accumulate(raw.versions)), least=1)
        self.sent = _within(list(accumulate(raw.sent)))
        self.received = _within(list(map(add, self.sent, raw.received)))
        self.positions = _within(list(map(add, self.versions, raw.positions)))
        self.flags = raw.flags
        self.ids = [id_ for (id_,) in iter_unpack(f"{RANDOM_ID_BYTES}s", raw.ids)]
        try:
            self.chats = [raw.chat_ids[place] for place in raw.chats]
            self.deliveries = [raw.delivery_words[place] for place in raw.deliveries]
            self.texts = _cut(raw.texts, raw.lengths)
        except (IndexError, UnicodeDecodeError) as error:
            raise MalformedError("columns of a backup point at nothing, or hold what is no text") from error
        self.authors = [
            raw.owner if flags & _MINE else chat for flags, chat in zip(raw.flags, self.chats, strict=True)
        ]

    def records(self) -> Iterator[MessageRecord]:
        """Give out each message as a record."""
        columns = zip(
            self.versions,
            self.ids,
            self.chats,
            self.authors,
            self.flags,
            self.texts,
            self.sent,
            self.received,
            self.positions,
            self.deliveries,
            strict=True,
        )
        for version, id_, chat, author, flags, text, sent, received, position, delivery in columns:
            yield MessageRecord(
                version, id_, chat, author, flags, KIND, text, sent, received, position, delivery,
                "", None, 0, 0, 0, b"", None, None, None,
            )  # fmt: skip


def _cut(texts: bytes, lengths: Sequence[int]) -> list[str]:
    ends = pairwise(accumulate(lengths, initial=0))
    if texts.isascii():
        # Most are: then one decoding serves for all.
        whole = texts.decode()
        return [whole[start:end] for start, end in ends]
    return [texts[start:end].decode() for start, end in ends]


def _within(numbers: list[int], least: int = 0) -> list[int]:
    if numbers and (min(numbers) < least or max(numbers) > MAX_NUMBER):
        raise MalformedError("a number in columns of a backup passes its limits")
    return numbers

"""Messages that are nothing but text, as a backup reads them: columns, which SQLite joins, of thousands at once.

No object is made of each, so a million are read in a second of a thread that leaves the others alone. Must not
know what else a backup takes.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from letterlock.backup.columns import KIND, MAX_TEXT_BYTES, numbered, steps
from letterlock.backup.records import MAX_NUMBER, MessageFlag, PlainMessages
from letterlock.ids import ACCOUNT_BYTES, RANDOM_ID_BYTES
from letterlock_client.models import Delivery

CHANGED: Final = "message.change_seq > :above AND message.change_seq <= :upto"
"""What a batch looks at."""
FLAGS: Final = (
    f"mine * {MessageFlag.MINE.value} + deleted * {MessageFlag.DELETED.value}"
    f" + viewed * {MessageFlag.VIEWED.value} + unread * {MessageFlag.UNREAD.value}"
)
_DELIVERIES: Final = tuple(each.value for each in reversed(Delivery))
"""What `delivery` may be: where most messages end comes before what they pass through."""
_DELIVERY: Final = (
    "CASE delivery "
    + " ".join(f"WHEN '{word}' THEN {place}" for place, word in enumerate(_DELIVERIES))
    + " END"
)
# Numbers that a record cannot hold, and whatever is not simple, get a row of their own, which is looked at closely.
PLAIN: Final = (
    f"(kind = '{KIND}' AND NOT view_once AND NOT expires_at AND NOT message.timer_s AND NOT edited_at"
    f" AND reply_to IS NULL AND failure = '' AND octet_length(text) <= {MAX_TEXT_BYTES}"
    f" AND length(peer) = {ACCOUNT_BYTES} AND author = CASE mine WHEN 1 THEN :owner ELSE peer END"
    f" AND (sent_at | received_at) BETWEEN 0 AND {MAX_NUMBER}"
    f" AND {_DELIVERY} IS NOT NULL"
    " AND row NOT IN (SELECT value FROM json_each(:joined)))"
)
_COLUMNS: Final = (
    "message.change_seq",
    "conversation",
    FLAGS,
    _DELIVERY,
    "octet_length(text)",
    "sent_at",
    "received_at - sent_at",
    "row - message.change_seq",
)
# What is joined ends with a zero in memory: for bytes SQLite asks for new room for that, for a text it has made itself
# it does not, and rooms are what threads wait for each other for.
PLAIN_MESSAGES: Final = (
    "SELECT CAST(group_concat(text, '') AS BLOB), CAST(group_concat(message.id || '', '') AS BLOB), "
    + ", ".join(f"json_group_array({each})" for each in _COLUMNS)
    # Each message is looked at once, in the order of the index: a subquery would copy every one of them.
    + " FROM message INDEXED BY message_by_change CROSS JOIN conversation ON conversation.id = message.conversation"
    f" WHERE {CHANGED} AND {PLAIN}"
)


@dataclass(frozen=True, slots=True)
class PlainRows:
    """Messages that are nothing but text, as SQLite joins them: each column one text, numbers as a list of JSON."""

    owner: bytes
    chats: dict[int, bytes]
    """The other account of each conversation."""
    columns: tuple[Any, ...] = field(repr=False)
    """Texts, ids, and then one for each of `_COLUMNS`; the first two are None without a message."""

    @property
    def count(self) -> int:
        """How many messages these are."""
        return len(self.columns[1] or b"") // RANDOM_ID_BYTES

    def record(self) -> PlainMessages:
        """Make a record of them: a fifth of a second of processor time for a million."""
        texts, ids, versions, chats, flags, deliveries, lengths, sent, received, positions = self.columns
        chat_numbers, chat_places = numbered(_numbers(chats))
        return PlainMessages(
            owner=self.owner,
            ids=ids,
            versions=steps(_numbers(versions)),
            chat_ids=[self.chats[number] for number in chat_numbers],
            chats=chat_places,
            flags=_numbers(flags),
            delivery_words=list(_DELIVERIES),
            deliveries=_numbers(deliveries),
            texts=texts,
            lengths=_numbers(lengths),
            sent=steps(_numbers(sent)),
            received=_numbers(received),
            positions=_numbers(positions),
        )


_decoder: Final = msgspec.json.Decoder(list[int])


def _numbers(listed: str) -> list[int]:
    return _decoder.decode(listed)

"""Messages as they stand: edits, reactions and receipts applied; the timeline; disappearing.

Must not know how a message travels; attachments' files and keys are `attachments`' business.
"""

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from letterlock.ids import AccountId, ConversationId, MessageId
from letterlock_client import models
from letterlock_client.models import Delivery, Message
from letterlock_client.storage import attachments, words
from letterlock_client.storage.database import Reader, Row, Transaction
from letterlock_client.storage.widths import cell_width

MAX_EDITS: Final = 100
"""How many earlier texts are kept; past it the oldest go, so that nobody fills this disk by editing."""

_BEFORE: Final = {
    Delivery.WAITING: (Delivery.FAILED,),
    Delivery.ACCEPTED: (Delivery.WAITING, Delivery.FAILED),
    Delivery.DELIVERED: (Delivery.WAITING, Delivery.FAILED, Delivery.ACCEPTED),
    Delivery.READ: (Delivery.WAITING, Delivery.FAILED, Delivery.ACCEPTED, Delivery.DELIVERED),
    Delivery.FAILED: (Delivery.WAITING,),
}
"""From where each state can be reached: forward only, and a failed message may be tried again."""

_CONFIRMED: Final = (Delivery.DELIVERED, Delivery.READ)

_SELECT: Final = (
    "SELECT message.row, message.id, conversation.peer, author, mine, kind, text, sent_at, received_at, delivery,"
    " reply_to, edits, deleted, view_once, viewed, message.timer_s, expires_at, failure, delivered_at, read_at,"
    " (SELECT json_group_array(json_array(hex(reaction.author), emoji) ORDER BY at) FROM reaction"
    f" WHERE reaction.message = message.row AND emoji <> ''), {attachments.SHOWN}"
    " FROM message JOIN conversation ON conversation.id = message.conversation"
    " LEFT JOIN attachment ON attachment.message = message.row"
)
_STEP: Final = 32_768
_NUMBERS: Final = msgspec.json.Decoder(list[int])
_TIMELINE: Final = (
    "SELECT json_group_array(row), json_group_array(width), max(row) FROM (SELECT row, width FROM message"
    " WHERE conversation = (SELECT conversation.id FROM conversation JOIN contact ON contact.account = peer"
    f" WHERE peer = ? AND standing <> '{models.Standing.REQUESTED}') AND row > ? ORDER BY row LIMIT ?)"
)
_CHAT: Final = "(SELECT id FROM conversation WHERE peer = ?)"


@dataclass(frozen=True, slots=True)
class Removed:
    """A message that is gone, and the file ("" for none) that the caller deletes after the commit."""

    conversation: ConversationId
    id: MessageId
    path: str


async def add(tx: Transaction, message: Message, *, unread: bool = False) -> bool:
    """Store a message at the end of its chat; False, and nothing is stored, if its id is known (also: was deleted).

    The chat must exist. `reactions` and `edits` of the value are ignored; an attachment is added by
    `attachments.add`. Raises MisuseError without a chat.
    """
    added = await tx.execute(
        "INSERT INTO message (id, conversation, author, mine, kind, text, width, sent_at, received_at, delivery,"
        " failure, reply_to, deleted, view_once, viewed, timer_s, expires_at, unread)"
        " SELECT ?1, (SELECT id FROM conversation WHERE peer = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13,"
        " ?14, ?15, ?16, ?17, ?18"
        " WHERE NOT EXISTS (SELECT 1 FROM tombstone WHERE kind = 'message' AND tombstone.id = ?1)"
        " ON CONFLICT (id) DO NOTHING",
        message.id,
        message.conversation,
        message.author,
        message.mine,
        message.kind,
        message.text,
        cell_width(message.text),
        message.sent_at,
        message.received_at,
        message.delivery,
        message.failure,
        message.reply_to,
        message.deleted,
        message.view_once,
        message.viewed,
        message.timer_s,
        message.expires_at,
        unread,
    )
    return added == 1


async def get(reader: Reader, message: MessageId) -> Message | None:
    """One message, or None."""
    row = await reader.one(f"{_SELECT} WHERE message.id = ?", message)
    return _message(row) if row else None


async def running_out(reader: Reader, ids: Sequence[MessageId]) -> list[Message]:
    """Those of these messages whose disappearing timer runs."""
    marks = ", ".join("?" * len(ids))
    rows = await reader.all(f"{_SELECT} WHERE expires_at > 0 AND message.id IN ({marks})", *ids)
    return [_message(row) for row in rows]


async def between(reader: Reader, first: MessageId, last: MessageId, limit: int) -> list[MessageId]:
    """Return at most `limit` known ids from `first` to `last`, both included."""
    rows = await reader.all("SELECT id FROM message WHERE id BETWEEN ? AND ? LIMIT ?", first, last, limit)
    return [MessageId(row[0]) for row in rows]


async def timeline(reader: Reader, conversation: ConversationId) -> models.Timeline:
    """All of a chat, oldest first, as row numbers and widths.

    SQLite joins many rows to one JSON text, which is read back two and a half times as fast as the rows one by
    one: 0.2 s for a million.
    """
    rows = array("q")
    widths = bytearray()
    last: int | None = 0
    while last is not None:
        step = await reader.one(_TIMELINE, conversation, last, _STEP)
        row_list, width_list, last = step if step else ("[]", "[]", None)
        rows.extend(_NUMBERS.decode(row_list))
        widths.extend(_NUMBERS.decode(width_list))
    return models.Timeline(memoryview(rows), bytes(widths))


async def page(reader: Reader, conversation: ConversationId, rows: Sequence[int]) -> list[Message]:
    """The messages of these rows of this chat, in that order; rows that are gone are left out."""
    found = await reader.all(
        f"{_SELECT} WHERE message.row IN (SELECT value FROM json_each(?)) AND conversation.peer = ?",
        json.dumps(list(rows)),
        conversation,
    )
    by_row = {row[0]: _message(row) for row in found}
    return [by_row[row] for row in rows if row in by_row]


async def last(reader: Reader, conversation: ConversationId, limit: int) -> list[Message]:
    """The last `limit` messages of a chat, oldest first."""
    found = await reader.all(
        f"{_SELECT} WHERE message.conversation = {_CHAT} ORDER BY message.row DESC LIMIT ?",
        conversation,
        limit,
    )
    return [_message(row) for row in reversed(found)]


async def count(reader: Reader, conversation: ConversationId) -> int:
    """How many messages a chat holds."""
    return int(await reader.value(f"SELECT count(*) FROM message WHERE conversation = {_CHAT}", conversation))


async def by_rows(reader: Reader, rows: Sequence[int]) -> dict[int, Message]:
    """The messages of these rows, of any chat."""
    found = await reader.all(
        f"{_SELECT} WHERE message.row IN (SELECT value FROM json_each(?))", json.dumps(list(rows))
    )
    return {row[0]: _message(row) for row in found}


async def with_files(reader: Reader, conversation: ConversationId, limit: int) -> list[Message]:
    """The newest messages of a chat that carry a file, the newest first; view-once ones left out."""
    found = await reader.all(
        f"{_SELECT} WHERE message.conversation = {_CHAT} AND attachment.message IS NOT NULL AND NOT deleted"
        " AND NOT view_once ORDER BY message.row DESC LIMIT ?",
        conversation,
        limit,
    )
    return [_message(row) for row in found]


async def row_of(reader: Reader, message: MessageId) -> int | None:
    """A message's row, or None."""
    found: int | None = await reader.value("SELECT row FROM message WHERE id = ?", message)
    return found


async def set_delivery(
    tx: Transaction, message: MessageId, delivery: Delivery, failure: str = "", *, at: int = 0
) -> bool:
    """Move an own message's delivery forward (never back; FAILED only from WAITING, WAITING only from FAILED).

    `at` is when the receipt came that says DELIVERED or READ, by our clock. As nothing goes back, the first of each
    stands; READ without DELIVERED before it is both. Say whether it changed.
    """
    before = _BEFORE[delivery]
    marks = ", ".join("?" * len(before))
    changed = await tx.execute(
        "UPDATE message SET delivery = ?, failure = ?, read_at = ?,"
        f" delivered_at = CASE delivery WHEN '{Delivery.DELIVERED}' THEN delivered_at ELSE ? END"
        f" WHERE id = ? AND mine AND delivery IN ({marks})",
        delivery,
        failure,
        at if delivery is Delivery.READ else 0,
        at if delivery in _CONFIRMED else 0,
        message,
        *before,
    )
    return changed == 1


async def start_timer(tx: Transaction, message: MessageId, now: int) -> None:
    """Start the disappearing timer of a message that has one and whose timer does not run yet."""
    await tx.execute(
        "UPDATE message SET expires_at = ? + timer_s * 1000 WHERE id = ? AND timer_s > 0 AND expires_at = 0",
        now,
        message,
    )


async def edit(tx: Transaction, message: MessageId, text: str, edited_at: int) -> bool:
    """Replace a message's text and keep the one before it; an edit older than the newest one only joins the history.

    Of two edits of one time the first stands, and the second is as good as made: it may be the same one again.
    False if there is no such message, it was deleted, or it was viewed once.
    """
    found = await tx.one(
        "SELECT row, text, max(sent_at, edited_at) FROM message WHERE id = ? AND NOT deleted AND NOT viewed",
        message,
    )
    if found is None:
        return False
    row, present, written_at = found
    if edited_at == written_at:
        return True
    newer = edited_at > written_at
    await tx.execute(
        "INSERT OR IGNORE INTO edit (message, written_at, text) VALUES (?, ?, ?)",
        row,
        written_at if newer else edited_at,
        present if newer else text,
    )
    await tx.execute(
        "DELETE FROM edit WHERE message = ?1 AND written_at <="
        " (SELECT written_at FROM edit WHERE message = ?1 ORDER BY written_at DESC LIMIT 1 OFFSET ?2)",
        row,
        MAX_EDITS,
    )
    if newer:
        await tx.execute(
            "UPDATE message SET text = ?, width = ?, edited_at = ? WHERE row = ?",
            text,
            cell_width(text),
            edited_at,
            row,
        )
    await tx.execute(
        "UPDATE message SET edits = (SELECT count(*) FROM edit WHERE message = ?1) WHERE row = ?1", row
    )
    return True


async def react(tx: Transaction, message: MessageId, author: AccountId, emoji: str, at: int) -> bool:
    """Set an author's one reaction, or with "" take it back; an older one than the present changes nothing.

    False if nothing changed: no such message, a deleted one, the same again, or an older one.
    """
    changed = await tx.execute(
        "INSERT INTO reaction (message, author, emoji, at)"
        " SELECT row, ?, ?, ? FROM message WHERE id = ? AND NOT deleted"
        " ON CONFLICT (message, author) DO UPDATE SET emoji = excluded.emoji, at = excluded.at"
        " WHERE excluded.at >= reaction.at AND excluded.emoji <> reaction.emoji",
        author,
        emoji,
        at,
        message,
    )
    return changed == 1


async def blank(tx: Transaction, message: MessageId) -> Removed | None:
    """Deleted for everyone: keep the place, forget text, edits, reactions, attachment. None if there is none."""
    found = await _with_path(tx, "message.id = ? LIMIT ?", message, 1)
    if not found:
        return None
    row, removed = found[0]
    for table in ("edit", "reaction", "attachment", "inspection"):
        await tx.execute(f"DELETE FROM {table} WHERE message = ?", row)
    await tx.execute(
        "UPDATE message SET text = '', width = 0, deleted = 1, edits = 0, reply_to = NULL, unread = 0 WHERE row = ?",
        row,
    )
    return removed


async def remove(tx: Transaction, message: MessageId) -> Removed | None:
    """Delete for me: the message leaves, a tombstone stays. None if there is none."""
    removed = await _remove(tx, "message.id = ? LIMIT ?", message, 1)
    return removed[0] if removed else None


async def mark_viewed(tx: Transaction, message: MessageId) -> bool:
    """A view-once message was opened: forget its text, keep the place. False if it was viewed before, or is none.

    Its attachment, if any, stays until `attachments.forget`.
    """
    changed = await tx.execute(
        "UPDATE message SET text = '', width = 0, viewed = 1 WHERE id = ? AND view_once AND NOT viewed",
        message,
    )
    return changed == 1


async def expired(tx: Transaction, now: int, limit: int = 256) -> list[Removed]:
    """Remove messages whose timer has run out, at most `limit`; return them."""
    return await _remove(tx, "expires_at > 0 AND expires_at <= ? ORDER BY expires_at LIMIT ?", now, limit)


async def next_expiry(reader: Reader) -> int | None:
    """When the next timer runs out, or None."""
    found: int | None = await reader.value("SELECT min(expires_at) FROM message WHERE expires_at > 0")
    return found


async def tombstones(reader: Reader, above: int) -> list[tuple[bytes, int]]:
    """(message id, change_seq) of what was deleted with a change_seq above `above`, in order."""
    rows = await reader.all(
        "SELECT id, change_seq FROM tombstone WHERE kind = 'message' AND change_seq > ? ORDER BY change_seq",
        above,
    )
    return [(message, change) for message, change in rows]


async def _with_path(reader: Reader, condition: str, *parameters: Any) -> list[tuple[int, Removed]]:
    rows = await reader.all(
        "SELECT message.row, conversation.peer, message.id, coalesce(path, '') FROM message"
        " JOIN conversation ON conversation.id = message.conversation"
        f" LEFT JOIN attachment ON attachment.message = message.row WHERE {condition}",
        *parameters,
    )
    return [(row, Removed(ConversationId(peer), MessageId(id_), path)) for row, peer, id_, path in rows]


async def _remove(tx: Transaction, condition: str, *parameters: Any) -> list[Removed]:
    found = await _with_path(tx, condition, *parameters)
    await tx.many("DELETE FROM message WHERE row = ?", [(row,) for row, _ in found])
    return [removed for _, removed in found]


def _message(row: Row) -> Message:
    (_, id_, peer, author, mine, kind, text, sent_at, received_at, delivery, reply_to) = row[:11]
    (edits, deleted, view_once, viewed, timer_s, expires_at, failure) = row[11:18]
    delivered_at, read_at, reactions = row[18:21]
    return Message(
        id=MessageId(id_),
        conversation=ConversationId(peer),
        author=AccountId(author),
        mine=bool(mine),
        kind=words.kind(kind),
        text=text,
        sent_at=sent_at,
        received_at=received_at,
        delivery=words.delivery(delivery),
        reply_to=None if reply_to is None else MessageId(reply_to),
        attachment=None if row[21] is None else attachments.shown(row[21:]),
        reactions=_reactions(reactions),
        edits=edits,
        deleted=bool(deleted),
        view_once=bool(view_once),
        viewed=bool(viewed),
        timer_s=timer_s,
        expires_at=expires_at,
        failure=failure,
        delivered_at=delivered_at,
        read_at=read_at,
    )


def _reactions(raw: str) -> tuple[models.Reaction, ...]:
    if raw == "[]":
        return ()
    return tuple(
        models.Reaction(AccountId(bytes.fromhex(author)), emoji) for author, emoji in json.loads(raw)
    )

"""What is kept of one session, the archive of former ones, and their exact bytes at rest.

Knows the encoding and its strict reading; that the archive holds at most eight, the newest first, none for
longer than 45 days. Must not know how a session begins or which one is preferred (that is `session`).
Spec: shared/spec/messaging.md, "Sessions at rest".
"""

import struct
from typing import Final

import msgspec
from msgspec.structs import replace

from letterlock.errors import MalformedError
from letterlock.messaging.chain import (
    KEPT_KEYS,
    LONGEST_CHAIN,
    RECORD_BYTES,
    TAG_BYTES,
    Chain,
    Skipped,
    shorten,
)
from letterlock.messaging.double_ratchet import PAST_KEYS, Ratchet
from letterlock.messaging.pqxdh import HANDSHAKE_BYTES
from letterlock.primitives.keys import KEY_BYTES, Secret

ARCHIVED_SESSIONS: Final = 8
"""How many former sessions with a device are kept, so that late messages still open."""
ARCHIVED_MS: Final = 45 * 24 * 60 * 60 * 1000
ARCHIVED_SKIPPED: Final = 200
"""How many skipped keys a session takes into the archive."""

_INITIATOR: Final = 1
_ANSWERED: Final = 2
_LAST_RESORT: Final = 4
_GAVE_UP: Final = 8
_SENDING: Final = 16
_RECEIVING: Final = 32
_ALL_FLAGS: Final = 63
_FIXED: Final = struct.Struct(">B32s32s32s32s32s32s32s32sIIIIQHBI")
_ENTRY: Final = struct.Struct(">QI")
_ABSENT: Final = bytes(KEY_BYTES)


class SessionState(Secret, msgspec.Struct, frozen=True, gc=False):
    """One session. Prints nothing.

    `contact` names its handshake, `handshake` goes before each message until the first reply (then b""),
    `began` is in milliseconds, `initiator` says whether this side began it, `answered` whether the other
    side has shown that it holds it.
    """

    contact: bytes
    initiator: bool
    answered: bool
    last_resort: bool
    began: int
    handshake: bytes
    ratchet: Ratchet


class Archived(Secret, msgspec.Struct, frozen=True, gc=False):
    """A former session and when it was last replaced or used (ms)."""

    since: int
    state: SessionState


def pack_state(state: SessionState) -> bytes:
    """Return the one encoding of a session's state: 288 bytes and what is skipped, past or unanswered."""
    ratchet = state.ratchet
    sending, receiving, skipped = ratchet.sending, ratchet.receiving, ratchet.skipped
    fixed = _FIXED.pack(
        _flags(state),
        state.contact,
        ratchet.ad,
        ratchet.root,
        ratchet.own_private,
        ratchet.own_public,
        ratchet.their_public,
        _ABSENT if sending is None else sending.key,
        _ABSENT if receiving is None else receiving.key,
        0 if sending is None else sending.n,
        0 if receiving is None else receiving.n,
        ratchet.previous,
        ratchet.steps,
        state.began,
        len(state.handshake),
        len(ratchet.past),
        len(skipped.records),
    )
    return fixed + state.handshake + ratchet.past + skipped.records


def read_state(raw: bytes) -> SessionState:
    """Read what `pack_state` made, strictly: anything that no session becomes raises MalformedError."""
    if len(raw) < _FIXED.size:
        raise MalformedError("a stored session is too short")
    flags, contact, ad, root, own_private, own_public, theirs, *rest = _FIXED.unpack_from(raw)
    sending_key, receiving_key, sent, received, previous, steps, began, *sizes = rest
    handshake, past, records = _tails(raw, sizes)
    has_sending, has_receiving = bool(flags & _SENDING), bool(flags & _RECEIVING)
    answered = bool(flags & _ANSWERED)
    ratchet = Ratchet(
        ad,
        root,
        _present(own_private, has_sending),
        _present(own_public, has_sending),
        _present(theirs, True),
        _chain(sending_key, sent, has_sending),
        _chain(receiving_key, received, has_receiving),
        previous,
        steps,
        Skipped(records, bool(flags & _GAVE_UP)),
        past,
    )
    initiator = bool(flags & _INITIATOR)
    if flags > _ALL_FLAGS or previous > LONGEST_CHAIN:
        raise MalformedError("a stored session passes a limit")
    if (handshake and (answered or not initiator)) or not (has_receiving or (initiator and not answered)):
        raise MalformedError("a stored session contradicts itself")
    return SessionState(contact, initiator, answered, bool(flags & _LAST_RESORT), began, handshake, ratchet)


def archive(archived: bytes, state: SessionState, now: int) -> bytes:
    """Return the archive with `state` as its newest: the ninth and those older than 45 days are given up.

    A handshake is not kept: a session in the archive sends nothing until a reply shows that it was received.
    """
    ratchet = replace(state.ratchet, skipped=shorten(state.ratchet.skipped, ARCHIVED_SKIPPED))
    entries = [Archived(now, replace(state, handshake=b"", ratchet=ratchet)), *read_archive(archived)]
    return pack_archive([one for one in entries if now - one.since <= ARCHIVED_MS])


def pack_archive(entries: list[Archived]) -> bytes:
    """Return the one encoding of the newest eight entries, which come newest first; b"" for none."""
    parts: list[bytes] = []
    for entry in entries[:ARCHIVED_SESSIONS]:
        raw = pack_state(entry.state)
        parts += (_ENTRY.pack(entry.since, len(raw)), raw)
    return b"".join(parts)


def read_archive(raw: bytes) -> list[Archived]:
    """Read what `pack_archive` made, strictly. Raises MalformedError."""
    entries: list[Archived] = []
    at = 0
    while at < len(raw):
        start = at + _ENTRY.size
        if start > len(raw) or len(entries) == ARCHIVED_SESSIONS:
            raise MalformedError("a stored archive is cut off, or too long")
        since, size = _ENTRY.unpack_from(raw, at)
        at = start + size
        if at > len(raw):
            raise MalformedError("a stored archive is cut off")
        entries.append(Archived(since, read_state(raw[start:at])))
    return entries


def _flags(state: SessionState) -> int:
    ratchet = state.ratchet
    return (
        (_INITIATOR if state.initiator else 0)
        | (_ANSWERED if state.answered else 0)
        | (_LAST_RESORT if state.last_resort else 0)
        | (_GAVE_UP if ratchet.skipped.gave_up else 0)
        | (0 if ratchet.sending is None else _SENDING)
        | (0 if ratchet.receiving is None else _RECEIVING)
    )


def _tails(raw: bytes, sizes: list[int]) -> tuple[bytes, bytes, bytes]:
    handshake_size, past_size, records_size = sizes
    past_at = _FIXED.size + handshake_size
    records_at = past_at + past_size
    if (
        len(raw) != records_at + records_size
        or handshake_size not in (0, HANDSHAKE_BYTES)
        or past_size > PAST_KEYS * TAG_BYTES
        or past_size % TAG_BYTES
        or records_size > KEPT_KEYS * RECORD_BYTES
        or records_size % RECORD_BYTES
    ):
        raise MalformedError("a stored session has the wrong length")
    return raw[_FIXED.size : past_at], raw[past_at:records_at], raw[records_at:]


def _present(key: bytes, present: bool) -> bytes:
    if (key == _ABSENT) is present:
        raise MalformedError("a stored session lacks a key, or has one too many")
    return key if present else b""


def _chain(key: bytes, n: int, present: bool) -> Chain | None:
    if not _present(key, present):
        if n:
            raise MalformedError("a stored session counts messages of no chain")
        return None
    if n > LONGEST_CHAIN:
        raise MalformedError("a stored chain is too long")
    return Chain(key, n)

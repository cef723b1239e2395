"""Sessions between two devices: the first contact, then the ratchet; and which session is used when.

::

    none --begin--> UNANSWERED --a message opens--> ANSWERED        (this side began it)
    none --a first message opens--> HELD --an ordinary message opens--> ANSWERED  (the other side did)

One session is present and seals; up to eight former ones are archived and only open. A session from a new
first message becomes the present one, and so does an archived one when a message opens with it, unless
messages crossed: then the device with the lesser name stays where it is, and the other follows.

A message is `version || kind || [handshake] || ratchet message`. Every message of an unanswered session is a
first message, so any one of them is enough to answer. Values in, values out: an exception changes nothing.
Must not know envelopes, contents or storage. Spec: shared/spec/messaging.md, "Sessions".
"""

import struct
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from letterlock.devices.bundle import PrekeyBundle, PrekeyKind
from letterlock.devices.device_list import DeviceCertificate
from letterlock.errors import (
    DuplicateError,
    MalformedError,
    MisuseError,
    NoSessionError,
    OpenError,
    TooFarError,
    UnknownPrekeyError,
    WrongAccountError,
)
from letterlock.messaging import double_ratchet
from letterlock.messaging.pqxdh import HANDSHAKE_BYTES, contact_of, initiate, needs_of, respond
from letterlock.messaging.pqxdh import OwnDevice as OwnDevice
from letterlock.messaging.pqxdh import PrekeyNeeds as PrekeyNeeds
from letterlock.messaging.pqxdh import PrekeysHeld as PrekeysHeld
from letterlock.messaging.session_state import (
    Archived,
    SessionState,
    archive,
    pack_archive,
    pack_state,
    read_archive,
    read_state,
)
from letterlock.primitives.kem import Encapsulation
from letterlock.primitives.keys import Secret

VERSION: Final = 1
FIRST: Final = 1
ORDINARY: Final = 2
MAX_PLAINTEXT: Final = 60 * 1024
"""The greatest plaintext: with handshake, envelope and chain it stays below the relay's 64 KiB."""
UNANSWERED_MS: Final = 30 * 24 * 60 * 60 * 1000
"""How long a session seals without any answer: after that the prekeys it began with may be gone."""
REPLAY_MS: Final = 45 * 24 * 60 * 60 * 1000
"""How long the hash of a first contact is to be kept."""

_FIRST_PREFIX: Final = bytes((VERSION, FIRST))
_ORDINARY_PREFIX: Final = bytes((VERSION, ORDINARY))
_PREFIX_BYTES: Final = 2
_FIRST_HEADER_AT: Final = _PREFIX_BYTES + HANDSHAKE_BYTES
MAX_MESSAGE: Final = _FIRST_HEADER_AT + double_ratchet.OVERHEAD_BYTES + MAX_PLAINTEXT

_NAME: Final = struct.Struct(">20sI")
_NAME_BYTES: Final = _NAME.size
_PEER: Final = struct.Struct(">20sI32s32s")
_STORED: Final = struct.Struct(f">B{_PEER.size}sI")
_FORMAT: Final = 1


class Position(NamedTuple):
    """Where in a conversation a message stands: the ratchet's turn, and the message's number in its chain."""

    step: int
    n: int


class Session(Secret, msgspec.Struct, frozen=True, gc=False):
    """All that is kept for one remote device. Prints nothing.

    `peer` is the device's name and two lasting public keys, packed; `present` seals and opens; `archived`
    are the former sessions, packed, which only open.
    """

    peer: bytes
    present: SessionState
    archived: bytes

    @property
    def last_resort(self) -> bool:
        """Say whether the present session began with a last-resort ML-KEM prekey."""
        return self.present.last_resort

    @property
    def answered(self) -> bool:
        """Say whether the other device has shown that it holds the present session."""
        return self.present.answered

    @property
    def fresh(self) -> bool:
        """Say whether this side began the present session and has heard nothing in it yet: fit for a retry."""
        return self.present.handshake != b""

    @property
    def position(self) -> Position:
        """Return where the next message will stand in the present session."""
        ratchet = self.present.ratchet
        if ratchet.sending is None:
            return Position(ratchet.steps + 1, 0)
        return Position(ratchet.steps, ratchet.sending.n)

    def usable(self, now: int) -> bool:
        """Say whether `seal` will: else `begin` another session with this one as `previous`.

        False after 4 000 messages, or 30 days (ms), without any answer.
        """
        present = self.present
        if present.handshake and now - present.began > UNANSWERED_MS:
            return False
        return double_ratchet.can_seal(present.ratchet)

    def to_bytes(self) -> bytes:
        """Return the one encoding, for sealed storage only."""
        present = pack_state(self.present)
        return _STORED.pack(_FORMAT, self.peer, len(present)) + present + self.archived

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Session":
        """Read what `to_bytes` made, strictly. Raises MalformedError."""
        if len(raw) < _STORED.size:
            raise MalformedError("a stored session is too short")
        version, peer, size = _STORED.unpack_from(raw)
        end = _STORED.size + size
        if version != _FORMAT or end > len(raw):
            raise MalformedError("a stored session has another version or length")
        archived = raw[end:]
        read_archive(archived)
        return cls(peer, read_state(raw[_STORED.size : end]), archived)


class FirstContact(msgspec.Struct, frozen=True, gc=False):
    """A handshake that made a session: `digest` (32 bytes) names it; keep it until `until` (ms).

    The caller stores it in the transaction that saves the session. A digest that is stored already is a
    repeat: the caller drops the result and treats the message as a duplicate.
    """

    digest: bytes
    until: int


class Opened(Secret, msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What opening gives. Prints nothing.

    `used` names the one-time prekeys whose private halves go in the transaction that saves `session`.
    `first` is set where the message made a session. `last_resort` is the opening session's.
    """

    session: Session
    plaintext: bytes
    used: tuple[tuple[PrekeyKind, int], ...]
    first: FirstContact | None
    last_resort: bool
    position: Position


def begin(
    own: OwnDevice,
    peer: DeviceCertificate,
    bundle: PrekeyBundle,
    *,
    encapsulation: Encapsulation,
    now: int,
    random: Callable[[int], bytes],
    previous: Session | None,
) -> Session:
    """Begin a session with a device that may be away; `previous` goes into the archive.

    `encapsulation` was made to `bundle.kem.key`; `now` is in milliseconds. Also the way to ask for a retry:
    the request travels in a fresh session. Raises ExpiredError (bundle), WrongAccountError (bundle or
    `previous` of another device, or of other keys), BadKeyError.
    """
    bundle.check_fresh(now)
    agreed = initiate(own, peer, bundle, encapsulation=encapsulation, random=random)
    ratchet = double_ratchet.begin_initiator(agreed.secret, agreed.ad, agreed.signed_prekey)
    state = SessionState(agreed.contact, True, False, agreed.last_resort, now, agreed.handshake, ratchet)
    return _succeed(previous, peer, state, now)


def seal(
    session: Session, plaintext: bytes, *, random: Callable[[int], bytes], now: int
) -> tuple[Session, bytes]:
    """Seal one message with the present session. Returns the session to save before the message is sent.

    Raises NoSessionError unless `Session.usable`, MisuseError for a plaintext above 60 KiB.
    """
    if not session.usable(now):
        raise NoSessionError("this session went too long without an answer; begin another one")
    if len(plaintext) > MAX_PLAINTEXT:
        raise MisuseError("a message has at most 60 KiB")
    present = session.present
    prefix = _FIRST_PREFIX if present.handshake else _ORDINARY_PREFIX
    ratchet, sealed = double_ratchet.seal_message(present.ratchet, plaintext, prefix, random)
    after = replace(session, present=replace(present, ratchet=ratchet))
    return after, prefix + present.handshake + sealed


def prekeys_needed(message: bytes) -> PrekeyNeeds | None:
    """Say which private halves `message` names; None for an ordinary message.

    Of use where no session holds the handshake: `open_message` ignores them where one does. Raises
    MalformedError, BadKeyError.
    """
    if _kind(message) == ORDINARY:
        return None
    return needs_of(message[_PREFIX_BYTES:_FIRST_HEADER_AT])


def open_message(
    own: OwnDevice,
    peer: DeviceCertificate,
    session: Session | None,
    message: bytes,
    *,
    prekeys: PrekeysHeld | None,
    now: int,
) -> Opened:
    """Open a message of `peer`, whose certificate the envelope proved, at `now` (ms).

    Raises MalformedError, BadKeyError, WrongAccountError (`session` is of another device or other keys),
    and of OpenError: NoSessionError, UnknownPrekeyError, TooFarError, DuplicateError. All but the last ask
    for a retry. A duplicate whose envelope was never stored asks for one too: the sender's database went
    back in time, and it used a place in the chain again for other words.
    """
    kind = _kind(message)
    if session is not None:
        _check_peer(session, peer)
    if kind == ORDINARY:
        if session is None:
            raise NoSessionError("there is no session with this device")
        return _open_ordinary(session, _Part(own, message[_PREFIX_BYTES:], _ORDINARY_PREFIX, now))
    handshake, sealed = message[_PREFIX_BYTES:_FIRST_HEADER_AT], message[_FIRST_HEADER_AT:]
    if session is not None:
        known = _open_repeat(session, contact_of(handshake), _Part(own, sealed, _FIRST_PREFIX, now))
        if known is not None:
            return known
    return _open_first(own, peer, session, _First(handshake, sealed, prekeys, now))


class _First(msgspec.Struct, frozen=True, gc=False):
    handshake: bytes
    sealed: bytes
    prekeys: PrekeysHeld | None
    now: int


def _open_first(own: OwnDevice, peer: DeviceCertificate, session: Session | None, first: _First) -> Opened:
    needs = needs_of(first.handshake)
    if first.prekeys is None:
        raise UnknownPrekeyError("a first message names prekeys that are not held")
    agreed = respond(own, peer, first.handshake, first.prekeys)
    fresh = double_ratchet.begin_responder(agreed.secret, agreed.ad, agreed.signed_prekey)
    ratchet, plaintext = double_ratchet.open_message(fresh, first.sealed, _FIRST_PREFIX, first.now)
    state = SessionState(agreed.contact, False, False, agreed.last_resort, first.now, b"", ratchet)
    used = []
    if needs.one_time_id is not None:
        used.append((PrekeyKind.ONE_TIME, needs.one_time_id))
    if needs.kem_kind is PrekeyKind.KEM_ONE_TIME:
        used.append((PrekeyKind.KEM_ONE_TIME, needs.kem_id))
    return Opened(
        session=_succeed(session, peer, state, first.now),
        plaintext=plaintext,
        used=tuple(used),
        first=FirstContact(agreed.contact, first.now + REPLAY_MS),
        last_resort=agreed.last_resort,
        position=Position(*double_ratchet.position_of(first.sealed, ratchet)),
    )


class _Part(msgspec.Struct, frozen=True, gc=False):
    own: OwnDevice
    sealed: bytes
    prefix: bytes
    now: int


def _open_ordinary(session: Session, part: _Part) -> Opened:
    try:
        return _open_present(session, part)
    except OpenError as error:
        # The refusal that says most is passed on: that a message was opened before, above all.
        reason = error
    if isinstance(reason, DuplicateError | TooFarError):
        raise reason
    entries = read_archive(session.archived)
    for at in range(len(entries)):
        try:
            return _open_archived(session, entries, at, part)
        except DuplicateError:
            raise
        except OpenError:
            continue
    raise reason


def _open_repeat(session: Session, contact: bytes, part: _Part) -> Opened | None:
    """Open a first message of a session that is held already; None where there is no such session."""
    if session.present.contact == contact:
        return _open_present(session, part)
    entries = read_archive(session.archived)
    for at, entry in enumerate(entries):
        if entry.state.contact == contact:
            return _open_archived(session, entries, at, part)
    return None


def _open_present(session: Session, part: _Part) -> Opened:
    present = session.present
    ratchet, plaintext = double_ratchet.open_message(present.ratchet, part.sealed, part.prefix, part.now)
    after = _opened(present, ratchet, part.prefix)
    return _result(replace(session, present=after), after, plaintext, part.sealed)


def _open_archived(session: Session, entries: list[Archived], at: int, part: _Part) -> Opened:
    former = entries[at].state
    ratchet, plaintext = double_ratchet.open_message(former.ratchet, part.sealed, part.prefix, part.now)
    used = _opened(former, ratchet, part.prefix)
    others = entries[:at] + entries[at + 1 :]
    if _stays(part, session):
        archived = pack_archive([Archived(part.now, used), *others])
        return _result(replace(session, archived=archived), used, plaintext, part.sealed)
    archived = archive(pack_archive(others), session.present, part.now)
    return _result(Session(session.peer, used, archived), used, plaintext, part.sealed)


def _opened(state: SessionState, ratchet: double_ratchet.Ratchet, prefix: bytes) -> SessionState:
    # A responder knows that its answer came through when the initiator stops sending the handshake.
    answered = state.answered or state.initiator or prefix == _ORDINARY_PREFIX
    return SessionState(
        state.contact, state.initiator, answered, state.last_resort, state.began, b"", ratchet
    )


def _stays(part: _Part, session: Session) -> bool:
    """Say whether the present session stays although the other device used an archived one.

    Messages that cross would make both change places for ever, so one device leads: it stays while words of
    its own are on the way in a session that the other is known to hold, and the other follows them. In
    every other case the other device's choice is followed, because it may have lost the present session.
    """
    present = session.present
    held = present.answered or not present.initiator
    return held and present.ratchet.sending is not None and _name(part.own) < session.peer[:_NAME_BYTES]


def _result(session: Session, state: SessionState, plaintext: bytes, sealed: bytes) -> Opened:
    return Opened(
        session=session,
        plaintext=plaintext,
        used=(),
        first=None,
        last_resort=state.last_resort,
        position=Position(*double_ratchet.position_of(sealed, state.ratchet)),
    )


def _succeed(previous: Session | None, peer: DeviceCertificate, state: SessionState, now: int) -> Session:
    if previous is None:
        return Session(_peer_bytes(peer), state, b"")
    _check_peer(previous, peer)
    return Session(previous.peer, state, archive(previous.archived, previous.present, now))


def _name(own: OwnDevice) -> bytes:
    return _NAME.pack(own.account, own.device)


def _peer_bytes(peer: DeviceCertificate) -> bytes:
    return _PEER.pack(peer.account, peer.device, peer.identity_key, peer.agreement_key)


def _check_peer(session: Session, peer: DeviceCertificate) -> None:
    if session.peer != _peer_bytes(peer):
        raise WrongAccountError("the session belongs to another device, or to other keys")


def _kind(message: bytes) -> int:
    if len(message) > MAX_MESSAGE:
        raise MalformedError("a message is too long")
    prefix = message[:_PREFIX_BYTES]
    if prefix == _ORDINARY_PREFIX:
        return ORDINARY
    if prefix == _FIRST_PREFIX:
        return FIRST
    raise MalformedError("a message of an unknown version or kind")

"""The outside of every message: it tells its sender and its kind to nobody but the recipient.

Knows how (sender chain, message) becomes an envelope of one of few sizes, and back. Must not know what the
message says, nor whether the chain holds: whoever opens an envelope verifies the chain, and with
`check_sender` that it belongs to the session. Spec: shared/spec/content.md, "Sealed sender".
"""

from enum import IntEnum
from typing import Final, NamedTuple

from letterlock.devices.device_list import DeviceCertificate
from letterlock.encoding import Reader, pack
from letterlock.errors import MalformedError, MisuseError, WrongAccountError
from letterlock.ids import AccountId, DeviceId
from letterlock.primitives.derivation import Label
from letterlock.primitives.keys import AgreementKey
from letterlock.primitives.padding import padded_size
from letterlock.primitives.sealing import HPKE_OVERHEAD_BYTES, hpke_open, hpke_seal

ENVELOPE_VERSION: Final = 1
MAX_ENVELOPE_BYTES: Final = 64 * 1024
MAX_CHAIN_BYTES: Final = 2048
ENVELOPE_BASE: Final = 832
"""What an ordinary message needs beside its padded payload, rounded up: chain, ratchet header, tags.

Rounded so that a first message with a short text falls in the class of an ordinary one of up to 2 KiB.
"""


class MessageType(IntEnum):
    """What kind of message an envelope holds. Only the recipient learns it."""

    FIRST = 1
    """Begins a session: a PQXDH header, then a ratchet message."""
    ORDINARY = 2
    """A ratchet message of a session that exists."""


class OpenedEnvelope(NamedTuple):
    """What an envelope held: a chain that nobody has verified yet, and the message behind it."""

    chain: bytes
    kind: MessageType
    message: bytes


def seal_for(recipient: DeviceCertificate, chain: bytes, kind: MessageType, message: bytes) -> bytes:
    """Seal a message for one device, so that only it learns from whom, and what kind it is.

    `chain` is a packed SenderChain. Raises MisuseError where the whole would pass 64 KiB.
    """
    inside = pack(chain, bytes([kind]), message)
    envelope_bytes = envelope_size(1 + len(inside) + HPKE_OVERHEAD_BYTES)
    if len(chain) > MAX_CHAIN_BYTES or envelope_bytes > MAX_ENVELOPE_BYTES:
        raise MisuseError("a message is too large for an envelope")
    padded = inside.ljust(envelope_bytes - 1 - HPKE_OVERHEAD_BYTES, b"\0")
    info = _info(recipient.account, recipient.device)
    return bytes([ENVELOPE_VERSION]) + hpke_seal(recipient.sealing_key, padded, info)


def open_for(
    own_sealing: AgreementKey, account: AccountId, device: DeviceId, envelope: bytes
) -> OpenedEnvelope:
    """Open an envelope sealed for this device.

    Raises OpenError where it was sealed for another device or damaged, MalformedError where what is inside
    (or the envelope's version) is not ours. Nothing in it is verified: see `check_sender`.
    """
    if not envelope or len(envelope) > MAX_ENVELOPE_BYTES:
        raise MalformedError("an envelope has 1 byte to 64 KiB")
    if envelope[0] != ENVELOPE_VERSION:
        raise MalformedError("an envelope of another version")
    padded = hpke_open(own_sealing, envelope[1:], _info(account, device))
    opened, used = _read(padded)
    if (
        len(envelope) != envelope_size(1 + used + HPKE_OVERHEAD_BYTES)
        or padded.count(0, used) != len(padded) - used
    ):
        raise MalformedError("an envelope is padded wrongly")
    return opened


def envelope_size(size: int) -> int:
    """Return the length of the envelope that needs `size` bytes: 832 and the size class of the rest.

    First messages so have the length of somewhat longer ordinary ones, instead of one of their own.
    """
    return ENVELOPE_BASE + padded_size(max(0, size - ENVELOPE_BASE))


def check_sender(sender: DeviceCertificate, session_peer: DeviceCertificate) -> None:
    """Refuse a message whose verified chain names another device than its session does.

    The sealing key may differ: it changes monthly. Raises WrongAccountError.
    """
    if (sender.account, sender.device, sender.identity_key, sender.agreement_key) != (
        session_peer.account,
        session_peer.device,
        session_peer.identity_key,
        session_peer.agreement_key,
    ):
        raise WrongAccountError("the sender's chain and the session name different devices")


def _info(account: AccountId, device: DeviceId) -> bytes:
    return pack(Label.SEALED_SENDER.value, ENVELOPE_VERSION, account, device)


def _read(padded: bytes) -> tuple[OpenedEnvelope, int]:
    reader = Reader(padded)
    chain = reader.blob(most=MAX_CHAIN_BYTES)
    kind = reader.blob(exactly=1)[0]
    message = reader.blob(most=MAX_ENVELOPE_BYTES)
    try:
        opened = OpenedEnvelope(chain, MessageType(kind), message)
    except ValueError as error:
        raise MalformedError("a message of a kind this version does not know") from error
    return opened, 3 * 4 + len(chain) + 1 + len(message)

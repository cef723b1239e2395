"""A signed object: one shape for everything an account or a device ever signs for others to keep.

::

    raw    = fields || signature                        signature: 64 bytes, Ed25519 (RFC 8032) over `fields`
    fields = pack(domain, kind, number, account, device, created, body)

The kind is inside what is signed, so a signature made for one purpose does not hold for another. What was
received is checked and kept as it came (`raw`), never encoded again. Spec: shared/spec/devices.md,
"Signed objects". Must not know what a body means, nor which key ought to have signed: its callers do.
"""

from enum import IntEnum
from typing import Final

import msgspec

from letterlock.encoding import Reader, pack
from letterlock.errors import MalformedError, MisuseError, WrongAccountError
from letterlock.ids import ACCOUNT_BYTES, MAX_DEVICE, AccountId
from letterlock.primitives.derivation import Label
from letterlock.primitives.keys import SigningKey, verify

SIGNATURE_BYTES: Final = 64
MAX_COUNT: Final = 2**53 - 1
"""The greatest epoch, version or time in milliseconds: what every language's numbers hold exactly."""
MAX_OBJECT: Final = 16 * 1024
"""The greatest signed object, in bytes: a list of 16 devices is well below it."""
NO_DEVICE: Final = 0
"""The device of an object that speaks for the account as a whole."""


class Kind(IntEnum):
    """What an object is signed for. A number, once given, is never used for anything else."""

    LIST_CERTIFICATE = 1
    """By the root key: this list key speaks for the account in this epoch."""
    DEVICE_CERTIFICATE = 2
    """By the list key: these keys belong to this device."""
    DEVICE_LIST = 3
    """By the list key: these are the account's devices now."""
    HANDLE_ENTRY = 4
    """By the list key: this handle is a name of the account."""
    SIGNED_PREKEY = 17
    """By a device's identity key: its medium-term X25519 prekey."""
    ONE_TIME_PREKEY = 18
    """By a device's identity key: an X25519 prekey for one first message."""
    KEM_LAST_RESORT_PREKEY = 19
    """By a device's identity key: its medium-term ML-KEM-1024 prekey."""
    KEM_ONE_TIME_PREKEY = 20
    """By a device's identity key: an ML-KEM-1024 prekey for one first message."""
    VAULT_STATEMENT = 33
    """By a device's identity key: how the account's recovery secret is shared among a fleet's realms."""
    VAULT_REGISTER = 34
    """By a device's identity key: one realm is to keep this record."""
    VAULT_ANCHOR = 35
    """By a device's identity key: this is the newest backup."""
    VAULT_DELETE = 36
    """By a device's identity key: one realm is to forget the account's record."""
    VAULT_LEDGER = 37
    """By a device's identity key: one realm is to show its ledger of the account."""


class Fields(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a signature covers. `number` is the epoch, version or key id that the kind is counted by."""

    kind: Kind
    number: int
    account: AccountId
    device: int
    created: int
    body: bytes


def sign(key: SigningKey, fields: Fields) -> bytes:
    """Return the object's exact bytes, signed. Raises MisuseError where a field passes its limit."""
    if len(fields.account) != ACCOUNT_BYTES:
        raise MisuseError("an account id has 20 bytes")
    if fields.device > MAX_DEVICE or max(fields.number, fields.created) > MAX_COUNT:
        raise MisuseError("a number passes its limit")
    signed = pack(
        Label.SIGNED_OBJECT,
        int(fields.kind),
        fields.number,
        fields.account,
        fields.device,
        fields.created,
        fields.body,
    )
    raw = signed + key.sign(signed)
    if len(raw) > MAX_OBJECT:
        raise MisuseError("a signed object is too large")
    return raw


def read(raw: bytes, *kinds: Kind) -> Fields:
    """Return the fields of an object of one of these kinds, NOT YET VERIFIED. Raises MalformedError."""
    if not SIGNATURE_BYTES < len(raw) <= MAX_OBJECT:
        raise MalformedError("a signed object has the wrong length")
    reader = Reader(raw[:-SIGNATURE_BYTES])
    reader.constant(Label.SIGNED_OBJECT)
    number_of_kind = reader.number(most=255)
    if number_of_kind not in kinds:
        raise MalformedError("this object is signed for another purpose")
    fields = Fields(
        kind=Kind(number_of_kind),
        number=reader.number(most=MAX_COUNT),
        account=AccountId(reader.blob(exactly=ACCOUNT_BYTES)),
        device=reader.number(most=MAX_DEVICE),
        created=reader.number(most=MAX_COUNT),
        body=reader.blob(most=MAX_OBJECT),
    )
    reader.end()
    return fields


def check_owner(fields: Fields, account: AccountId, device: int) -> None:
    """Raise WrongAccountError unless the object speaks for exactly this account and device."""
    if fields.account != account:
        raise WrongAccountError("this object belongs to another account")
    if fields.device != device:
        raise WrongAccountError("this object belongs to another device")


def check_signature(raw: bytes, public: bytes) -> None:
    """Verify the exact bytes that came. Raises BadSignatureError, BadKeyError."""
    verify(public, raw[:-SIGNATURE_BYTES], raw[-SIGNATURE_BYTES:])

"""What a backup carries of how its owner set it up: how often, of what, and which ways open it.

It is the value of one setting record, so a reader that does not know it passes over it. Nothing in here opens
anything: no recovery secret, and nothing that follows from a password. Must not know how realms are asked whether
what it says of them still holds. Spec: shared/spec/backup.md, "How the owner set it up".
"""

from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from letterlock.errors import MalformedError

NAME: Final = "backup"
"""The setting that it is the value of."""
MAX_FLEET: Final = 64 * 1024
"""Bytes of a fleet file."""

_Number = Annotated[int, Meta(ge=0, le=2**53 - 1)]
_Prefix = Annotated[bytes, Meta(min_length=16, max_length=16)]


class _Hidden(msgspec.Struct, frozen=True, gc=False):
    """A msgpack map. Keys that are not known are passed over, and nothing of it is shown in a log or a traceback."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Guard(_Hidden, frozen=True, gc=False):
    """The vault that keeps the recovery secret under a password."""

    fleet: Annotated[bytes, Meta(max_length=MAX_FLEET)]
    """The fleet file, as the owner confirmed it."""
    epoch: _Number
    """Of the registration that the writer knew of; realms may know of a later one."""
    locator: Annotated[bytes, Meta(max_length=32)]
    """The owner's door; empty where the writer did not know it."""


class Turn(_Hidden, frozen=True, gc=False):
    """A rotation of the recovery secret that is under way, or whose old backup is still there."""

    former: _Prefix
    """The prefix under the old key."""
    later: _Prefix
    """The one under the new key."""
    generation: _Number
    """The last one that is written under the old key."""


class Choices(_Hidden, frozen=True, gc=False, omit_defaults=True):
    """How the owner set backups up."""

    frequency: Annotated[str, Meta(max_length=64)]
    """Off, daily, weekly or monthly; a word that is not known is one that a later release brought."""
    media: bool
    videos: bool
    recovery_key: bool
    """Whether the owner has the 64 digits."""
    vault: Guard | None = None
    """None where there is no password."""
    turn: Turn | None = None
    """None where no rotation has left anything."""


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Choices)


def pack(choices: Choices) -> bytes:
    """Return the value of the setting: the same bytes for the same choices."""
    return _encoder.encode(choices)


def read(value: bytes) -> Choices:
    """Read the value of the setting, type by type. Raises MalformedError."""
    try:
        return _decoder.decode(value)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise MalformedError(f"this does not say how a backup was set up: {error}") from error

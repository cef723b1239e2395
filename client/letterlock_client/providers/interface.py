"""What a backup asks of the place where it lies: five methods, the names they take, and how they fail.

A provider keeps sealed bytes under names, and is trusted with nothing else. Must not know what the bytes are.

::

    ProviderError             a ClientError: `code`, and a sentence that says what to do
    ├── UnreachableError      it is not there now: try again later        provider_unreachable
    ├── RefusedError          it is there and says no: change something   provider_refused
    ├── FullError             no room for this object                     provider_full
    └── MissingError          no such object                              backup_missing
"""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final, Protocol

from letterlock.errors import MisuseError
from letterlock_client.errors import ClientError, Code

_NAME: Final = re.compile(r"[0-9a-z][0-9a-z-]{0,127}(?:/[0-9a-z][0-9a-z-]{0,127}){0,3}")


class ProviderError(ClientError):
    """A provider could not do what was asked."""


class UnreachableError(ProviderError):
    """It is not there now; the same call may succeed later."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.PROVIDER_UNREACHABLE, message)


class RefusedError(ProviderError):
    """It is there and says no; the owner has to change something."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.PROVIDER_REFUSED, message)


class FullError(ProviderError):
    """There is no room for this object; nothing of it was kept."""

    def __init__(self, message: str) -> None:
        super().__init__(Code.PROVIDER_FULL, message)


class MissingError(ProviderError):
    """There is no object of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(Code.BACKUP_MISSING, f"{name} is not at the provider", object=name)
        self.name = name


@dataclass(frozen=True, slots=True)
class Found:
    """An object that is there, and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class ProviderInfo:
    """What a face shows of a provider."""

    kind: str
    """`folder`, `memory`."""
    place: str
    """Where it is, for people."""
    free: int | None = None
    """Bytes that still fit, where it says so."""


class Provider(Protocol):
    """Keeps objects under names. Names and bytes are as `check_name` and the callers made them.

    Calls may run at the same time. Every method raises UnreachableError and RefusedError besides its own.
    """

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        """Keep an object, whole or not at all; once this returns it survives a power cut.

        False, and nothing is changed, where an object of that name is there: objects are never overwritten.
        A call that failed or was cancelled left nothing under the name, or all of it, and may be repeated.
        What an iterator raises goes to the caller. Raises FullError.
        """

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """Return `length` bytes of an object from `start` on, or all; fewer where it ends before.

        Raises MissingError.
        """

    async def list(self, prefix: str) -> list[Found]:
        """Return every object whose name lies under the folder `prefix` (`a/b`, without a stroke at the end).

        In the order of names; nothing for a folder that is not there. Whatever is no object is left out; an object
        never is: where one cannot be looked at, the list fails, and says which.
        """

    async def delete(self, name: str) -> None:
        """Forget an object; one that is not there is forgotten already."""

    async def info(self) -> ProviderInfo:
        """Say what and where this provider is, having looked that it answers."""


def check_name(name: str) -> str:
    """Return `name` if it may name an object or a folder: 1 to 4 parts of a-z, 0-9 and -, none beginning with -.

    Raises MisuseError: no name comes from anybody else.
    """
    if not _NAME.fullmatch(name):
        raise MisuseError("this is no name of an object")
    return name


def is_name(name: str) -> bool:
    """Say whether something that lies at a provider has a name of ours."""
    return _NAME.fullmatch(name) is not None


def check_range(start: int, length: int | None) -> None:
    """Refuse a range that begins before the object or has a negative length. Raises MisuseError."""
    if start < 0 or (length is not None and length < 0):
        raise MisuseError("a range begins at 0 or later and is not negative")

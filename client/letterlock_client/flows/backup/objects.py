"""The objects of one backup at its provider: written and read with patience, and what is wrong with them said.

Passing failures are tried again with growing pauses; a wrong object is named and never given out. Must not know
what the objects hold.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Final, TypeVar

from letterlock.errors import (
    BackupError,
    DamagedChunkError,
    ManifestMismatchError,
    MissingObjectError,
    NewerFormatError,
    OtherAccountError,
    StaleGenerationError,
    TruncatedError,
    WrongSecretError,
)
from letterlock_client.errors import DAMAGE, ClientError, Code, behind_a_colon
from letterlock_client.links.relay import Sleep
from letterlock_client.providers.interface import Found, MissingError, Provider, UnreachableError

T = TypeVar("T")

PAUSES_S: Final = (0.25, 0.5, 1.0)
"""How long to wait before each further try."""

MAX_WHOLE_BYTES: Final = 128 * 1024 * 1024
"""More than any manifest or segment has: of what goes on behind it no more is read, and its reader says so."""

_CODES: Final[dict[type[BackupError], Code]] = {
    WrongSecretError: Code.NOTHING_FOUND,
    DamagedChunkError: Code.BACKUP_DAMAGED,
    TruncatedError: Code.BACKUP_TRUNCATED,
    MissingObjectError: Code.BACKUP_MISSING,
    ManifestMismatchError: Code.BACKUP_MISMATCH,
    StaleGenerationError: Code.BACKUP_STALE,
    OtherAccountError: Code.BACKUP_OTHER_ACCOUNT,
    NewerFormatError: Code.BACKUP_NEWER,
}


WRONG_THERE: Final = (Code.NOTHING_FOUND, *DAMAGE)
"""What is said of a provider that has not, or not whole, what was written there."""


def told(error: BackupError) -> ClientError:
    """Say in public terms what is wrong with a backup."""
    facts: dict[str, str | int | float | bool] = {}
    if name := getattr(error, "name", ""):
        facts["object"] = str(name)
    if isinstance(error, DamagedChunkError):
        facts["chunk"] = error.index
    if isinstance(error, StaleGenerationError):
        facts |= {"generation": error.generation, "expected": error.known}
    return ClientError(_CODES.get(type(error), Code.BACKUP_MISMATCH), behind_a_colon(str(error)), **facts)


@contextmanager
def telling() -> Iterator[None]:
    """Let what is wrong with a backup come out as a public error."""
    try:
        yield
    except BackupError as error:
        raise told(error) from error


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """Run tasks side by side; where one fails the others are given up, and what it failed with comes out plain."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failed:
        problem: BaseException = failed
        while isinstance(problem, BaseExceptionGroup):
            problem = problem.exceptions[0]
        raise problem from None


class Objects:
    """One provider, asked with patience."""

    def __init__(self, provider: Provider, sleep: Sleep, pauses: Sequence[float] = PAUSES_S) -> None:
        """Wait so many seconds before each further try of what cannot be reached; without pauses there is one try."""
        self.provider = provider
        self._sleep = sleep
        self._pauses = pauses
        self.sealing = asyncio.Lock()
        """Held while rows or a small file are sealed: two threads at that are in each other's way, and no faster."""

    def impatient(self) -> "Objects":
        """The same provider, asked once: for whoever comes again to what was asked for with patience."""
        return Objects(self.provider, self._sleep, ())

    async def put(self, name: str, data: bytes) -> None:
        """Write an object that is there afterwards, whoever wrote it: names are random or follow from content."""
        await self._patiently(lambda: self.provider.put(name, data))

    async def stream(self, name: str, parts: Callable[[], AsyncIterator[bytes]]) -> None:
        """Write an object piece by piece; `parts` begins anew for each try."""
        await self._patiently(lambda: self.provider.put(name, parts()))

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """Read a manifest or segment, or a part of any object. Raises code backup_missing too."""
        wanted = MAX_WHOLE_BYTES if length is None else length
        try:
            return await self._patiently(lambda: self.provider.get(name, start, wanted))
        except MissingError as error:
            raise told(MissingObjectError(name)) from error

    async def list(self, prefix: str) -> list[Found]:
        """What lies under a prefix."""
        return await self._patiently(lambda: self.provider.list(prefix))

    async def delete(self, name: str) -> None:
        """Delete an object; one that is gone is deleted."""
        await self._patiently(lambda: self.provider.delete(name))

    @asynccontextmanager
    async def marked(self, name: str) -> AsyncIterator[None]:
        """Have an object of this name lie there for a while, so that another name of the same place shows it.

        Give it a segment's name: what a crash leaves of it goes with what no generation refers to.
        """
        await self.put(name, b"\0")
        try:
            yield
        finally:
            with suppress(ClientError):
                await self.delete(name)

    async def has(self, name: str) -> bool:
        """Say whether an object of this name is there, whatever is in it."""
        try:
            await self.get(name, 0, 1)
        except ClientError as error:
            if error.code is not Code.BACKUP_MISSING:
                raise
            return False
        return True

    async def gives_out(self, prefix: str) -> bool:
        """Say whether anything of a backup can be read now: then what cannot is not the whole provider's failure."""
        for kind in ("manifest", "segment"):
            with suppress(ClientError):
                for found in (await self.list(f"{prefix}/{kind}"))[-1:]:
                    if await self.get(found.name, 0, 1):
                        return True
        return False

    async def _patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        for pause in self._pauses:
            try:
                return await ask()
            except UnreachableError:
                await self._sleep(pause)
        return await ask()

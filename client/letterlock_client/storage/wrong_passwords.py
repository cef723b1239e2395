"""Which backup passwords were tried here and were wrong: no second guess is spent on one of them.

A wrong password may be near to the right one, so what is kept is as slow to guess at as a vault's own: Argon2id under
a salt of this file. A new registration may have made a wrong one right: each counts for the epoch that it was tried
in. Must not know the vault, nor who tries.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from letterlock.primitives.derivation import ARGON2_SALT_BYTES, Argon2Parameters, argon2id
from letterlock_client.config import make_private_folder, write_private_file
from letterlock_client.errors import ClientError

MOST: Final = 32
MOST_BYTES: Final = 16 * 1024


class _Tried(msgspec.Struct, array_like=True, frozen=True):
    account: bytes
    epoch: int
    digest: bytes


class _Kept(msgspec.Struct, array_like=True, frozen=True):
    salt: bytes
    tried: list[_Tried]


@dataclass(frozen=True, slots=True)
class WrongPasswords:
    """Those of one profile, in a file; without the file nothing is known and everything goes on."""

    path: Path
    random: Callable[[int], bytes]
    stretching: Argon2Parameters

    async def epochs(self, account: bytes, password: bytes) -> set[int]:
        """In which epochs of this account's registration the password was wrong."""
        return await asyncio.to_thread(self._epochs, account, password)

    async def note(self, account: bytes, epoch: int, password: bytes) -> None:
        """It was wrong now. A disk that is full or fails keeps nothing."""
        with suppress(ClientError, MemoryError):
            await asyncio.to_thread(self._note, account, epoch, password)

    async def forget(self, account: bytes) -> None:
        """The right one is known: what was near to it is not kept any longer."""
        with suppress(ClientError):
            await asyncio.to_thread(self._forget, account)

    def _epochs(self, account: bytes, password: bytes) -> set[int]:
        kept = self._load()
        if not any(each.account == account for each in kept.tried):
            return set()
        digest = self._digest(kept, password)
        return {each.epoch for each in kept.tried if (each.account, each.digest) == (account, digest)}

    def _note(self, account: bytes, epoch: int, password: bytes) -> None:
        kept = self._load()
        tried = [*kept.tried, _Tried(account, epoch, self._digest(kept, password))]
        self._save(_Kept(kept.salt, tried[-MOST:]))

    def _forget(self, account: bytes) -> None:
        kept = self._load()
        others = [each for each in kept.tried if each.account != account]
        if others:
            self._save(_Kept(kept.salt, others))
        else:
            with suppress(OSError):
                self.path.unlink(missing_ok=True)

    def _digest(self, kept: _Kept, password: bytes) -> bytes:
        return argon2id(password, kept.salt, parameters=self.stretching)

    def _load(self) -> _Kept:
        try:
            with self.path.open("rb") as file:
                kept = msgspec.msgpack.decode(file.read(MOST_BYTES), type=_Kept)
        except (OSError, msgspec.MsgspecError):
            kept = _Kept(b"", [])
        if len(kept.salt) != ARGON2_SALT_BYTES:
            return _Kept(self.random(ARGON2_SALT_BYTES), [])
        return kept

    def _save(self, kept: _Kept) -> None:
        make_private_folder(self.path.parent)
        write_private_file(self.path, msgspec.msgpack.encode(kept))

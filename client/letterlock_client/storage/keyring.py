"""A profile's long-lived keys on disk: the database key, the root key and the recovery secret, sealed in one file.

The key of the sealing comes from the local passphrase by Argon2id; without a passphrase a random key stands
in the same file, which only its rights (0600) protect. Each of the keys is sealed under its own derived key
with a commitment, so whoever opens the database has opened neither the root key nor the backups' recovery
secret. Changing the passphrase replaces this one file and rewrites no data. Must not know the database, what
the root key signs or what the recovery secret opens.

File: pack(magic, mode, memory KiB, passes, lanes, salt or key), sealed database key, sealed root seed, and,
where backups are on, sealed recovery secret, a second one while another takes its place; the part before the sealed
ones is their associated data.
"""

import asyncio
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from letterlock.encoding import Reader, pack
from letterlock.errors import MalformedError, OpenError
from letterlock.primitives.derivation import ARGON2_SALT_BYTES, Argon2Parameters, Label, argon2id, hkdf
from letterlock.primitives.sealing import (
    LONG_NONCE_BYTES,
    open_with_key_commitment,
    seal_with_key_commitment,
)
from letterlock_client.config import Places, Unlock, file_failed, write_private_file
from letterlock_client.errors import ClientError, Code, backups_off, wrong_passphrase

Random = Callable[[int], bytes]

KEY_BYTES: Final = 32
_MAGIC: Final = b"letterlock key file 1"
_BARE: Final = 0
_PASSPHRASE: Final = 1
_MOST_SECRETS: Final = 2


@dataclass(frozen=True, slots=True)
class Lock:
    """How the sealing key is made: Argon2id parameters and salt, or (None) the key itself."""

    parameters: Argon2Parameters | None
    salt_or_key: bytes = field(repr=False)

    def pack(self) -> bytes:
        """The file's first part, bound into both seals."""
        cost = self.parameters
        numbers = (
            (_BARE, 0, 0, 0) if cost is None else (_PASSPHRASE, cost.memory_kib, cost.passes, cost.lanes)
        )
        return pack(_MAGIC, *numbers, self.salt_or_key)

    async def sealing_key(self, unlock: Unlock) -> bytes:
        """Derive the key. Raises code wrong_passphrase where there is one and none is given, or the reverse."""
        if self.parameters is None:
            if unlock.passphrase is not None:
                raise wrong_passphrase()
            return self.salt_or_key
        if unlock.passphrase is None:
            raise wrong_passphrase()
        # The same passphrase from another keyboard or system may be composed differently.
        passphrase = unicodedata.normalize("NFKC", unlock.passphrase).encode("utf-8", "surrogatepass")
        try:
            return await asyncio.to_thread(argon2id, passphrase, self.salt_or_key, parameters=self.parameters)
        except MemoryError as error:
            raise ClientError(Code.FAILED, "not enough memory to check the passphrase") from error


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What the file holds."""

    lock: Lock
    sealed_database_key: bytes
    sealed_root_seed: bytes
    sealed_recovery_secrets: tuple[bytes, ...] = ()
    """None where there are no backups; two while one takes the other's place."""

    def pack(self) -> bytes:
        """The file's bytes."""
        return self.lock.pack() + pack(
            self.sealed_database_key, self.sealed_root_seed, *self.sealed_recovery_secrets
        )


def has_passphrase(places: Places) -> bool:
    """Say whether the profile's keys are under a passphrase. Raises codes no_profile, storage_damaged."""
    return _load(places).lock.parameters is not None


async def create(
    places: Places,
    unlock: Unlock,
    *,
    root_seed: bytes,
    random: Random,
    cost: Argon2Parameters = Argon2Parameters.MODERATE,
) -> bytes:
    """Make the key file with a fresh database key and this root seed; return the database key.

    The folder must exist and be locked. Raises codes profile_exists, bad_input, file_failed, storage_full.
    """
    if places.exists():
        raise ClientError(Code.PROFILE_EXISTS, f"profile {places.name} exists already", profile=places.name)
    database_key = random(KEY_BYTES)
    await _write(places, unlock, (database_key, root_seed), random, cost)
    return database_key


async def open_database_key(places: Places, unlock: Unlock) -> bytes:
    """Return the 32-byte database key. Raises codes no_profile, wrong_passphrase, storage_damaged."""
    file = _load(places)
    key = await file.lock.sealing_key(unlock)
    return _open(key, Label.DATABASE_KEY, file.sealed_database_key, file.lock)


async def open_root_seed(places: Places, unlock: Unlock) -> bytes:
    """Return the 32-byte seed of the account's root key; the passphrase is asked for each time.

    Raises codes no_profile, wrong_passphrase, storage_damaged.
    """
    file = _load(places)
    key = await file.lock.sealing_key(unlock)
    return _open(key, Label.ROOT_SEED, file.sealed_root_seed, file.lock)


async def open_recovery_secrets(places: Places, unlock: Unlock) -> tuple[bytes, ...]:
    """Return the 32 bytes that open this account's backups; the passphrase is asked for each time.

    There are two while one takes the other's place: which is in use, the database says.
    Raises codes no_profile, wrong_passphrase, storage_damaged, and backup_off where there is none.
    """
    file = _load(places)
    key = await file.lock.sealing_key(unlock)
    _open(key, Label.DATABASE_KEY, file.sealed_database_key, file.lock)
    if not file.sealed_recovery_secrets:
        raise backups_off()
    return tuple(_open(key, Label.RECOVERY_SECRET, each, file.lock) for each in file.sealed_recovery_secrets)


async def keep_recovery_secrets(
    places: Places, unlock: Unlock, secrets: Sequence[bytes], *, random: Random
) -> None:
    """Seal these recovery secrets, two at most, beside the other keys, in the place of those before. Atomic.

    Raises codes no_profile, wrong_passphrase, storage_damaged, file_failed, storage_full.
    """
    file = _load(places)
    key = await file.lock.sealing_key(unlock)
    _open(key, Label.DATABASE_KEY, file.sealed_database_key, file.lock)
    sealed = tuple(_seal(key, Label.RECOVERY_SECRET, each, file.lock, random) for each in secrets)
    write_private_file(places.key_file, replace(file, sealed_recovery_secrets=sealed).pack())


async def change_passphrase(
    places: Places,
    old: Unlock,
    new: Unlock,
    *,
    random: Random,
    cost: Argon2Parameters = Argon2Parameters.MODERATE,
) -> None:
    """Seal the same keys under `new`; the database is not rewritten. Atomic: a crash leaves old or new.

    Raises codes no_profile, wrong_passphrase, bad_input, storage_damaged, file_failed, storage_full.
    """
    file = _load(places)
    key = await file.lock.sealing_key(old)
    keys: tuple[bytes, ...] = (
        _open(key, Label.DATABASE_KEY, file.sealed_database_key, file.lock),
        _open(key, Label.ROOT_SEED, file.sealed_root_seed, file.lock),
    )
    keys += tuple(_open(key, Label.RECOVERY_SECRET, each, file.lock) for each in file.sealed_recovery_secrets)
    await _write(places, new, keys, random, cost)


async def _write(
    places: Places, unlock: Unlock, keys: tuple[bytes, ...], random: Random, cost: Argon2Parameters
) -> None:
    if unlock.passphrase is None:
        lock = Lock(None, random(KEY_BYTES))
    elif unlock.passphrase:
        lock = Lock(cost, random(ARGON2_SALT_BYTES))
    else:
        raise ClientError(Code.BAD_INPUT, "the passphrase is empty")
    key = await lock.sealing_key(unlock)
    labels = (Label.DATABASE_KEY, Label.ROOT_SEED, *[Label.RECOVERY_SECRET] * (len(keys) - 2))
    sealed = [_seal(key, label, each, lock, random) for label, each in zip(labels, keys, strict=True)]
    write_private_file(places.key_file, KeyFile(lock, sealed[0], sealed[1], tuple(sealed[2:])).pack())


def _subkey(key: bytes, label: Label) -> bytes:
    return hkdf(key, salt=b"", label=label, length=KEY_BYTES)


def _seal(key: bytes, label: Label, plaintext: bytes, lock: Lock, random: Random) -> bytes:
    return seal_with_key_commitment(_subkey(key, label), random(LONG_NONCE_BYTES), plaintext, lock.pack())


def _open(key: bytes, label: Label, sealed: bytes, lock: Lock) -> bytes:
    try:
        return open_with_key_commitment(_subkey(key, label), sealed, lock.pack())
    except OpenError:
        # Nothing tells a wrong passphrase from a changed file, and nothing should.
        raise _damaged() if lock.parameters is None else wrong_passphrase() from None


def _load(places: Places) -> KeyFile:
    try:
        raw = places.key_file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise ClientError(
            Code.NO_PROFILE, f"there is no profile {places.name} here", profile=places.name
        ) from None
    except OSError as error:
        raise file_failed(places.key_file, error) from error
    try:
        return _parse(raw)
    except MalformedError as error:
        raise _damaged() from error


def _parse(raw: bytes) -> KeyFile:
    reader = Reader(raw)
    reader.constant(_MAGIC)
    mode = reader.number(most=_PASSPHRASE)
    numbers = [reader.number(most=2**32) for _ in range(3)]
    if mode == _BARE:
        lock = Lock(None, reader.blob(exactly=KEY_BYTES))
    else:
        lock = Lock(Argon2Parameters(*numbers), reader.blob(exactly=ARGON2_SALT_BYTES))
    keys = (reader.blob(most=256), reader.blob(most=256))
    secrets: list[bytes] = []
    while reader.more() and len(secrets) < _MOST_SECRETS:
        secrets.append(reader.blob(most=256))
    reader.end()
    return KeyFile(lock, *keys, tuple(secrets))


def _damaged() -> ClientError:
    return ClientError(Code.STORAGE_DAMAGED, "the key file is damaged")

"""A realm's secrets: the key file, and the sealing of records under it.

::

    key file (0600): seed --> the realm's own keys (letterlock.vault.realm_secret)
                          \\-> sealing key --wraps--> a key for each record --seals--> the record

The store holds wrapped keys and sealed records and can open neither. A record is destroyed by destroying its
wrapped key. A process is not a vault of steel: whoever reads both the key file and the store reads the records.
Must not know stores, policy or accounts' secrets.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from letterlock.encoding import pack
from letterlock.ids import AccountId
from letterlock.primitives.derivation import Label, hkdf
from letterlock.primitives.keys import Secret
from letterlock.primitives.sealing import NONCE_BYTES, open_sealed, seal
from letterlock.vault.realm_secret import SEED_BYTES, RealmSecret

_SALT_BYTES: Final = 16
_HEADER: Final = "letterlock realm key v1"
_ONCE: Final = bytes(NONCE_BYTES)
"""Every key here seals one thing."""

Random = Callable[[int], bytes]


class KeyFileError(Exception):
    """The key file cannot be used; the message is a sentence for the operator."""


class Sealer(Secret):
    """Seals records, each under a key of its own, and wraps those keys."""

    __slots__ = ("_key",)

    def __init__(self, seed: bytes) -> None:
        self._key: Final = hkdf(seed, salt=b"", label=Label.VAULT_STORE, length=32)

    def seal(self, account: AccountId, epoch: int, record: bytes, random: Random) -> tuple[bytes, bytes]:
        """Return the wrapped key (64 bytes) and the sealed record."""
        whose = pack(account, epoch)
        key, salt = random(32), random(_SALT_BYTES)
        return salt + seal(self._wrapping(salt), _ONCE, key, whose), seal(key, _ONCE, record, whose)

    def open(self, account: AccountId, epoch: int, wrapped: bytes, box: bytes) -> bytes:
        """Return the record. Raises OpenError: another key file, or a damaged store."""
        whose = pack(account, epoch)
        salt, rest = wrapped[:_SALT_BYTES], wrapped[_SALT_BYTES:]
        return open_sealed(open_sealed(self._wrapping(salt), _ONCE, rest, whose), _ONCE, box, whose)

    def _wrapping(self, salt: bytes) -> bytes:
        return hkdf(self._key, salt=salt, label=Label.VAULT_STORE, length=32)


def load_or_make(path: Path, random: Random) -> tuple[RealmSecret, Sealer]:
    """Read the key file, or make it where there is none. Raises KeyFileError."""
    if not path.exists():
        _make(path, random(SEED_BYTES))
    seed = _read(path)
    return RealmSecret(seed), Sealer(seed)


def _make(path: Path, seed: bytes) -> None:
    """Write it under another name, and only then give it its own, unless somebody was quicker.

    A crash must leave no half of a key file, which would stand in the way of every later start.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        # Of a start that died; or put there by somebody who waits for the key, and holds it open.
        draft.unlink(missing_ok=True)
        try:
            _write(draft, f"{_HEADER}\n{seed.hex()}\n".encode("ascii"))
            _name(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be made: {error.strerror}") from error


def _name(draft: Path, path: Path) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        return
    except PermissionError:
        # A file system without links; of two starts at the same moment the later one's key stays.
        os.rename(draft, path)


def _write(path: Path, text: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _read(path: Path) -> bytes:
    try:
        with path.open(encoding="ascii") as file:
            # Of the open file: its name may come to stand for another one at any moment.
            found = os.fstat(file.fileno())
            if found.st_mode & 0o077:
                raise KeyFileError(f"the key file {path} can be read by others: run chmod 600 {path}")
            if found.st_uid not in (0, os.geteuid()):
                raise KeyFileError(f"the key file {path} belongs to somebody else: run chown on it")
            header, digits = file.read().split("\n")[:2]
        seed = bytes.fromhex(digits)
    except OSError as error:
        raise KeyFileError(f"the key file {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise KeyFileError(f"{path} is not a realm's key file") from error
    if header != _HEADER or len(seed) != SEED_BYTES:
        raise KeyFileError(f"{path} is not a realm's key file")
    return seed

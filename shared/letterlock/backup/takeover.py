"""A takeover note: what a restored terminal leaves beside the backup, before its first one, for the one it put out.

It is the account's list certificate and device list, which the root key and the list key signed: so it proves itself
to whoever has the backup's key. Must not know generations, nor who reads it. Spec: shared/spec/backup.md, "Takeover
notes".
"""

from typing import Final

from letterlock.backup.manifest import prefix_of
from letterlock.encoding import Reader, pack
from letterlock.errors import DamagedChunkError, MalformedError, MisuseError, OpenError
from letterlock.primitives.derivation import Label, hkdf
from letterlock.primitives.padding import pad, unpad
from letterlock.primitives.sealing import open_with_key_commitment, seal_with_key_commitment

MAX_TAKEOVER_BYTES: Final = 256 * 1024
_HEADER: Final = b"LLB\x01"
_RANDOM_BYTES: Final = 8


def takeover_folder(key: bytes) -> str:
    """Return the folder of the notes beside the backup under this key."""
    return f"{prefix_of(key)}/takeover"


def takeover_name(key: bytes, random: bytes) -> str:
    """Name a note, with 8 random bytes: it says nothing of its epoch."""
    if len(random) != _RANDOM_BYTES:
        raise MisuseError("a takeover note is named by 8 random bytes")
    return f"{takeover_folder(key)}/{random.hex()}"


def seal_takeover(key: bytes, name: str, chain: tuple[bytes, bytes], nonce: bytes) -> bytes:
    """Return the object of a note, bound to its name: (list certificate, device list). `nonce` is 24 random bytes."""
    return _HEADER + seal_with_key_commitment(_sealing_key(key), nonce, pad(pack(*chain)), _bound(name))


def open_takeover(key: bytes, name: str, raw: bytes) -> tuple[bytes, bytes]:
    """Return (list certificate, device list), which are still to be verified. Raises DamagedChunkError."""
    if not raw.startswith(_HEADER) or len(raw) > MAX_TAKEOVER_BYTES:
        raise DamagedChunkError(name, 0)
    try:
        reader = Reader(unpad(open_with_key_commitment(_sealing_key(key), raw[len(_HEADER) :], _bound(name))))
        chain = reader.blob(most=MAX_TAKEOVER_BYTES), reader.blob(most=MAX_TAKEOVER_BYTES)
        reader.end()
    except (MalformedError, OpenError) as error:
        raise DamagedChunkError(name, 0) from error
    return chain


def _bound(name: str) -> bytes:
    return pack(Label.BACKUP_TAKEOVER, _HEADER, name)


def _sealing_key(key: bytes) -> bytes:
    return hkdf(key, salt=b"", label=Label.BACKUP_TAKEOVER, length=32)

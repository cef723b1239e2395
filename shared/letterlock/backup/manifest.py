"""A manifest: the one object that makes a generation of a backup, written last and sealed under the backup's key.

Knows its fields, its bytes, and the names that objects have at a provider. Must not know how a generation is
planned, chosen or kept. Spec: shared/spec/backup.md, "Names" and "Manifests".

Whatever a manifest names was written before it, so an interrupted backup changes nothing that restores.
"""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from letterlock.backup.records import MAX_NUMBER
from letterlock.backup.segments import ID_BYTES, MEDIA_ID_BYTES, SegmentRef
from letterlock.encoding import pack
from letterlock.errors import (
    DamagedChunkError,
    MalformedError,
    ManifestMismatchError,
    MisuseError,
    NewerFormatError,
    OpenError,
    OtherAccountError,
    TruncatedError,
    WrongSecretError,
)
from letterlock.ids import ACCOUNT_BYTES
from letterlock.primitives.compression import compress, decompress
from letterlock.primitives.derivation import Label, hkdf, sha256
from letterlock.primitives.keys import Secret
from letterlock.primitives.padding import BUCKETS, pad, unpad
from letterlock.primitives.sealing import (
    COMMITTED_OVERHEAD_BYTES,
    open_with_key_commitment,
    seal_with_key_commitment,
)

FORMAT: Final = 1
HASH_BYTES: Final = 32
MAX_SEGMENTS: Final = 65536
MAX_CHAIN: Final = 256
MAX_CHATS: Final = 500
"""The chats that a preview shows; the rest are in the totals."""
MAX_REALMS: Final = 64
MAX_MANIFEST_BYTES: Final = 16 * 1024 * 1024

_MAGIC: Final = b"LLB"
_HEADER: Final = _MAGIC + bytes([FORMAT])
_RANDOM_BYTES: Final = 8
_NAME: Final = re.compile(r"[0-9a-f]{32}/manifest/([0-9a-f]{14})-[0-9a-f]{16}")

_Number = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]
_Id = Annotated[bytes, Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
_Hash = Annotated[bytes, Meta(min_length=HASH_BYTES, max_length=HASH_BYTES)]
_Account = Annotated[bytes, Meta(min_length=ACCOUNT_BYTES, max_length=ACCOUNT_BYTES)]


class _Array(Secret, msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """A msgpack array of exactly its fields, printed by nobody."""


class Totals(_Array, frozen=True):
    """How much a generation holds. `object_bytes` counts segments and media as they lie at the provider."""

    messages: _Number
    conversations: _Number
    contacts: _Number
    media: _Number
    media_bytes: _Number
    object_bytes: _Number


class ChatCount(_Array, frozen=True):
    """One chat of a preview."""

    id: Annotated[bytes, Meta(min_length=16, max_length=32)]
    title: Annotated[str, Meta(max_length=1024)]
    messages: _Number
    media: _Number
    last_at: _Number


class LedgerHead(_Array, frozen=True):
    """How far one realm's ledger was known; `realm` is its public key as a fleet file shows it."""

    realm: Annotated[str, Meta(max_length=256)]
    sequence: _Number
    head: Annotated[bytes, Meta(max_length=64)]


class Manifest(_Array, frozen=True, kw_only=True):
    """All that one generation is.

    `chain` are the hashes of the manifests before it, since and with the last one that the vault confirmed,
    the oldest first. `segments` come in the order of their versions, which follow each other. `watermark` is
    the highest version that this generation holds of the device that `writer` (16 random bytes) names.
    Everything deleted up to version `purged` is in no segment any more; `unpurged_since` is when the first
    deletion after that may have been, 0 where there is none.
    """

    generation: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    at: _Number
    account: _Account
    writer: _Id
    purpose: Annotated[str, Meta(max_length=64)]
    media_master: Annotated[bytes, Meta(min_length=32, max_length=32)]
    watermark: _Number
    totals: Totals
    chain: Annotated[tuple[_Hash, ...], Meta(max_length=MAX_CHAIN)] = ()
    segments: Annotated[tuple[SegmentRef, ...], Meta(max_length=MAX_SEGMENTS)] = ()
    chats: Annotated[tuple[ChatCount, ...], Meta(max_length=MAX_CHATS)] = ()
    ledger: Annotated[tuple[LedgerHead, ...], Meta(max_length=MAX_REALMS)] = ()
    purged: _Number = 0
    unpurged_since: _Number = 0


_decoder: Final = msgspec.msgpack.Decoder(Manifest)
_encoder: Final = msgspec.msgpack.Encoder()


# Names.


def prefix_of(key: bytes) -> str:
    """Return the folder of the backup under this key: 32 hex digits that only its holder can find."""
    return hkdf(_key(key), salt=b"", label=Label.BACKUP_PREFIX, length=16).hex()


def manifest_name(key: bytes, generation: int, random: bytes) -> str:
    """Name a manifest, with 8 random bytes so that two writers never meet. Names sort by generation."""
    if len(random) != _RANDOM_BYTES or not 1 <= generation <= MAX_NUMBER:
        raise MisuseError("a manifest is named by a generation and 8 random bytes")
    return f"{prefix_of(key)}/manifest/{generation:014x}-{random.hex()}"


def segment_name(key: bytes, segment: bytes) -> str:
    """Name a segment by its id."""
    return f"{prefix_of(key)}/segment/{segment.hex()}"


def media_name(key: bytes, media: bytes) -> str:
    """Name a media object by its id."""
    if len(media) != MEDIA_ID_BYTES:
        raise MisuseError("a media object has an id of 32 bytes")
    return f"{prefix_of(key)}/media/{media.hex()}"


def generation_of(name: str) -> int | None:
    """Say which generation a manifest's name claims, or None for any other name."""
    found = _NAME.fullmatch(name)
    return int(found[1], 16) if found else None


# Bytes.


def seal_manifest(key: bytes, name: str, manifest: Manifest, nonce: bytes) -> bytes:
    """Return the object of a manifest, bound to its name. `nonce` is 24 random bytes. Raises MisuseError."""
    try:
        check(manifest)
    except MalformedError as error:
        raise MisuseError(str(error)) from error
    packed = _encoder.encode(manifest)
    if len(packed) > MAX_MANIFEST_BYTES:
        raise MisuseError("a manifest has at most 16 MiB")
    body = pad(len(packed).to_bytes(4) + compress(packed))
    return _HEADER + seal_with_key_commitment(_sealing_key(key), nonce, body, _bound(name))


def open_manifest(key: bytes, name: str, raw: bytes, *, account: bytes | None = None) -> Manifest:
    """Open the object of this name, of this account where one is given.

    Raises WrongSecretError for a name that is not under the key's prefix, TruncatedError, DamagedChunkError,
    ManifestMismatchError, NewerFormatError, OtherAccountError.
    """
    if not name.startswith(f"{prefix_of(key)}/"):
        raise WrongSecretError
    body = _open(key, name, raw)
    try:
        plain = unpad(body)
        size = int.from_bytes(plain[:4])
        if not 0 < size <= MAX_MANIFEST_BYTES:
            raise MalformedError("it has another size")
        manifest = _decoder.decode(decompress(plain[4:], exactly=size))
        check(manifest)
    except (MalformedError, msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise ManifestMismatchError(name, str(error)) from error
    if generation_of(name) != manifest.generation:
        raise ManifestMismatchError(name, "it is of another generation")
    if account is not None and manifest.account != account:
        raise OtherAccountError
    return manifest


def manifest_hash(raw: bytes) -> bytes:
    """Return the 32 bytes that name a manifest: SHA-256 of its object."""
    return sha256(raw)


def check(manifest: Manifest) -> None:
    """Refuse a manifest that contradicts itself. Raises MalformedError."""
    if len({each.id for each in manifest.segments}) != len(manifest.segments):
        raise MalformedError("a segment is named twice")
    if len(set(manifest.chain)) != len(manifest.chain):
        raise MalformedError("a manifest is named twice")
    reached = 0
    for segment in manifest.segments:
        if not reached <= segment.low <= segment.high:
            raise MalformedError("the versions of the segments do not follow each other")
        reached = segment.high
    if reached > manifest.watermark or manifest.purged > manifest.watermark:
        raise MalformedError("a version stands above the watermark")


def follow(previous: Manifest, previous_hash: bytes, confirmed: bytes | None) -> tuple[bytes, ...]:
    """Return the chain of the manifest after `previous`, of which `confirmed` is the newest hash that the vault has.

    It begins with the confirmed one; of too many the oldest go.
    """
    chain = (*previous.chain, previous_hash)
    if confirmed in chain:
        chain = chain[chain.index(confirmed) :]
    return chain[-MAX_CHAIN:]


def _open(key: bytes, name: str, raw: bytes) -> bytes:
    if not raw.startswith(_MAGIC[: len(raw)]):
        raise DamagedChunkError(name, 0)
    if len(raw) <= len(_MAGIC):
        raise TruncatedError(name)
    if raw[len(_MAGIC)] > FORMAT:
        raise NewerFormatError
    sealed = raw[len(_HEADER) :]
    size = len(sealed) - COMMITTED_OVERHEAD_BYTES
    if size > 2 * MAX_MANIFEST_BYTES:
        raise ManifestMismatchError(name, "it is larger than any")
    if size < BUCKETS[0]:
        raise TruncatedError(name)
    legal = _longest_padded(size)
    try:
        body = open_with_key_commitment(
            _sealing_key(key), sealed[: legal + COMMITTED_OVERHEAD_BYTES], _bound(name, raw[: len(_HEADER)])
        )
    except OpenError:
        if legal != size:
            raise TruncatedError(name) from None
        raise DamagedChunkError(name, 0) from None
    if legal != size:
        raise ManifestMismatchError(name, "it is longer")
    return body


def _longest_padded(size: int) -> int:
    """Return the greatest padded length up to `size`: an object of any other length was cut or extended."""
    if size <= BUCKETS[-1]:
        return max(bucket for bucket in BUCKETS if bucket <= size)
    exponent = size.bit_length() - 1
    free_bits = exponent - exponent.bit_length()
    return size >> free_bits << free_bits


def _bound(name: str, header: bytes = _HEADER) -> bytes:
    return pack(Label.BACKUP_MANIFEST, header, name)


def _sealing_key(key: bytes) -> bytes:
    return hkdf(_key(key), salt=b"", label=Label.BACKUP_MANIFEST, length=32)


def _key(key: bytes) -> bytes:
    if len(key) != 32:
        raise MisuseError("a backup key has 32 bytes")
    return key

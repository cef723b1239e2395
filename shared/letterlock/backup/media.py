"""A media object: one file of any size, sealed as it streams by, once for however many messages carry it.

Knows how a file's digest gives its name and key, and the layout. Must not know which messages carry it, nor
where it lies. Spec: shared/spec/backup.md, "Media".

The id is a keyed hash of the file's digest, so that the same file is kept once and two accounts' copies of it
have nothing in common. A random salt makes each sealing's key its own: a file that turns out to be another one
half way never shares a key with the one it was taken for.
"""

from collections.abc import Iterable
from typing import Final

from letterlock.encoding import pack
from letterlock.errors import (
    DamagedChunkError,
    ManifestMismatchError,
    MisuseError,
    OpenError,
    TruncatedError,
)
from letterlock.primitives.derivation import Label, equal, hkdf, hmac_sha256, running_sha256
from letterlock.primitives.keys import Secret
from letterlock.primitives.padding import padme
from letterlock.primitives.sealing import TAG_BYTES, Stream

MASTER_BYTES: Final = 32
DIGEST_BYTES: Final = 32
SALT_BYTES: Final = 16
MEDIA_CHUNK_BYTES: Final = 256 * 1024
MIN_MEDIA_BYTES: Final = 4096
MAX_MEDIA_BYTES: Final = 2**40
"""Of one file, padding included."""

_SEALED_CHUNK: Final = MEDIA_CHUNK_BYTES + TAG_BYTES


def first_master(key: bytes) -> bytes:
    """Return the media master key of a backup's first manifest under `key`, K: 32 bytes. Raises MisuseError.

    The same however often that first backup is begun, so that what lies there of one cut short is not sent again.
    """
    if len(key) != MASTER_BYTES:
        raise MisuseError("a backup's key has 32 bytes")
    return hkdf(key, salt=b"", label=Label.BACKUP_MEDIA_MASTER, length=MASTER_BYTES)


def media_id(master: bytes, digest: bytes) -> bytes:
    """Return the 32-byte id of the file with this SHA-256, under the media master key. Raises MisuseError."""
    if len(master) != MASTER_BYTES or len(digest) != DIGEST_BYTES:
        raise MisuseError("a media master key and a digest have 32 bytes")
    return hmac_sha256(master, pack(Label.BACKUP_MEDIA_ID, digest))


def sealed_size(size: int) -> int:
    """Say how long the object of a file of `size` bytes is. Raises MisuseError outside the limits."""
    padded = _padded(size)
    return SALT_BYTES + padded + TAG_BYTES * -(-padded // MEDIA_CHUNK_BYTES)


class MediaSealer(Secret):
    """Seals one file as it is read.

    That it has the digest, whoever gives its bytes made sure of when the file came, and each time a chunk of it
    opened; whoever opens the object compares it once more.
    """

    __slots__ = ("_left", "_next", "_padding", "_ready", "_stream", "_waiting")

    def __init__(self, master: bytes, digest: bytes, size: int, salt: bytes) -> None:
        """Begin the file of this digest and size, under 16 random bytes of salt. Raises MisuseError."""
        self._stream = _stream(master, digest, size, salt)
        self._left = size
        self._padding = _padded(size) - size
        self._ready, self._waiting, self._next = salt, b"", 0

    def take(self, data: bytes) -> bytes:
        """Take the next bytes of the file; return the sealed ones that are ready. Raises MisuseError past its size."""
        if len(data) > self._left:
            raise MisuseError("the file is longer than it was said to be")
        self._left -= len(data)
        return self._grow(data)

    def finish(self) -> bytes:
        """Return the last sealed bytes.

        Raises MisuseError where the file was shorter: what was sealed so far is then worth nothing, and whoever
        keeps it forgets it.
        """
        if self._left:
            raise MisuseError("the file is shorter than it was said to be")
        ready = [
            self._grow(bytes(min(self._padding - done, MEDIA_CHUNK_BYTES)))
            for done in range(0, self._padding, MEDIA_CHUNK_BYTES)
        ]
        ready += (self._begun(), self._stream.seal_chunk(self._next, self._waiting, final=True))
        return b"".join(ready)

    def _grow(self, data: bytes) -> bytes:
        self._waiting += data
        # A last chunk is never empty, so a full one waits until something comes after it.
        end = max(0, len(self._waiting) - 1) // MEDIA_CHUNK_BYTES * MEDIA_CHUNK_BYTES
        view = memoryview(self._waiting)
        ready = [self._begun()]
        for at in range(0, end, MEDIA_CHUNK_BYTES):
            ready.append(self._stream.seal_chunk(self._next, view[at : at + MEDIA_CHUNK_BYTES], final=False))
            self._next += 1
        self._waiting = self._waiting[end:]
        return b"".join(ready)

    def _begun(self) -> bytes:
        ready, self._ready = self._ready, b""
        return ready


class MediaOpener(Secret):
    """Opens one object as it arrives: bytes are given out once their chunk is verified."""

    __slots__ = (
        "_digest",
        "_hash",
        "_left",
        "_master",
        "_name",
        "_next",
        "_padded",
        "_size",
        "_stream",
        "_waiting",
    )

    def __init__(self, master: bytes, digest: bytes, size: int, name: str) -> None:
        """Begin the object of the file of this digest and size; `name` is what errors call it."""
        self._master, self._digest, self._size, self._name = master, digest, size, name
        self._hash = running_sha256()
        self._padded = _padded(size)
        self._left = size
        self._stream: Stream | None = None
        self._waiting, self._next = b"", 0

    def take(self, sealed: bytes) -> bytes:
        """Take the next bytes of the object; return the file's bytes that are verified.

        Raises DamagedChunkError, or ManifestMismatchError for an object that is longer than it should be.
        """
        self._waiting += sealed
        if self._stream is None:
            if len(self._waiting) < SALT_BYTES:
                return b""
            salt, self._waiting = self._waiting[:SALT_BYTES], self._waiting[SALT_BYTES:]
            self._stream = _stream(self._master, self._digest, self._size, salt)
        opened: list[bytes] = []
        at, view = 0, memoryview(self._waiting)
        while self._next < self._chunks and len(view) - at >= (wanted := self._wanted):
            opened.append(self._open(self._stream, view[at : at + wanted]))
            at += wanted
        self._waiting = self._waiting[at:]
        if self._next == self._chunks and self._waiting:
            raise ManifestMismatchError(self._name, "it is longer")
        return b"".join(opened)

    def finish(self) -> None:
        """Say that nothing comes any more. Raises TruncatedError, or ManifestMismatchError for another file."""
        if self._next < self._chunks:
            raise TruncatedError(self._name)
        if not equal(self._hash.digest(), self._digest):
            raise ManifestMismatchError(self._name, "its digest is another")

    @property
    def _chunks(self) -> int:
        return -(-self._padded // MEDIA_CHUNK_BYTES)

    @property
    def _wanted(self) -> int:
        return min(MEDIA_CHUNK_BYTES, self._padded - self._next * MEDIA_CHUNK_BYTES) + TAG_BYTES

    def _open(self, stream: Stream, sealed: memoryview) -> bytes:
        try:
            chunk = stream.open_chunk(self._next, sealed, final=self._next == self._chunks - 1)
        except OpenError:
            raise DamagedChunkError(self._name, self._next) from None
        self._next += 1
        content = chunk[: self._left]
        if chunk.count(b"\0", len(content)) != len(chunk) - len(content):
            raise ManifestMismatchError(self._name, "its padding is not empty")
        self._left -= len(content)
        self._hash.update(content)
        return content


def seal_media(master: bytes, digest: bytes, size: int, salt: bytes, parts: Iterable[bytes]) -> bytes:
    """Seal a file that fits in memory: the same bytes as a `MediaSealer`'s, which holds back and joins much more.

    Raises MisuseError where its parts have another size.
    """
    stream, padding = _stream(master, digest, size, salt), _padded(size) - size
    padded = memoryview(b"".join([*parts, bytes(padding)]))
    if len(padded) != size + padding:
        raise MisuseError("the file has another size than it was said to have")
    last = (len(padded) - 1) // MEDIA_CHUNK_BYTES
    chunks = [padded[at : at + MEDIA_CHUNK_BYTES] for at in range(0, len(padded), MEDIA_CHUNK_BYTES)]
    sealed = [stream.seal_chunk(index, chunk, final=index == last) for index, chunk in enumerate(chunks)]
    return b"".join([salt, *sealed])


def open_media(master: bytes, digest: bytes, size: int, name: str, sealed: bytes) -> bytes:
    """Open an object that fits in memory. Raises as `MediaOpener` does."""
    opener = MediaOpener(master, digest, size, name)
    content = opener.take(sealed)
    opener.finish()
    return content


def _padded(size: int) -> int:
    if not 0 <= size <= MAX_MEDIA_BYTES:
        raise MisuseError("a media object has at most 2**40 bytes")
    return max(MIN_MEDIA_BYTES, padme(size))


def _stream(master: bytes, digest: bytes, size: int, salt: bytes) -> Stream:
    if len(salt) != SALT_BYTES:
        raise MisuseError("a salt has 16 bytes")
    key = hkdf(
        master, salt=salt, label=Label.BACKUP_MEDIA, length=32, context=pack(media_id(master, digest), size)
    )
    return Stream(key, chunk_bytes=MEDIA_CHUNK_BYTES)

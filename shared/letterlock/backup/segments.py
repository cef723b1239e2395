"""A segment: many records as one sealed object, written once, which only its manifest can open.

Knows the layout, its limits and how damage is told apart. Must not know where objects lie, which records
belong together (`plan`), or what a record means. Spec: shared/spec/backup.md, "Segments".

::

    batches of records ──> length (4) || batch ... ──> zstd ──> packed
    packed || index || media ids || zeros up to a PADMÉ length ──> STREAM under a random key ──> the object

The index has four bytes of the id of each contact, chat and message, so that a segment that holds something
deleted is found without being read; the media ids say which media objects its messages refer to. Both lie
behind the records and open alone (`tail_range`, `open_tail`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from letterlock.backup.columns import Columns, compact
from letterlock.backup.records import (
    MAX_BATCH_BYTES,
    MAX_NUMBER,
    Entry,
    MessageRecord,
    PlainMessages,
    Record,
    RecordKey,
    Row,
    Tag,
    TombstoneRecord,
    count,
    key,
    pack_batch,
    read_batch,
)
from letterlock.encoding import pack
from letterlock.errors import (
    DamagedChunkError,
    MalformedError,
    ManifestMismatchError,
    MisuseError,
    OpenError,
    TruncatedError,
)
from letterlock.ids import RANDOM_ID_BYTES
from letterlock.primitives.compression import Compressor, decompress_each
from letterlock.primitives.derivation import Label, running_sha256, sha256
from letterlock.primitives.keys import Secret
from letterlock.primitives.padding import padme
from letterlock.primitives.sealing import TAG_BYTES, Stream

ID_BYTES: Final = 16
KEY_BYTES: Final = 32
MEDIA_ID_BYTES: Final = 32
INDEX_BYTES: Final = 4
"""Of each id in the index."""
CHUNK_BYTES: Final = 256 * 1024
MIN_PADDED_BYTES: Final = 4096
FULL_BYTES: Final = 8 * 1024 * 1024
"""Of records before compression: a writer begins another segment here, and larger ones are never made by merging."""
MAX_RAW_BYTES: Final = 64 * 1024 * 1024
MAX_PACKED_BYTES: Final = MAX_RAW_BYTES + 1024 * 1024
MAX_RECORDS: Final = 2**20
MAX_SEGMENT_MEDIA: Final = 2**20

_SEALED_CHUNK: Final = CHUNK_BYTES + TAG_BYTES
_Number = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]


class SegmentRef(Secret, msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """What a manifest says about one segment: enough to find, check and open it. Prints nothing.

    It holds the changes with versions above `low`, up to and with `high`. `records` of them are `raw` bytes
    before compression and `packed` after; `indexed` ids are in its index, `media` ids behind that. `at` is when
    the oldest of its records was first written to a segment (ms).
    """

    id: Annotated[bytes, Meta(min_length=ID_BYTES, max_length=ID_BYTES)]
    key: Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
    digest: Annotated[bytes, Meta(min_length=32, max_length=32)]
    packed: Annotated[int, Meta(ge=0, le=MAX_PACKED_BYTES)]
    raw: Annotated[int, Meta(ge=0, le=MAX_RAW_BYTES)]
    records: Annotated[int, Meta(ge=0, le=MAX_RECORDS)]
    indexed: Annotated[int, Meta(ge=0, le=MAX_RECORDS)]
    media: Annotated[int, Meta(ge=0, le=MAX_SEGMENT_MEDIA)]
    low: _Number
    high: _Number
    at: _Number

    @property
    def tail_bytes(self) -> int:
        """How long index and media ids are."""
        return INDEX_BYTES * self.indexed + MEDIA_ID_BYTES * self.media

    @property
    def padded(self) -> int:
        """How many bytes are sealed."""
        return max(MIN_PADDED_BYTES, padme(self.packed + self.tail_bytes))

    @property
    def size(self) -> int:
        """How long the object is."""
        return self.padded + TAG_BYTES * -(-self.padded // CHUNK_BYTES)


@dataclass(frozen=True, slots=True)
class Tail:
    """What lies behind the records: which ids a segment holds, and which media it refers to."""

    index: bytes
    media: tuple[bytes, ...]

    def holds(self, ids: Iterable[bytes]) -> bool:
        """Say whether the segment may hold one of these; wrongly so for one in four thousand million."""
        wanted = {each[:INDEX_BYTES] for each in ids}
        return any(
            self.index[at : at + INDEX_BYTES] in wanted for at in range(0, len(self.index), INDEX_BYTES)
        )


class SegmentWriter(Secret):
    """Makes one segment from batches, in a thread's time and little memory: whole chunks are given out at once."""

    __slots__ = (
        "_digest",
        "_frame",
        "_id",
        "_index",
        "_key",
        "_next",
        "_packed",
        "_stream",
        "_waiting",
        "records",
    )

    records: int
    """How many records went in so far."""

    def __init__(self, segment: bytes, secret: bytes) -> None:
        """Begin the segment of this id (16 random bytes) under this key (32), both used for nothing else."""
        if len(segment) != ID_BYTES or len(secret) != KEY_BYTES:
            raise MisuseError("a segment has an id of 16 bytes and a key of 32")
        self._id, self._key = segment, secret
        self._stream = _stream(segment, secret)
        self._frame = Compressor()
        self._digest = running_sha256()
        self._index: list[bytes] = []
        self._waiting = b""
        self._next = self._packed = self.records = 0

    @property
    def raw(self) -> int:
        """How many bytes went in so far, before compression. Begin another segment from `FULL_BYTES` on."""
        return self._frame.taken

    def take(self, batch: Sequence[Entry | Row]) -> bytes:
        """Take records, or rows that stand for them; return the sealed bytes that are ready, often none.

        Raises MisuseError as `pack_batch` does, and past a segment's limits.
        """
        body = pack_batch(batch)
        self.records += count(batch)
        if self.raw + 4 + len(body) > MAX_RAW_BYTES or self.records > MAX_RECORDS:
            raise MisuseError("a segment has at most 64 MiB of records")
        self._index += map(_index, batch)
        return self._grow(self._frame.take(len(body).to_bytes(4) + body))

    def finish(
        self, *, low: int, high: int, at: int, media: Iterable[bytes] = ()
    ) -> tuple[bytes, SegmentRef]:
        """Return the last sealed bytes, and what the manifest says about the segment.

        `media` are the ids of every object that the records refer to and that lies at the provider.
        """
        raw = self.raw
        ready = [self._grow(self._frame.finish())]
        packed = self._packed
        index, names = b"".join(self._index), sorted(set(media))
        ref = SegmentRef(
            id=self._id,
            key=self._key,
            digest=b"",
            packed=packed,
            raw=raw,
            records=self.records,
            indexed=len(index) // INDEX_BYTES,
            media=len(names),
            low=low,
            high=high,
            at=at,
        )
        ready.append(self._grow(index + b"".join(names) + bytes(ref.padded - packed - ref.tail_bytes)))
        ready.append(self._seal(self._waiting, final=True))
        return b"".join(ready), msgspec.structs.replace(ref, digest=self._digest.digest())

    def _grow(self, packed: bytes) -> bytes:
        self._packed += len(packed)
        self._waiting += packed
        # A last chunk is never empty, so a full one waits until something comes after it.
        end = max(0, len(self._waiting) - 1) // CHUNK_BYTES * CHUNK_BYTES
        view = memoryview(self._waiting)
        ready = [self._seal(view[at : at + CHUNK_BYTES], final=False) for at in range(0, end, CHUNK_BYTES)]
        self._waiting = self._waiting[end:]
        return b"".join(ready)

    def _seal(self, chunk: bytes | memoryview, *, final: bool) -> bytes:
        sealed = self._stream.seal_chunk(self._next, chunk, final=final)
        self._digest.update(sealed)
        self._next += 1
        return sealed


def open_segment(ref: SegmentRef, name: str, sealed: bytes) -> Iterator[list[Record]]:
    """Give out the records of a segment, batch by batch; `name` is what errors call it.

    Nothing is given out before the whole object is known to be the one that the manifest describes. Raises
    TruncatedError, DamagedChunkError (with the chunk's index) or ManifestMismatchError.
    """
    for batch in open_columns(ref, name, sealed):
        yield [
            record
            for entry in batch
            for record in (entry.records() if isinstance(entry, Columns) else (entry,))
        ]


def open_columns(
    ref: SegmentRef, name: str, sealed: bytes, read: Callable[[PlainMessages], Columns] = Columns
) -> Iterator[list[Record | Columns]]:
    """Give out the same with columns as they are, read and checked by `read`."""
    for batch in open_entries(ref, name, sealed):
        try:
            yield [read(each) if isinstance(each, PlainMessages) else each for each in batch]
        except MalformedError as error:
            raise ManifestMismatchError(name, str(error)) from error


def open_entries(ref: SegmentRef, name: str, sealed: bytes) -> Iterator[list[Entry]]:
    """Give out the same with columns as they were written, which is enough to look for what is not in them."""
    plain = _open(ref, name, sealed)
    if sha256(sealed) != ref.digest:
        raise ManifestMismatchError(name, "its digest is another")
    if plain.count(b"\0", ref.packed + ref.tail_bytes) != len(plain) - ref.packed - ref.tail_bytes:
        raise ManifestMismatchError(name, "its padding is not empty")
    records = 0
    try:
        for raw in _batches(decompress_each([plain[: ref.packed]], exactly=ref.raw)):
            batch = read_batch(raw)
            records += count(batch)
            if records > ref.records:
                break
            yield batch
    except MalformedError as error:
        raise ManifestMismatchError(name, str(error)) from error
    if records != ref.records:
        raise ManifestMismatchError(name, "it holds another number of records")


def tail_range(ref: SegmentRef) -> tuple[int, int]:
    """Say where in the object, and how long, the chunks are that hold index and media ids: (start, length)."""
    first = ref.packed // CHUNK_BYTES
    last = max(first, (ref.packed + ref.tail_bytes - 1) // CHUNK_BYTES)
    start = first * _SEALED_CHUNK
    return start, min((last + 1) * _SEALED_CHUNK, ref.size) - start


def open_tail(ref: SegmentRef, name: str, sealed: bytes) -> Tail:
    """Read index and media ids from the bytes of `tail_range`. Raises TruncatedError and DamagedChunkError."""
    if not ref.tail_bytes:
        return Tail(b"", ())
    start, length = tail_range(ref)
    if len(sealed) < length:
        raise TruncatedError(name)
    first = start // _SEALED_CHUNK
    plain = b"".join(_open_chunks(ref, name, sealed[:length], first))
    tail = plain[ref.packed - first * CHUNK_BYTES :][: ref.tail_bytes]
    split = INDEX_BYTES * ref.indexed
    media = range(split, len(tail), MEDIA_ID_BYTES)
    return Tail(tail[:split], tuple(tail[at : at + MEDIA_ID_BYTES] for at in media))


def merge(newest_first: Iterable[Iterable[list[Record]]], dead: frozenset[bytes]) -> Iterator[list[Record]]:
    """Give out what is left of some segments: of each key the newest, and of the ids in `dead` only tombstones.

    The segments come with the newest first and cover versions that follow each other, so the first record of
    a key is the one that wins. Holds the keys, never the records.
    """
    seen: set[RecordKey] = set()
    for batches in newest_first:
        for batch in batches:
            kept: list[Record] = []
            for record in batch:
                name = key(record)
                buried = name[1] in dead and not isinstance(record, TombstoneRecord)
                if name not in seen and not buried:
                    seen.add(name)
                    kept.append(record)
            if kept:
                yield kept


def rewrite(
    newest_first: Iterable[tuple[SegmentRef, str, bytes]],
    writer: SegmentWriter,
    *,
    dead: frozenset[bytes] = frozenset(),
    media_of: Callable[[bytes], bytes],
) -> tuple[bytes, SegmentRef]:
    """Write one segment from some that follow each other, given as (reference, name, object), newest first.

    `media_of` turns a file's digest into its media id. A media id stays unless every record here that refers to
    it was replaced or deleted. Objects are taken one at a time. Raises as `open_segment` does.
    """
    refs: list[SegmentRef] = []
    listed: set[bytes] = set()
    referred: set[bytes] = set()

    def opened() -> Iterator[Iterator[list[Record]]]:
        for ref, name, sealed in newest_first:
            refs.append(ref)
            start, length = tail_range(ref)
            listed.update(open_tail(ref, name, sealed[start : start + length]).media)
            yield _noting(open_segment(ref, name, sealed), referred)

    live: set[bytes] = set()
    parts = [writer.take(compact(batch)) for batch in _noting(merge(opened(), dead), live)]
    if not refs:
        raise MisuseError("there is nothing to rewrite")
    gone = {media_of(digest) for digest in referred - live}
    last, ref = writer.finish(
        low=min(each.low for each in refs),
        high=max(each.high for each in refs),
        at=min(each.at for each in refs),
        media=listed - gone,
    )
    return b"".join([*parts, last]), ref


def _noting(batches: Iterable[list[Record]], digests: set[bytes]) -> Iterator[list[Record]]:
    for batch in batches:
        for record in batch:
            if isinstance(record, MessageRecord) and record.attachment and record.attachment.digest:
                digests.add(record.attachment.digest)
        yield batch


def _stream(segment: bytes, secret: bytes) -> Stream:
    return Stream(secret, context=pack(Label.BACKUP_SEGMENT, segment), chunk_bytes=CHUNK_BYTES)


def _index(entry: Entry | Row) -> bytes:
    if isinstance(entry, PlainMessages):
        # All ids are equally long: every fourth word of them, joined, begins one.
        return memoryview(entry.ids).cast("I")[:: RANDOM_ID_BYTES // INDEX_BYTES].tobytes()
    if isinstance(entry, TombstoneRecord):
        return b""
    tag, name = (entry[0], entry[2]) if isinstance(entry, tuple) else key(entry)
    return name[:INDEX_BYTES] if Tag.CONTACT <= tag <= Tag.MESSAGE else b""


def _open(ref: SegmentRef, name: str, sealed: bytes) -> bytes:
    if len(sealed) < ref.size:
        raise TruncatedError(name)
    if len(sealed) > ref.size:
        raise ManifestMismatchError(name, "it is longer")
    return b"".join(_open_chunks(ref, name, sealed, 0))


def _open_chunks(ref: SegmentRef, name: str, sealed: bytes, first: int) -> Iterator[bytes]:
    stream = _stream(ref.id, ref.key)
    last = -(-ref.padded // CHUNK_BYTES) - 1
    for index, at in enumerate(range(0, len(sealed), _SEALED_CHUNK), first):
        try:
            yield stream.open_chunk(index, sealed[at : at + _SEALED_CHUNK], final=index == last)
        except OpenError:
            raise DamagedChunkError(name, index) from None


def _batches(pieces: Iterable[bytes]) -> Iterator[bytes]:
    waiting = bytearray()
    for piece in pieces:
        waiting += piece
        while len(waiting) >= 4:
            end = 4 + int.from_bytes(waiting[:4])
            if end > 4 + MAX_BATCH_BYTES:
                raise MalformedError("a batch of records passes its size")
            if len(waiting) < end:
                break
            yield bytes(waiting[4:end])
            del waiting[:end]
    if waiting:
        raise MalformedError("a batch of records is cut off")

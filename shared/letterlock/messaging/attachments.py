"""Attachments as sealed chunks: any chunk opens alone, none passes for another, and sizes tell only a class.

Knows how one file's bytes are padded, cut and sealed under a fresh key, by the STREAM of
`primitives.sealing`. Must not know files, the relay, or how the key travels (in `content.Attachment`).
Spec: shared/spec/content.md, "Attachments".

**A key seals one file, once.** A chunk's nonce is its place, so another byte sealed under the same key at the
same place would give both away: whoever has to seal again, because the file may have changed, draws a new key,
and whoever sends again sends the bytes that were sealed.
"""

from typing import Final

import msgspec

from letterlock.encoding import pack
from letterlock.errors import MalformedError, MisuseError, OpenError
from letterlock.primitives.keys import Secret
from letterlock.primitives.padding import padme
from letterlock.primitives.sealing import TAG_BYTES, Stream

KEY_BYTES: Final = 32
DIGEST_BYTES: Final = 32
OVERHEAD: Final = TAG_BYTES
"""What sealing adds to a chunk."""
SEALED_CHUNK_BYTES: Final = 192 * 1024
"""A full sealed chunk is exactly what one wire frame may carry."""
CHUNK_BYTES: Final = SEALED_CHUNK_BYTES - OVERHEAD
MIN_CHUNK_BYTES: Final = 4096
MIN_PADDED_BYTES: Final = 4096
MAX_ATTACHMENT_BYTES: Final = 2**31 - 2**25
"""The largest size class whose sealed form stays within the relay's 2 GiB."""


class AttachmentPlan(msgspec.Struct, frozen=True, gc=False):
    """How a file of `size` bytes is cut: all of it follows from `size` and `chunk_bytes`.

    `padded_size` is what is sealed, `sealed_size` what is uploaded, in `chunks` chunks.
    """

    size: int
    chunk_bytes: int
    padded_size: int
    chunks: int
    sealed_size: int

    def content_bytes(self, index: int) -> int:
        """Say how many of the file's own bytes lie in this chunk (0 where it is all padding)."""
        return max(0, min(self.size - index * self.chunk_bytes, self.chunk_bytes))

    def content_offset(self, index: int) -> int:
        """Say where in the file this chunk's bytes begin."""
        return min(index * self.chunk_bytes, self.size)

    def sealed_bytes(self, index: int) -> int:
        """Say how many bytes this chunk has once sealed."""
        return self.chunk_span(index) + OVERHEAD

    def sealed_offset(self, index: int) -> int:
        """Say where in the upload this chunk begins."""
        return index * (self.chunk_bytes + OVERHEAD)

    def next_chunk(self, sealed_so_far: int) -> int:
        """Say which chunk comes next when this many sealed bytes are there; `chunks` when all are.

        A chunk that is there in part counts as missing.
        """
        if sealed_so_far >= self.sealed_size:
            return self.chunks
        return sealed_so_far // (self.chunk_bytes + OVERHEAD)

    def chunk_span(self, index: int) -> int:
        """Say how many bytes, padding included, are sealed in this chunk. Raises MisuseError past the end."""
        if not 0 <= index < self.chunks:
            raise MisuseError("there is no such chunk")
        return min(self.chunk_bytes, self.padded_size - index * self.chunk_bytes)


def plan(size: int, chunk_bytes: int = CHUNK_BYTES) -> AttachmentPlan:
    """Plan the sealing of `size` bytes. Raises MalformedError where a number passes its limit."""
    if not 0 <= size <= MAX_ATTACHMENT_BYTES:
        raise MalformedError("an attachment has at most 2016 MiB")
    if not MIN_CHUNK_BYTES <= chunk_bytes <= CHUNK_BYTES:
        raise MalformedError("a chunk has 4 to 192 KiB")
    padded = max(MIN_PADDED_BYTES, padme(size))
    chunks = -(-padded // chunk_bytes)
    return AttachmentPlan(size, chunk_bytes, padded, chunks, padded + chunks * OVERHEAD)


class AttachmentChunks(Secret):
    """Seals and opens the chunks of one file, in any order."""

    __slots__ = ("_stream", "plan")

    plan: Final[AttachmentPlan]

    def __init__(self, key: bytes, plan: AttachmentPlan) -> None:
        """Take the file's key, 32 fresh random bytes for each sealing of a file, and how it is cut.

        To open, make the plan from the message's numbers. Raises MisuseError for a key of any other length.
        """
        self.plan = plan
        # STREAM binds the chunk size itself; everything else of a plan follows from it and the file's size.
        self._stream = Stream(key, context=pack(plan.size), chunk_bytes=plan.chunk_bytes)

    def seal(self, index: int, plaintext: bytes) -> bytes:
        """Seal the file's bytes of one chunk: exactly `plan.content_bytes(index)` of them, or MisuseError."""
        if len(plaintext) != self.plan.content_bytes(index):
            raise MisuseError("a chunk is not as long as planned")
        whole = plaintext.ljust(self.plan.chunk_span(index), b"\0")
        return self._stream.seal_chunk(index, whole, final=index == self.plan.chunks - 1)

    def open(self, index: int, sealed: bytes) -> bytes:
        """Open one chunk and return the file's bytes in it.

        Raises OpenError where a single bit, the length, the place, the file or the plan is another one.
        """
        if len(sealed) != self.plan.sealed_bytes(index):
            raise OpenError("a chunk has the wrong length")
        whole = self._stream.open_chunk(index, sealed, final=index == self.plan.chunks - 1)
        kept = self.plan.content_bytes(index)
        if whole.count(b"\0", kept) != len(whole) - kept:
            raise OpenError("the padding of a chunk is not zero")
        return whole[:kept]

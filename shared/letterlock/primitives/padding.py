"""Lengths that tell little: fixed buckets for small plaintexts, PADMÉ above them.

Knows sizes only. Must not know what is padded.

A padded text is the text, one byte 0x80 and as many zero bytes as fill it up (ISO/IEC 7816-4). Its length is
256, 512, 1024, 2048 or 4096 bytes; above that it is a PADMÉ length: at most 12 % more, and only O(log log n)
bits of a length n show (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files and Communication
with PURBs", PETS 2019).
"""

from typing import Final

from letterlock.errors import MalformedError, MisuseError

BUCKETS: Final = (256, 512, 1024, 2048, 4096)
_MARK: Final = b"\x80"


def padme(size: int) -> int:
    """Return the smallest PADMÉ length that holds `size` bytes. Raises MisuseError below zero."""
    if size < 0:
        raise MisuseError("a size is not negative")
    if size < 2:
        return size
    exponent = size.bit_length() - 1
    free_bits = exponent - exponent.bit_length()
    mask = (1 << free_bits) - 1
    return (size + mask) & ~mask


def padded_size(size: int) -> int:
    """Return the length of `pad`'s result for `size` bytes. Raises MisuseError below zero."""
    if size < 0:
        raise MisuseError("a size is not negative")
    marked = size + 1
    for bucket in BUCKETS:
        if marked <= bucket:
            return bucket
    return padme(marked)


def pad(plaintext: bytes) -> bytes:
    """Fill up to the next bucket or PADMÉ length."""
    return (plaintext + _MARK).ljust(padded_size(len(plaintext)), b"\0")


def unpad(padded: bytes) -> bytes:
    """Take the padding off, strictly: there is one padded form of each text. Raises MalformedError."""
    marked = padded.rstrip(b"\0")
    if not marked.endswith(_MARK) or padded_size(len(marked) - 1) != len(padded):
        raise MalformedError("the padding is not the one this text has")
    return marked[:-1]

"""A vault password as bytes: one form for what looks alike, and not too short.

Spec: shared/spec/vault.md. Must not know how easily it is guessed; its callers judge that.
"""

import unicodedata
from typing import Final

from letterlock.errors import MalformedError

MIN_CHARACTERS: Final = 8
MAX_BYTES: Final = 1024


def prepare(password: str) -> bytes:
    """Return the bytes of a password: NFKC, then UTF-8, so that every keyboard gives the same.

    Raises MalformedError with a sentence: fewer than 8 characters, more than 1024 bytes, half a character.
    """
    try:
        raw = unicodedata.normalize("NFKC", password).encode()
    except UnicodeEncodeError as error:
        raise MalformedError("the password holds half a character; type it anew") from error
    if len(raw.decode()) < MIN_CHARACTERS:
        raise MalformedError("a backup password has at least 8 characters")
    if len(raw) > MAX_BYTES:
        raise MalformedError("a backup password has at most 1024 bytes")
    return raw

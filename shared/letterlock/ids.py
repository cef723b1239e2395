"""The names of things, as types: accounts, devices, conversations, messages, envelopes, blobs, handles.

Knows how each name is made, checked and shown. Must not know keys, frames or storage.
"""

import base64
import binascii
import re
from typing import Final, NewType

from letterlock.errors import MalformedError

AccountId = NewType("AccountId", bytes)
"""20 bytes: the first 20 of a hash of the account's root key. Shown in base32 (32 characters)."""

DeviceId = NewType("DeviceId", int)
"""1 to 2**31 - 1, unique within an account and never used again."""

ConversationId = NewType("ConversationId", bytes)
"""For a chat of two: the 20 bytes of the other account's id."""

MessageId = NewType("MessageId", bytes)
"""16 random bytes, chosen by the author; the same in every copy and every resend."""

EnvelopeId = NewType("EnvelopeId", bytes)
"""16 random bytes, chosen by the sending device; a resend repeats them, so the relay keeps one copy."""

BlobId = NewType("BlobId", bytes)
"""16 random bytes: where an attachment's sealed bytes lie at a relay."""

ACCOUNT_BYTES: Final = 20
RANDOM_ID_BYTES: Final = 16
MAX_DEVICE: Final = 2**31 - 1

_HANDLE = re.compile(r"[a-z0-9][a-z0-9._-]{2,31}")
_ACCOUNT_TEXT = re.compile(r"[a-z2-7]{32}")
_MESSAGE_BEGINNING = re.compile(r"[a-z2-7]{4,26}")
_MESSAGE_TEXT = re.compile(r"[a-z2-7]{26}")


def check_handle(text: str) -> str:
    """Return `text` if it is a legal handle: 3 to 32 of a-z 0-9 . _ -, the first a letter or digit.

    A text that could be read as an account id is refused, so that WHO is never ambiguous.
    Raises MalformedError with a sentence that says what to do.
    """
    if not _HANDLE.fullmatch(text):
        raise MalformedError(
            "a handle has 3 to 32 characters of a-z 0-9 . _ - and begins with a letter or a digit"
        )
    if _ACCOUNT_TEXT.fullmatch(text):
        raise MalformedError("this handle looks like an account id; choose a shorter one")
    return text


def account_text(account: AccountId) -> str:
    """Show an account id: 32 characters of lower-case base32."""
    return base64.b32encode(account).decode().lower()


def parse_account(text: str) -> AccountId:
    """Read an account id as `account_text` shows it. Raises MalformedError."""
    if not _ACCOUNT_TEXT.fullmatch(text):
        raise MalformedError("an account id has 32 characters of a-z and 2-7")
    return AccountId(base64.b32decode(text.upper()))


def message_text(message: MessageId) -> str:
    """Show a message id: 26 characters of lower-case base32."""
    return base64.b32encode(message).decode().lower().rstrip("=")


def parse_message(text: str) -> MessageId:
    """Read a message id as `message_text` shows it. Raises MalformedError."""
    if not _MESSAGE_TEXT.fullmatch(text):
        raise MalformedError("a message id has 26 characters of a-z and 2-7")
    try:
        raw = base64.b32decode(text.upper() + "======")
    except binascii.Error as error:
        raise MalformedError("this is not a message id") from error
    if message_text(MessageId(raw)) != text:
        raise MalformedError("this is not a message id")
    return MessageId(raw)


def message_range(beginning: str) -> tuple[MessageId, MessageId]:
    """Return the first and the last message id that `message_text` shows with this beginning.

    4 to 26 characters, so that a person need not type them all. Raises MalformedError.
    """
    if not _MESSAGE_BEGINNING.fullmatch(beginning):
        raise MalformedError("give 4 to 26 characters of a message id: a-z and 2-7")

    def padded(filler: str) -> MessageId:
        # 26 characters carry 130 bits; the last two are none of the id's.
        bits = int.from_bytes(base64.b32decode((beginning + filler * 32)[:32].upper()))
        return MessageId((bits >> 32).to_bytes(RANDOM_ID_BYTES))

    return padded("a"), padded("7")


def check_account_bytes(raw: bytes) -> AccountId:
    """Return `raw` as an account id if it has 20 bytes. Raises MalformedError."""
    if len(raw) != ACCOUNT_BYTES:
        raise MalformedError("an account id has 20 bytes")
    return AccountId(raw)


def check_device(number: int) -> DeviceId:
    """Return `number` as a device id if it is 1 to 2**31 - 1. Raises MalformedError."""
    if not 1 <= number <= MAX_DEVICE:
        raise MalformedError("a device id is a number from 1 to 2147483647")
    return DeviceId(number)

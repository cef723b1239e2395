"""The record of a chat as lines that show whether anything was changed since: hash chain and device signature.

::

    line i    {"entry": E_i, "chain": "<C_i>"}              the last one with "signature": "<S>" as well
    C_0       SHA-256(label)                                before the first line
    C_i       SHA-256(C_(i-1) || E_i)                       over the exact bytes of E_i in the file
    S         Ed25519 of the device's identity key over pack(label, account, device, number of lines, C_last)

E_1 (`"type": "export"`) carries the certificates that lead from the account's id to the device; the last entry is
`"type": "end"`. So a line that is changed, added, moved or missing is found, and so is another author of the whole.
What it does not prove: that the other side said what stands here. Spec: shared/spec/export.md. Must not know files.
"""

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from letterlock.devices.device_list import SenderChain, VerifiedSender
from letterlock.encoding import pack
from letterlock.errors import PeerError
from letterlock.ids import AccountId
from letterlock.primitives.derivation import Label, sha256
from letterlock.primitives.keys import SigningKey, verify

MAX_LINE: Final = 4 * 1024 * 1024
_OPENING: Final = b'{"entry": '
_JOINT: Final = b', "chain": "'
_CHAIN_CHARACTERS: Final = 64


@dataclass(frozen=True, slots=True)
class Signer:
    """Who vouches for a record."""

    account: AccountId
    device: int
    key: SigningKey
    proof: bytes
    """The packed sender chain: root key, list certificate, device certificate."""


class Recorder:
    """Turns entries into lines, one after the other; the last one is signed."""

    def __init__(self, signer: Signer) -> None:
        self._signer = signer
        self._head = sha256(Label.EXPORT)
        self._lines = 0

    @property
    def head(self) -> str:
        """The chain's present value, in hex."""
        return self._head.hex()

    def begin(self, about: dict[str, object]) -> bytes:
        """Return the first line: what this is, and who vouches for it."""
        proof = base64.b64encode(self._signer.proof).decode()
        return self._line({"type": "export", "version": 1, **about, "device_proof": proof}) + b"}\n"

    def entry(self, fields: dict[str, object]) -> bytes:
        """Return the next line."""
        return self._line(fields) + b"}\n"

    def end(self, totals: dict[str, object]) -> bytes:
        """Return the last line, with the signature over all lines."""
        line = self._line({"type": "end", **totals})
        signature = self._signer.key.sign(
            _signed(self._signer.account, self._signer.device, self._lines, self._head)
        )
        return line + b', "signature": "' + base64.b64encode(signature) + b'"}\n'

    def _line(self, fields: dict[str, object]) -> bytes:
        entry = json.dumps(fields).encode()
        self._head = sha256(self._head + entry)
        self._lines += 1
        return _OPENING + entry + _JOINT + self._head.hex().encode() + b'"'


@dataclass(frozen=True, slots=True)
class Checked:
    """A record that nothing was changed in since this account's device wrote it."""

    account: AccountId
    device: int
    lines: int
    about: dict[str, Any]
    head: str


class ChangedError(Exception):
    """A record that does not hold; `line` is the first that is wrong, counted from 1."""

    def __init__(self, line: int, sentence: str) -> None:
        super().__init__(sentence)
        self.line = line


def check(lines: Iterable[bytes]) -> Checked:
    """Check a whole record. Raises ChangedError, which says from which line on it does not hold."""
    head = sha256(Label.EXPORT)
    number = 0
    about: dict[str, Any] = {}
    entry: dict[str, Any] = {}
    rest = b""
    for number, line in enumerate(lines, 1):
        if rest != b"" and number > 1 and entry.get("type") == "end":
            raise ChangedError(number, "there are lines after the end")
        raw, given, rest = _take_apart(line, number)
        head = sha256(head + raw)
        if head.hex() != given:
            raise ChangedError(number, "this line, or one before it, is not as it was written")
        entry = _object(raw, number)
        if number == 1:
            about = entry
    if entry.get("type") != "end":
        raise ChangedError(number + 1, "the end is missing")
    sender = _proven(about)
    _check_signature(rest, sender, number, head)
    return Checked(sender.account, sender.device.device, number, about, head.hex())


def _take_apart(line: bytes, number: int) -> tuple[bytes, str, bytes]:
    if len(line) > MAX_LINE or not line.startswith(_OPENING) or not line.endswith(b"}\n"):
        raise ChangedError(number, "this is not a line of an export")
    joint = line.rfind(_JOINT)
    end = joint + len(_JOINT) + _CHAIN_CHARACTERS
    if joint < 0 or line[end : end + 1] != b'"':
        raise ChangedError(number, "this is not a line of an export")
    given = line[joint + len(_JOINT) : end].decode("ascii", "replace")
    return line[len(_OPENING) : joint], given, line[end + 1 : -2]


def _object(raw: bytes, number: int) -> dict[str, Any]:
    try:
        entry = json.loads(raw)
    except (ValueError, RecursionError):
        raise ChangedError(number, "this line is not JSON") from None
    if not isinstance(entry, dict):
        raise ChangedError(number, "this line is no JSON object")
    return entry


def _proven(about: dict[str, Any]) -> VerifiedSender:
    try:
        return SenderChain.open(base64.b64decode(str(about.get("device_proof", "")), validate=True))
    except (PeerError, binascii.Error):
        raise ChangedError(1, "the first line does not say whose device wrote this") from None


def _check_signature(rest: bytes, sender: VerifiedSender, lines: int, head: bytes) -> None:
    before, after = b', "signature": "', b'"'
    try:
        if not (rest.startswith(before) and rest.endswith(after)):
            raise ChangedError(lines, "the signature is missing")
        signature = base64.b64decode(rest[len(before) : -len(after)], validate=True)
        signed = _signed(sender.account, sender.device.device, lines, head)
        verify(sender.device.identity_key, signed, signature)
    except (PeerError, binascii.Error):
        raise ChangedError(lines, "the signature does not hold") from None


def _signed(account: AccountId, device: int, lines: int, head: bytes) -> bytes:
    return pack(Label.EXPORT, account, device, lines, head)

"""One thing said, with what both sides need to notice a lying relay: content, ids, times and views.

Knows the payload's one encoding (msgpack, then padding) and its limits. Must not know sessions, or what the
content means. Spec: shared/spec/content.md, "Payload".
"""

from typing import Final

import msgspec

from letterlock.devices.device_list import ListView
from letterlock.errors import MalformedError
from letterlock.ids import RANDOM_ID_BYTES, MessageId
from letterlock.messaging.content import UNREADABLE, Array, Content, Private, open_content, pack_content
from letterlock.messaging.content_limits import (
    MAX_COUNT,
    MAX_HANDLE_ENTRY_BYTES,
    MAX_PADDED_BYTES,
    MAX_TIMER_S,
    check_bytes,
    check_number,
)
from letterlock.primitives.padding import pad, unpad

PAYLOAD_VERSION: Final = 1


class Payload(Private, frozen=True, gc=False):
    """One thing said.

    `sent_at` is the author's clock in ms; `timer_s` the chat's disappearing timer as the author knows it;
    `own_view` and `peer_view` are the author's views of its own and of the recipient's device list;
    `handle_entry` is the author's signed handle on first messages, else empty.
    """

    message: MessageId
    sent_at: int
    timer_s: int
    own_view: ListView
    peer_view: ListView
    content: Content
    handle_entry: bytes = b""

    def __post_init__(self) -> None:
        check_bytes(self.message, RANDOM_ID_BYTES)
        check_number(self.sent_at, MAX_COUNT)
        check_number(self.timer_s, MAX_TIMER_S)
        _check_view(self.own_view)
        _check_view(self.peer_view)
        if len(self.handle_entry) > MAX_HANDLE_ENTRY_BYTES:
            raise MalformedError("a handle entry is too long")


def encode(payload: Payload) -> bytes:
    """Return the payload's bytes, padded to a size class. Raises MalformedError where it is too large."""
    padded = pad(_pack(payload))
    if len(padded) > MAX_PADDED_BYTES:
        raise MalformedError("this is too much for one message")
    return padded


def decode(padded: bytes) -> Payload:
    """Read a payload. Raises MalformedError for anything that `encode` could not have made."""
    if len(padded) > MAX_PADDED_BYTES:
        raise MalformedError("a payload is too large")
    raw = unpad(padded)
    payload = _open(raw)
    # msgpack writes one number in many ways; ours writes it in one, and reads no other.
    if _pack(payload) != raw:
        raise MalformedError("a payload is not in its one encoding")
    return payload


class _ViewRecord(Array, frozen=True, gc=False):
    epoch: int
    version: int
    digest: bytes


class _Record(Array, tag=PAYLOAD_VERSION, frozen=True, gc=False):
    message: MessageId
    sent_at: int
    timer_s: int
    own_view: _ViewRecord
    peer_view: _ViewRecord
    handle_entry: bytes
    content: msgspec.Raw


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(_Record)


def _pack(payload: Payload) -> bytes:
    record = _Record(
        message=payload.message,
        sent_at=payload.sent_at,
        timer_s=payload.timer_s,
        own_view=_view_record(payload.own_view),
        peer_view=_view_record(payload.peer_view),
        handle_entry=payload.handle_entry,
        content=msgspec.Raw(pack_content(payload.content)),
    )
    return _encoder.encode(record)


def _open(raw: bytes) -> Payload:
    try:
        record = _decoder.decode(raw)
    except UNREADABLE as error:
        raise MalformedError("this is not a payload") from error
    return Payload(
        message=record.message,
        sent_at=record.sent_at,
        timer_s=record.timer_s,
        own_view=_view(record.own_view),
        peer_view=_view(record.peer_view),
        content=open_content(bytes(record.content)),
        handle_entry=record.handle_entry,
    )


def _view_record(view: ListView) -> _ViewRecord:
    return _ViewRecord(view.epoch, view.version, view.digest)


def _view(record: _ViewRecord) -> ListView:
    return ListView(epoch=record.epoch, version=record.version, digest=record.digest)


def _check_view(view: ListView) -> None:
    check_number(view.epoch, MAX_COUNT)
    check_number(view.version, MAX_COUNT)
    check_bytes(view.digest, 32)

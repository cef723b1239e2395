"""What X-ray says about a message: its layers from the words to the envelope, and what each party saw of them.

Must not know widgets or the messenger.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from letterlock_client.models import Conversation, Delivery, Inspection, Message, MessageKind
from letterlock_client.sanitize import line_of
from letterlock_client.ui.wording import moment, preview, size, title_of

_HEX_BYTES: Final = 8
"""Bytes in a row of hex."""
_WORDS: Final = 120


@dataclass(frozen=True, slots=True)
class Layer:
    """One form of a message: what made it, how large it is, and how it begins."""

    title: str
    size: str
    how: str
    shown: tuple[str, ...] = ()


def layers(message: Message, known: Inspection | None) -> Iterator[Layer]:
    """From the inside to the outside; only the words where nothing else is known."""
    words = line_of(preview(message))[:_WORDS]
    text = message.text.encode("utf-8", "replace")
    hidden = message.deleted or message.view_once or message.kind is MessageKind.NOTE
    start = () if hidden else hex_rows(text[: 2 * _HEX_BYTES])
    how = "what the two of you read first; changed since" if message.edits else "what the two of you read"
    yield Layer("Words", "" if hidden else f"{len(text)} B", how, (words, *start))
    if known is None:
        return
    yield Layer(
        "Padded", f"{known.padded_bytes} B", "packed with ids and times, filled up to a common length"
    )
    step = f"step {known.ratchet_step}, message {known.chain_index} of its chain"
    yield Layer(
        "Ratchet message",
        f"{known.sealed_bytes} B",
        f"Double Ratchet, {step}: AES-256-GCM under a key used once and forgotten",
        hex_rows(known.sealed_start),
    )
    if known.first_contact:
        prekey = "the reusable" if known.last_resort else "a one-time"
        yield Layer("Handshake", "", f"inside it: PQXDH with {prekey} ML-KEM-1024 prekey began the session")
    copies = f"{known.devices} copies, one a device" if known.devices > 1 else "one device can open it"
    yield Layer(
        "Envelope",
        f"{known.envelope_bytes} B",
        f"HPKE to the device's sealing key hides who wrote: {copies}",
        hex_rows(known.envelope_start),
    )


def parties(
    message: Message, chat: Conversation, own: str, known: Inspection | None
) -> list[tuple[str, str]]:
    """Who saw what of it."""
    peer = title_of(chat)
    mine, theirs = f"{own} (you)", peer
    sent = size(known.envelope_bytes) if known is not None and known.envelope_bytes else "sealed bytes"
    reader = theirs if message.mine else mine
    relay = f"{sent} for a device of {reader}, at {moment(message.sent_at)}; not from whom, not what"
    if message.kind is MessageKind.NOTE:
        return [(mine, "said by this program; nobody else saw it")]
    if message.mine and message.delivery in (Delivery.WAITING, Delivery.FAILED):
        return [(mine, "all of it"), ("the relay", "nothing yet"), (theirs, "nothing yet")]
    arrived = not message.mine or message.delivery in (Delivery.DELIVERED, Delivery.READ)
    other = "all of it" if arrived else "not yet: it waits at the relay"
    return [(mine, "all of it"), ("the relay", relay), (theirs, other), ("anybody else", "nothing")]


def hex_rows(data: bytes) -> tuple[str, ...]:
    """Show bytes as rows of hex, the last one open-ended."""
    if not data:
        return ()
    rows = [data[at : at + _HEX_BYTES].hex(" ") for at in range(0, len(data), _HEX_BYTES)]
    return (*rows[:-1], f"{rows[-1]} …")

"""Puts what is said to a contact into the outbox: sealed where a session exists, else to be sealed later.

Runs inside the transaction of whoever says it, so that words, session and envelope are saved together. Must
not know why anything is said.
"""

from dataclasses import dataclass, field

import msgspec

from letterlock.ids import ConversationId, MessageId
from letterlock.messaging import content as contents
from letterlock.messaging.content_limits import MAX_RECEIPTS
from letterlock.messaging.payload import Payload, encode
from letterlock_client.flows import sealing
from letterlock_client.flows.workplace import Work, Workplace, device_digest, envelope_id, verified
from letterlock_client.storage import conversations, inspections, outbox
from letterlock_client.storage.attachments import unfinished_uploads
from letterlock_client.storage.contacts import StoredContact
from letterlock_client.storage.database import Reader
from letterlock_client.storage.outbox import Original, Outgoing, SentTo


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to be said to one account."""

    content: contents.Content = field(repr=False)
    kind: str
    id: MessageId
    shown: bool = False
    """Whether a message stored here follows its delivery."""
    timer_s: int = 0


async def enqueue(work: Work, contact: StoredContact, item: Item) -> None:
    """Seal an item for a contact's devices and put it into the outbox; unsealed where a session is missing.

    What is unsealed is sealed by `delivering`, with the prekeys the relay hands out.
    """
    peer = verified(contact)
    payload = Payload(
        message=item.id,
        sent_at=work.now,
        timer_s=item.timer_s,
        own_view=work.own.account.devices.view,
        peer_view=peer.devices.view,
        content=item.content,
    )
    copies = await sealing.seal(work, peer, payload)
    if copies is None:
        payload = msgspec.structs.replace(payload, handle_entry=work.own.identity.handle_entry)
    elif item.shown:
        await inspections.save(work.tx, copies.inspection)
    devices = [SentTo(one.device, device_digest(one)) for one in peer.devices.devices] if copies else []
    await outbox.keep_original(
        work.tx,
        Original(
            message=item.id,
            account=contact.account,
            payload=encode(payload),
            kind=item.kind,
            created=work.now,
        ),
        devices,
    )
    await outbox.add(
        work.tx,
        Outgoing(
            envelope=envelope_id(item.id, 0),
            account=contact.account,
            list_epoch=peer.devices.epoch if copies else 0,
            list_version=peer.devices.version if copies else 0,
            sealed=copies.sealed if copies else (),
            kind=item.kind,
            created=work.now,
            message=item.id if item.shown else None,
            original=item.id,
        ),
    )
    work.tx.after_commit(work.place.outbox_changed.set)


async def say(work: Work, contact: StoredContact, content: contents.Content, kind: str) -> None:
    """Enqueue content that is no message of its own."""
    timer_s, _set_at = await conversations.timer(work.tx, ConversationId(contact.account))
    item = Item(content, kind, work.place.new_message_id(), timer_s=timer_s)
    await enqueue(work, contact, item)


async def receipt(
    work: Work, contact: StoredContact, kind: contents.ReceiptKind, ids: list[MessageId]
) -> None:
    """Tell how far their messages have come."""
    for start in range(0, len(ids), MAX_RECEIPTS):
        names = tuple(ids[start : start + MAX_RECEIPTS])
        await say(work, contact, contents.Receipt(kind, names), "receipt")


async def all_sent(place: Workplace) -> None:
    """Wait until nothing waits: no envelope in the outbox, no file to be uploaded."""

    async def waiting(reader: Reader) -> bool:
        return bool(await outbox.count(reader) or await unfinished_uploads(reader))

    while True:
        place.outbox_moved.clear()
        if not await place.database.read(waiting):
            return
        await place.outbox_moved.wait()

"""Lets somebody in, or keeps them out: requests, blocking, and what that means for what waits.

Must not know how an account is found or checked.
"""

from dataclasses import replace
from typing import Final

from letterlock.ids import ConversationId
from letterlock.messaging.content import ReceiptKind
from letterlock_client.flows.contacts import require_contact, tell
from letterlock_client.flows.outgoing import receipt
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.models import Delivery, NewsKind, Standing
from letterlock_client.storage import contacts, feed, messages, outbox
from letterlock_client.storage.contacts import StoredContact

MOST_HELD: Final = 1000
"""How many messages of a request are told as news when it is accepted."""


async def accept_in(work: Work, contact: StoredContact) -> StoredContact:
    """Accept a contact; what waited behind its request is told as news here, and as delivered there."""
    accepted = replace(contact, standing=Standing.ACCEPTED)
    await contacts.save(work.tx, accepted)
    conversation = ConversationId(contact.account)
    if contact.standing is Standing.REQUESTED:
        await feed.forget(work.tx, conversation, NewsKind.REQUEST)
        held = [one for one in await messages.last(work.tx, conversation, MOST_HELD) if not one.mine]
        for one in held:
            await feed.add(
                work.tx, NewsKind.MESSAGE, one.received_at, conversation=conversation, message=one.id
            )
        await receipt(work, accepted, ReceiptKind.DELIVERED, [one.id for one in held])
    await tell(work, conversation)
    return accepted


async def set_standing(place: Workplace, conversation: ConversationId, standing: Standing) -> None:
    """Accept, block or unblock. Raises code unknown_conversation."""

    async def work(work: Work) -> None:
        contact = await require_contact(work.tx, conversation)
        if standing is Standing.ACCEPTED:
            await accept_in(work, contact)
            return
        await contacts.save(work.tx, replace(contact, standing=standing))
        await feed.forget(work.tx, conversation)
        for row in await outbox.delete_for(work.tx, contact.account):
            if row.message is not None:
                await messages.set_delivery(work.tx, row.message, Delivery.FAILED, "you blocked this contact")
        await tell(work, conversation)

    await place.transact(work)

"""Applies what came about messages that a restore had not brought back yet, in the transaction that brings them.

Must not know segments, nor who restores.
"""

from contextlib import suppress

from letterlock.errors import PeerError
from letterlock.messaging.payload import decode
from letterlock_client.errors import ClientError
from letterlock_client.flows import reading, sending
from letterlock_client.flows.workplace import Work
from letterlock_client.storage import contacts, late_changes


async def apply(work: Work) -> None:
    """Apply the changes of all messages that are here now, in the order in which they came; read chats stay read."""
    effects = reading.Effects()
    for change in await late_changes.take(work.tx):
        contact = await contacts.get(work.tx, change.account)
        if contact is None:
            continue
        try:
            payload = decode(change.payload)
        except PeerError:
            # It was whole when it came; a disk that spoils it costs this change and no other.
            continue
        await reading.apply_late(work, contact, payload, change.target, effects)
    await reading.finish(work, effects)
    for conversation, up_to in await late_changes.read(work.tx):
        with suppress(ClientError):
            # A chat that is gone by now needs none of this.
            await sending.read_up_to(work, conversation, up_to)

"""Sends again what a lost terminal took with it, once its owner is back on a new one.

Mail sealed to a device whose keys are gone opens nowhere. A contact's list in a new epoch says that this happened:
whatever of the last 30 days has no delivery receipt is sealed again, for the new devices, under the same message ids,
so that who has it already has it once. Must not know how an account comes back.
"""

from typing import Final

from letterlock_client.flows.workplace import Work, epoch_envelope
from letterlock_client.storage import outbox
from letterlock_client.storage.contacts import StoredContact
from letterlock_client.storage.outbox import Original, Outgoing

RESENT_MS: Final = 30 * 24 * 3_600_000
MOST: Final = 1000
"""How many messages one new epoch has sent again; the newest, where there are more."""
_SINGLE: Final = ("retry:", "resend:")
"""What was meant for one device alone, and is worth nothing to another."""


async def resend_to_new_epoch(work: Work, contact: StoredContact) -> None:
    """Queue what this contact's lost devices may never have shown, in the order it was said."""
    kept = await outbox.undelivered(work.tx, contact.account, work.now - RESENT_MS)
    waiting = {row.original for row in await outbox.waiting(work.tx, account=contact.account, limit=MOST)}
    again = [one for one in kept if one.message not in waiting and not one.kind.startswith(_SINGLE)]
    for original in again[-MOST:]:
        await outbox.add(work.tx, _outgoing(original, contact.list_epoch, work.now))
    if again:
        work.tx.after_commit(work.place.outbox_changed.set)


def _outgoing(original: Original, epoch: int, now: int) -> Outgoing:
    return Outgoing(
        envelope=epoch_envelope(original.message, epoch),
        account=original.account,
        list_epoch=0,
        list_version=0,
        sealed=(),
        kind=original.kind,
        created=now,
        original=original.message,
    )

"""What time takes away: mail after 30 days, attachments after theirs, memory that is no longer needed.

One task, one step at a time, never in the way of mail for long. Must not know how a store deletes.
"""

import asyncio
from typing import Final

from letterlock.wire import frames
from letterlock_server.relay.state import Relay
from letterlock_server.stores.interfaces import StoreError

MAIL_MS: Final = 30 * 24 * 60 * 60 * 1000
EVERY_S: Final = 60.0
CLOCK_MARGIN_MS: Final = 60 * 60 * 1000
"""A clock that is an hour wrong takes nothing early."""


async def expire_for_ever(relay: Relay) -> None:
    """Expire once a minute, until cancelled."""
    while True:
        await asyncio.sleep(EVERY_S)
        await expire_once(relay)


async def expire_once(relay: Relay) -> None:
    """Delete what is over; tell connected devices that lost mail. A failing store is asked again next time."""
    now = relay.now()
    try:
        lost = await relay.store.mail.expire(now - MAIL_MS - CLOCK_MARGIN_MS, now)
        for mailbox, count in lost.items():
            relay.counts.expired += count
            box = relay.known_box(mailbox)
            if box is not None:
                box.held -= count
                if box.peer is not None:
                    relay.tell(box.peer, frames.Notice("mail_expired"))
        await relay.store.blobs.expire(now)
    except StoreError:
        return

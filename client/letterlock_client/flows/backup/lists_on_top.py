"""Lets records of a backup come over contacts that were only remembered, and loses no device list that was seen here.

What the record says of somebody stands: who is blocked or verified there is so here. Then the list that the relay told
meanwhile is taken as if it told it now. Must not know segments, nor who restores.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from letterlock_client.flows import contacts as contacting
from letterlock_client.flows.workplace import Work, verified
from letterlock_client.storage import contacts


@asynccontextmanager
async def lists_on_top(work: Work) -> AsyncIterator[None]:
    """Take records while this is open; they stand as they came where that fails."""
    seen = await contacts.remembered(work.tx)
    yield
    for each in seen:
        known = await contacts.get(work.tx, each.account)
        if known is None or known == each:
            continue
        if (known.list_epoch, known.list_version) <= (each.list_epoch, each.list_version):
            await contacting.take(work, known, verified(each))

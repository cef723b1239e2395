"""Opens the vault of a profile: connections to its realms, and the device that speaks for the account to them.

Must not know what is asked of them.
"""

import contextlib
from collections.abc import AsyncIterator, Callable

from letterlock.vault.fleet import Fleet
from letterlock.vault.owned import Owner
from letterlock_client.flows.workplace import Own
from letterlock_client.links.transport import Dial, dial_realm
from letterlock_client.links.vault import VaultLinks


@contextlib.asynccontextmanager
async def open_vault(
    fleet: Fleet,
    random: Callable[[int], bytes],
    now: Callable[[], int],
    *,
    insecure: bool = False,
    dial: Dial = dial_realm,
) -> AsyncIterator[VaultLinks]:
    """Give the realms of a fleet, connected to when they are asked something, and closed at the end.

    `now` gives milliseconds; `insecure` allows ws:// beyond this machine.
    """
    links = VaultLinks(fleet, dial, random, now, insecure=insecure)
    try:
        yield links
    finally:
        await links.close()


def owner_of(own: Own) -> Owner:
    """Return this device as the one that speaks for its account."""
    return Owner(own.chain, own.account.devices.raw, own.device.identity)

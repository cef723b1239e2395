"""Opens a vault: connections to its realms, the device that speaks for an account, a thread for slow passwords.

Must not know what is asked of them.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from letterlock.vault.fleet import Fleet
from letterlock.vault.owned import Owner
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.workplace import Own
from letterlock_client.links.transport import Dial, dial_realm
from letterlock_client.links.vault import Sleep, VaultLinks

T = TypeVar("T")


@contextlib.asynccontextmanager
async def open_vault(
    fleet: Fleet,
    random: Callable[[int], bytes],
    now: Callable[[], int],
    *,
    insecure: bool = False,
    dial: Dial = dial_realm,
    sleep: Sleep = asyncio.sleep,
) -> AsyncIterator[VaultLinks]:
    """Give the realms of a fleet, connected to when they are asked something, and closed at the end.

    `now` gives milliseconds; `insecure` allows ws:// beyond this machine.
    """
    links = VaultLinks(fleet, dial, random, now, insecure=insecure, sleep=sleep)
    try:
        yield links
    finally:
        await links.close()


async def stretched(work: Callable[..., T], *arguments: object) -> T:
    """Do what Argon2id makes slow, in a thread. Raises code failed where the machine has too little memory."""
    try:
        return await asyncio.to_thread(work, *arguments)
    except MemoryError as error:
        raise ClientError(
            Code.FAILED,
            "this machine has too little free memory for the password: close something, try again",
        ) from error


def owner_of(own: Own) -> Owner:
    """Return this device as the one that speaks for its account."""
    return Owner(own.chain, own.account.devices.raw, own.device.identity)

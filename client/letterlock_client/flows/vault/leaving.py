"""Has realms that were away when backups were turned off delete what they keep, as soon as they answer.

A deletion is signed for one moment of one realm, so it cannot wait as bytes: what waits is whom to ask again, and this
device signs anew. Must not know passwords or providers.
"""

from dataclasses import dataclass
from itertools import groupby

from letterlock_client.flows.vault import of_profile
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_state
from letterlock_client.storage.backup_state import VaultState


@dataclass(frozen=True, slots=True)
class AskedAgain:
    """What asking the realms again came to."""

    deleted: int
    """How many proved it now."""
    asked: int
    waiting: tuple[str, ...]
    """Realms that still keep a record."""


async def delete_left(place: Workplace) -> AskedAgain:
    """Ask every realm again that was away; never fails for one that still is.

    A realm that keeps a later registration, or that takes this device's word no more, is asked no more.
    """
    left = await place.database.read(backup_state.leaving)
    proved, gone = 0, []
    for vault, realms in groupby(left, key=lambda one: VaultState(one.fleet, one.epoch, b"")):
        ended = await of_profile.delete_at(place, vault, [one.realm for one in realms])
        proved += len(ended.proved)
        gone += [(realm, vault.fleet) for realm in ended.gone]

    async def note(work: Work) -> None:
        await backup_state.left(work.tx, gone)

    if gone:
        await place.transact(note)
    waiting = await place.database.read(backup_state.leaving)
    return AskedAgain(proved, len(left), tuple(one.realm for one in waiting))

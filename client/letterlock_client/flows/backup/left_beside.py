"""What a terminal that was lost in the middle of a rotation left beside the backup, and when that may be deleted.

::

    this key is the old one, the other the new ─> while no manifest lies there, nothing of it can be restored
    this key is the new one, the other the old ─> as long as nobody wrote a generation there since

Which prefix that is stands in the backup itself, sealed: so it is the owner's. Two looks a week apart must see the same
there, for whoever still writes is not gone. What is not provable stays. Must not know how a rotation runs.
"""

from collections.abc import Sequence
from typing import Final

from letterlock.backup.choices import Turn
from letterlock.backup.manifest import generation_of, prefix_of
from letterlock.backup.plan import GARBAGE_MS
from letterlock.encoding import pack
from letterlock.primitives.derivation import sha256
from letterlock_client.flows.backup import tidying
from letterlock_client.flows.backup.terms import objects, require
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_state, beside_state, rotation_state
from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.beside_state import Beside
from letterlock_client.storage.database import Reader
from letterlock_client.storage.rotation_state import Phase

_UNUSED: Final = 0
"""The generation of a prefix that nobody uses."""


# Said in the backup.


async def turn(reader: Reader, state: BackupState, generation: int) -> Turn | None:
    """Return what a backup of this generation is to say of a rotation: the one that runs here, or that was left."""
    here = prefix_of(state.backup_key)
    rotation = await rotation_state.load(reader)
    if rotation is not None:
        other = prefix_of(rotation.state.backup_key)
        if rotation.phase is Phase.LEAVING:
            return _turn(other, here, rotation.state.generation)
        return _turn(here, other, generation)
    beside = await beside_state.load(reader)
    if beside is None or beside.provider != state.provider:
        return None
    if beside.generation == _UNUSED:
        return _turn(here, beside.prefix, generation)
    return _turn(beside.prefix, here, beside.generation)


def _turn(former: str, later: str, generation: int) -> Turn:
    return Turn(bytes.fromhex(former), bytes.fromhex(later), generation)


def beside_of(state: BackupState, said: Turn | None) -> Beside | None:
    """What lies beside a restored backup, as it says itself; None where it says nothing of its own prefix."""
    here = bytes.fromhex(prefix_of(state.backup_key))
    if said is None or said.former == said.later:
        return None
    if said.former == here:
        return Beside(state.provider, said.later.hex(), _UNUSED)
    if said.later == here and said.generation:
        return Beside(state.provider, said.former.hex(), said.generation)
    return None


# Deleted.


async def let_go(place: Workplace, *, at_once: bool = False) -> int:
    """Delete what was left, where that is provable; return how many objects that was.

    `at_once` is for whoever deletes the whole backup. Raises codes provider_….
    """
    beside = await place.database.read(beside_state.load)
    if beside is None:
        return 0
    state = await require(place)
    if beside.provider != state.provider:
        # Backups began anew elsewhere, and all that lies there stays.
        await place.transact(lambda work: beside_state.clear(work.tx))
        return 0
    store = objects(place, beside.provider)
    names = sorted(each.name for each in await store.list(beside.prefix))
    if not names:
        await place.transact(lambda work: beside_state.clear(work.tx))
        return 0
    if not _unused(beside, names) or not await _key_holds(place, state, beside):
        return 0
    if not at_once and not await _seen_long_enough(place, beside, names):
        return 0
    deleted = await tidying.remove_under(store, beside.prefix)
    await place.transact(lambda work: beside_state.clear(work.tx))
    return deleted


def _unused(beside: Beside, names: Sequence[str]) -> bool:
    """Whether nothing that lies there is newer than what was there when the rotation began to use the other key."""
    newest = max((generation_of(name) or 0 for name in names), default=0)
    return newest <= beside.generation and not any(
        "/manifest/" in name and generation_of(name) is None for name in names
    )


async def _key_holds(place: Workplace, state: BackupState, beside: Beside) -> bool:
    """Whether no password opens the old key any more: as many realms as are needed keep this one."""
    vault = await place.database.read(backup_state.load_vault)
    if beside.generation == _UNUSED or vault is None:
        return True
    # A backup that has no vault does without all that speaks to realms.
    from letterlock_client.flows.vault import of_profile

    newest = await of_profile.newest(place, vault)
    return newest.key_check == state.key_check and newest.realms >= newest.needed


async def _seen_long_enough(place: Workplace, beside: Beside, names: Sequence[str]) -> bool:
    """Whether the same lay there a week ago; note it where it did not, or where the clock went back."""
    now, digest = place.clock(), sha256(pack(*names))
    if beside.digest == digest and beside.first_seen <= now:
        return now - beside.first_seen >= GARBAGE_MS

    async def note(work: Work) -> None:
        await beside_state.save(
            work.tx, Beside(beside.provider, beside.prefix, beside.generation, now, digest)
        )

    await place.transact(note)
    return False

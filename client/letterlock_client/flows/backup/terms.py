"""How this profile is backed up, as its owner chose it: whether at all, where to, how often, and when next.

Must not know how it is chosen, nor how a backup is written or read.
"""

from dataclasses import replace
from typing import Final

from letterlock.backup.generations import MAX_STEP
from letterlock_client.backup_models import Frequency
from letterlock_client.errors import ClientError, Code, backups_off
from letterlock_client.flows.backup import counting
from letterlock_client.flows.backup.objects import Objects
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import backup_state
from letterlock_client.storage.backup_state import BackupState

FIRST_AFTER_MS: Final = 600_000
"""Turning on does not back up: whoever does not ask for the first one gets it soon after."""
PERIODS_MS: Final = {
    Frequency.OFF: 0,
    Frequency.DAILY: 86_400_000,
    Frequency.WEEKLY: 7 * 86_400_000,
    Frequency.MONTHLY: 30 * 86_400_000,
}


async def require(place: Workplace) -> BackupState:
    """How this profile is backed up. Raises code backup_off."""
    state = await place.database.read(backup_state.load)
    if state is None:
        raise backups_off()
    return state


async def require_restored(place: Workplace) -> None:
    """Let nothing of a backup be written or deleted while some of it is still to be restored.

    Raises code restore_unfinished.
    """
    if await place.database.read(backup_state.restoring):
        raise ClientError(
            Code.RESTORE_UNFINISHED,
            "a restore is not complete, and some messages are only in the backup yet: let it finish first",
        )


def objects(place: Workplace, provider: str) -> Objects:
    """The objects at a provider."""
    return Objects(place.open_provider(provider), place.sleep)


def next_at(state: BackupState, now: int) -> int:
    """When the next backup is due; 0 for never.

    That is now where the last one lies ahead: a wrong clock made it, and nobody knows how long ago.
    """
    period = PERIODS_MS[state.frequency]
    totals = counting.load(state.last)
    if not period:
        return 0
    since, after = (totals.at, period) if totals else (state.turned_on, FIRST_AFTER_MS)
    return since + after if since <= now else now


def known_generation(state: BackupState) -> int:
    """The highest number that this device knows of: of its own, or of one that the realms know and it took none of."""
    totals = counting.load(state.last)
    anchored = totals.anchor_generation if totals else 0
    return max(state.generation, anchored if anchored <= state.generation + MAX_STEP else 0)


def anew(state: BackupState, provider: str) -> BackupState:
    """Begin again at another provider: nothing of this history lies there yet.

    Its number stays: realms take none that is not above the one they know.
    """
    return replace(
        state,
        provider=provider,
        watermark=0,
        identity_digest=b"",
        manifest_name="",
        manifest=b"",
        last=b"",
    )

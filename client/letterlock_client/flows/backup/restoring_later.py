"""Goes on with a restore beside chatting: the messages that are not here yet, then files, until it is complete.

A provider that is away is asked again; whatever else is wrong is told, and waits for somebody to go on. May be
cancelled at any moment and begun again at any later one. Must not know who restored, nor what opens a backup.
"""

import asyncio
from typing import Final

from letterlock_client.backup_models import Restored
from letterlock_client.errors import DAMAGE, ClientError, Code
from letterlock_client.events import RestoreFinished, RestoreMoved
from letterlock_client.flows.backup import looking_ahead, restoring
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.backup.terms import objects
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import backup_state

AGAIN_S: Final = 30.0
_PASSING: Final = frozenset({Code.PROVIDER_UNREACHABLE, Code.STORAGE_BUSY})


async def run(place: Workplace) -> ClientError | None:
    """Go on until it is complete, or until somebody has to do something: return why. Tells how it goes, and ended."""
    while True:
        try:
            done = await _go_on(place)
        except ClientError as error:
            if error.code is Code.CLOSED:
                return None
            place.announcer.say([RestoreFinished(None, error.message, error.code in DAMAGE)])
            if error.code not in _PASSING:
                return error
            await place.sleep(AGAIN_S)
        except asyncio.CancelledError:
            place.announcer.say([RestoreFinished(None)])
            raise
        else:
            if done is not None:
                place.announcer.say([RestoreFinished(done)])
            return None


async def _go_on(place: Workplace) -> Restored | None:
    """Do what is left; None where nothing is. Raises code restore_unfinished where that takes a secret."""
    journal = await place.database.read(backup_state.journal)
    if journal is None:
        return None
    if await restoring.needs_account(place, journal):
        raise ClientError(Code.RESTORE_UNFINISHED, restoring.NOT_WHOLE)
    meter = Meter(place.clock, lambda moved: place.announcer.say([RestoreMoved(moved)]))
    here = restoring.open_restoring(place, objects(place, journal.provider), meter, journal)
    await looking_ahead.bring_all(here)
    return await restoring.complete(here)

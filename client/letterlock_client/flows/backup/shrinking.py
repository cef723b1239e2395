"""Finds out whether messages are missing here that the last backup held, and that nobody deleted and no timer ended.

Must not know how they are counted, nor what is done about it.
"""

from functools import partial
from typing import Final

from letterlock.backup.generations import shrunk
from letterlock.backup.manifest import Manifest
from letterlock_client.flows.backup import counting
from letterlock_client.flows.backup.counting import Counted
from letterlock_client.flows.backup.ground import Ground
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import backup_counts

_EARLIER_ROWS: Final = 50_000
"""Above so many messages an earlier release counted once a week, and took no deletion off in between."""


async def alarm(place: Workplace, ground: Ground, counted: Counted, manifest: Manifest) -> str:
    """Say it, where a backup holds fewer messages than the last one, deletions and timers explain; "" elsewhere."""
    if ground.before is None:
        return ""
    if (gone_on := counted.gone_on) is not None:
        return shrunk(gone_on.before, counted.totals.messages, deleted=gone_on.left, came=gone_on.came)
    before = counting.load(ground.state.last)
    if before is not None and before.position > _EARLIER_ROWS:
        return ""
    gone = await place.database.read(
        partial(backup_counts.gone, above=ground.state.watermark, now=place.clock())
    )
    return shrunk(ground.before.totals.messages, manifest.totals.messages, deleted=gone)


async def any_missing(place: Workplace, ground: Ground) -> bool:
    """Whether messages are missing that the last backup held; of a history that is counted at once alone."""
    before = counting.load(ground.state.last)
    if before is None or before.position > counting.COUNTED_ROWS:
        return False
    counted = await place.database.read(partial(counting.count, now=place.clock(), before=before))
    return counted.missing > 0

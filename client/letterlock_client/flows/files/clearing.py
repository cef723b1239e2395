"""Makes room: deletes our copies of files, and nothing else.

The messages stay and say what their files were; a file comes again from the backup or the relay where they have it,
and backups go on holding what they hold. Must not know what a person chose them by.
"""

from collections.abc import Collection
from dataclasses import replace
from functools import partial

from letterlock.ids import MessageId
from letterlock_client.flows.reading import delete_after
from letterlock_client.flows.sending import tell_changed
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.models import Again, Cleared, FileSum, KeptFile
from letterlock_client.storage import backup_state, kept_files


async def held(place: Workplace) -> list[KeptFile]:
    """Every file that lies here, the largest first."""
    kept = await place.database.read(partial(kept_files.kept, now=place.clock()))
    state = await place.database.read(backup_state.load)
    if state is None:
        return kept
    # Only whoever backs up needs what this takes to load.
    from letterlock_client.flows.backup import ground

    # Its owner counts on the backup, and the relay does not keep it as long.
    awaited = {file.message for file in await ground.new_files(place, state)}
    return [
        replace(each, again=Again.NOT_YET) if each.again is Again.RELAY and each.message in awaited else each
        for each in kept
    ]


async def sums(place: Workplace) -> list[FileSum]:
    """What the files that lie here take, by chat and kind of message."""
    return await place.database.read(kept_files.sums)


async def clear(place: Workplace, messages: Collection[MessageId]) -> Cleared:
    """Delete our copies of these messages' files. What moves, or has still to be sent, stays."""

    async def work(work: Work) -> Cleared:
        gone = await kept_files.let_go(work.tx, messages)
        delete_after(work, *(path for path, _ in gone))
        for message in messages:
            await tell_changed(work, message)
        return Cleared(len(gone), sum(size for _, size in gone))

    return await place.transact(work)

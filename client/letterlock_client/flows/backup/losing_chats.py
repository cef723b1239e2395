"""Notes which chats came back without their messages, when a restore ends that brought not all of its backup.

Must not know what was damaged.
"""

from letterlock.backup.manifest import Manifest
from letterlock_client.flows.backup.leaving_out import chats_of
from letterlock_client.flows.workplace import Work
from letterlock_client.storage import lost_chats
from letterlock_client.storage.backup_state import RestoreJournal


async def note(work: Work, journal: RestoreJournal, manifest: Manifest, *, whole: bool) -> None:
    """Note those of which the restore was to bring messages and, where it was not of a whole backup, brought none.

    Those of an earlier one stay noted that this one was not asked for. Where the manifest does not list all chats that
    have messages, one that it does not list may have had some.
    """
    empty = await lost_chats.empty(work.tx)
    asked = set(chats_of(journal)) or empty
    noted = (await lost_chats.load(work.tx)).chats & empty - asked
    if not whole:
        listed = {each.id: each.messages for each in manifest.chats}
        others = 1 if manifest.totals.conversations > len(listed) else 0
        noted |= {each for each in empty & asked if listed.get(each, others)}
    await lost_chats.note(work.tx, work.now, noted)

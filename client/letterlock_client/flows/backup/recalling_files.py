"""Fetches one file from the backup, when somebody wants it and it is not here: a restore may leave files for later.

Must not know the relay, nor what is done with the file.
"""

from functools import partial

from letterlock.backup.manifest import open_manifest
from letterlock.errors import BackupError
from letterlock_client.errors import ClientError
from letterlock_client.flows.backup.media import MediaShelf, WantedFile, described
from letterlock_client.flows.backup.restoring_files import FilesBack
from letterlock_client.flows.backup.terms import objects
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import backup_state, messages
from letterlock_client.storage.attachments import AbsentFile, StoredAttachment


async def recall(place: Workplace, stored: StoredAttachment) -> bool:
    """Bring a message's file back from the backup; False where the backup does not give it."""
    state = await place.database.read(backup_state.load)
    row = await place.database.read(partial(messages.row_of, message=stored.message))
    content = described(stored.descriptor)
    if state is None or row is None or content is None or not state.manifest:
        return False
    try:
        manifest = open_manifest(state.backup_key, state.manifest_name, state.manifest)
        shelf = MediaShelf(state.backup_key, manifest.media_master)
        absent = AbsentFile(row, stored.message, stored.descriptor)
        wanted = WantedFile(absent, content, shelf.named(content.digest))
        await FilesBack(place, objects(place, state.provider), shelf).bring(wanted, patient=True)
    except (BackupError, ClientError):
        # The relay may still have it.
        return False
    return True

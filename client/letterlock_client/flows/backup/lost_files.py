"""Finds the files that a backup says it has, and that lie at the provider no more, or not whole.

A message's file that was never fetched is in no backup, and not lost: what a backup has, the ends of its segments say.
Must not know how files come back.
"""

from collections.abc import Collection, Sequence

from letterlock.backup.manifest import Manifest
from letterlock.backup.segments import SegmentRef
from letterlock.ids import MessageId
from letterlock_client.backup_models import WrongFile
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup.media import WantedFile
from letterlock_client.flows.backup.objects import WRONG_THERE, Objects
from letterlock_client.flows.backup.purging_segments import read_tails


async def lost(
    store: Objects, key: bytes, manifest: Manifest, absent: Sequence[WantedFile]
) -> list[WrongFile]:
    """Say which of these files, that do not lie at the provider, a segment of the backup refers to.

    Reads the ends of segments, one at a time. Raises codes provider_….
    """
    left = {each.media for each in absent}
    gone: set[bytes] = set()
    for ref in manifest.segments if left else ():
        if ref.media:
            gone |= left.intersection(await _media(store, key, ref))
    return [wrong(each, Code.BACKUP_MISSING) for each in absent if each.media in gone]


async def _media(store: Objects, key: bytes, ref: SegmentRef) -> Collection[bytes]:
    """The media that a segment refers to; none where it is not there any more, for its messages are back already."""
    try:
        (tail,) = (await read_tails(store, key, (ref,))).values()
    except ClientError as error:
        if error.code in WRONG_THERE:
            return ()
        raise
    return tail.media


def wrong(file: WantedFile, code: Code) -> WrongFile:
    """Name a file that did not come back, and why."""
    return WrongFile(MessageId(file.absent.message), file.content.name, code.value)

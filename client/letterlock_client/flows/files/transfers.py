"""What moving a file takes either way: what its message says, where it rests, and how far it is.

Must not know in which direction a file moves, nor what is asked of the relay.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from letterlock.ids import ConversationId
from letterlock.messaging import content as contents
from letterlock.messaging.attachments import AttachmentChunks, AttachmentPlan, plan
from letterlock_client.events import TransferMoved
from letterlock_client.flows.files.sealed_files import SealedFile, place_of
from letterlock_client.flows.sending import tell_changed
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.models import TransferState
from letterlock_client.storage import attachments, messages
from letterlock_client.storage.attachments import StoredAttachment
from letterlock_client.storage.database import Reader

PIPELINED: Final = 4
"""How many chunks may be in flight."""
_SAVE_EVERY: Final = 32
"""How many chunks move between two notes of how far it is."""


@dataclass(slots=True)
class Moving:
    """How far one transfer has come: told at each chunk, written down now and then."""

    place: Workplace
    stored: StoredAttachment
    cut: AttachmentPlan
    conversation: ConversationId | None = None

    async def begin(self) -> bool:
        """Note that it moves from now on; False if the message is gone, or its upload was paused."""
        return await self.place.transact(self._begin)

    async def _begin(self, work: Work) -> bool:
        message = await messages.get(work.tx, self.stored.message)
        stored = await attachments.get(work.tx, self.stored.message)
        if message is None or stored is None or not stored.descriptor:
            return False
        if stored.upload and stored.shown.state is TransferState.PAUSED:
            return False
        self.conversation = message.conversation
        await attachments.begin(work.tx, message.id, place_of(message.id))
        if stored.shown.state is not TransferState.MOVING:
            await tell_changed(work, message.id)
        return True

    async def reached(self, index: int) -> bool:
        """Tell that this chunk is done; False if somebody paused it, or the message is gone."""
        done = self.cut.sealed_offset(index) + self.cut.sealed_bytes(index)
        if not await self.place.database.read(self._goes_on):
            return False
        if index % _SAVE_EVERY == 0 and not await self.place.transact(lambda work: self._note(work, done)):
            return False
        if self.conversation is not None:
            total = self.cut.sealed_size
            moved = TransferMoved(self.conversation, self.stored.message, done, total, self.stored.upload)
            self.place.announcer.say([moved])
        return True

    async def _goes_on(self, reader: Reader) -> bool:
        stored = await attachments.get(reader, self.stored.message)
        return stored is not None and stored.shown.state is TransferState.MOVING

    async def _note(self, work: Work, done: int) -> bool:
        if not await self._goes_on(work.tx):
            return False
        await attachments.moved(work.tx, self.stored.message, TransferState.MOVING, done)
        return True


def described(stored: StoredAttachment) -> contents.Attachment:
    """Read what the message says about its file."""
    return msgspec.msgpack.decode(stored.descriptor, type=contents.Attachment)


def sealed_file(place: Workplace, stored: StoredAttachment) -> SealedFile:
    """Return where the sealed bytes of a file are, or will be, and how they open."""
    return sealed_under(described(stored), place.sealed_path(stored.path or place_of(stored.message)))


def sealed_under(content: contents.Attachment, path: Path) -> SealedFile:
    """Return the sealed bytes at a path as what a message says of them."""
    return SealedFile(path, AttachmentChunks(content.key, plan(content.size, content.chunk_bytes)))

"""The verbs about files: sending, fetching, showing, hearing and letting go of them.

The part of the messenger that moves bytes; every verb raises `letterlock_client.errors.ClientError`. Must not know
faces, nor how a message travels.
"""

from collections.abc import Awaitable, Collection
from pathlib import Path

from letterlock.ids import ConversationId, MessageId
from letterlock_client.flows.attention import Attention
from letterlock_client.flows.files import (
    clearing,
    downloading,
    long_texts,
    picturing,
    saving,
    uploading,
    voice_notes,
)
from letterlock_client.flows.workplace import Workplace
from letterlock_client.library import Library
from letterlock_client.models import Cleared, FileSum, KeptFile, Message, Picture


class FileVerbs(Library):
    """Those of one open profile."""

    def __init__(self, place: Workplace) -> None:
        """Move the files of this workplace's messages."""
        super().__init__(place)
        self._attention = Attention(place)

    async def send_file(
        self,
        conversation: ConversationId,
        path: Path,
        *,
        caption: str = "",
        view_once: bool = False,
        reply_to: MessageId | None = None,
    ) -> Message:
        """Seal the file here, store the message, queue the upload; it is sent once the bytes are at the relay.

        The file is read before this returns, and not needed after. Raises as `send_text`, and file_failed.
        """
        parcel = uploading.Parcel(path, caption, view_once, reply_to)
        return await self._said(conversation, uploading.send_file(self._place, conversation, parcel))

    async def send_voice(
        self, conversation: ConversationId, sound: bytes, *, reply_to: MessageId | None = None
    ) -> Message:
        """Send what was recorded (16-bit mono, 16 000 samples a second) as a voice note. Raises as `send_file`."""
        sending = voice_notes.send_voice(self._place, conversation, sound, reply_to)
        return await self._said(conversation, sending)

    async def hear(self, message: MessageId) -> bytes:
        """A message's sound as such samples, at most ten minutes. Raises as `download`, and bad_input, too_large."""
        return await voice_notes.hear(self._place, await self.message(message))

    async def picture(self, message: Message) -> Picture | None:
        """A small picture of what a message's file shows; None where there is none, or it cannot be decoded."""
        return await picturing.picture(self._place, message)

    async def whole_picture(self, message: MessageId, width: int, height: int) -> Picture | None:
        """A message's picture from its file, at most so many pixels; None where it cannot be decoded.

        A view-once one is spent by it. Raises as `download`, and already_viewed.
        """
        return await picturing.whole_picture(self._place, await self.message(message), width, height)

    async def send_long_text(
        self, conversation: ConversationId, text: str, *, reply_to: MessageId | None = None
    ) -> Message:
        """Send a text that is too large for a message as a file of plain text. Raises as `send_file`."""
        sending = long_texts.send_long_text(self._place, conversation, text, reply_to)
        return await self._said(conversation, sending)

    async def send_once(
        self, conversation: ConversationId, text: str, *, reply_to: MessageId | None = None
    ) -> Message:
        """Send a text that can be read once, as a view-once file of plain text. Raises as `send_file`, too_large."""
        sending = long_texts.send_once(self._place, conversation, text, reply_to)
        return await self._said(conversation, sending)

    async def _said(self, conversation: ConversationId, sending: Awaitable[Message]) -> Message:
        """Say something; whoever answers has read what was asked, where its owner lets that count."""
        sent = await sending
        await self._attention.answered(conversation)
        return sent

    @staticmethod
    def reads_once(message: Message) -> bool:
        """Say whether a view-once message is a text, which `view_once` returns, and not a file to save."""
        return long_texts.reads_once(message)

    async def view_once(self, message: MessageId, target: Path | None = None) -> str | Path:
        """Open a view-once message this one time: return its text, or with a `target` where its file was saved.

        Raises code already_viewed; as `save`; and without a `target` bad_input where it is no text.
        """
        return await saving.view_once(self._place, await self.message(message), target)

    async def download(self, message: MessageId) -> Message:
        """Fetch and check an attachment, kept sealed; goes on where it stopped. Raises offline, gone, damaged."""
        await downloading.download(self._place, message)
        return await self.message(message)

    async def save(self, message: MessageId, target: Path) -> Path:
        """Write an attachment, plain, to `target`: a name nobody has, or a folder; return where it is.

        Fetches it where it is not here. Raises as `download`, and file_failed, storage_full.
        """
        return await saving.save(self._place, await self.message(message), target)

    async def pause(self, message: MessageId) -> None:
        """Stop an upload or download; `download` or `resend` goes on."""
        await downloading.pause(self._place, message)

    async def kept_files(self) -> list[KeptFile]:
        """Every file that lies here, the largest first, and where each would come from again."""
        return await clearing.held(self._place)

    async def file_sums(self) -> list[FileSum]:
        """What those files take, by chat and kind of message."""
        return await clearing.sums(self._place)

    async def clear_files(self, messages: Collection[MessageId]) -> Cleared:
        """Delete our copies of these messages' files, and nothing else; what moves or waits to be sent stays."""
        return await clearing.clear(self._place, messages)

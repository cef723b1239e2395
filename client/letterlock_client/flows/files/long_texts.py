"""Texts that go as a file of plain text: those too long for a message, and those that can be read once.

They never touch the disk unsealed, here or there. Must not know how a message travels.
"""

from letterlock.ids import ConversationId, MessageId
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.files.downloading import download
from letterlock_client.flows.files.sealed_files import off_loop
from letterlock_client.flows.files.uploading import About, send_bytes
from letterlock_client.flows.workplace import Workplace
from letterlock_client.models import MOST_READ, TEXT_NAME, TEXT_TYPE, Message


async def send_long_text(
    place: Workplace, conversation: ConversationId, text: str, reply_to: MessageId | None
) -> Message:
    """Seal a text of any length as a file and queue it. Raises as `send_file`, and bad_input."""
    about = About(TEXT_NAME, TEXT_TYPE, reply_to=reply_to)
    return await send_bytes(place, conversation, _encoded(text), about)


async def send_once(
    place: Workplace, conversation: ConversationId, text: str, reply_to: MessageId | None
) -> Message:
    """Seal a text that can be read once, and queue it. Raises as `send_long_text`, and too_large."""
    if not text.strip():
        raise ClientError(Code.BAD_INPUT, "there is nothing to read in it")
    raw = _encoded(text)
    if len(raw) > MOST_READ:
        raise ClientError(Code.TOO_LARGE, "this is too long to be read once; send it as a file")
    return await send_bytes(
        place, conversation, raw, About(TEXT_NAME, TEXT_TYPE, view_once=True, reply_to=reply_to)
    )


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise ClientError(Code.BAD_INPUT, "this text cannot be encoded") from error


def reads_once(message: Message) -> bool:
    """Say whether a view-once message's file is a text that can be read here, and not one to save."""
    return message.view_once and message.attachment is not None and message.attachment.is_message_text


async def read(place: Workplace, message: MessageId) -> str:
    """Return what a file says, written nowhere. Raises as `download`; damaged where it is no text."""
    sealed = await download(place, message)
    raw = await off_loop(lambda halt: b"".join(sealed.plain(halt)))
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise ClientError(Code.DAMAGED, "this is no text: save it as a file") from error

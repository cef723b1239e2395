"""Texts that are too long for a message go as a file of plain text, and never touch the disk unsealed.

Must not know how a message travels.
"""

from io import BytesIO
from pathlib import Path
from typing import Final

from letterlock.ids import ConversationId, MessageId
from letterlock.messaging import content as contents
from letterlock.messaging.attachments import plan
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.files.sealed_files import Halt, seal_stream
from letterlock_client.flows.files.uploading import Sealed, send_sealed
from letterlock_client.flows.workplace import Workplace
from letterlock_client.models import Message

NAME: Final = "message.txt"


async def send_long_text(
    place: Workplace, conversation: ConversationId, text: str, reply_to: MessageId | None
) -> Message:
    """Seal a text of any length as a file and queue it. Raises as `send_file`, and bad_input."""
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise ClientError(Code.BAD_INPUT, "this text cannot be encoded") from error

    def seal(goal: Path, key: bytes, halt: Halt) -> tuple[int, bytes]:
        return seal_stream(BytesIO(raw), len(raw), Path(NAME), goal, key, halt)

    def describe(sealed: Sealed) -> contents.Attachment:
        return contents.Attachment(
            kind=contents.AttachmentKind.FILE,
            blob=sealed.blob,
            key=sealed.key,
            digest=sealed.digest,
            size=sealed.size,
            sealed_size=plan(sealed.size).sealed_size,
            name=NAME,
            media_type="text/plain",
            reply_to=reply_to,
        )

    return await send_sealed(place, conversation, seal, describe)

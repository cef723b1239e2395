"""Says again in another chat what a message said: sealed anew, as one's own, and nothing tells where it came from.

Must not know how a message travels.
"""

from pathlib import Path

from letterlock.ids import ConversationId
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.files.downloading import download, require_file
from letterlock_client.flows.files.sealed_files import Halt, Parts, seal_stream
from letterlock_client.flows.files.transfers import described
from letterlock_client.flows.files.uploading import About, send_sealed
from letterlock_client.flows.sending import send_text
from letterlock_client.flows.workplace import Workplace
from letterlock_client.models import Message, MessageKind


async def forward(place: Workplace, message: Message, conversation: ConversationId) -> Message:
    """Say it there; a file is fetched first where it is not here. Raises as `send_text` and `download`.

    Raises code bad_input for what was deleted, can be seen once, or is not known.
    """
    if message.deleted or message.view_once or message.kind in (MessageKind.NOTE, MessageKind.UNKNOWN):
        raise ClientError(Code.BAD_INPUT, "this message cannot be forwarded")
    if message.attachment is None:
        return await send_text(place, conversation, message.text, None)
    sealed = await download(place, message.id)
    content = described(await require_file(place, message.id))

    def seal(goal: Path, key: bytes, halt: Halt) -> tuple[int, bytes]:
        return seal_stream(Parts(sealed.plain(halt)), content.size, sealed.path, goal, key, halt)

    about = About(
        name=content.name,
        media_type=content.media_type,
        kind=content.kind,
        caption=message.text,
        width=content.width,
        height=content.height,
        milliseconds=content.duration_ms,
        preview=content.preview,
    )
    return await send_sealed(place, conversation, seal, about)

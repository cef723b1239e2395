"""Voice notes: a recording goes as a sealed file, and a sound that came is decoded where it can do no harm.

What is recorded and what is heard never touches the disk unsealed. Must not know devices.
"""

import asyncio
from typing import Final

from letterlock.ids import ConversationId, MessageId
from letterlock.messaging import content as contents
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.files.downloading import download
from letterlock_client.flows.files.sealed_files import off_loop
from letterlock_client.flows.files.uploading import About, send_bytes
from letterlock_client.flows.workplace import Workplace
from letterlock_client.models import Message, MessageKind
from letterlock_client.pictures import asking
from letterlock_client.sound import notes

NAME: Final = "voice note.ogg"


async def send_voice(
    place: Workplace, conversation: ConversationId, sound: bytes, reply_to: MessageId | None
) -> Message:
    """Encode a recording, seal it and queue it. Raises as `send_file`, and bad_input."""
    note = await asyncio.to_thread(notes.encode, sound)

    about = About(
        NAME,
        "audio/ogg",
        contents.AttachmentKind.VOICE,
        milliseconds=note.milliseconds,
        preview=note.bars,
        reply_to=reply_to,
    )
    return await send_bytes(place, conversation, note.data, about)


async def hear(place: Workplace, message: Message) -> bytes:
    """Return a message's sound as samples, fetching its file where it is not here. Raises as `download`, bad_input."""
    if message.kind not in (MessageKind.AUDIO, MessageKind.VOICE) or message.deleted or message.view_once:
        raise ClientError(Code.BAD_INPUT, "this message has no sound that could be played here")
    sealed = await download(place, message.id)
    if sealed.cut.size > asking.MOST_FILM:
        raise ClientError(Code.TOO_LARGE, "this sound is too large to be played here; O opens it outside")
    raw = await off_loop(lambda halt: b"".join(sealed.plain(halt)))
    async with place.decoding:
        sound = await asking.hear(raw)
    if not sound:
        raise ClientError(Code.BAD_INPUT, "this sound cannot be decoded here; O opens it outside")
    return sound

"""Fetches files by themselves as they come, as far as the owner wants that.

Never those of strangers, of view-once messages, or of what came while nobody ran. One at a time, so that whoever asks
for a file is not kept waiting by many. Must not know how a file is fetched.
"""

from functools import partial

from letterlock.ids import MessageId
from letterlock_client.errors import ClientError
from letterlock_client.flows.files import downloading
from letterlock_client.flows.workplace import Workplace
from letterlock_client.links.connection import Connection
from letterlock_client.models import Message, MessageKind, Prefetch, Settings, Standing, TransferState
from letterlock_client.storage import conversations, messages, settings
from letterlock_client.storage.database import Reader


async def run(place: Workplace, connection: Connection) -> None:
    """Fetch what comes while this connection lives."""
    while connection.open:
        message = await place.files_came.get()
        if await place.database.read(partial(_wanted, message=message)):
            try:
                await downloading.download(place, message)
            except ClientError:
                # Whoever wants it is told why it does not come; a file that nobody asked for is no alarm.
                continue


async def _wanted(reader: Reader, message: MessageId) -> bool:
    found = await messages.get(reader, message)
    if found is None:
        return False
    chat = await conversations.get(reader, found.conversation)
    if chat is None or chat.contact.standing is not Standing.ACCEPTED:
        return False
    return fits(found, await settings.load(reader))


def fits(message: Message, chosen: Settings) -> bool:
    """Say whether the owner wants this message's file fetched without asking for it."""
    file = message.attachment
    if file is None or message.view_once or file.state is not TransferState.REMOTE:
        return False
    if file.size > chosen.prefetch_bytes:
        return False
    if chosen.prefetch is Prefetch.PICTURES:
        return message.kind is MessageKind.IMAGE
    return chosen.prefetch is Prefetch.EVERYTHING

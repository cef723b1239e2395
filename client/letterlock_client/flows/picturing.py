"""Pictures for faces: a message's preview as pixels, decoded where it can do no harm.

A view-once picture has no preview. Must not know screens.
"""

from typing import Final

from letterlock_client.flows.workplace import Workplace
from letterlock_client.models import Message, MessageKind, Picture
from letterlock_client.pictures import asking

WIDTH: Final = 40
HEIGHT: Final = 28
"""The most pixels a face gets: a terminal shows one in a cell's half."""


async def picture(place: Workplace, message: Message) -> Picture | None:
    """Return the preview of a message's picture; None where there is none, or it cannot be decoded."""
    file = message.attachment
    seen = message.kind in (MessageKind.IMAGE, MessageKind.VIDEO)
    if file is None or not seen or not file.preview or message.view_once or message.deleted:
        return None
    async with place.decoding:
        return await asking.show(file.preview, WIDTH, HEIGHT)

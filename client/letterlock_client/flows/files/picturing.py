"""Pictures for faces: small ones that travel with a message, and whole files, decoded where it can do no harm.

A view-once picture has no small one; shown from here, its plain bytes never touch the disk. Must not know screens.
"""

from typing import Final

from letterlock_client.flows import expiring
from letterlock_client.flows.files.downloading import download
from letterlock_client.flows.files.sealed_files import off_loop
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


async def whole_picture(place: Workplace, message: Message, width: int, height: int) -> Picture | None:
    """Return a message's picture from its file, at most so many pixels; None where it cannot be decoded.

    Fetches the file where it is not here. A view-once picture is spent by it, and only if it can be shown.
    Raises as `download`, and already_viewed.
    """
    if message.kind is not MessageKind.IMAGE or message.deleted or (message.view_once and message.mine):
        return None
    if message.view_once:
        expiring.check_unseen(message)
    sealed = await download(place, message.id)
    if sealed.cut.size > asking.MOST_BYTES:
        return None
    raw = await off_loop(lambda halt: b"".join(sealed.plain(halt)))
    async with place.decoding:
        shown = await asking.show(raw, width, height)
    if shown is not None and message.view_once:
        await expiring.view_once(place, message.id)
    return shown

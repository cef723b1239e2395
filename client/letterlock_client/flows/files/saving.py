"""Brings files out of the profile: plain, and only to where a person said.

A view-once file comes out once: then its sealed copy and its key are deleted. Must not know how a file came
here.
"""

from pathlib import Path

from letterlock.ids import MessageId
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import expiring
from letterlock_client.flows.files import long_texts
from letterlock_client.flows.files.downloading import download, leave, require_file
from letterlock_client.flows.files.plain_files import Plain, free_place, write_plain
from letterlock_client.flows.files.sealed_files import off_loop, place_of
from letterlock_client.flows.files.transfers import described
from letterlock_client.flows.workplace import Workplace
from letterlock_client.models import Message, TransferState


async def save(place: Workplace, message: Message, target: Path) -> Path:
    """Write a message's file to `target`, or into it where it is a folder; return where it is now.

    Fetches it first where it is not here. Raises as `download`, and file_failed, bad_input.
    """
    if message.view_once and not message.mine:
        raise ClientError(Code.BAD_INPUT, "this file can be seen once: open it as view-once")
    return await _save(place, message.id, target)


async def view_once(place: Workplace, message: Message, target: Path | None) -> str | Path:
    """Open a view-once message this one time: return its text, or with a `target` where its file was saved.

    A text that is only returned is written nowhere. Raises as `save`, and already_viewed.
    """
    expiring.check_unseen(message)
    if target is not None:
        return await _save_once(place, message, target)
    if not long_texts.reads_once(message):
        raise ClientError(Code.BAD_INPUT, "this is a file: say where it goes")
    text = await long_texts.read(place, message.id)
    await expiring.view_once(place, message.id)
    return text


async def _save_once(place: Workplace, message: Message, target: Path) -> Path:
    saved = await _save(place, message.id, target)
    try:
        await expiring.view_once(place, message.id)
    except ClientError:
        # Somebody opened it meanwhile, or nothing can be noted: then it was not opened here.
        saved.unlink(missing_ok=True)
        raise
    return saved


async def _save(place: Workplace, message: MessageId, target: Path) -> Path:
    stored = await require_file(place, message)
    content = described(stored)
    # It is taken only when the file gets its name; asked now, so that nobody fetches in vain.
    free = await off_loop(lambda _halt: free_place(target))
    sealed = await download(place, message)
    wanted = Plain(free, content.name, content.digest, place.random(8).hex())
    try:
        return await off_loop(lambda halt: write_plain(sealed, wanted, halt))
    except ClientError as error:
        if error.code is Code.DAMAGED and not stored.upload:
            # Our copy went bad: the relay may still have a good one.
            place.delete_files([place_of(message)])
            await leave(place, stored, TransferState.REMOTE)
        raise

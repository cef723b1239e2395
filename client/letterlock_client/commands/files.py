"""download, view: verbs that bring a message's file out of the profile."""

import asyncio
from argparse import Namespace
from pathlib import Path

from letterlock.ids import message_text
from letterlock_client.commands.session import reach, run_with_messenger
from letterlock_client.events import TransferMoved
from letterlock_client.messenger import Messenger
from letterlock_client.models import TransferState
from letterlock_client.output import DONE, Output


def run(verb: str, given: Namespace, output: Output) -> int:
    """Run one of this file's verbs; return its exit status."""
    return run_with_messenger(download if verb == "download" else view, given, output)


async def download(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Fetch, check and save a message's file, telling how far it is."""
    target = await messenger.find_message(given.message)
    if target.attachment is None or target.attachment.state is not TransferState.HERE:
        await reach(messenger)
    telling = asyncio.create_task(tell_progress(messenger, output))
    try:
        path = await messenger.save(target.id, Path(given.output or Path.cwd()))
    finally:
        telling.cancel()
        await asyncio.gather(telling, return_exceptions=True)
    output.result({"message": message_text(target.id), "path": str(path)}, str(path))
    return DONE


async def view(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Open a view-once message: print its text, or save its file."""
    target = await messenger.find_message(given.message)
    if target.attachment is not None and not target.viewed:
        await reach(messenger)
    shown = await messenger.view_once(target.id, Path(given.output or Path.cwd()))
    fields: dict[str, object] = {"message": message_text(target.id)}
    if isinstance(shown, Path):
        output.result(fields | {"path": str(shown)}, str(shown))
    else:
        output.result(fields | {"text": shown.text}, shown.text)
    return DONE


async def tell_progress(messenger: Messenger, output: Output) -> None:
    """Print how far transfers are, until cancelled."""
    async for event in messenger.events():
        if isinstance(event, TransferMoved):
            output.progress(
                {"done": event.done, "total": event.total}, f"{event.done:,} of {event.total:,} bytes"
            )

"""download, view, files, storage: verbs that bring files out of the profile, and make room in it."""

import asyncio
import time
from argparse import Namespace
from pathlib import Path
from typing import Final

from letterlock.ids import message_text
from letterlock_client.commands.session import look_up, profile_name, reach, run_with_messenger
from letterlock_client.config import Home
from letterlock_client.events import TransferMoved
from letterlock_client.file_choice import FileChoice
from letterlock_client.file_sums import by_chat, by_kind, total_line
from letterlock_client.messenger import Messenger
from letterlock_client.models import Again, TransferState
from letterlock_client.output import DONE, Output
from letterlock_client.sanitize import line_of
from letterlock_client.shapes import who
from letterlock_client.storage_use import storage_use

AGAIN: Final = {
    Again.BACKUP: "in the backup",
    Again.RELAY: "at the relay",
    Again.NOT_YET: "in no backup yet",
    Again.UNSURE: "perhaps nowhere else",
}


def run(verb: str, given: Namespace, output: Output) -> int:
    """Run one of this file's verbs; return its exit status."""
    works = {"download": download, "view": view, "files": files, "storage": storage}
    return run_with_messenger(works[verb], given, output)


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
    said = not given.output and messenger.reads_once(target)
    shown = await messenger.view_once(target.id, None if said else Path(given.output or Path.cwd()))
    fields: dict[str, object] = {"message": message_text(target.id)}
    if isinstance(shown, Path):
        output.result(fields | {"path": str(shown)}, str(shown))
    else:
        output.result(fields | {"text": shown}, shown)
    return DONE


async def files(messenger: Messenger, given: Namespace, output: Output) -> int:
    """List the files that lie here, or delete our copies of those that are meant."""
    conversation = await look_up(messenger, given.chat) if given.chat else None
    before = time.time_ns() // 1_000_000 - given.older_than * 1000 if given.older_than else 0
    clearing = given.clear or given.even_unsure
    choice = FileChoice(conversation, before, given.larger_than, unsure=given.even_unsure or not clearing)
    found = choice.of(await messenger.kept_files())
    if clearing:
        done = await messenger.clear_files([each.message for each in found])
        text = f"{done.files} files are deleted here, {done.bytes:,} bytes; their messages stay."
        output.result({"files": done.files, "bytes": done.bytes, "cleared": True}, text)
        return DONE
    for each in found:
        name = who((await messenger.conversation(each.conversation)).contact)
        shape: dict[str, object] = {
            "type": "file",
            "message": message_text(each.message),
            "conversation": name,
        }
        shape |= {"name": each.name, "bytes": each.size, "again": each.again.value}
        output.result(shape, f"{each.size:>13,}  {AGAIN[each.again]:<20}  {name}: {line_of(each.name, 80)}")
    total = sum(each.size for each in found)
    summary: dict[str, object] = {"files": len(found), "bytes": total, "cleared": False}
    output.result(summary, f"{total:>13,}  in {len(found)} files")
    return DONE


async def storage(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Print what the profile takes, and the files that lie here by kind and by chat."""
    use = await asyncio.to_thread(storage_use, Home.find().profile(profile_name(given)))
    sums = await messenger.file_sums()
    kinds = [(kind.value, total) for kind, total in by_kind(sums)]
    chats = [(who((await messenger.conversation(chat)).contact), total) for chat, total in by_chat(sums)]
    shape: dict[str, object] = {
        "folder": use.folder,
        "messages_bytes": use.database,
        "files_bytes": use.attachments,
        "free_bytes": use.free,
        "kinds": [{"kind": kind, "files": total.files, "bytes": total.bytes} for kind, total in kinds],
        "chats": [
            {"conversation": name, "files": total.files, "bytes": total.bytes} for name, total in chats
        ],
    }
    lines = [
        f"{use.database:>15,}  messages",
        f"{use.attachments:>15,}  files",
        f"{use.free:>15,}  free on this disk",
        *(total_line(name, total) for name, total in [*kinds, *chats]),
    ]
    output.result(shape, "\n".join(lines))
    return DONE


async def tell_progress(messenger: Messenger, output: Output) -> None:
    """Print how far transfers are, until cancelled."""
    async for event in messenger.events():
        if isinstance(event, TransferMoved):
            output.progress(
                {"done": event.done, "total": event.total}, f"{event.done:,} of {event.total:,} bytes"
            )

"""One backup, or one restore, as a process of its own: `back_up HOME PLACE`, `restore` and `open_chats HOME PLACE NEW`.

Prints one JSON object. The processor time and the memory of the whole process are what is compared, so each verb
loads what its command would.
"""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from letterlock_client import one_work
from letterlock_client.backup_models import BackupChoice, BackupMade, Freshness
from letterlock_client.config import NO_PASSPHRASE, Home
from letterlock_client.errors import ClientError, Code
from letterlock_client.messenger import Messenger

if TYPE_CHECKING:
    from letterlock_client.flows.backup.restoring import Restoring

PROFILE: Final = "bench"


async def back_up(home: Path, place: Path) -> dict[str, object]:
    """Turn backups on where they are off, and make one."""
    async with await Messenger.open(Home.at(home), PROFILE, NO_PASSPHRASE) as messenger:
        began = time.perf_counter()
        made = await _made(messenger, place)
        return {
            "seconds": time.perf_counter() - began,
            "written": made.bytes_written,
            "messages": made.messages,
        }


async def _made(messenger: Messenger, place: Path) -> BackupMade:
    try:
        return await messenger.backups.back_up()
    except ClientError as error:
        if error.code is not Code.BACKUP_OFF:
            raise
    choice = BackupChoice(provider=f"folder:{place}", recovery_key=True)
    await messenger.backups.turn_on(choice, NO_PASSPHRASE)
    return await messenger.backups.back_up()


async def restore(home: Path, place: Path, new: Path) -> dict[str, object]:
    """Restore messages and files into a new profile, which no relay is told of."""
    from letterlock_client.flows.backup import restoring

    async with _restoring(home, place, new) as run:
        began = time.perf_counter()
        await restoring.restore_messages(run)
        done = await restoring.complete(run)
        return {"seconds": time.perf_counter() - began, "messages": done.messages}


async def open_chats(home: Path, place: Path, new: Path) -> dict[str, object]:
    """Restore as much as somebody needs to chat; the relay, which takes the account back, is not in it."""
    from letterlock_client.flows.backup import looking_ahead

    async with _restoring(home, place, new) as run:
        began = time.perf_counter()
        await looking_ahead.bring_newest(run)
        return {"seconds": time.perf_counter() - began}


@asynccontextmanager
async def _restoring(home: Path, place: Path, new: Path) -> AsyncIterator["Restoring"]:
    """A restore into a new profile that is found and begun."""
    from letterlock_client.flows.backup import restoring
    from letterlock_client.flows.backup.finding import find
    from letterlock_client.flows.backup.objects import Objects
    from letterlock_client.flows.backup.progress import Meter
    from letterlock_client.providers.opening import open_provider
    from letterlock_client.storage import backup_state
    from scripts.benchmarks.backup_history import make_empty_profile, open_place

    async with open_place(Home.at(home)) as source:
        state = await source.database.read(backup_state.load)
    assert state is not None
    await make_empty_profile(Home.at(new))
    async with open_place(Home.at(new)) as here:
        store = Objects(open_provider(f"folder:{place}"), asyncio.sleep)
        found = await find(store, state.backup_key, None)
        assert found.freshness is Freshness.UNCHECKED
        journal = await restoring.begin(
            here, restoring.new_journal(found, state.provider, (), "all", here.clock())
        )
        yield restoring.open_restoring(here, store, Meter(here.clock, lambda _: None), journal)


VERBS: Final = {"back_up": back_up, "restore": restore, "open_chats": open_chats}

if __name__ == "__main__":
    one_work.begin()
    verb, *paths = sys.argv[1:]
    print(json.dumps(asyncio.run(VERBS[verb](*map(Path, paths)))))  # type: ignore[operator]

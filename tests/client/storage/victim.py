"""A process that works on a database until something kills it. Run as a program: KIND PATH [NUMBER].

`write-as-before` writes as `write` does, into a file as the first releases made it.

Every line that it prints is a promise: that is on disk now.
"""

import asyncio
import os
import resource
import signal
import sys
from pathlib import Path

from letterlock_client.errors import ClientError
from letterlock_client.storage import cipher, messages
from letterlock_client.storage.cipher import connect, make_file
from letterlock_client.storage.database import Database, Transaction
from letterlock_client.storage.migrations import migrate, migrations
from tests.client.storage.chat import KEY, make_chat, message


async def write_for_ever(path: Path) -> None:
    """Store messages in pairs, one pair a transaction, and say each pair's number once it is saved."""
    async with await Database.open(path, KEY) as database:
        await database.write(make_chat)
        for number in range(0, 10**9, 2):

            async def work(tx: Transaction, number: int = number) -> None:
                await messages.add(tx, message(number, text="x" * 3000))
                await messages.add(tx, message(number + 1))

            await database.write(work)
            print(number, flush=True)


def die_in_migration(path: Path, statement: int) -> None:
    """Make a database and be killed before the statement of that number."""
    seen = 0

    def before(_: str) -> None:
        nonlocal seen
        if seen == statement:
            os.kill(os.getpid(), signal.SIGKILL)
        seen += 1

    make_file(path)
    connection = connect(path, KEY, write=True)
    migrate(connection, migrations(), before=before)
    connection.close()


def die_in_every_migration(folder: Path, statements: int) -> None:
    """Let a child make the database N.db and be killed before statement N, for every N below `statements`."""
    for statement in range(statements):
        child = os.fork()
        if child == 0:
            die_in_migration(folder / f"{statement}.db", statement)
            os._exit(1)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


async def write_until_the_disk_fails(path: Path, limit: int) -> None:
    """Store messages while no file may grow past `limit` bytes; say what was saved, then three later answers.

    After the first failure the disk is well again: what is refused then is refused by choice.
    """
    async with await Database.open(path, KEY) as database:
        await database.write(make_chat)
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        if limit:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
        failures = 0
        for number in range(10_000):
            try:
                await database.write(lambda tx, n=number: messages.add(tx, message(n, text="x" * 5000)))
                print("saved", number, flush=True)
            except ClientError as error:
                print(error.code, number, flush=True)
                resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
                failures += 1
                if failures == 3:
                    return


if __name__ == "__main__":
    kind, path = sys.argv[1], Path(sys.argv[2])
    if kind == "write-as-before":
        cipher._FORMS = ((),)  # type: ignore[misc]
    if kind.startswith("write"):
        asyncio.run(write_for_ever(path))
    elif kind == "migrate":
        die_in_every_migration(path, int(sys.argv[3]))
    else:
        asyncio.run(write_until_the_disk_fails(path, int(sys.argv[3])))

"""Makes the recorded profile of this release: run once as a program at a release, never to mend a test.

The key file has no passphrase, so that the recording shows the format of both files.
"""

import asyncio
import hashlib
import itertools
import sys
from pathlib import Path

from letterlock.ids import BlobId, DeviceId, EnvelopeId
from letterlock_client.config import NO_PASSPHRASE, Home
from letterlock_client.models import Attachment, TransferState
from letterlock_client.storage import attachments, identity, keyring, messages, outbox, prekeys, sessions
from letterlock_client.storage.attachments import StoredAttachment
from letterlock_client.storage.database import Database, Transaction
from letterlock_client.storage.outbox import Outgoing
from letterlock_client.storage.prekeys import StoredPrekey
from tests.client.storage.chat import BOB, make_chat, message
from tests.client.storage.test_confidential import OWN

ROOT_SEED = b"recorded root seed, 32 bytes ..."
PICTURE = Attachment(BlobId(b"p" * 16), "a.png", "image/png", 10, TransferState.HERE, 3, 4, 0, b"preview")


async def fill(tx: Transaction) -> None:
    """A little of everything."""
    await make_chat(tx)
    await identity.save(tx, OWN, 1)
    await sessions.save(tx, BOB, DeviceId(1), b"session", 2)
    await prekeys.add(tx, [StoredPrekey(1, await prekeys.next_id(tx, 1), b"record", 3)])
    await messages.add(tx, message(1, text="first"), unread=True)
    await messages.add(tx, message(2, mine=True, text="second"))
    await messages.edit(tx, message(2).id, "second, mended", 10**6)
    await messages.react(tx, message(2).id, BOB, "+", 5)
    await attachments.add(tx, StoredAttachment(message(1).id, PICTURE, b"descriptor", "", upload=False))
    envelope = EnvelopeId(b"e" * 16)
    await outbox.add(tx, Outgoing(envelope, BOB, 1, 2, ((DeviceId(1), b"sealed"),), "text", 4, message(2).id))


async def record(folder: Path) -> None:
    """Write `keys` and `messages.db` into `folder`."""
    places = Home.at(folder / "home").profile("recorded")
    places.make()
    counter = itertools.count()

    def random(size: int) -> bytes:
        return hashlib.shake_256(b"recorded %d" % next(counter)).digest(size)

    key = await keyring.create(places, NO_PASSPHRASE, root_seed=ROOT_SEED, random=random)
    async with await Database.open(places.database, key) as database:
        await database.write(fill)
    for file in (places.key_file, places.database):
        file.replace(folder / file.name)


if __name__ == "__main__":
    asyncio.run(record(Path(sys.argv[1])))

"""One accepted contact with a chat, and a way to make messages."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from letterlock.ids import AccountId, ConversationId, MessageId
from letterlock_client.events import Event
from letterlock_client.models import Delivery, Message, MessageKind, Standing
from letterlock_client.storage import contacts, conversations
from letterlock_client.storage.contacts import StoredContact
from letterlock_client.storage.database import Database, Transaction

KEY = bytes(range(32))
BOB = AccountId(b"b" * 20)
ME = AccountId(b"m" * 20)
CHAT = ConversationId(BOB)


class Told:
    """Collects what a database publishes."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, events: Sequence[Event]) -> None:
        self.events.extend(events)


def contact(
    account: AccountId = BOB, handle: str = "bob", standing: Standing = Standing.ACCEPTED
) -> StoredContact:
    return StoredContact(
        account=account,
        handle=handle,
        handle_entry=b"entry",
        root_key=b"r" * 32,
        list_certificate=b"certificate",
        device_list=b"list",
        list_epoch=1,
        list_version=1,
        list_digest=b"d" * 32,
        standing=standing,
        created=1,
    )


@asynccontextmanager
async def two_databases(folder: Path) -> AsyncIterator[tuple[Database, Database]]:
    """Where a history is, and where it is to come."""
    async with (
        await Database.open(folder / "first.db", KEY) as first,
        await Database.open(folder / "second.db", KEY) as second,
    ):
        yield first, second


def message(number: int, *, mine: bool = False, text: str = "", **fields: object) -> Message:
    values: dict[str, object] = {
        "id": MessageId(number.to_bytes(16)),
        "conversation": CHAT,
        "author": ME if mine else BOB,
        "mine": mine,
        "kind": MessageKind.TEXT,
        "text": text or f"message {number}",
        "sent_at": 1000 + number,
        "received_at": 1000 + number,
        "delivery": Delivery.WAITING if mine else Delivery.NONE,
    }
    return Message(**(values | fields))  # type: ignore[arg-type]


async def make_chat(tx: Transaction) -> None:
    await contacts.save(tx, contact())
    await conversations.ensure(tx, CHAT, now=1)

"""The triggers on new messages go and come back; without them a message with a change number is the same."""

from functools import partial

from letterlock_client.models import Listed, Standing
from letterlock_client.storage import backup_rows, conversations, message_triggers, messages
from letterlock_client.storage.database import Database, Reader
from tests.client.storage.chat import CHAT, message


async def schema(reader: Reader) -> list[tuple[object, ...]]:
    return await reader.all("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name")


async def test_what_was_dropped_is_made_again_as_it_was(database: Database) -> None:
    before = await database.read(schema)
    held = await database.write(lambda tx: tx.run(message_triggers.drop_idle))
    gone = {each[1] for each in before} - {each[1] for each in await database.read(schema)}
    assert gone == {"message_added", "message_brings_back"}
    await database.write(lambda tx: tx.run(partial(message_triggers.make, statements=held)))
    assert await database.read(schema) == before


async def test_new_messages_count_again_and_bring_a_chat_back(database: Database) -> None:
    held = await database.write(lambda tx: tx.run(message_triggers.drop_idle))
    await database.write(lambda tx: tx.run(partial(message_triggers.make, statements=held)))
    await database.write(lambda tx: conversations.set_listed(tx, CHAT, Listed.ARCHIVED))
    before = await database.read(backup_rows.top)
    await database.write(lambda tx: messages.add(tx, message(1)))
    assert await database.read(backup_rows.top) > before
    (chat,) = await database.read(lambda reader: conversations.every(reader, Standing.ACCEPTED))
    assert chat.listed == Listed.USUAL

"""What a restored backup is said to hold, before it is counted here; and how a large history is counted in turn."""

from functools import partial
from pathlib import Path

import pytest

from letterlock.backup.manifest import MAX_CHATS, ChatCount
from letterlock.ids import AccountId, ConversationId
from letterlock_client.backup_models import Freshness
from letterlock_client.flows.backup import counting
from letterlock_client.storage import contacts, conversations, messages
from letterlock_client.storage.database import Database, Transaction
from tests.client.storage.chat import KEY, contact, message
from tests.shared.backup.manifests import manifest, totals


@pytest.mark.parametrize(("whole", "shown"), [((10, 3), (2 * MAX_CHATS, 500)), ((1300, 700), (1300, 700))])
def test_chats_that_a_manifest_does_not_list_count_as_well(
    whole: tuple[int, int], shown: tuple[int, int]
) -> None:
    chats = tuple(ChatCount(number.to_bytes(20), "x", 2, 1, number) for number in range(MAX_CHATS))
    found = counting.of_manifest(manifest(totals=totals(*whole), chats=chats), Freshness.UNCHECKED)
    last = found.shown()
    assert (last.messages, last.media) == shown
    assert counting.load(counting.save(found)) == found


async def test_chats_of_a_large_history_are_counted_in_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "COUNTED_ROWS", 0)
    monkeypatch.setattr(counting, "IN_TURN_ROWS", 15)
    sizes = {number: 20 if number == 2 else 7 for number in range(6)}

    async def fill(tx: Transaction) -> None:
        for number, size in sizes.items():
            account = AccountId(bytes([number + 1]) * 20)
            await contacts.save(tx, contact(account, f"number{number}"))
            await conversations.ensure(tx, ConversationId(account), 1)
            for each in range(size):
                said = message(100 * number + each, conversation=ConversationId(account), author=account)
                await messages.add(tx, said)

    async def lose(tx: Transaction) -> None:
        await tx.execute("DROP TRIGGER message_deleted")
        await tx.execute("DELETE FROM message WHERE row % 7 = 3")

    async with await Database.open(tmp_path / "a.db", KEY) as database:
        await database.write(fill)
        now = 10**12
        before = (await database.read(lambda reader: counting.count(reader, now, None))).totals
        assert before.messages == 55
        await database.write(lose)
        seen = []
        for _ in range(4):
            counted = await database.read(partial(counting.count, now=now, before=before))
            seen.append((counted.missing, counted.totals.turn))
            before = counted.totals
        # Two fit each time, and each lacks one; the third is too large, and waits for the week.
        assert seen == [(2, 2), (2, 5), (1, 1), (0, 4)]
        assert before.messages == 50
        whole = await database.read(lambda reader: counting.count(reader, now + 7 * 86_400_000, before))
        assert (whole.missing, whole.totals.messages) == (3, 47)

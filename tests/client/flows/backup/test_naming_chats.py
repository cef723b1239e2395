"""Chats that are named for a restore and too old for the preview are found in the backup itself."""

from collections.abc import Iterable

import pytest

from letterlock.backup.records import ContactRecord, TombstoneRecord
from letterlock.ids import AccountId, account_text
from letterlock_client.backup_models import RestoreRequest
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import backing_up, naming_chats
from letterlock_client.restoration import Restoration
from tests.client.flows.backup.backup_scene import PROVIDER, Shelf, pair, restore, shelf, texts, turn_on
from tests.simulator import RELAY_URL
from tests.town import Pair

__all__ = ["pair", "shelf"]


async def alice_with_three_chats(pair: Pair) -> tuple[str, dict[str, bytes]]:
    """Her backup was written in two goes, and its preview has one chat: Bob's. Return the digits, and who is who."""
    digits = await turn_on(pair.alice)
    people = {}
    for name in ("carol", "dave"):
        other = await pair.town.register(name)
        chat = await pair.alice.find(name)
        await pair.alice.send_text(chat, f"hello {name}")
        people[name] = bytes(chat)
        await pair.settle()
        await other.close()
        await pair.alice.backups.back_up()
    await pair.alice.send_text(pair.to_bob, "the newest")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    return digits, people


@pytest.fixture
def short_preview(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backing_up, "MAX_CHATS", 1)


@pytest.mark.usefixtures("short_preview")
async def test_chats_beyond_the_preview_come_back_by_handle_and_by_account(pair: Pair) -> None:
    digits, people = await alice_with_three_chats(pair)
    account = account_text(AccountId(people["dave"]))
    spaced = f"{account[:8]} {account[8:]}"
    done = await restore(pair.town, digits, chats=("carol", spaced))
    assert (done.messages, done.conversations) == (2, 2)
    again = await pair.town.open("second")
    assert await texts(again, people["carol"]) == ["hello carol"]
    assert await texts(again, pair.to_bob) == []


@pytest.mark.usefixtures("short_preview")
async def test_one_chat_is_found_before_anything_is_restored(pair: Pair) -> None:
    digits, people = await alice_with_three_chats(pair)
    wanted = RestoreRequest(handle="alice", relay=RELAY_URL, provider=PROVIDER)
    restoration = await Restoration.begin(
        pair.town.home, "second", wanted, outside=pair.town.outside("second")
    )
    (listed,) = (await restoration.open(digits)).chats
    assert await restoration.find_chat("bob") == listed
    carol = await restoration.find_chat("carol")
    assert (bytes(carol.id), carol.title, carol.last_at) == (people["carol"], "carol", 0)
    with pytest.raises(ClientError) as told:
        await restoration.find_chat("erin")
    assert told.value.code is Code.UNKNOWN_CONVERSATION
    await restoration.close()
    with pytest.raises(ClientError, match="open the backup first"):
        await restoration.find_chat("carol")
    assert not pair.town.home.profile("second").exists()


@pytest.mark.usefixtures("short_preview")
@pytest.mark.parametrize("name", ["erin", "", "alice"])
async def test_nobody_of_that_name_is_said_before_anything_is_restored(pair: Pair, name: str) -> None:
    digits, _ = await alice_with_three_chats(pair)
    with pytest.raises(ClientError) as told:
        await restore(pair.town, digits, chats=("bob", name))
    assert told.value.code is Code.UNKNOWN_CONVERSATION
    assert not pair.town.home.profile("second").exists()


async def test_a_preview_that_has_every_chat_is_all_that_is_looked_at(pair: Pair, shelf: Shelf) -> None:
    digits, _ = await alice_with_three_chats(pair)
    segments = {name for name in shelf.memory.objects if "/segment/" in name}
    for name in segments:
        del shelf.memory.objects[name]
    with pytest.raises(ClientError) as told:
        await restore(pair.town, digits, chats=("erin",))
    assert told.value.code is Code.UNKNOWN_CONVERSATION


def contact(account: bytes, handle: str, version: int) -> ContactRecord:
    return ContactRecord(
        version, account.ljust(20, b"\0"), handle, b"", b"", b"", b"", 0, 0, b"", "", 0, 0, "", 0, 0
    )


def search(name: str, entries: Iterable[ContactRecord | TombstoneRecord]) -> bytes | None:
    found = naming_chats._Search(frozenset([name]))
    found._take(entries)
    return found.newest(name)


def test_who_is_called_otherwise_since_or_was_deleted_is_not_meant() -> None:
    a, b = contact(b"a", "carol", 5), contact(b"b", "carol", 7)
    assert search("carol", [a, b]) == search("carol", [b, a]) == b.account
    assert search("carol", [a, b, contact(b"b", "caroline", 9)]) == a.account
    assert search("carol", [b, contact(b"b", "caroline", 3)]) == b.account
    assert search("carol", [a, TombstoneRecord(5, 2, a.account)]) is None
    assert search("carol", [a, TombstoneRecord(9, 3, a.account)]) == a.account
    assert search("carol", [a, TombstoneRecord(4, 2, a.account)]) == a.account


def test_a_crowd_of_one_name_takes_bounded_memory() -> None:
    found = naming_chats._Search(frozenset(["carol"]))
    found._take(contact(number.to_bytes(4, "big"), "carol", number + 1) for number in range(1000))
    assert len(found._found) == naming_chats.MOST_NAMED

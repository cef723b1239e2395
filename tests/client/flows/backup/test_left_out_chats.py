"""A chat that a restore was not asked for is said to be left out, as long as nothing of it is here."""

import pytest

from letterlock.ids import ConversationId
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.flows import opening
from letterlock_client.flows.backup import backing_up, looking_ahead
from letterlock_client.left_behind import LeftBehind
from letterlock_client.messenger import Messenger
from letterlock_client.models import Standing
from letterlock_client.storage import conversations
from tests.client.flows.backup.backup_scene import LONG, Shelf, pair, restore, shelf, texts, turn_on
from tests.client.flows.backup.test_unfinished_restores import find_no_relay
from tests.town import Pair, eventually

__all__ = ["pair", "shelf"]


@pytest.fixture
async def digits(pair: Pair) -> str:
    """Alice wrote to bob and to carol, and lost her terminal."""
    digits = await turn_on(pair.alice)
    await pair.town.register("carol")
    await pair.alice.send_text(await pair.alice.find("carol"), "hello carol")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    return digits


async def left_out(person: Messenger) -> set[str]:
    return {chat.title for chat in await person.conversations() if chat.left_out}


async def test_it_is_said_of_no_other_chat_nor_of_one_that_somebody_wrote_in_since(
    pair: Pair, digits: str
) -> None:
    await restore(pair.town, digits, chats=("carol",))
    again = await pair.town.open("second")
    assert {chat.title for chat in await again.conversations()} == {"bob", "carol"}
    assert await left_out(again) == {"bob"}
    await pair.town.register("dave")
    dave: ConversationId = await again.find("dave")
    assert not (await again.conversation(dave)).left_out
    await again.acknowledge_warning(pair.to_bob)
    await again.send_text(pair.to_bob, "from a new terminal")
    assert await left_out(again) == set()


async def test_it_is_said_while_the_restore_runs_and_no_more_once_another_brought_it(
    pair: Pair, shelf: Shelf, digits: str
) -> None:
    await find_no_relay(pair, shelf, digits, chats=("carol",))
    places = pair.town.home.profile("second")
    here = await opening.open_bare(places, NO_PASSPHRASE, pair.town.outside("look"), None)
    chats = await here.place.database.read(lambda reader: conversations.every(reader, Standing.ACCEPTED))
    await here.close()
    assert {chat.title for chat in chats if chat.left_out} == {"bob"}
    await restore(pair.town, digits, chats=("carol",))
    await restore(pair.town, digits)
    again = await pair.town.open("second")

    async def back() -> bool:
        return "hello" in await texts(again, pair.to_bob)

    await eventually(back)
    assert await left_out(again) == set()


async def ask(pair: Pair, name: str, person: Messenger) -> None:
    """Have a stranger write to her."""
    before = len(await person.requests())
    stranger = await pair.town.register(name)
    await stranger.send_text(await stranger.find("alice"), "who are you?")

    async def asked() -> bool:
        return len(await person.requests()) > before

    await eventually(asked)


@pytest.mark.parametrize("listed", [1, 500])
@pytest.mark.parametrize("when", ["meanwhile", "after"])
async def test_a_request_that_was_left_out_and_is_deleted_is_counted_no_more(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, when: str, listed: int
) -> None:
    monkeypatch.setattr(looking_ahead, "ENOUGH", 1)
    monkeypatch.setattr(backing_up, "MAX_CHATS", listed)
    digits = await turn_on(pair.alice)
    await ask(pair, "dave", pair.alice)
    await pair.alice.send_text(pair.to_bob, LONG * 4)
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.send_text(pair.to_bob, "newest")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    done = await restore(pair.town, digits, chats=("bob",), early=when == "meanwhile")
    assert done.complete == (when == "after")
    again = await pair.town.open("second")
    (request,) = await again.requests()
    # Who asks only now is in no backup, and counts nowhere.
    await ask(pair, "erin", again)
    (erin,) = [one for one in await again.requests() if one.id != request.id]
    await again.delete_request(erin.id)
    if when == "after":
        left = await again.backups.left_behind()
        assert (left.chats, left.conversations) == (True, 1)
    await again.delete_request(request.id)
    if when == "meanwhile":
        again.backups.go_on_restoring()

        async def complete() -> bool:
            return not (await again.backups.status()).restoring

        await eventually(complete)
    assert await again.backups.left_behind() == LeftBehind(0, 0)
    await again.backups.back_up()
    assert (await again.backups.verify()).problems == ()
    await again.close()
    assert (await restore(pair.town, digits, "third")).conversations == 1

"""A backup of which something is damaged: what is whole of it comes back, and backups go on."""

from pathlib import Path

import pytest

from letterlock.ids import AccountId, ConversationId
from letterlock_client.backup_models import BackupChoice, Freshness, Restored, RestoreRequest
from letterlock_client.backup_shapes import status_line
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.workplace import Work
from letterlock_client.messenger import Messenger
from letterlock_client.plain.chats import ChatVerbs
from letterlock_client.plain.speaking import Present
from letterlock_client.restoration import Restoration
from letterlock_client.shapes import many
from letterlock_client.storage import contacts, conversations
from letterlock_client.ui.backup_wording import holdings
from tests.client.flows.backup.backup_scene import (
    FAULTS,
    LONG,
    PROVIDER,
    Fault,
    Shelf,
    fleet,
    flipped,
    much_for_carol,
    pair,
    restore,
    shelf,
    spoil,
    texts,
    turn_on,
)
from tests.client.flows.backup.test_chatting_while_restoring import Scene, ended, scene
from tests.simulator import RELAY_URL
from tests.town import WAIT_S, Pair

__all__ = ["pair", "scene", "shelf"]


async def say_and_back_up(pair: Pair) -> None:
    """Make several segments: each backup holds much more than the next."""
    for count in (8, 3, 1):
        for number in range(count):
            await pair.alice.send_text(pair.to_bob, f"{count}/{number} {LONG}")
        await pair.settle()
        await pair.alice.backups.back_up()


def segments(shelf: Shelf) -> list[str]:
    return [name for name in shelf.memory.objects if "/segment/" in name]


async def heard(messenger: Messenger, pair: Pair) -> set[str]:
    return set(await texts(messenger, pair.to_bob))


@pytest.mark.parametrize("fault", FAULTS)
async def test_whatever_segment_is_lost_the_rest_comes_back_and_backups_go_on(
    pair: Pair, shelf: Shelf, fault: Fault | None
) -> None:
    digits = await turn_on(pair.alice)
    await say_and_back_up(pair)
    everything = await heard(pair.alice, pair)
    await pair.alice.close()
    good = dict(shelf.memory.objects)
    complete = 0
    for number, name in enumerate(segments(shelf)):
        shelf.memory.objects = dict(good)
        spoil(shelf, name, fault)
        profile = f"again-{number}"
        try:
            await restore(pair.town, digits, f"plain-{number}")
            complete += 1
            continue
        except ClientError as error:
            assert error.code.value.startswith("backup_")  # noqa: PT017
        done = await restore(pair.town, digits, profile, accept_damaged=True)
        again = await pair.town.open(profile, connect=False)
        back = await heard(again, pair)
        assert back <= everything
        assert done.lost >= len(everything) - len(back)
        # The first backup held ten of them, and all that is known of Bob: his chat is there all the same.
        assert len(back) >= 4
        status = await again.backups.status()
        assert status.last is not None
        assert status.last.lost == done.lost
        assert (f"less at most {many(done.lost, 'damaged change')}" in status_line(status)) == bool(done.lost)
        made = await again.backups.back_up()
        status = await again.backups.status()
        assert status.last is not None
        assert (status.last.lost, status.last.messages) == (0, len(back))
        assert bool(made.alarm) == (len(back) < len(everything))
        assert (await again.backups.verify()).problems == ()
        assert (await again.backups.rehearse()).differences == ()
        await again.close()
        assert (await restore(pair.town, digits, f"third-{number}")).messages == len(back)
    # Those that no generation needs any more harm nobody.
    assert complete < len(segments(shelf))


async def test_what_was_folded_into_a_lost_segment_comes_from_an_older_generation(
    pair: Pair, shelf: Shelf
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    before = set(segments(shelf))
    await pair.alice.send_text(pair.to_bob, "only in the newest")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    (newest,) = set(segments(shelf)) - before
    spoil(shelf, newest, flipped)
    with pytest.raises(ClientError) as told:
        await restore(pair.town, digits)
    assert told.value.code is Code.BACKUP_DAMAGED
    done = await restore(pair.town, digits, accept_damaged=True)
    assert (done.messages, done.generation) == (2, 2)
    assert done.lost >= 1


async def test_who_was_verified_stays_so_where_only_the_record_of_the_chat_is_lost(
    pair: Pair, shelf: Shelf
) -> None:
    digits = await turn_on(pair.alice)
    for number in range(8):
        await pair.alice.send_text(pair.to_bob, f"{number} {LONG}")
    await pair.settle()
    await pair.alice.backups.back_up()
    (first,) = segments(shelf)
    number_of_bob = (await pair.alice.safety_number(pair.to_bob)).digits
    assert await pair.alice.confirm_verified(pair.to_bob, number_of_bob)
    await pair.alice.send_text(pair.to_bob, "verified")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    spoil(shelf, first, flipped)
    assert (await restore(pair.town, digits, accept_damaged=True)).lost >= 8
    pair.alice = again = await pair.town.open("second")
    (chat,) = await again.conversations()
    assert (chat.id, chat.contact.verified) == (pair.to_bob, True)
    assert await texts(again, pair.to_bob) == ["verified"]
    await again.send_text(pair.to_bob, "still here")
    await pair.settle()
    assert (await texts(pair.bob, pair.to_alice))[-1] == "still here"


async def test_a_backup_with_nothing_whole_is_told_as_that(pair: Pair, shelf: Shelf) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.send_text(pair.to_bob, "more")
    await pair.settle()
    await pair.alice.backups.back_up()
    await pair.alice.close()
    first, *others = segments(shelf)
    for number, name in enumerate((*others, first)):
        spoil(shelf, name, flipped)
        request = RestoreRequest("alice", RELAY_URL, PROVIDER)
        restoration = await Restoration.begin(
            pair.town.home, "second", request, outside=pair.town.outside("second")
        )
        try:
            await restoration.open(digits)
            found = await restoration.what_is_whole()
        finally:
            await restoration.close()
        assert found.lost > 0
        assert found.nothing_whole is (number == len(others))


async def test_nothing_is_lost_of_a_backup_that_is_whole(pair: Pair) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.close()
    done = await restore(pair.town, digits, accept_damaged=True)
    assert (done.messages, done.lost) == (2, 0)


async def waits_for_damage(person: Messenger) -> None:
    """Go on with a restore that meets damage."""
    stream = person.events()
    person.backups.go_on_restoring()
    assert isinstance(await ended(stream), str)
    stream.close()
    assert (await person.backups.status()).restore_damage.endswith(".")


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("fault", FAULTS)
async def test_damage_that_is_met_beside_chatting_is_left_out_there_and_nothing_else(
    scene: Scene, fault: Fault | None, which: int
) -> None:
    pair, shelf = scene.pair, scene.shelf
    shelf.seen = shelf.memory
    alice = await scene.come_back()
    # What is older than the damage, or newer, comes all the same.
    spoil(shelf, scene.old[which], fault)
    await waits_for_damage(alice)
    with pytest.raises(ClientError) as told:
        await alice.backups.leave_out_damaged()
    assert told.value.code is Code.BAD_INPUT
    preview = await alice.backups.what_is_whole()
    status = await alice.backups.status()
    assert (status.restoring, status.restoring_now) == (True, False)
    sent = await alice.send_text(pair.to_bob, "chatting meanwhile")
    await pair.settle()
    stream = alice.events()
    await alice.backups.leave_out_damaged()
    done = await ended(stream)
    stream.close()
    assert isinstance(done, Restored)
    assert (await alice.backups.status()).restore_damage == ""
    back = await texts(alice, pair.to_bob)
    assert back[-1] == "chatting meanwhile"
    lost = [text for text in scene.said if text not in back]
    assert lost
    assert {text.split()[0] for text in lost} <= {("oldest", "old")[which], "hello"}
    assert back[:-1] == [text for text in scene.said if text not in lost]
    assert preview.lost >= len(lost)
    assert (await alice.message(sent.id)).text == "chatting meanwhile"
    last = (await alice.backups.status()).last
    assert last is not None
    assert last.lost == preview.lost
    assert f", less at most {many(preview.lost, 'damaged change')}" in holdings(last)
    # Backups go on, and need nothing that is lost.
    assert (await alice.backups.back_up()).alarm
    assert (await alice.backups.verify()).problems == ()
    assert (await alice.backups.rehearse()).differences == ()


async def test_damage_that_a_command_leaves_out_of_a_used_profile_is_in_no_later_backup(scene: Scene) -> None:
    pair, shelf = scene.pair, scene.shelf
    shelf.seen = shelf.memory
    alice = await scene.come_back()
    await alice.close()
    spoil(shelf, scene.old[0], flipped)
    done = await restore(pair.town, scene.digits, accept_damaged=True)
    alice = await pair.town.open("second", connect=False)
    last = (await alice.backups.status()).last
    assert last is not None
    assert last.lost == done.lost > 0
    back = await texts(alice, pair.to_bob)
    await alice.save_draft(pair.to_bob, "a draft")
    assert (await alice.backups.back_up()).alarm
    assert (await alice.backups.verify()).problems == ()
    await alice.close()
    assert (await restore(pair.town, scene.digits, "third")).messages == len(back)


async def leave_out_damaged(alice: Messenger) -> None:
    """Look at what is whole, and agree to it, as a screen does."""
    await waits_for_damage(alice)
    assert (await alice.backups.what_is_whole()).lost > 0
    stream = alice.events()
    await alice.backups.leave_out_damaged()
    assert isinstance(await ended(stream), Restored)
    stream.close()


async def without_carol(pair: Pair, shelf: Shelf) -> tuple[str, ConversationId]:
    """A used profile whose restore met damage: all that was known of Carol is lost; return the digits and her chat."""
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    before = set(segments(shelf))
    to_carol = await much_for_carol(pair)
    await pair.alice.backups.back_up()
    (lost,) = set(segments(shelf)) - before
    await pair.alice.send_text(to_carol, "later")
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await restore(pair.town, digits, generation=1)
    spoil(shelf, lost, flipped)
    with pytest.raises(ClientError) as told:
        await restore(pair.town, digits)
    assert told.value.code is Code.BACKUP_DAMAGED
    return digits, to_carol


@pytest.mark.parametrize("by", ["command", "screen"])
async def test_who_is_lost_in_a_damaged_backup_comes_from_the_relay_into_a_used_profile(
    pair: Pair, shelf: Shelf, by: str
) -> None:
    digits, to_carol = await without_carol(pair, shelf)
    if by == "command":
        await restore(pair.town, digits, accept_damaged=True)
    alice = await pair.town.open("second")
    if by == "screen":
        assert await alice.connected(WAIT_S)
        await leave_out_damaged(alice)
    assert await texts(alice, to_carol) == ["later"]
    assert {chat.title for chat in await alice.conversations()} == {"bob", "carol"}
    # The next backup tells of her.
    await alice.backups.back_up()
    assert (await alice.backups.rehearse()).differences == ()
    await alice.close()
    await restore(pair.town, digits, "third")
    third = await pair.town.open("third", connect=False)
    assert await texts(third, to_carol) == ["later"]


async def test_without_the_relay_nothing_is_left_out_of_a_used_profile_where_somebody_would_be_lost(
    pair: Pair, shelf: Shelf
) -> None:
    _, to_carol = await without_carol(pair, shelf)
    alice = await pair.town.open("second", connect=False)
    await waits_for_damage(alice)
    await alice.backups.what_is_whole()
    with pytest.raises(ClientError) as told:
        await alice.backups.leave_out_damaged()
    assert told.value.code is Code.OFFLINE
    assert "of some chats there are only messages" in told.value.message
    unfinished = await alice.backups.unfinished()
    assert unfinished is not None
    assert not unfinished.request.accept_damaged
    # What was found is not to be looked for again.
    alice.connect()
    assert await alice.connected(WAIT_S)
    stream = alice.events()
    await alice.backups.leave_out_damaged()
    assert isinstance(await ended(stream), Restored)
    stream.close()
    assert await texts(alice, to_carol) == ["later"]


async def test_who_was_deleted_once_everyone_had_come_is_not_asked_for_again(scene: Scene) -> None:
    pair, shelf = scene.pair, scene.shelf
    shelf.seen = shelf.memory
    alice = await scene.come_back()

    async def gone(work: Work) -> None:
        await conversations.delete(work.tx, pair.to_bob)
        await contacts.delete(work.tx, AccountId(pair.to_bob))

    await alice._place.transact(gone)
    # His records, and old messages.
    spoil(shelf, scene.old[0], flipped)
    await leave_out_damaged(alice)
    assert await alice.contacts() == []


async def test_a_chat_whose_messages_are_all_lost_says_so_until_there_is_one(
    pair: Pair, shelf: Shelf, capsys: pytest.CaptureFixture[str]
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.town.register("dave")
    await pair.alice.find("dave")
    carol = await pair.town.register("carol")
    to_carol = await pair.alice.find("carol")
    await carol.disconnect()
    await pair.alice.backups.back_up()
    before = set(segments(shelf))
    for number in range(8):
        await pair.alice.send_text(to_carol, f"{number} {LONG}")
    assert await pair.alice.flushed(WAIT_S)
    await pair.alice.backups.back_up()
    (lost,) = set(segments(shelf)) - before
    await pair.alice.close()
    spoil(shelf, lost, flipped)
    await restore(pair.town, digits, accept_damaged=True)
    again = await pair.town.open("second", connect=False)
    chats = {chat.title: chat for chat in await again.conversations()}
    assert {name for name, chat in chats.items() if chat.lost} == {"carol"}
    # Nobody ever wrote in Dave's.
    assert {name for name, chat in chats.items() if chat.last is None} == {"carol", "dave"}
    await ChatVerbs(Present(again)).list_chats()
    assert "Chat with carol, no messages came back\n" in capsys.readouterr().out
    sent = await again.send_text(to_carol, "from here on")
    assert not (await again.conversation(to_carol)).lost
    await again.delete(sent.id, for_everyone=False)
    await again.backups.back_up()
    await again.close()
    # Of a backup that is whole, no more is said than it knows.
    await restore(pair.town, digits)
    again = await pair.town.open("second", connect=False)
    assert not [chat for chat in await again.conversations() if chat.lost]


async def test_what_was_damaged_and_is_whole_again_takes_nothing_away(scene: Scene) -> None:
    shelf = scene.shelf
    shelf.seen = shelf.memory
    alice = await scene.come_back()
    good = shelf.memory.objects[scene.old[0]]
    spoil(shelf, scene.old[0], flipped)
    await waits_for_damage(alice)
    shelf.memory.objects[scene.old[0]] = good
    assert (await alice.backups.what_is_whole()).lost == 0
    stream = alice.events()
    await alice.backups.leave_out_damaged()
    assert isinstance(await ended(stream), Restored)
    stream.close()
    assert await texts(alice, scene.pair.to_bob) == scene.said


async def test_where_no_restore_waits_nothing_is_left_out(pair: Pair) -> None:
    with pytest.raises(ClientError) as told:
        await pair.alice.backups.what_is_whole()
    assert told.value.code is Code.BAD_INPUT


async def test_a_password_is_asked_once_and_the_realms_vouch_for_what_comes_after(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    async with fleet(shelf, tmp_path) as (realms, file):
        password = "violet harbour 71 lanterns"
        await pair.alice.backups.turn_on(BackupChoice(PROVIDER, password, fleet=file), NO_PASSPHRASE)
        await say_and_back_up(pair)
        await pair.alice.close()
        name = segments(shelf)[-1]
        spoil(shelf, name, flipped)
        wanted = RestoreRequest("alice", RELAY_URL, PROVIDER, fleet=file)
        outside = pair.town.outside("second")
        restoration = await Restoration.begin(pair.town.home, "second", wanted, outside=outside)
        with pytest.raises(ClientError) as told:
            await restoration.what_is_whole()
        assert told.value.code is Code.BAD_INPUT
        assert (await restoration.open(password, password=True)).lost == 0
        with pytest.raises(ClientError):
            await restoration.run(NO_PASSPHRASE)
        # No realm is needed to look again.
        realms.away |= {"realm-1", "realm-2", "realm-3"}
        preview = await restoration.what_is_whole()
        assert (preview.lost > 0, preview.freshness) == (True, Freshness.VERIFIED)
        realms.away.clear()
        done = await restoration.run(NO_PASSPHRASE)
        await restoration.close()
        assert (done.lost, done.freshness) == (preview.lost, Freshness.VERIFIED)
        again = await pair.town.open("second", connect=False)
        assert (await again.backups.back_up()).freshness is Freshness.VERIFIED
        await again.close()
        third = await restore(pair.town, password, "third", fleet=file)
        assert (third.messages, third.freshness) == (done.messages, Freshness.VERIFIED)

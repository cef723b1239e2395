"""Of whom an earlier release's restore brought messages only: whoever looks them up does not make the backup older."""

import pytest

from letterlock.backup.records import ContactRecord, ConversationRecord, Record, Tag, TombstoneRecord
from letterlock.ids import AccountId
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import looking_ahead
from letterlock_client.flows.workplace import Work
from letterlock_client.messenger import Messenger
from letterlock_client.models import Contact, Standing
from letterlock_client.storage import backup_import, burials, contacts
from tests.client.flows.backup.backup_scene import LONG, Shelf, Slow, pair, restore, shelf, texts, turn_on
from tests.client.flows.backup.test_ending_restores import without_keys
from tests.town import WAIT_S, Pair, eventually

__all__ = ["pair", "shelf"]


async def come_back(pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> tuple[Messenger, Slow]:
    """Alice's backup is made; give out her new terminal, which lacks Bob's keys, and what lets the rest come."""
    monkeypatch.setattr(looking_ahead, "ENOUGH", 1)
    digits = await turn_on(pair.alice)
    for number in range(8):
        await pair.alice.send_text(pair.to_bob, f"{number} {LONG}")
    await pair.settle()
    await pair.alice.backups.back_up()
    old = [name for name in shelf.memory.objects if "/segment/" in name]
    await pair.alice.send_text(pair.to_bob, "newest")
    await pair.settle()
    await mark(pair)
    await pair.alice.backups.back_up()
    await pair.alice.close()
    slow = shelf.seen = Slow(shelf.memory, old)
    assert not (await restore(pair.town, digits, early=True)).complete
    alice = await pair.town.open("second", connect=False)
    await without_keys(alice, pair.to_bob)
    alice.connect()
    return alice, slow


async def mark(pair: Pair) -> None:
    number = await pair.alice.safety_number(pair.to_bob)
    assert await pair.alice.confirm_verified(pair.to_bob, number.digits)
    await pair.alice.block(pair.to_bob)


async def bob_of(alice: Messenger, pair: Pair) -> Contact:
    (found,) = [one for one in await alice.contacts() if one.account == pair.to_bob]
    return found


async def over(alice: Messenger, slow: Slow) -> None:
    slow.let_go.set()
    alice.backups.go_on_restoring()

    async def complete() -> bool:
        return not (await alice.backups.status()).restoring

    await eventually(complete)


@pytest.mark.parametrize("renewed", [False, True])
async def test_who_was_blocked_and_verified_is_so_again_though_remembered_meanwhile(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, renewed: bool
) -> None:
    alice, slow = await come_back(pair, shelf, monkeypatch)
    if renewed:
        await pair.bob.disconnect()
        pair.town.clock.move(days=8)
        pair.bob.connect()

        async def published() -> bool:
            held = pair.town.relay.accounts[pair.bob.profile.account].device_list
            return held == pair.bob._place.own.account.devices.raw and pair.bob._running.upkept.is_set()

        await eventually(published)
    assert await alice.connected(WAIT_S)
    assert await alice.find("bob") == pair.to_bob
    met = await bob_of(alice, pair)
    assert (met.standing, met.verified) == (Standing.ACCEPTED, False)
    await alice.send_text(pair.to_bob, "is it you?")
    await over(alice, slow)
    now = await bob_of(alice, pair)
    assert (now.standing, now.verified) == (Standing.BLOCKED, True)
    with pytest.raises(ClientError) as told:
        await alice.send_text(pair.to_bob, "not any more")
    assert told.value.code is Code.BLOCKED
    # What the relay told of his devices meanwhile is not forgotten for it.
    stored = await alice._place.database.read(lambda reader: contacts.get(reader, AccountId(pair.to_bob)))
    assert stored is not None
    assert stored.device_list == pair.bob._place.own.account.devices.raw
    said = await texts(alice, pair.to_bob)
    assert (len(said), said[-2:]) == (12, ["newest", "is it you?"])
    await alice.backups.back_up()
    assert (await alice.backups.rehearse()).differences == ()


async def test_what_somebody_decides_about_them_meanwhile_is_newer_than_the_backup(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, slow = await come_back(pair, shelf, monkeypatch)
    assert await alice.connected(WAIT_S)
    assert await alice.find("bob") == pair.to_bob
    await alice.block(pair.to_bob)
    await alice.accept(pair.to_bob)
    number = await alice.safety_number(pair.to_bob)
    assert await alice.confirm_verified(pair.to_bob, number.digits)
    await over(alice, slow)
    now = await bob_of(alice, pair)
    assert (now.standing, now.verified) == (Standing.ACCEPTED, True)


async def test_how_the_chat_was_set_comes_back_as_well(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    await pair.alice.set_muted(pair.to_bob, True)
    alice, slow = await come_back(pair, shelf, monkeypatch)
    assert await alice.connected(WAIT_S)
    assert await alice.find("bob") == pair.to_bob
    await over(alice, slow)
    assert (await alice.conversation(pair.to_bob)).muted


@pytest.mark.parametrize("together", [True, False])
async def test_a_record_and_a_newer_deletion_take_nobody_away_in_whatever_steps_they_come(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch, together: bool
) -> None:
    alice, _ = await come_back(pair, shelf, monkeypatch)
    assert await alice.connected(WAIT_S)
    assert await alice.find("bob") == pair.to_bob
    known = await alice._place.database.read(lambda reader: contacts.get(reader, AccountId(pair.to_bob)))
    assert known is not None
    values = {name: getattr(known, name) for name in ContactRecord.__struct_fields__ if name != "version"}
    records = [
        ContactRecord(**values | {"version": 2**40, "standing": "requested"}),
        ConversationRecord(2**40, pair.to_bob, 1, 0, 0, 1, "", ""),
    ]
    deletions = [
        TombstoneRecord(2**40 + 1, kind.value, pair.to_bob) for kind in (Tag.CONVERSATION, Tag.CONTACT)
    ]
    # Everyone first, and then each segment with all that it has.
    for step in ([*records, *deletions] if together else deletions, records, deletions):

        async def work(work: Work, step: list[Record] = step) -> None:
            await backup_import.take(work.tx, step, work.now)
            await backup_import.settle(work.tx)

        await alice._place.transact(work)
    assert (await bob_of(alice, pair)).standing is Standing.ACCEPTED
    assert not (await alice.conversation(pair.to_bob)).muted
    assert await texts(alice, pair.to_bob)
    gone = await alice._place.database.read(
        lambda reader: reader.value("SELECT count(*) FROM tombstone WHERE kind <> 'message'")
    )
    assert gone == 0


async def test_a_deletion_in_the_backup_takes_nobody_away_who_was_remembered_since(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, slow = await come_back(pair, shelf, monkeypatch)
    assert await alice.connected(WAIT_S)
    assert await alice.find("bob") == pair.to_bob

    async def bury(work: Work) -> None:
        await work.tx.run(lambda connection: burials.bury(connection, deletions))

    deletions = [TombstoneRecord(2**40, kind.value, pair.to_bob) for kind in (Tag.CONVERSATION, Tag.CONTACT)]
    await alice._place.transact(bury)
    assert (await bob_of(alice, pair)).standing is Standing.ACCEPTED
    assert await texts(alice, pair.to_bob)
    await over(alice, slow)

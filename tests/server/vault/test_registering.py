"""What a realm promises an owner: only listed devices are heard, once, in order; nothing is lost half way."""

import msgspec
import pytest

from letterlock.devices.device_list import open_account
from letterlock.vault.fleet import Fleet
from letterlock.vault.ledger import Event, open_entry, open_ledger
from letterlock.vault.receipts import Stage, open_receipt
from letterlock.vault.requests import sign_delete
from letterlock.vault.threshold import Dealt
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from tests.server.vault.running import (
    KEY,
    WRONG,
    Asker,
    Running,
    Try,
    dealt_for,
    fleet_of,
    person,
    register,
)
from tests.shared.devices.people import ALICE, BOB, NOW, Person
from tests.shared.vault.realms import PASSWORD


async def standing_left(asker: Asker) -> tuple[str, int, int]:
    status = await asker.status(KEY)
    return status.state, status.epoch, status.left


# Prepare and commit.


async def test_a_registration_goes_from_never_to_unfinished_to_ready(realm: Running, alone: Fleet) -> None:
    made = dealt_for(alone)
    async with await Asker.open(realm) as asker:
        assert (await asker.status()).state == refusals.NEVER_REGISTERED
        await asker.refused(Try(made).frame, refusals.NEVER_REGISTERED)
        receipt = await asker.prepare(person(), made)
        opened = open_receipt(receipt, realm.vault.realm.secret.public)
        assert (opened.stage, opened.epoch, opened.subject) == (Stage.PREPARED, 1, made.statement.hash)
        status = await asker.status()
        assert (status.state, status.epoch, status.prepared, status.highest) == (refusals.UNFINISHED, 0, 1, 1)
        await asker.refused(Try(made).frame, refusals.UNFINISHED)
        done = open_receipt(await asker.commit(made, [receipt]), realm.vault.realm.secret.public)
        assert done.stage is Stage.COMMITTED
        status = await asker.status(KEY)
        assert (status.state, status.epoch, status.prepared) == (refusals.READY, 1, 0)
        assert (status.statement, status.receipts) == (made.statement.raw, [receipt])


async def test_the_old_record_answers_until_the_commit(realm: Running, alone: Fleet, dealt: Dealt) -> None:
    second = dealt_for(alone, epoch=2, password=b"another password")
    async with await Asker.open(realm) as asker:
        receipt = await asker.prepare(person(), second)
        await asker.refused(Try(second).frame, refusals.EPOCH)
        tried = Try(dealt, PASSWORD, KEY)
        released = await asker.ask(
            tried.finish(await asker.ask(tried.frame, frames.GuessAnswer)), frames.Released
        )
        assert tried.take(released).ledger[-1].event is Event.RECOVERED
        await asker.commit(second, [receipt])
        await asker.refused(Try(dealt, PASSWORD, KEY).frame, refusals.EPOCH)
        tried = Try(second, b"another password", KEY)
        await asker.ask(tried.finish(await asker.ask(tried.frame, frames.GuessAnswer)), frames.Released)


async def test_a_commit_needs_receipts_of_as_many_realms_as_the_threshold() -> None:
    async with fleet_of(3, threshold=2) as (fleet, realms):
        made = dealt_for(fleet)
        receipts = []
        for realm in realms:
            async with await Asker.open(realm) as asker:
                receipts.append(await asker.prepare(person(), made))
        account, forged = made.statement.account, receipts[1][:-1] + bytes([receipts[1][-1] ^ 1])
        async with await Asker.open(realms[0]) as asker:
            for few in ([], receipts[:1], [receipts[0]] * 2, [receipts[0], forged]):
                await asker.refused(frames.Commit(5, account, 1, few), refusals.BAD_OBJECT)
            assert (await asker.status()).state == refusals.UNFINISHED
            await asker.commit(made, receipts[1:])
            # Again, by anybody, with whatever: it is done.
            await asker.commit(made, [])


async def test_whoever_sees_a_committed_realm_can_finish_the_others() -> None:
    """A restoring client knows no receipts; the realm that made the commit hands them out."""
    async with fleet_of(3, threshold=2) as (fleet, realms):
        made = dealt_for(fleet)
        receipts = []
        for realm in realms:
            async with await Asker.open(realm) as asker:
                receipts.append(await asker.prepare(person(), made))
        async with await Asker.open(realms[0]) as asker:
            await asker.commit(made, receipts)
            told = (await asker.status()).receipts
        async with await Asker.open(realms[1]) as asker:
            await asker.commit(made, told)
            assert (await asker.status()).state == refusals.READY


async def test_no_epoch_is_prepared_twice_and_none_goes_back(
    realm: Running, alone: Fleet, dealt: Dealt
) -> None:
    third = dealt_for(alone, epoch=3)
    async with await Asker.open(realm) as asker:
        await asker.prepare(person(), third)
        # The same bytes again are the same answer; others of that number, or a lower one, are refused.
        await asker.prepare(person(), third)
        for epoch in (1, 2, 3):
            frame = await asker.registering(person(), dealt_for(alone, epoch=epoch))
            await asker.refused(frame, refusals.STALE)
        assert (await asker.status()).highest == 3
        await asker.refused(frames.Commit(5, ALICE.account, 2, []), refusals.STALE)


async def test_a_stolen_device_cannot_use_the_numbers_up(realm: Running, alone: Fleet, dealt: Dealt) -> None:
    async with await Asker.open(realm) as asker:
        frame = await asker.registering(person(), dealt_for(alone, epoch=1002))
        await asker.refused(frame, refusals.BAD_OBJECT)
        await asker.prepare(person(), dealt_for(alone, epoch=1001))


async def test_a_new_registration_refills_and_ends_what_was_guessed_at(
    realm: Running, alone: Fleet, dealt: Dealt
) -> None:
    async with await Asker.open(realm) as asker, await Asker.open(realm) as owners:
        for _ in range(3):
            await asker.ask(Try(dealt, WRONG, KEY).frame, frames.GuessAnswer)
        tried = Try(dealt, PASSWORD, KEY)
        proof = tried.finish(await asker.ask(tried.frame, frames.GuessAnswer))
        await register([realm], dealt_for(alone, epoch=2))
        assert await standing_left(owners) == (refusals.READY, 2, 10)
        await asker.refused(proof, refusals.WRONG_PROOF)


async def test_a_destroyed_record_can_be_registered_again_above_its_epoch(
    realm: Running, alone: Fleet, dealt: Dealt
) -> None:
    async with await Asker.open(realm) as asker:
        for _ in range(10):
            await asker.ask(Try(dealt, WRONG, KEY).frame, frames.GuessAnswer)
        assert await standing_left(asker) == (refusals.DESTROYED, 0, 0)
        frame = await asker.registering(person(), dealt_for(alone, epoch=1))
        await asker.refused(frame, refusals.STALE)
    await register([realm], dealt_for(alone, epoch=2))
    async with await Asker.open(realm) as asker:
        assert await standing_left(asker) == (refusals.READY, 2, 10)


# Who may ask, and how often.


async def test_a_request_is_good_once(realm: Running, alone: Fleet, dealt: Dealt) -> None:
    second = dealt_for(alone, epoch=2)
    async with await Asker.open(realm) as asker, await Asker.open(realm) as other:
        frame = await asker.registering(person(), second)
        await asker.ask(frame, frames.Receipt)
        deleting = await asker.deleting(person(), 2)
        await other.refused(deleting, refusals.STALE)
        await other.refused(frame, refusals.STALE)
        await asker.ask(deleting, frames.Receipt)
        await register([realm], dealt_for(alone, epoch=3))
        await asker.refused(deleting, refusals.STALE)
        assert await standing_left(asker) == (refusals.READY, 3, 10)


async def test_a_request_uses_its_nonce_up_even_where_it_is_refused(realm: Running, dealt: Dealt) -> None:
    async with await Asker.open(realm) as asker:
        frame = await asker.deleting(person(), 1)
        bad = frames.Delete(8, frame.request[:-1] + bytes([frame.request[-1] ^ 1]))
        await asker.refused(bad, refusals.BAD_OBJECT)
        await asker.refused(frame, refusals.STALE)
        assert (await asker.status(KEY)).state == refusals.READY


async def test_a_request_for_one_realm_does_nothing_at_another() -> None:
    async with fleet_of(2, threshold=2) as (fleet, realms):
        await register(realms, dealt_for(fleet))
        async with await Asker.open(realms[0]) as first, await Asker.open(realms[1]) as second:
            to = msgspec.structs.replace(await first.addressed(), nonce=second.nonce)
            frame = frames.Delete(8, sign_delete(person(), to, epoch=1, created=NOW))
            await second.refused(frame, refusals.STALE)


async def test_a_device_that_was_put_out_is_not_heard(realm: Running, alone: Fleet) -> None:
    thief = person(1, 1, 1, 2)
    made = dealt_for(alone, who=thief)
    async with await Asker.open(realm) as asker:
        receipt = await asker.prepare(thief, made)
        # The owner takes device 1 off the list; what it had prepared is not committed any more.
        await asker.introduce(person(2, 2, 2))
        await asker.refused(frames.Commit(5, ALICE.account, 1, [receipt]), refusals.REVOKED)
        second = dealt_for(alone, epoch=2, who=thief)
        await asker.refused(await asker.registering(thief, second), refusals.REVOKED)
        await asker.refused(await asker.deleting(thief, 1), refusals.REVOKED)
        await asker.refused(await asker.anchoring(thief, 1, 1, b"m" * 32), refusals.REVOKED)
        # Its own old list does not bring it back.
        account = thief.account
        old = frames.PutDeviceList(3, account.root_key, account.certificate.raw, account.devices.raw)
        await asker.refused(old, refusals.STALE)


async def test_a_realm_gives_the_newest_list_it_knows_to_anybody(realm: Running) -> None:
    """A terminal that comes back must pass it, and the relay may never have heard of it."""
    newest = person(1, 3, 3, who=Person(ALICE.name, 2))
    async with await Asker.open(realm) as asker:
        await asker.refused(frames.FetchDeviceList(2, ALICE.account), refusals.UNKNOWN_ACCOUNT)
        for who in (person(), newest):
            await asker.introduce(who)
            said = await asker.ask(frames.FetchDeviceList(2, ALICE.account), frames.DeviceListIs)
            assert open_account(said.root_key, said.list_certificate, said.device_list) == who.account


async def test_a_new_epoch_of_the_list_key_puts_the_old_one_out(
    realm: Running, alone: Fleet, dealt: Dealt
) -> None:
    restored = Person(ALICE.name, 2)
    new = person(1, 3, 3, who=restored)
    async with await Asker.open(realm) as asker:
        await asker.introduce(new)
        await asker.refused(await asker.deleting(person(), 1), refusals.REVOKED)
        receipt = await asker.prepare(new, dealt_for(alone, epoch=2, who=new))
        await asker.ask(frames.Commit(5, ALICE.account, 2, [receipt]), frames.Receipt)


async def test_a_request_under_an_older_list_is_refused_although_the_device_stands_in_both(
    realm: Running, dealt: Dealt
) -> None:
    async with await Asker.open(realm) as asker:
        await asker.introduce(person(2, 1, 1, 2))
        await asker.refused(await asker.deleting(person(1), 1), refusals.STALE)
        await asker.ask(await asker.deleting(person(2, 1, 1, 2), 1), frames.Receipt)


async def test_somebody_else_can_do_nothing_to_an_account(realm: Running, alone: Fleet, dealt: Dealt) -> None:
    bob = person(who=BOB)
    async with await Asker.open(realm) as asker:
        await asker.refused(await asker.deleting(bob, 1), refusals.UNKNOWN_ACCOUNT)
        await asker.introduce(bob)
        await asker.refused(await asker.deleting(bob, 1), refusals.EPOCH)
        # Bob's request with Alice's registration, and Alice's statement under Bob's request.
        own = await asker.registering(bob, dealt_for(alone, who=bob))
        mixed = frames.Prepare(4, own.request, dealt.statement.raw, own.record)
        await asker.refused(mixed, refusals.BAD_OBJECT)
        assert await standing_left(asker) == (refusals.READY, 1, 10)


@pytest.mark.parametrize("part", ["request", "statement", "record"])
async def test_a_registration_with_anything_altered_is_refused(
    realm: Running, alone: Fleet, part: str
) -> None:
    async with await Asker.open(realm) as asker:
        await asker.introduce(person())
        good = await asker.registering(person(), dealt_for(alone))
        for at in (0, 30, -1):
            raw = bytearray(getattr(good, part))
            raw[at] ^= 1
            parts = {"request": good.request, "statement": good.statement, "record": good.record}
            await asker.addressed()
            refused = await asker.tell(frames.Prepare(4, **(parts | {part: bytes(raw)})))
            assert isinstance(refused, frames.Refused)
            assert refused.code in (refusals.BAD_OBJECT, refusals.STALE)
        assert (await asker.status()).state == refusals.NEVER_REGISTERED


# Anchors, deletion, the ledger.


async def test_anchors_only_go_up(realm: Running, dealt: Dealt) -> None:
    async with await Asker.open(realm) as asker:
        await asker.ask(await asker.anchoring(person(), 1, 5, b"5" * 32), frames.Receipt)
        await asker.ask(await asker.anchoring(person(), 1, 5, b"5" * 32), frames.Receipt)
        for generation, digest in ((5, b"6" * 32), (4, b"4" * 32)):
            await asker.refused(await asker.anchoring(person(), 1, generation, digest), refusals.STALE)
        await asker.refused(await asker.anchoring(person(), 2, 6, b"6" * 32), refusals.EPOCH)
        # Nor does a stolen device use the numbers up before it is put out.
        await asker.refused(await asker.anchoring(person(), 1, 6 + 2**20, b"6" * 32), refusals.BAD_OBJECT)
        await asker.ask(await asker.anchoring(person(), 1, 9, b"9" * 32), frames.Receipt)
        tried = Try(dealt, PASSWORD, KEY)
        released = await asker.ask(
            tried.finish(await asker.ask(tried.frame, frames.GuessAnswer)), frames.Released
        )
        anchor = tried.take(released).anchor
        assert anchor is not None
        assert (anchor.generation, anchor.manifest_hash) == (9, b"9" * 32)


async def test_deletion_destroys_and_says_that_its_owner_wished_it(
    realm: Running, alone: Fleet, dealt: Dealt
) -> None:
    async with await Asker.open(realm) as asker:
        await asker.refused(await asker.deleting(person(), 2), refusals.EPOCH)
        await asker.ask(await asker.deleting(person(), 1), frames.Receipt)
        status = await asker.status(KEY)
        assert status.state == refusals.DESTROYED
        assert open_entry(status.tombstone, realm.vault.realm.secret.public).event is Event.DELETED
        # What a realm has seen outlives the record: no old epoch, no old anchor.
        assert status.highest == 1
        frame = await asker.registering(person(), dealt_for(alone, epoch=1))
        await asker.refused(frame, refusals.STALE)


async def test_the_ledger_is_the_owners_alone_and_hangs_together(realm: Running, dealt: Dealt) -> None:
    async with await Asker.open(realm) as asker:
        await asker.ask(Try(dealt, WRONG, KEY).frame, frames.GuessAnswer)
        await asker.ask(await asker.anchoring(person(), 1, 1, b"m" * 32), frames.Receipt)
        raws = await asker.ledger(person())
        entries = open_ledger(raws, realm.vault.realm.secret.public, realm.name, ALICE.account, first=1)
        assert [one.event for one in entries] == [Event.REGISTERED, Event.GUESSED, Event.ANCHORED]
        frame = await asker.deleting(person(), 1)
        await asker.refused(frames.FetchLedger(9, frame.request, 0), refusals.BAD_OBJECT)

"""A password at a vault, with real realms: registered, changed, recovered, lied about, deleted; never a wrong word."""

from collections.abc import AsyncIterator

import pytest

from letterlock.primitives.derivation import sha256
from letterlock.vault.fleet import Fleet, Realm
from letterlock.vault.realm_secret import RealmSecret
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock.wire import vault_frames
from letterlock_client.backup_models import RealmState
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.vault import device_lists, keeping, recovering, registering, surveying
from letterlock_client.flows.vault.access import stretched
from letterlock_client.flows.vault.recovering import Recovered
from letterlock_client.flows.vault.registering import Registration
from letterlock_client.links.vault import VaultLinks
from letterlock_server.vault.policy import Policy
from tests.client.flows.vault.vaults import GUESSED, NO_WAITS, Town, altered, flip, town_of
from tests.shared.devices.people import ALICE, BOB, Person, seed
from tests.shared.vault.realms import CHEAP, owner

PASSWORD = "correct horse battery"
OTHER = "another long password"
R = RecoverySecret(seed("recovery secret"))
MANIFEST = sha256(b"manifest")


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with town_of() as made:
        yield made


@pytest.fixture
async def vault(town: Town) -> AsyncIterator[VaultLinks]:
    async with town.opened() as links:
        yield links


async def _register(
    vault: VaultLinks, password: str = PASSWORD, *, epoch: int = 1, locator: bytes | None = None
) -> Registration:
    return await registering.register(
        vault, owner(), R, password, epoch=epoch, locator=locator, stretching=CHEAP
    )


async def _recover(town: Town, password: str = PASSWORD, locator: bytes | None = None) -> Recovered:
    async with town.opened() as links:
        return await recovering.recover(links, ALICE.account, password, locator)


async def _refused(town: Town, password: str = PASSWORD, locator: bytes | None = None) -> ClientError:
    with pytest.raises(ClientError) as told:
        await _recover(town, password, locator)
    return told.value


async def test_what_is_registered_is_recovered(town: Town, vault: VaultLinks) -> None:
    registered = await _register(vault)
    assert registered.done
    assert registered.confirmed == ("realm-1", "realm-2", "realm-3")
    assert registered.pending == ()
    recovered = await _recover(town)
    assert recovered.secret.secret == R.secret
    assert (recovered.epoch, recovered.anchor, recovered.failures) == (1, None, {})


async def test_a_wrong_password_says_how_many_tries_are_left_and_a_right_one_refills(
    town: Town, vault: VaultLinks
) -> None:
    registered = await _register(vault)
    before = await surveying.status(vault, ALICE.account, registered.locator)
    assert before.attempts_left == 15
    for left in (14, 13):
        error = await _refused(town, OTHER, registered.locator)
        assert error.code is Code.WRONG_PASSWORD
        assert error.facts["attempts_left"] == left
    await _recover(town, locator=registered.locator)
    await _recover(town, locator=registered.locator)
    after = await surveying.status(vault, ALICE.account, registered.locator)
    assert after.attempts_left >= 14


async def test_a_status_spends_nothing(town: Town, vault: VaultLinks) -> None:
    await _register(vault)
    views = [await surveying.status(vault, ALICE.account) for _ in range(20)]
    assert len(set(views)) == 1
    assert {realm.state for realm in views[0].realms} == {RealmState.READY}
    assert GUESSED not in {kind for _, kind in town.asked}


async def test_an_absent_realm_is_told_later(town: Town, vault: VaultLinks) -> None:
    town.away.add("realm-2")
    registered = await _register(vault)
    assert registered.done
    assert registered.confirmed == ("realm-1", "realm-3")
    assert [name for name, _ in registered.pending] == ["realm-2"]
    assert await registering.finish(vault, owner(), registered.pending) == registered.pending
    assert (await _recover(town)).secret.secret == R.secret
    town.away.clear()
    assert await registering.finish(vault, owner(), registered.pending) == ()
    assert await registering.finish(vault, owner(), registered.pending) == ()
    town.away.add("realm-1")
    recovered = await _recover(town)
    assert recovered.secret.secret == R.secret
    assert recovered.failures["realm-1"].code is Code.REALM_UNREACHABLE


async def test_with_too_few_realms_nothing_changes(town: Town, vault: VaultLinks) -> None:
    await _register(vault)
    town.away |= {"realm-2", "realm-3"}
    with pytest.raises(ClientError) as told:
        await _register(vault, OTHER, epoch=2)
    assert told.value.code is Code.REALM_UNREACHABLE
    town.away.clear()
    assert (await _recover(town)).epoch == 1


async def test_a_changed_password_replaces_the_old_one(town: Town, vault: VaultLinks) -> None:
    first = await _register(vault)
    second = await _register(vault, OTHER, epoch=2, locator=first.locator)
    assert second.locator == first.locator
    assert (await _refused(town, PASSWORD)).code is Code.WRONG_PASSWORD
    assert (await _recover(town, OTHER, first.locator)).epoch == 2


async def test_a_device_that_forgot_the_epoch_still_registers(town: Town, vault: VaultLinks) -> None:
    await _register(vault)
    again = await _register(vault, OTHER, epoch=1)
    assert (again.epoch, again.done) == (2, True)


@pytest.mark.parametrize("broken", [vault_frames.Prepare, vault_frames.Commit])
@pytest.mark.parametrize("realms", [("realm-1",), ("realm-1", "realm-2"), ("realm-1", "realm-2", "realm-3")])
async def test_a_password_change_cut_anywhere_leaves_one_password_that_restores(
    town: Town, vault: VaultLinks, broken: type[vault_frames.Prepare], realms: tuple[str, ...]
) -> None:
    await _register(vault)
    town.cut = dict.fromkeys(realms, broken)
    committed = 3 - len(realms)
    if broken is vault_frames.Prepare and committed < 2:
        with pytest.raises(ClientError) as told:
            await _register(vault, OTHER, epoch=2)
        assert told.value.code is Code.REALM_UNREACHABLE
    else:
        changed = await _register(vault, OTHER, epoch=2)
        assert changed.done == (committed >= 2)
        assert len(changed.pending) == len(realms)
    town.cut = {}
    # One commit anywhere is enough for whoever restores to finish it.
    new = committed >= 2 if broken is vault_frames.Prepare else committed >= 1
    right, wrong = (OTHER, PASSWORD) if new else (PASSWORD, OTHER)
    assert (await _recover(town, right)).secret.secret == R.secret
    assert (await _refused(town, wrong)).code is Code.WRONG_PASSWORD


async def test_a_realm_that_claims_a_later_registration_stops_nobody_from_finishing_one(
    town: Town, vault: VaultLinks
) -> None:
    await _register(vault)
    town.cut = dict.fromkeys(("realm-2", "realm-3"), vault_frames.Commit)
    assert (await _register(vault, OTHER, epoch=2)).confirmed == ("realm-1",)
    town.cut = {}
    town.lies = {"realm-3": altered(vault_frames.StatusIs, epoch=10**6)}
    recovered = await _recover(town, OTHER)
    assert recovered.secret.secret == R.secret
    assert recovered.failures["realm-3"].code is Code.REALM_LIED


async def test_a_lying_realm_is_named_and_another_takes_its_place(town: Town, vault: VaultLinks) -> None:
    await _register(vault)
    for kind, field in ((vault_frames.GuessAnswer, "answer"), (vault_frames.Released, "sealed")):
        for name in ("realm-1", "realm-2"):
            town.lies = {name: altered(kind, **{field: flip})}
            recovered = await _recover(town)
            assert recovered.secret.secret == R.secret
            if name in recovered.failures:
                assert recovered.failures[name].code is Code.REALM_LIED


async def test_a_lying_realm_that_cannot_be_replaced_is_never_called_a_wrong_password(
    town: Town, vault: VaultLinks
) -> None:
    await _register(vault)
    town.away.add("realm-3")
    for place in range(0, 384, 37):
        town.lies = {
            "realm-2": altered(
                vault_frames.GuessAnswer,
                answer=lambda raw, at=place: raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :],
            )
        }
        error = await _refused(town)
        assert (error.code, error.facts["realm"]) == (Code.REALM_LIED, "realm-2")
        town.lies = {}
        await _recover(town)


async def test_a_realm_that_answers_something_else_lies(town: Town, vault: VaultLinks) -> None:
    await _register(vault)
    town.away.add("realm-3")
    for lie in (
        altered(vault_frames.StatusIs, statement=flip),
        altered(vault_frames.StatusIs, state="excellent"),
        altered(vault_frames.StatusIs, epoch=7),
        altered(vault_frames.StatusIs, tombstone=b"junk"),
        altered(vault_frames.GuessAnswer, id=99),
        lambda frame: vault_frames.Done(frame.id) if isinstance(frame, vault_frames.GuessAnswer) else frame,  # type: ignore[attr-defined]
    ):
        town.lies = {"realm-1": lie}
        error = await _refused(town)
        assert (error.code, error.facts["realm"]) == (Code.REALM_LIED, "realm-1")


async def test_what_answers_with_another_key_is_not_asked_anything(town: Town) -> None:
    one, *others = town.fleet.realms
    stranger = Realm(one.name, one.url, RealmSecret(seed("stranger")).public)
    async with town.opened(Fleet((stranger, *others), 2)) as links:
        view = await surveying.status(links, ALICE.account)
    assert [realm.state for realm in view.realms] == [
        RealmState.WRONG_KEY,
        RealmState.NEVER_REGISTERED,
        RealmState.NEVER_REGISTERED,
    ]
    assert [kind for name, kind in town.asked if name == "realm-1"] == [vault_frames.Greet]
    town.lies = {name: altered(vault_frames.Greeted, proof=flip) for name in ("realm-1", "realm-2")}
    assert (await _refused(town)).code is Code.REALM_WRONG_KEY


async def test_every_answer_of_a_vault_is_its_own(town: Town, vault: VaultLinks) -> None:
    assert (await _refused(town)).code is Code.VAULT_NEVER_REGISTERED
    registered = await _register(vault)
    assert (await _refused(town, "short")).code is Code.BAD_INPUT
    assert (await _refused(town, PASSWORD, bytes(10))).code is Code.BAD_INPUT
    town.away |= {"realm-1", "realm-2"}
    assert (await _refused(town)).code is Code.REALM_UNREACHABLE
    town.away.clear()
    for _ in range(7):
        assert (await _refused(town, OTHER)).code is Code.WRONG_PASSWORD
    assert (await _refused(town, OTHER)).code is Code.VAULT_DOOR_CLOSED
    assert (await _recover(town, locator=registered.locator)).secret.secret == R.secret


async def test_who_uses_all_guesses_up_destroys_the_record_and_is_told_when_and_why(
    town: Town, vault: VaultLinks
) -> None:
    registered = await _register(vault)
    codes = [(await _refused(town, OTHER, registered.locator)).code for _ in range(16)]
    assert codes[:15] == [Code.WRONG_PASSWORD] * 15
    error = await _refused(town, PASSWORD, registered.locator)
    assert error.code is Code.VAULT_DESTROYED
    assert (error.facts["at"], error.facts["reason"]) == (town.clock.wall, "too many guesses")
    view = await surveying.status(vault, ALICE.account)
    assert RealmState.DESTROYED in {realm.state for realm in view.realms}
    assert (await _register(vault, OTHER, epoch=1)).epoch == 2
    assert (await _recover(town, OTHER)).secret.secret == R.secret


async def test_a_guess_too_soon_waits_and_spends_nothing() -> None:
    async with town_of(policy=Policy(guesses=10, back_off=(60,))) as town, town.opened() as vault:
        await _register(vault)
        # The third realm is fresh, the first two wait: one more try needs two of three.
        assert (await _refused(town, OTHER)).facts["wait_seconds"] == 60
        error = await _refused(town)
        assert (error.code, error.facts["wait_seconds"]) == (Code.VAULT_WAIT, 60)
        before = await surveying.status(vault, ALICE.account)
        assert (before.wait_seconds, before.attempts_left) == (60, 6)
        town.clock.pass_seconds(60)
        assert (await _recover(town)).secret.secret == R.secret


async def test_anchors_reach_every_restore(town: Town, vault: VaultLinks) -> None:
    await _register(vault)
    town.away.add("realm-1")
    told = await keeping.anchor(vault, owner(), epoch=1, generation=4, manifest_hash=MANIFEST)
    assert told == ("realm-2", "realm-3")
    assert len(told) >= keeping.enough_to_be_sure(vault)
    town.away = {"realm-3"}
    assert (await _recover(town)).anchor == (4, MANIFEST)
    town.away.clear()
    assert (await keeping.anchor(vault, owner(), epoch=1, generation=3, manifest_hash=MANIFEST)) == (
        "realm-1",
    )
    assert (await _recover(town)).anchor == (4, MANIFEST)


async def test_a_deleted_record_is_proved_gone(town: Town, vault: VaultLinks) -> None:
    await _register(vault)
    receipts = await keeping.delete(vault, owner(), epoch=1)
    assert all(isinstance(one, bytes) for one in receipts.values())
    error = await _refused(town)
    assert (error.code, error.facts["reason"]) == (Code.VAULT_DESTROYED, "deleted by its owner")
    town.lies = {"realm-1": altered(vault_frames.Receipt, receipt=flip)}
    lied = (await keeping.delete(vault, owner(), epoch=1))["realm-1"]
    assert isinstance(lied, ClientError)
    assert lied.code is Code.REALM_LIED


async def test_the_ledger_tells_who_tried_and_raises_the_alarm_when_it_goes_back(
    town: Town, vault: VaultLinks
) -> None:
    await _register(vault)
    await _refused(town, OTHER)
    await _recover(town)
    read = await keeping.ledgers(vault, owner(), epoch=1, known={})
    kinds = sorted(one.kind for one in read.attempts)
    assert kinds == sorted(["registered"] * 3 + ["guess_failed"] * 2 + ["recovered"] * 2)
    assert {one.door for one in read.attempts} == {"", "handle"}
    assert read.alarms == {}
    town.roll_back("realm-1", ALICE.account, entries=1)
    again = await keeping.ledgers(vault, owner(), epoch=1, known=read.heads)
    assert set(again.alarms) == {"realm-1"}
    assert again.alarms["realm-1"].code is Code.REALM_LIED


async def test_a_ledger_of_many_years_is_no_alarm_and_its_end_is_read(town: Town, vault: VaultLinks) -> None:
    await _register(vault)
    heads = (await keeping.ledgers(vault, owner(), epoch=1, known={})).heads
    for _ in range(3):
        for name in town.stores:
            town.anchored_often(name, ALICE.account, 3000)
        read = await keeping.ledgers(vault, owner(), epoch=1, known=heads)
        assert read.alarms == {}
        heads = read.heads
    with pytest.raises(ClientError):
        await _recover(town, OTHER)
    read = await keeping.ledgers(vault, owner(), epoch=1, known=heads)
    assert read.alarms == {}
    assert [one.kind for one in read.attempts if one.kind != "anchored"].count("guess_failed") == 2
    town.roll_back("realm-1", ALICE.account, entries=8000)
    read = await keeping.ledgers(vault, owner(), epoch=1, known=read.heads)
    assert {name: error.code for name, error in read.alarms.items()} == {"realm-1": Code.REALM_LIED}


async def test_a_device_that_was_put_out_can_do_nothing(town: Town, vault: VaultLinks) -> None:
    await _register(vault)
    restored = Person("alice", epoch=2)
    told = await device_lists.announce(
        vault,
        restored.root.public,
        restored.list_certificate,
        restored.list_raw(1, 2, highest=2),
    )
    assert len(told) == 3
    with pytest.raises(ClientError) as told_so:
        await _register(vault, OTHER, epoch=2)
    assert told_so.value.code is Code.DEVICE_REVOKED
    with pytest.raises(ClientError) as told_so:
        await keeping.anchor(vault, owner(), epoch=1, generation=9, manifest_hash=MANIFEST)
    assert told_so.value.code is Code.DEVICE_REVOKED
    deleted = await keeping.delete(vault, owner(), epoch=1)
    assert all(isinstance(one, ClientError) for one in deleted.values())
    assert (await _recover(town)).secret.secret == R.secret


async def test_a_realm_cannot_make_a_device_list_up(town: Town, vault: VaultLinks) -> None:
    """Neither a changed one nor another account's: then it counts as one that said nothing."""
    await _register(vault)
    assert len(await device_lists.known_lists(vault, ALICE.account)) == 3
    town.lies["realm-1"] = altered(
        vault_frames.DeviceListIs, device_list=lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])
    )
    town.lies["realm-2"] = altered(
        vault_frames.DeviceListIs,
        root_key=BOB.root.public,
        list_certificate=BOB.list_certificate,
        device_list=BOB.list_raw(1, 1),
    )
    town.away.add("realm-3")
    assert await device_lists.known_lists(vault, ALICE.account) == []


async def test_another_account_s_statement_is_not_taken(town: Town, vault: VaultLinks) -> None:
    await registering.register(vault, owner(BOB), R, OTHER, epoch=1, stretching=CHEAP)
    await _register(vault)
    async with town.opened() as links:
        theirs = await surveying.survey(links, BOB.account, None)
    raw = theirs.answers["realm-1"].statement
    town.lies = {name: altered(vault_frames.StatusIs, statement=raw) for name in ("realm-1", "realm-2")}
    assert (await _refused(town)).code is Code.REALM_LIED
    assert GUESSED not in {kind for _, kind in town.asked}


async def test_one_realm_alone_is_a_vault_too() -> None:
    async with town_of(1, 1, NO_WAITS) as town, town.opened() as vault:
        assert (await _register(vault)).done
        assert (await _recover(town)).secret.secret == R.secret
        error = await _refused(town, OTHER)
        assert (error.code, error.facts["attempts_left"]) == (Code.WRONG_PASSWORD, 4)


async def test_a_realm_that_goes_back_does_not_bring_the_old_password_back(
    town: Town, vault: VaultLinks
) -> None:
    await _register(vault)
    old = (await surveying.survey(vault, ALICE.account, None)).answers["realm-2"]
    town.away.add("realm-3")
    assert (await _register(vault, OTHER, epoch=2)).done
    town.away.clear()
    # The second realm is put back; the third missed the change, honestly: two old copies against one new.
    town.lies = {
        "realm-2": altered(
            vault_frames.StatusIs,
            **{
                name: getattr(old, name) for name in ("epoch", "prepared", "highest", "statement", "receipts")
            },
        )
    }
    for password in (PASSWORD, OTHER):
        assert (await _refused(town, password)).code is Code.VAULT_UNFINISHED
    assert GUESSED not in {kind for _, kind in town.asked}


async def test_a_realm_that_falls_silent_in_the_middle_is_replaced(town: Town, vault: VaultLinks) -> None:
    await _register(vault)
    for broken in (GUESSED, vault_frames.FinishGuess):
        for name in ("realm-1", "realm-2"):
            town.cut = {name: broken}
            assert (await _recover(town)).secret.secret == R.secret
    town.cut = {}
    town.away.add("realm-3")
    town.cut = {"realm-2": vault_frames.FinishGuess}
    assert (await _refused(town)).code is Code.REALM_UNREACHABLE


@pytest.mark.parametrize("broken", [vault_frames.Prepare, vault_frames.Commit])
@pytest.mark.parametrize("count", [1, 2, 3])
async def test_a_password_change_whose_answers_are_lost_leaves_one_password_that_restores(
    town: Town, vault: VaultLinks, broken: type[vault_frames.Prepare], count: int
) -> None:
    await _register(vault)
    town.lost = dict.fromkeys(("realm-1", "realm-2", "realm-3")[:count], broken)
    if broken is vault_frames.Prepare and count > 1:
        with pytest.raises(ClientError):
            await _register(vault, OTHER, epoch=2)
        right, wrong = PASSWORD, OTHER
    else:
        changed = await _register(vault, OTHER, epoch=2)
        assert len(changed.pending) == count
        right, wrong = OTHER, PASSWORD
    town.lost = {}
    assert (await _recover(town, right)).secret.secret == R.secret
    assert (await _refused(town, wrong)).code is Code.WRONG_PASSWORD
    # Whatever was prepared in vain does not stand in the way of the next change.
    assert (await _register(vault, OTHER, epoch=2)).done
    assert (await _recover(town, OTHER)).secret.secret == R.secret


async def test_a_realm_that_denies_the_locator_that_others_know_lies(town: Town, vault: VaultLinks) -> None:
    registered = await _register(vault)
    town.lies = {"realm-1": altered(vault_frames.StatusIs, owner_door=False)}
    recovered = await _recover(town, locator=registered.locator)
    assert recovered.failures["realm-1"].code is Code.REALM_LIED
    town.lies["realm-2"] = town.lies["realm-1"]
    assert (await _refused(town, locator=registered.locator)).code is Code.REALM_LIED


async def test_a_realm_at_an_address_that_must_not_be_dialled_is_no_other_s_trouble(town: Town) -> None:
    one, *others = town.fleet.realms
    open_road = Realm(one.name, "ws://vault.example", one.keys)
    async with town.opened(Fleet((open_road, *others), 2)) as links:
        seen = await surveying.survey(links, ALICE.account, None)
        await _register(links)
    assert seen.failures["realm-1"].code is Code.INSECURE_RELAY
    assert set(seen.answers) == {"realm-2", "realm-3"}


async def test_a_realm_that_claims_a_number_far_ahead_is_not_followed(town: Town, vault: VaultLinks) -> None:
    await _register(vault)
    for claim in (2**50, 5000, 1001):
        town.lies = {"realm-1": altered(vault_frames.StatusIs, highest=claim)}
        changed = await _register(vault, OTHER, epoch=2)
        assert changed.done
        assert changed.epoch < 1100
    town.lies = {}
    assert (await _recover(town, OTHER)).secret.secret == R.secret


async def test_what_waits_for_a_realm_is_not_given_up_for_a_refusal(town: Town, vault: VaultLinks) -> None:
    town.away.add("realm-2")
    registered = await _register(vault)
    town.away.clear()
    newer = ALICE.list_raw(2, 1, 2)
    await device_lists.announce(vault, ALICE.root.public, ALICE.list_certificate, newer)
    # This owner still speaks under the list before: refused, and kept.
    assert await registering.finish(vault, owner(), registered.pending) == registered.pending
    assert await registering.finish(vault, owner(ALICE, 1, 1, 2, version=2), registered.pending) == ()
    town.away.add("realm-1")
    assert (await _recover(town)).secret.secret == R.secret


async def test_too_little_memory_for_a_password_is_said_so() -> None:
    def starved() -> None:
        raise MemoryError

    with pytest.raises(ClientError, match="too little free memory"):
        await stretched(starved)

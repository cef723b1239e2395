"""Backups under a password: the vault's realms give the key back, know the newest generation, and nothing else."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from letterlock.wire import frames
from letterlock.wire.vault_frames import PutDeviceList
from letterlock_client.backup_models import BackupChoice, Freshness, RealmState, RestoreRequest
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.vault import watching
from letterlock_client.providers.interface import UnreachableError
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.restoration import Restoration
from letterlock_client.ui.backup_wording import why_not_this_vault
from tests.client.flows.backup.backup_scene import PROVIDER, Shelf, fleet, restore, shelf, texts
from tests.client.flows.vault import vaults
from tests.client.providers.faulty import FaultyProvider
from tests.simulator import RELAY_URL
from tests.town import Pair, Town

__all__ = ["shelf"]

PASSWORD, OTHER = "violet harbour 71 lanterns", "nine copper herons waltz"


@dataclass
class Scene:
    pair: Pair
    shelf: Shelf
    realms: vaults.Town
    file: Path
    sheet: str = ""

    async def turn_on(self) -> str:
        choice = BackupChoice(PROVIDER, password=PASSWORD, fleet=self.file)
        made = await self.pair.alice.backups.turn_on(choice, NO_PASSPHRASE)
        assert (made.realms, made.realms_total, made.recovery_key) == (3, 3, "")
        self.sheet = made.sheet
        return made.key_id


@pytest.fixture
async def scene(shelf: Shelf, town: Town, tmp_path: Path) -> AsyncIterator[Scene]:
    async with fleet(shelf, tmp_path) as (realms, file):
        yield Scene(await town.befriend(), shelf, realms, file)


async def test_a_password_restores_on_a_new_terminal_and_the_realms_vouch_for_the_newest(
    scene: Scene,
) -> None:
    await scene.turn_on()
    made = await scene.pair.alice.backups.back_up()
    assert (made.freshness, made.realms_confirmed) == (Freshness.VERIFIED, 3)
    await scene.pair.alice.close()
    done = await restore(scene.pair.town, PASSWORD, fleet=scene.file)
    assert (done.messages, done.freshness) == (2, Freshness.VERIFIED)
    again = await scene.pair.town.open("second")
    assert await texts(again, scene.pair.to_bob) == ["hello", "hello yourself"]
    assert (await again.backups.status()).has_password
    await again.save_draft(scene.pair.to_bob, "a draft")
    assert (await again.backups.back_up()).freshness is Freshness.VERIFIED


async def test_the_recovery_sheet_is_enough_beside_the_password(scene: Scene, tmp_path: Path) -> None:
    await scene.turn_on()
    await scene.pair.alice.backups.back_up()
    await scene.pair.alice.close()
    paper = tmp_path / "sheet.txt"
    paper.write_text(scene.sheet)
    wanted = RestoreRequest("", "", "", sheet=paper, fleet=scene.file)
    town = scene.pair.town
    restoration = await Restoration.begin(town.home, "second", wanted, outside=town.outside("second"))
    assert (await restoration.vault()).with_locator
    preview = await restoration.open(PASSWORD)
    assert (preview.messages, [chat.title for chat in preview.chats]) == (2, ["bob"])
    assert (await restoration.run(NO_PASSPHRASE)).messages == 2
    await restoration.close()


async def test_the_64_digits_take_the_vault_over_where_its_fleet_is_known(
    scene: Scene, tmp_path: Path
) -> None:
    """Without a guess: the realms hear of the new terminal, and the old password goes on holding."""
    alice, town = scene.pair.alice, scene.pair.town
    made = await alice.backups.turn_on(BackupChoice(PROVIDER, PASSWORD, True, scene.file), NO_PASSPHRASE)
    await alice.backups.back_up()
    await alice.close()
    await restore(town, made.recovery_key, fleet=scene.file)
    again = await town.open("second")
    assert (await again.backups.status()).has_password
    # At the owner's door, whose locator is in the backup.
    assert [realm.attempts_left for realm in (await again.backups.vault()).realms] == [10, 10, 10]
    assert (await again.backups.back_up()).freshness is Freshness.VERIFIED
    await again.close()
    with pytest.raises(ClientError) as told:
        await (await town.open("alice", connect=False)).backups.change_password(OTHER, NO_PASSPHRASE)
    assert told.value.code is Code.DEVICE_REVOKED
    assert (await restore(town, PASSWORD, "third", fleet=scene.file)).freshness is Freshness.VERIFIED


@pytest.mark.parametrize("away", [{"realm-1", "realm-2", "realm-3"}, {"realm-2", "realm-3"}])
async def test_the_64_digits_restore_without_realms(scene: Scene, away: set[str]) -> None:
    alice, town = scene.pair.alice, scene.pair.town
    made = await alice.backups.turn_on(BackupChoice(PROVIDER, PASSWORD, True, scene.file), NO_PASSPHRASE)
    await alice.backups.back_up()
    await alice.close()
    scene.realms.away |= away
    done = await restore(town, made.recovery_key, fleet=scene.file)
    assert (done.messages, done.freshness) == (2, Freshness.UNCHECKED)
    again = await town.open("second")
    status = await again.backups.status()
    assert (status.has_password, status.vault_unasked) == (True, True)
    scene.realms.away.clear()
    # Another password, above whatever the realms remember.
    changed = await again.backups.change_password(OTHER, NO_PASSPHRASE)
    assert changed.realms == 3
    assert (await again.backups.status()).has_password
    stranger = scene.file.with_name("another.toml")
    stranger.write_text(scene.file.read_text().replace("realm-1", "realm-9"))
    with pytest.raises(ClientError) as told:
        await again.backups.change_password(PASSWORD, NO_PASSPHRASE, stranger)
    assert told.value.code is Code.BAD_INPUT


async def test_a_damaged_usual_fleet_file_stops_no_restore_by_the_64_digits(scene: Scene) -> None:
    alice, town = scene.pair.alice, scene.pair.town
    made = await alice.backups.turn_on(BackupChoice(PROVIDER, PASSWORD, True, scene.file), NO_PASSPHRASE)
    await alice.backups.back_up()
    await alice.close()
    town.home.config.mkdir(exist_ok=True)
    (town.home.config / "fleet.toml").write_text("not a fleet")
    with pytest.raises(ClientError):
        await restore(town, made.recovery_key, "named", fleet=town.home.config / "fleet.toml")
    assert (await restore(town, made.recovery_key)).messages == 2


async def test_the_realms_of_a_fleet_file_are_looked_at_before_it_is_trusted(scene: Scene) -> None:
    backups = scene.pair.alice.backups
    before = await backups.status()
    view = await backups.look_at(scene.file)
    assert (view.threshold, {one.state for one in view.realms}) == (2, {RealmState.NEVER_REGISTERED})
    assert why_not_this_vault(view) == ""
    first, second, *_ = (one.url for one in view.realms)
    text, wrong = scene.file.read_text(), scene.file.with_name("wrong.toml")
    wrong.write_text(text.replace(first, "@").replace(second, first).replace("@", second))
    assert "What answers for realm-1, realm-2 is not" in why_not_this_vault(await backups.look_at(wrong))
    scene.realms.away = {"realm-1", "realm-3"}
    assert "realm-1, realm-3 cannot be reached" in why_not_this_vault(await backups.look_at(scene.file))
    # One that is away is no hindrance, and nothing of all this is kept.
    scene.realms.away = {"realm-1"}
    assert why_not_this_vault(await backups.look_at(scene.file)) == ""
    assert await backups.status() == before
    wrong.write_text("threshold = 2")
    with pytest.raises(ClientError, match="whoever runs your vault"):
        await backups.look_at(wrong)


@pytest.mark.parametrize("wrong", ["no fleet", "another's"])
async def test_a_wrong_fleet_file_is_told_before_a_password_is_asked_for(
    scene: Scene, tmp_path: Path, wrong: str
) -> None:
    await scene.turn_on()
    await scene.pair.alice.close()
    paper, file = tmp_path / "sheet.txt", tmp_path / "wrong.toml"
    paper.write_text(scene.sheet)
    other = scene.file.read_text().replace("realm-1", "realm-9")
    file.write_text(other if wrong == "another's" else "threshold = 2")
    wanted = RestoreRequest("", "", "", sheet=paper, fleet=file)
    town = scene.pair.town
    with pytest.raises(ClientError) as told:
        await Restoration.begin(town.home, "second", wanted, outside=town.outside("second"))
    assert told.value.code is (Code.BAD_INPUT if wrong == "another's" else Code.BAD_CONFIG)
    await (
        await Restoration.begin(
            town.home, "second", replace(wanted, fleet=scene.file), outside=town.outside("second")
        )
    ).close()


async def test_realms_too_few_to_put_the_lost_terminal_out_stop_a_restore_by_password(scene: Scene) -> None:
    await scene.turn_on()
    await scene.pair.alice.backups.back_up()
    await scene.pair.alice.close()
    relay = scene.pair.town.relay
    before, seen = relay.accounts[scene.pair.to_alice].device_list, len(relay.seen)
    scene.realms.cut = dict.fromkeys(("realm-1", "realm-2", "realm-3"), PutDeviceList)
    with pytest.raises(ClientError) as told:
        await restore(scene.pair.town, PASSWORD, fleet=scene.file)
    assert told.value.code is Code.REALM_UNREACHABLE
    # Realms first: till they know, the relay hears of no other terminal, and the lost one is not put out by half.
    assert relay.accounts[scene.pair.to_alice].device_list == before
    assert not [
        each for each in relay.seen[seen:] if isinstance(each, frames.Register | frames.PutDeviceList)
    ]
    scene.realms.cut = {}
    assert (await restore(scene.pair.town, PASSWORD, fleet=scene.file)).messages == 2
    assert relay.accounts[scene.pair.to_alice].device_list != before


async def test_a_wrong_password_costs_a_guess_once_and_is_not_called_damage(scene: Scene) -> None:
    await scene.turn_on()
    await scene.pair.alice.backups.back_up()
    town = scene.pair.town
    wanted = RestoreRequest("alice", RELAY_URL, PROVIDER, fleet=scene.file)
    restoration = await Restoration.begin(town.home, "second", wanted, outside=town.outside("second"))
    before = (await restoration.vault()).attempts_left
    for _ in range(3):
        with pytest.raises(ClientError) as told:
            await restoration.open("not the password")
        assert told.value.code is Code.WRONG_PASSWORD
    assert before - (await restoration.vault()).attempts_left == 1
    await restoration.close()
    # Nor where the program was started anew.
    again = await Restoration.begin(town.home, "second", wanted, outside=town.outside("second"))
    with pytest.raises(ClientError, match="no guess was spent"):
        await again.open("not the password")
    assert (await again.vault()).attempts_left == before - 1
    assert not town.home.profile("second").exists()
    # Another registration may have made it right.
    await scene.pair.alice.backups.change_password("not the password", NO_PASSPHRASE)
    assert (await again.open("not the password")).messages == 2
    assert not town.home.profile("second").wrong_passwords.exists()
    await again.close()


async def test_the_password_that_used_up_the_last_guess_is_told_when_the_record_went(
    scene: Scene, tmp_path: Path
) -> None:
    await scene.turn_on()
    await scene.pair.alice.backups.back_up()
    paper = tmp_path / "sheet.txt"
    paper.write_text(scene.sheet)
    wanted = RestoreRequest("", "", "", sheet=paper, fleet=scene.file)
    town = scene.pair.town
    restoration = await Restoration.begin(town.home, "second", wanted, outside=town.outside("second"))
    codes: list[Code] = []
    while Code.VAULT_DESTROYED not in codes:
        with pytest.raises(ClientError) as told:
            await restoration.open(f"copper heron {len(codes)}")
        codes.append(told.value.code)
    assert set(codes[:-1]) == {Code.WRONG_PASSWORD}
    with pytest.raises(ClientError) as told:
        await restoration.open(f"copper heron {len(codes) - 2}")
    assert told.value.code is Code.VAULT_DESTROYED
    await restoration.close()


LONG = "violet harbour 71 lanterns, nine copper herons waltz, and a very long winter besides"
LIKE_A_KEY = "9f3c0a71" * 8


@pytest.mark.parametrize(("password", "says"), [(LONG, None), (LIKE_A_KEY, True)])
async def test_a_password_as_long_as_a_key_opens_what_it_was_set_for(
    scene: Scene, password: str, says: bool | None
) -> None:
    await scene.pair.alice.backups.turn_on(BackupChoice(PROVIDER, password, fleet=scene.file), NO_PASSPHRASE)
    await scene.pair.alice.backups.back_up()
    town = scene.pair.town
    wanted = RestoreRequest("alice", RELAY_URL, PROVIDER, fleet=scene.file)
    restoration = await Restoration.begin(town.home, "second", wanted, outside=town.outside("second"))
    assert (await restoration.open(password, password=says)).messages == 2
    await restoration.close()


@pytest.mark.parametrize("says", [None, False])
async def test_a_key_that_was_mistyped_spends_no_guess(scene: Scene, says: bool | None) -> None:
    made = await scene.pair.alice.backups.turn_on(
        BackupChoice(PROVIDER, PASSWORD, True, scene.file), NO_PASSPHRASE
    )
    await scene.pair.alice.backups.back_up()
    town = scene.pair.town
    wanted = RestoreRequest("alice", RELAY_URL, PROVIDER, fleet=scene.file)
    restoration = await Restoration.begin(town.home, "second", wanted, outside=town.outside("second"))
    before = (await restoration.vault()).attempts_left
    with pytest.raises(ClientError) as told:
        await restoration.open(made.recovery_key[:-1], password=says)
    assert told.value.code is Code.WRONG_RECOVERY_KEY
    assert (await restoration.vault()).attempts_left == before


async def test_a_changed_password_rewrites_no_object_and_the_old_one_is_worth_nothing(scene: Scene) -> None:
    key_id = await scene.turn_on()
    await scene.pair.alice.backups.back_up()
    objects = dict(scene.shelf.memory.objects)
    changed = await scene.pair.alice.backups.change_password(OTHER, NO_PASSPHRASE)
    assert (changed.key_id_before, changed.key_id_after, changed.objects_rewritten) == (key_id, key_id, 0)
    assert scene.shelf.memory.objects == objects
    await scene.pair.alice.close()
    with pytest.raises(ClientError) as told:
        await restore(scene.pair.town, PASSWORD, fleet=scene.file)
    assert told.value.code is Code.WRONG_PASSWORD
    assert (await restore(scene.pair.town, OTHER, fleet=scene.file)).messages == 2


async def test_what_somebody_writes_meanwhile_is_not_counted_as_rewritten(scene: Scene) -> None:
    """Nor is what cannot be seen because the provider went away: the proof is about what was there before."""
    await scene.turn_on()
    await scene.pair.alice.backups.back_up()
    objects = scene.shelf.memory.objects
    scene.shelf.seen = busy = FaultyProvider(scene.shelf.memory)

    def write() -> Exception:
        objects[f"{next(iter(objects)).split('/')[0]}/segment/new"] = b""
        return UnreachableError("away for a moment")

    busy.at_call = {2: write}
    assert (await scene.pair.alice.backups.change_password(OTHER, NO_PASSPHRASE)).objects_rewritten == 0
    busy.at_call = {number: lambda: UnreachableError("away") for number in range(2, 9)}
    assert (await scene.pair.alice.backups.change_password(PASSWORD, NO_PASSPHRASE)).objects_rewritten == 0


async def test_half_a_password_change_restores_with_one_of_the_two(scene: Scene) -> None:
    await scene.turn_on()
    await scene.pair.alice.backups.back_up()
    scene.realms.cut = dict.fromkeys(("realm-1", "realm-2"), vaults.COMMIT)
    with pytest.raises(ClientError) as told:
        await scene.pair.alice.backups.change_password(OTHER, NO_PASSPHRASE)
    assert told.value.code is Code.VAULT_UNFINISHED
    scene.realms.cut = {}
    await scene.pair.alice.close()
    opened = []
    for number, password in enumerate((PASSWORD, OTHER)):
        try:
            opened.append(
                (await restore(scene.pair.town, password, f"try{number}", fleet=scene.file)).messages
            )
        except ClientError as error:
            assert error.code in (Code.WRONG_PASSWORD, Code.VAULT_UNFINISHED)  # noqa: PT017
    assert opened == [2]


async def test_a_provider_that_replays_an_old_generation_is_found_out(scene: Scene) -> None:
    await scene.turn_on()
    await scene.pair.alice.backups.back_up()
    old = dict(scene.shelf.memory.objects)
    await scene.pair.alice.send_text(scene.pair.to_bob, "newer")
    await scene.pair.settle()
    assert (await scene.pair.alice.backups.back_up()).generation == 2
    await scene.pair.alice.close()
    scene.shelf.memory.objects = old
    with pytest.raises(ClientError) as told:
        await restore(scene.pair.town, PASSWORD, fleet=scene.file)
    assert (told.value.code, told.value.facts["generation"], told.value.facts["expected"]) == (
        Code.BACKUP_STALE,
        1,
        2,
    )
    done = await restore(scene.pair.town, PASSWORD, fleet=scene.file, accept_stale=True)
    assert (done.messages, done.freshness) == (2, Freshness.STALE)
    again = await scene.pair.town.open("second")
    await again.save_draft(scene.pair.to_bob, "a draft")
    # Above what the realms know, or they would go on knowing of the other one.
    made = await again.backups.back_up()
    assert (made.generation, made.freshness) == (3, Freshness.VERIFIED)
    await again.close()
    assert (
        await restore(scene.pair.town, PASSWORD, "third", fleet=scene.file)
    ).freshness is Freshness.VERIFIED


@pytest.mark.parametrize("by_key", [False, True])
@pytest.mark.parametrize("entries", [0, 3])
async def test_a_realm_that_went_back_before_a_restore_is_an_alarm_on_the_new_terminal(
    scene: Scene, by_key: bool, entries: int
) -> None:
    """The backup remembers how far each ledger went; what a realm wrote instead of it must not pass for it."""
    alice, town = scene.pair.alice, scene.pair.town
    choice = BackupChoice(PROVIDER, PASSWORD, True, scene.file)
    made = await alice.backups.turn_on(choice, NO_PASSPHRASE)
    for text in ("one", "two", "three"):
        await alice.send_text(scene.pair.to_bob, text)
        await alice.backups.back_up()
    await alice.backups.history()
    await alice.send_text(scene.pair.to_bob, "four")
    await alice.backups.back_up()
    account = alice.profile.account
    await alice.close()
    for name in scene.realms.stores:
        scene.realms.roll_back(name, account, entries)
    secret = made.recovery_key if by_key else PASSWORD
    await restore(town, secret, fleet=scene.file)
    (alarm,) = await watching.look((await town.open("second"))._place)
    assert alarm is not None
    assert alarm.code == "realm_lied"


async def test_backups_at_another_provider_go_on_above_what_the_realms_know(scene: Scene) -> None:
    alice, first = scene.pair.alice, scene.shelf.memory
    await scene.turn_on()
    for text in ("one", "two", "three"):
        await alice.send_text(scene.pair.to_bob, text)
        await alice.backups.back_up()
    scene.shelf.memory = scene.shelf.seen = MemoryProvider()
    await alice.backups.move(f"{PROVIDER}/other", anew=True)
    made = await alice.backups.back_up()
    assert (made.generation, made.freshness) == (4, Freshness.VERIFIED)
    # And back again, where most of it still lies.
    scene.shelf.memory = scene.shelf.seen = first
    await alice.backups.move(PROVIDER, anew=True)
    made = await alice.backups.back_up()
    assert (made.generation, made.freshness) == (5, Freshness.VERIFIED)
    assert (await alice.backups.rehearse()).differences == ()
    await alice.close()
    assert (await restore(scene.pair.town, PASSWORD, fleet=scene.file)).freshness is Freshness.VERIFIED


async def test_fewer_confirmations_than_it_takes_are_shown_as_unanchored(scene: Scene) -> None:
    await scene.turn_on()
    scene.realms.away |= {"realm-1", "realm-2"}
    made = await scene.pair.alice.backups.back_up()
    assert (made.freshness, made.realms_confirmed) == (Freshness.UNANCHORED, 1)
    scene.realms.away.clear()
    assert (await scene.pair.alice.backups.back_up()).freshness is Freshness.VERIFIED


async def test_turning_off_deletes_everywhere_and_the_history_tells_what_happened(scene: Scene) -> None:
    await scene.turn_on()
    await scene.pair.alice.backups.back_up()
    kinds = {one.kind for one in await scene.pair.alice.backups.history()}
    assert {"registered", "anchored"} <= kinds
    off = await scene.pair.alice.backups.turn_off(NO_PASSPHRASE)
    assert (off.realms_deleted, off.realms_total) == (3, 3)
    assert scene.shelf.memory.objects == {}
    assert not (await scene.pair.alice.backups.status()).on
    with pytest.raises(ClientError) as told:
        await restore(scene.pair.town, PASSWORD, fleet=scene.file)
    assert told.value.code in (Code.VAULT_NEVER_REGISTERED, Code.VAULT_DESTROYED)


@pytest.mark.parametrize("password", ["short", "password1", "alicealice"])
async def test_a_password_that_few_guesses_find_is_refused(scene: Scene, password: str) -> None:
    choice = BackupChoice(PROVIDER, password=password, fleet=scene.file)
    with pytest.raises(ClientError) as told:
        await scene.pair.alice.backups.turn_on(choice, NO_PASSPHRASE)
    assert told.value.code is Code.BAD_INPUT
    assert not scene.pair.alice.backups.judge(password).acceptable


async def test_backups_turned_off_and_on_again_are_known_as_the_newest(scene: Scene) -> None:
    """Realms keep the newest generation for good: what begins anew must not stand below it."""
    alice = scene.pair.alice
    await scene.turn_on()
    for text in ("one", "two", "three"):
        await alice.send_text(scene.pair.to_bob, text)
        await alice.backups.back_up()
    await alice.backups.turn_off(NO_PASSPHRASE)
    await scene.turn_on()
    made = await alice.backups.back_up()
    assert (made.freshness, made.realms_confirmed) == (Freshness.VERIFIED, 3)
    await alice.close()
    done = await restore(scene.pair.town, PASSWORD, fleet=scene.file)
    assert done.freshness is Freshness.VERIFIED

"""What a restore that was cut short was asked for is known when somebody comes back, and nothing that opens it is."""

from pathlib import Path

import pytest

from letterlock.ids import account_text
from letterlock_client.backup_models import (
    BackupPhase,
    BackupProgress,
    RestoreRequest,
    UnfinishedRestore,
)
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import opening
from letterlock_client.links.address import RelayAddress
from letterlock_client.links.failures import Offline
from letterlock_client.links.transport import Transport
from letterlock_client.restoration import Restoration
from tests.client.flows.backup.backup_scene import PROVIDER, Shelf, pair, restore, shelf, turn_on
from tests.simulator import RELAY_URL
from tests.town import Pair, Town

__all__ = ["pair", "shelf"]

LOCATOR = "abcd-efgh-ijkl-mnop"


async def cut_short(pair: Pair, shelf: Shelf, **asked: object) -> str:
    """Alice lost her terminal, and the one she restores on finds no relay once her messages are there."""
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    if "sheet" in asked:
        text = await pair.alice.backups.sheet(NO_PASSPHRASE, with_key=True)
        Path(str(asked["sheet"])).write_text(text, encoding="utf-8")
    await pair.alice.close()
    await find_no_relay(pair, shelf, digits, **asked)
    return digits


async def find_no_relay(pair: Pair, shelf: Shelf, digits: str, **asked: object) -> None:
    async def nobody(_address: RelayAddress) -> Transport:
        raise Offline

    shelf.changes["dial"] = nobody
    with pytest.raises(ClientError) as failed:
        await restore(pair.town, digits, **asked)  # type: ignore[arg-type]
    assert failed.value.code is Code.OFFLINE
    del shelf.changes["dial"]


async def look(town: Town) -> UnfinishedRestore | None:
    return await Restoration.unfinished(town.home, "second", NO_PASSPHRASE, outside=town.outside("look"))


async def change(town: Town, statement: str, *values: object) -> None:
    """Write into the database of the terminal that came back."""
    places = town.home.profile("second")
    here = await opening.open_bare(places, NO_PASSPHRASE, town.outside("change"), None)
    await here.place.transact(lambda work: work.tx.execute(statement, *values))
    await here.close()


async def test_all_that_was_asked_for_is_known_but_what_opens_the_backup(pair: Pair, shelf: Shelf) -> None:
    digits = await cut_short(pair, shelf, locator=LOCATOR, chats=("bob",), media_later=True)
    found = await look(pair.town)
    assert found is not None
    assert found.by_key
    asked = found.request
    assert (asked.handle, asked.relay, asked.provider) == ("alice", RELAY_URL, PROVIDER)
    assert (asked.locator, asked.chats, asked.media_later) == (LOCATOR, (account_text(pair.to_bob),), True)
    assert (asked.password, asked.recovery_key) == (None, None)
    assert digits not in repr(found)
    # Asked for just that, it goes on: of the messages nothing is left to do.
    moved: list[BackupProgress] = []
    restoration = await Restoration.begin(
        pair.town.home, "second", asked, outside=pair.town.outside("second")
    )
    await restoration.open(digits)
    done = await restoration.run(NO_PASSPHRASE, progress=moved.append)
    assert done.messages == 2
    assert [each.bytes_total for each in moved if each.phase is BackupPhase.MESSAGES] == [0]
    assert await look(pair.town) is None


async def test_whoever_opens_what_was_cut_short_is_told_how_to_go_on(pair: Pair, shelf: Shelf) -> None:
    await cut_short(pair, shelf)
    with pytest.raises(ClientError) as told:
        await pair.town.open("second")
    assert told.value.code is Code.NO_PROFILE
    assert "letterlock backup restore" in told.value.message


async def test_nobody_registers_with_the_keys_that_a_restore_cut_short_left(pair: Pair, shelf: Shelf) -> None:
    digits = await cut_short(pair, shelf)
    with pytest.raises(ClientError) as told:
        await pair.town.register("second")
    assert told.value.code is Code.RESTORE_UNFINISHED
    assert "letterlock backup restore" in told.value.message
    with pytest.raises(ClientError) as nobody:
        await pair.bob.find("second")
    assert nobody.value.code is Code.UNKNOWN_CONTACT
    # What was there is kept, and nothing of the registration.
    found = await look(pair.town)
    assert found is not None
    assert found.request.handle == "alice"
    assert (await restore(pair.town, digits)).messages == 2


async def test_a_restore_of_somebody_else_s_backup_leaves_no_profile(pair: Pair, shelf: Shelf) -> None:
    del shelf
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    with pytest.raises(ClientError) as told:
        await restore(pair.town, digits, handle="carol")
    assert told.value.code is Code.BACKUP_OTHER_ACCOUNT
    assert not pair.town.home.profile("second").exists()
    carol = await pair.town.register("second")
    assert carol.profile.account != pair.alice.profile.account


async def test_a_sheet_is_known_by_its_place_and_what_it_said_is_noted(
    pair: Pair, shelf: Shelf, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.txt"
    await cut_short(pair, shelf, handle="", relay="", provider="", sheet=sheet)
    found = await look(pair.town)
    assert found is not None
    asked = found.request
    assert (asked.handle, asked.relay, asked.provider, asked.sheet) == ("alice", RELAY_URL, PROVIDER, sheet)


async def test_an_older_backup_that_was_asked_for_and_what_is_whole_of_it_stay_what_is_wanted(
    pair: Pair, shelf: Shelf
) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await pair.alice.send_text(pair.to_bob, "only in the newest")
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await find_no_relay(pair, shelf, digits, generation=1, accept_damaged=True)
    found = await look(pair.town)
    assert found is not None
    asked = Restoration.filled_in(RestoreRequest("", "", ""), found)
    assert (asked.generation, asked.accept_damaged) == (1, True)
    assert Restoration.filled_in(RestoreRequest("", "", "", generation=2), found).generation == 2
    restoration = await Restoration.begin(
        pair.town.home, "second", asked, outside=pair.town.outside("second")
    )
    assert (await restoration.open(digits)).generation == 1
    assert (await restoration.run(NO_PASSPHRASE)).messages == 2


async def test_what_is_said_now_goes_before_what_was_asked_for_then(pair: Pair, shelf: Shelf) -> None:
    await cut_short(pair, shelf, chats=("bob",))
    found = await look(pair.town)
    assert found is not None
    moved = Restoration.filled_in(RestoreRequest("", "", "folder:/elsewhere"), found)
    assert (moved.handle, moved.relay, moved.provider) == ("alice", RELAY_URL, "folder:/elsewhere")
    other = RestoreRequest("bob", "", "")
    assert Restoration.filled_in(other, found) == other
    assert Restoration.filled_in(other, None) == other


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("handle", "Not A Handle\n"),
        ("handle", b"\xff\xfe"),
        ("relay", "https://relay.example"),
        ("relay", "ws://relay.example"),
        ("provider", "cloud:nowhere"),
        ("provider", "folder:/a\x1b[2J"),
        ("locator", "short"),
        ("sheet", "/a\x1b]0;b"),
        ("fleet", "/" + "a" * 10_000),
        ("chats", b"\x00\x00"),
        ("freshness", "guaranteed"),
        ("manifest", "no bytes"),
        ("started", "yesterday"),
    ],
)
async def test_a_note_that_is_damaged_is_said_and_in_nobody_s_way(
    pair: Pair, shelf: Shelf, column: str, value: object
) -> None:
    digits = await cut_short(pair, shelf)
    await change(pair.town, f"UPDATE restore SET {column} = ?", value)
    with pytest.raises(ClientError) as failed:
        await look(pair.town)
    assert failed.value.code is Code.STORAGE_DAMAGED
    assert (await restore(pair.town, digits)).messages == 2
    assert await look(pair.town) is None


async def test_a_restore_that_an_older_release_began_is_known_by_its_folder(pair: Pair, shelf: Shelf) -> None:
    await cut_short(pair, shelf)
    await change(pair.town, "UPDATE restore SET handle = '', relay = '', by_key = 0")
    found = await look(pair.town)
    assert found is not None
    assert (found.request.handle, found.request.relay, found.request.provider) == ("", "", PROVIDER)

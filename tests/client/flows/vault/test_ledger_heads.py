"""How far ledgers are known follows the realms' keys: through another fleet, a migration, and old backups."""

from pathlib import Path

import sqlcipher3

from letterlock.backup.manifest import LedgerHead
from letterlock.vault.fleet import Fleet, Realm
from letterlock.vault.ledger import Head
from letterlock.vault.realm_secret import RealmSecret
from letterlock_client.errors import Code
from letterlock_client.flows.backup import anchoring
from letterlock_client.flows.vault import ledger_heads, of_profile, watching
from letterlock_client.storage import backup_state
from letterlock_client.storage.migrations import migrate, migrations
from letterlock_server.vault import fleet_file
from tests.client.flows.vault import vaults
from tests.client.flows.vault.test_vault_of_profile import Scene, scene
from tests.shared.devices.people import seed

__all__ = ["scene"]

BY_KEY = 12
"""The migration that keys ledgers by the realms' keys."""


def fleet_of(*names: str, keys: str = "") -> Fleet:
    return Fleet(
        tuple(
            Realm(name, f"ws://127.0.0.1:1/{name}", RealmSecret(seed(keys + name)).public) for name in names
        ),
        len(names) // 2 + 1,
    )


async def moved_to(scene: Scene, realms: vaults.Town, file: Path) -> Scene:
    """The owner turns the password off and on again, at another fleet."""
    await scene.place.transact(lambda work: backup_state.clear(work.tx, 0))
    fleet_file.write(file, realms.fleet, force=False)
    scene.place.dial_realm = realms.dial
    moved = Scene(scene.place, realms, file)
    await moved.turn_on()
    return moved


async def test_another_fleet_of_the_same_names_raises_no_alarm_and_hides_none(
    scene: Scene, tmp_path: Path
) -> None:
    await scene.turn_on()
    for _ in range(3):
        await scene.recover("correct horse battery")
    await of_profile.history(scene.place, await scene.vault())
    before = await scene.place.database.read(backup_state.ledger_heads)
    async with vaults.town_of(keys="other ") as others:
        moved = await moved_to(scene, others, tmp_path / "other.toml")
        assert await watching.look(moved.place) == []
        shown = await of_profile.history(moved.place, await moved.vault())
        assert {one.kind for one in shown} == {"registered"}
        # A backup names the realms in use, and no others.
        listed = await anchoring.known_ledgers(moved.place)
        assert [each.realm for each in listed] == [one.keys.text() for one in others.fleet.realms]
        # What is known of the old realms stays known, and a new one that goes back is found out.
        assert before.items() < (await moved.place.database.read(backup_state.ledger_heads)).items()
        others.roll_back("realm-2", moved.place.own.id, entries=0)
        read = await of_profile.ledgers(moved.place, await moved.vault())
        assert [each.code for each in of_profile.lies(read)] == [Code.REALM_LIED.value]


async def test_a_backup_without_a_password_names_no_realm(scene: Scene) -> None:
    assert await anchoring.known_ledgers(scene.place) == ()


def test_a_manifest_is_read_by_key_and_one_of_the_first_backups_by_name() -> None:
    fleet, other = fleet_of("one", "two"), fleet_of("one", "two", keys="other ")
    heads = {"one": Head(3, b"h" * 32)}
    listed = ledger_heads.for_manifest(fleet, heads)
    assert ledger_heads.of_manifest(fleet, listed) == heads
    assert ledger_heads.of_manifest(other, listed) == {}
    assert ledger_heads.of_manifest(fleet, [LedgerHead("one", 3, b"h" * 32)]) == heads
    # Where a list has both, the key knows better.
    assert ledger_heads.of_manifest(fleet, [*listed, LedgerHead("one", 9, b"n" * 32)]) == heads


def migrated(fleet: bytes | None, *rows: tuple[str, int, bytes]) -> dict[str, tuple[int, bytes]]:
    """What becomes of heads that were known by name, beside this fleet file."""
    connection = sqlcipher3.connect(":memory:", isolation_level=None)
    migrate(connection, [step for step in migrations() if step.number < BY_KEY])
    if fleet is not None:
        connection.execute(
            "INSERT INTO vault (only, fleet, epoch, locator) VALUES (1, ?, 1, ?)", (fleet, b"")
        )
    connection.executemany("INSERT INTO vault_ledger (realm, sequence, head) VALUES (?, ?, ?)", rows)
    migrate(connection, migrations())
    found = connection.execute("SELECT realm, sequence, head FROM vault_ledger").fetchall()
    connection.close()
    return {realm: (sequence, head) for realm, sequence, head in found}


def test_what_was_known_by_name_is_known_by_the_key_of_the_fleet_in_use() -> None:
    fleet = fleet_of("one", "one.two", "three")
    one, two, three = (realm.keys.text() for realm in fleet.realms)
    text = fleet_file.text(fleet).encode()
    rows = (("one", 1, b"1" * 32), ("one.two", 2, b"2" * 32), ("three", 3, b"3" * 32), ("gone", 4, b"4" * 32))
    assert migrated(text, *rows) == {one: (1, b"1" * 32), two: (2, b"2" * 32), three: (3, b"3" * 32)}


def test_what_cannot_be_told_by_key_is_let_go_and_never_given_to_another_realm() -> None:
    assert migrated(None, ("one", 1, b"1" * 32)) == {}
    fleet = fleet_of("one", "two")
    backwards = "threshold = 2\n" + "".join(
        f'[[realm]]\nkey = "{realm.keys.text()}"\nurl = "{realm.url}"\nname = "{realm.name}"\n'
        for realm in fleet.realms
    )
    assert migrated(backwards.encode(), ("one", 1, b"1" * 32), ("two", 2, b"2" * 32)) == {}
    short = fleet_file.text(fleet).replace(fleet.realms[0].keys.text(), "ab" * 20)
    assert set(migrated(short.encode(), ("one", 1, b"1" * 32))) == set()

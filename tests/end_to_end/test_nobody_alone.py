"""No party alone opens a backup: what each leaves on its disks is handed to a thief, who gets nothing."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from letterlock.ids import AccountId, parse_account
from letterlock_client.config import NO_PASSPHRASE, Home
from letterlock_client.storage import keyring
from letterlock_client.workshop.processes import Person, RealmProcess, RelayProcess
from tests import thief
from tests.end_to_end.conftest import vault_of_three
from tests.end_to_end.test_canary import own_account

PASSWORD = "violet harbour 71 lanterns"
LIST = ("password1", "correct horse battery", PASSWORD)
"""The thief's list of passwords; the right one is on it."""


@dataclass
class Left:
    """What everybody left behind when all was stopped."""

    bucket: Path
    relay: Path
    realms: list[RealmProcess]
    account: AccountId
    secret: bytes

    def files(self, folder: Path) -> list[Path]:
        return [each for each in folder.rglob("*") if each.is_file()]

    async def stolen(self, *numbers: int) -> list[thief.StolenRealm]:
        """The disks of these realms."""
        return [
            await thief.StolenRealm.read(realm.name, realm.store, self.account)
            for realm in (self.realms[number] for number in numbers)
        ]


@pytest.fixture
async def left(friends: tuple[Person, Person], relay: RelayProcess, tmp_path: Path) -> Left:
    alice, _ = friends
    word = tmp_path / "password"
    word.write_text(PASSWORD)
    bucket = tmp_path / "bucket"
    async with vault_of_three(tmp_path) as (realms, fleet):
        words = ("--provider", f"folder:{bucket}", "--password-file", str(word), "--fleet", str(fleet))
        turned = await alice.run("backup", "on", *words, "--recovery-key")
        assert turned.status == 0, turned
        made = await alice.run("backup", "now")
        assert made.last["freshness"] == "verified", made
    await relay.stop()
    places = Home.at(alice.folder).profile(alice.name)
    (secret,) = await keyring.open_recovery_secrets(places, NO_PASSPHRASE)
    return Left(bucket, relay.folder, realms, parse_account(await own_account(alice)), secret)


async def test_no_party_alone_opens_a_backup_and_a_threshold_of_realms_guesses_offline(left: Left) -> None:
    """The last part is what nobody can promise away; `vault.md` says so."""
    disks = {
        "the provider": left.files(left.bucket),
        "the relay": left.files(left.relay),
        **{realm.name: left.files(realm.folder) for realm in left.realms},
    }
    note = left.bucket.parent / "note"
    for spelling in (left.secret, left.secret.hex().encode()):
        note.write_bytes(b"\0 key: " + spelling + b"!")
        assert thief.search(left.bucket, [note]) is not None, "he would not have seen a key either"
    for party, files in disks.items():
        assert files, party
        assert await asyncio.to_thread(thief.search, left.bucket, files) is None, party
    for number, realm in enumerate(left.realms):
        one = await left.stolen(number)
        # What a realm sealed with the key beside it is open to whoever has both.
        note.write_bytes(one[0].record.pack())
        assert await asyncio.to_thread(thief.search, left.bucket, [note]) is None, realm.name
        assert not await asyncio.to_thread(thief.guess_with_too_few, one, PASSWORD), realm.name
    two = await left.stolen(0, 1)
    assert await asyncio.to_thread(thief.guess_offline, two, LIST[:1]) is None
    found = await asyncio.to_thread(thief.guess_offline, two, LIST[1:])
    assert found is not None
    assert (found[0], found[1].secret) == (PASSWORD, left.secret)
    opened = thief.open_bucket(left.bucket, found[1].backup_key())
    assert opened is not None
    assert opened.totals.messages == 2

"""Vault and provider hold and see nothing of what people say, of who they are, or of what opens their backups."""

import re
from pathlib import Path

import pytest

from letterlock.vault import recovery_key
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock_client.backup_models import BackupChoice, Frequency
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.providers.folder import FolderProvider
from tests.canary import found, private_keys, spellings, spellings_of
from tests.client.flows.backup.backup_scene import Shelf, fleet, restore, shelf
from tests.simulator import RELAY_URL, Chance
from tests.town import Pair, Town

__all__ = ["shelf"]

OWNER, FRIEND = "canary-alice", "canary-bobby"
TEXT, BEFORE, REPLY, CAPTION, DRAFT = (
    f"canary {what} of some length" for what in ("text", "before", "reply", "caption", "draft")
)
EMOJI = "🦜🦜canary"
PASSWORD, OTHER, WRONG = "violet harbour 71 lanterns", "nine copper herons waltz", "wrong copper herons"
FILE = Chance("canary file")(60_000)


async def say_something_of_every_kind(pair: Pair, folder: Path) -> None:
    sent = await pair.alice.send_text(pair.to_bob, BEFORE)
    await pair.settle()
    await pair.bob.send_text(pair.to_alice, REPLY, reply_to=sent.id)
    await pair.bob.react(sent.id, EMOJI)
    await pair.settle()
    pair.town.clock.move(seconds=1)
    await pair.alice.edit(sent.id, TEXT)
    path = folder / "canary-file.png"
    path.write_bytes(FILE)
    await pair.alice.send_file(pair.to_bob, path, caption=CAPTION)
    await pair.settle()
    await pair.alice.save_draft(pair.to_bob, DRAFT)


async def live_through_all(pair: Pair, shelf: Shelf, disks: Path, bucket: Path) -> tuple[str, bytes]:
    """Back up, fail to open, restore, set another password, back up; return the digits, and what realms were told."""
    shelf.seen = FolderProvider(bucket)
    async with fleet(shelf, disks.parent, disks=disks) as (realms, file):
        choice = BackupChoice(f"folder:{bucket}", password=PASSWORD, recovery_key=True, fleet=file)
        made = await pair.alice.backups.turn_on(choice, NO_PASSPHRASE)
        await pair.alice.backups.choose(frequency=Frequency.OFF)
        await pair.alice.backups.back_up()
        await pair.alice.close()
        with pytest.raises(ClientError) as told:
            await restore(pair.town, WRONG, handle=OWNER, provider=f"folder:{bucket}", fleet=file)
        assert told.value.code is Code.WRONG_PASSWORD
        done = await restore(pair.town, PASSWORD, handle=OWNER, provider=f"folder:{bucket}", fleet=file)
        assert (done.messages, done.media) == (3, 1)
        again = await pair.town.open("second")
        await again.backups.change_password(OTHER, NO_PASSPHRASE)
        await again.send_text(pair.to_bob, TEXT)
        await again.backups.back_up()
        await again.close()
        return made.recovery_key, b"\0".join(realms.passed)


async def test_vault_and_provider_hold_and_see_nothing_of_anybody(
    town: Town, shelf: Shelf, tmp_path: Path
) -> None:
    alice, bob = await town.register(OWNER), await town.register(FRIEND)
    pair = Pair(town, alice, bob, await alice.find(FRIEND), await bob.find(OWNER))
    await say_something_of_every_kind(pair, tmp_path)
    disks, bucket = tmp_path / "disks", tmp_path / "bucket"
    disks.mkdir()
    bucket.mkdir()
    digits, told = await live_through_all(pair, shelf, disks, bucket)
    seen = {"what realms are told": told}
    for folder in (disks, bucket):
        for path in folder.rglob("*"):
            if path.is_file():
                # A name is as good a place to lie as what is in it.
                seen[str(path.relative_to(tmp_path))] = str(path).encode() + b"\0" + path.read_bytes()
    assert {name.split("/")[0] for name in seen} == {"what realms are told", "disks", "bucket"}
    words = (TEXT, BEFORE, REPLY, CAPTION, DRAFT, EMOJI, "canary-file", OWNER, FRIEND, RELAY_URL)
    bare = re.sub(r"\D", "", digits)
    secrets = (PASSWORD, OTHER, WRONG, digits, bare[:20], bare[-20:])
    hidden = {each: spellings_of(each) for each in (*words, *secrets)}
    hidden |= {f"the file at {at}": spellings(FILE[at : at + 40]) for at in range(0, len(FILE), 10_000)}
    hidden["what the digits stand for"] = spellings(RecoverySecret(recovery_key.decode(digits)).secret)
    for name in (OWNER, "second"):
        keys = await private_keys(town.home.profile(name))
        hidden |= {f"key {number} of {name}": spellings(key) for number, key in enumerate(keys)}
    assert not found(hidden, seen)
    # What they do hold is found, so the search looks at all of it.
    assert found({"the name of a realm": spellings_of("realm-1")}, seen)

"""What the key file promises: one constant error, no rewriting, nothing half changed, nothing shown."""

import asyncio
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.primitives.derivation import Argon2Parameters
from letterlock_client.config import NO_PASSPHRASE, Home, Places, Unlock
from letterlock_client.errors import WRONG_PASSPHRASE, ClientError, Code
from letterlock_client.storage import keyring

CHEAP = Argon2Parameters(memory_kib=8, passes=1)
ROOT = b"R" * 32
RIGHT = Unlock("correct horse")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Home.at(tmp_path).profile("alice")
    places.make()
    return places


async def make(places: Places, unlock: Unlock = RIGHT) -> bytes:
    return await keyring.create(places, unlock, root_seed=ROOT, random=os.urandom, cost=CHEAP)


@pytest.mark.parametrize("unlock", [RIGHT, NO_PASSPHRASE])
async def test_what_was_sealed_opens(places: Places, unlock: Unlock) -> None:
    key = await make(places, unlock)
    assert len(key) == 32
    assert await keyring.open_database_key(places, unlock) == key
    assert await keyring.open_root_seed(places, unlock) == ROOT
    assert keyring.has_passphrase(places) is (unlock is RIGHT)


async def test_every_way_in_which_a_passphrase_is_wrong_gives_one_constant_error(places: Places) -> None:
    await make(places)
    errors = []
    for wrong in (
        Unlock("correct hors"),
        Unlock(""),
        NO_PASSPHRASE,
        Unlock("correct horse "),
        Unlock("\ud800"),
    ):
        for act in (keyring.open_database_key, keyring.open_root_seed):
            with pytest.raises(ClientError) as caught:
                await act(places, wrong)
            errors.append((caught.value.code, caught.value.message, str(caught.value.facts)))
    assert set(errors) == {(Code.WRONG_PASSPHRASE, WRONG_PASSPHRASE, "{}")}


async def test_a_passphrase_given_to_a_profile_without_one_is_wrong(places: Places) -> None:
    await make(places, NO_PASSPHRASE)
    with pytest.raises(ClientError) as caught:
        await keyring.open_database_key(places, RIGHT)
    assert caught.value.code is Code.WRONG_PASSPHRASE


async def test_the_same_passphrase_composed_by_another_keyboard_opens(places: Places) -> None:
    key = await make(places, Unlock("caf\u00e9"))
    assert await keyring.open_database_key(places, Unlock("cafe\u0301")) == key


async def test_a_new_passphrase_keeps_the_keys_and_voids_the_old_one(places: Places) -> None:
    key = await make(places)
    new = Unlock("battery staple")
    await keyring.change_passphrase(places, RIGHT, new, random=os.urandom, cost=CHEAP)
    assert await keyring.open_database_key(places, new) == key
    assert await keyring.open_root_seed(places, new) == ROOT
    with pytest.raises(ClientError):
        await keyring.open_database_key(places, RIGHT)
    assert not [each for each in places.folder.iterdir() if each.name.endswith(".new")]


async def test_a_change_with_the_wrong_passphrase_or_to_an_empty_one_changes_nothing(places: Places) -> None:
    await make(places)
    before = places.key_file.read_bytes()
    for old, new in ((Unlock("wrong"), Unlock("new")), (RIGHT, Unlock(""))):
        with pytest.raises(ClientError):
            await keyring.change_passphrase(places, old, new, random=os.urandom, cost=CHEAP)
    assert places.key_file.read_bytes() == before


async def test_a_profile_is_never_overwritten(places: Places) -> None:
    await make(places)
    with pytest.raises(ClientError) as caught:
        await make(places)
    assert caught.value.code is Code.PROFILE_EXISTS


async def test_a_missing_profile_is_named(places: Places) -> None:
    with pytest.raises(ClientError) as caught:
        await keyring.open_database_key(places, RIGHT)
    assert caught.value.code is Code.NO_PROFILE
    assert caught.value.facts == {"profile": "alice"}


@settings(max_examples=80, deadline=None)
@given(data=st.data())
def test_no_changed_byte_opens(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    places = Home.at(tmp_path_factory.mktemp("home")).profile("alice")
    places.make()
    asyncio.run(make(places))
    raw = bytearray(places.key_file.read_bytes())
    if data.draw(st.booleans()):
        raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    else:
        raw = raw[: data.draw(st.integers(0, len(raw) - 1))]
    places.key_file.write_bytes(raw)

    codes: list[Code] = []

    async def opened() -> int:
        count = 0
        for act in (keyring.open_database_key, keyring.open_root_seed):
            try:
                await act(places, RIGHT)
                count += 1
            except ClientError as error:
                codes.append(error.code)
        return count

    # Each of the two keys has its own seal: damage to one leaves the other.
    assert asyncio.run(opened()) <= 1
    assert set(codes) <= {Code.WRONG_PASSPHRASE, Code.STORAGE_DAMAGED, Code.FAILED}


async def test_only_the_owner_may_read_the_key_file(places: Places) -> None:
    old = os.umask(0)
    try:
        await make(places, NO_PASSPHRASE)
        await keyring.change_passphrase(places, NO_PASSPHRASE, RIGHT, random=os.urandom, cost=CHEAP)
    finally:
        os.umask(old)
    assert stat.S_IMODE(places.key_file.stat().st_mode) == 0o600


async def test_the_key_file_shows_neither_key_nor_passphrase(places: Places) -> None:
    key = await make(places)
    raw = places.key_file.read_bytes()
    assert key not in raw
    assert ROOT not in raw
    assert b"correct horse" not in raw


RECOVERY, NEXT = b"r" * 32, b"n" * 32


async def test_the_recovery_secret_is_sealed_beside_the_other_keys_and_asked_for_each_time(
    places: Places,
) -> None:
    key = await make(places)
    with pytest.raises(ClientError) as off:
        await keyring.open_recovery_secrets(places, RIGHT)
    assert off.value.code is Code.BACKUP_OFF
    await keyring.keep_recovery_secrets(places, RIGHT, [RECOVERY], random=os.urandom)
    assert RECOVERY not in places.key_file.read_bytes()
    assert await keyring.open_recovery_secrets(places, RIGHT) == (RECOVERY,)
    for wrong in (Unlock("wrong"), NO_PASSPHRASE):
        with pytest.raises(ClientError) as told:
            await keyring.open_recovery_secrets(places, wrong)
        assert told.value.code is Code.WRONG_PASSPHRASE
    await keyring.keep_recovery_secrets(places, RIGHT, [RECOVERY, NEXT], random=os.urandom)
    new = Unlock("another passphrase")
    await keyring.change_passphrase(places, RIGHT, new, random=os.urandom, cost=CHEAP)
    assert await keyring.open_recovery_secrets(places, new) == (RECOVERY, NEXT)
    assert (await keyring.open_database_key(places, new), await keyring.open_root_seed(places, new)) == (
        key,
        ROOT,
    )
    await keyring.keep_recovery_secrets(places, new, [], random=os.urandom)
    with pytest.raises(ClientError):
        await keyring.open_recovery_secrets(places, new)
    assert await keyring.open_root_seed(places, new) == ROOT

"""A terminal that is lost in the middle of a rotation: what it left is deleted where that is provable, else stays."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock.backup.choices import Turn
from letterlock.backup.manifest import prefix_of
from letterlock_client.backup_models import BackupChoice
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError
from letterlock_client.flows.backup import left_beside
from letterlock_client.flows.backup.objects import PAUSES_S
from letterlock_client.flows.backup.terms import require
from letterlock_client.messenger import Messenger
from letterlock_client.providers.interface import Found, UnreachableError
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.storage import beside_state
from letterlock_client.storage.beside_state import Beside
from tests.client.flows.backup.backup_scene import (
    PROVIDER,
    Shelf,
    fleet,
    pair,
    restore,
    shelf,
    turn_on,
)
from tests.client.flows.backup.test_backups_by_password import OTHER, PASSWORD
from tests.client.flows.backup.test_rotating import opens, prefixes
from tests.client.providers.faulty import FaultyProvider
from tests.town import Pair, Town

__all__ = ["pair", "shelf"]


P = "0" * 32


class Dying(FaultyProvider):
    """Dies at the first object of this kind that is written or deleted outside of, or within, one prefix."""

    def __init__(self, shelf: Shelf, *, writing: str = "", deleting: bool = False) -> None:
        super().__init__(shelf.memory)
        (self._old,) = prefixes(shelf)
        self._writing, self._deleting = writing, deleting

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        if self._writing and self._writing in name and not name.startswith(self._old):
            raise asyncio.CancelledError
        return await super().put(name, data)

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        if not self._writing and not self._deleting and not name.startswith(self._old):
            raise asyncio.CancelledError
        return await super().get(name, start, length)

    async def delete(self, name: str) -> None:
        if self._deleting and name.startswith(self._old):
            raise UnreachableError("away")
        await super().delete(name)


async def backed_up(person: Messenger, pair: Pair, text: str) -> None:
    await person.save_draft(pair.to_bob, text)
    await person.backups.back_up()


async def days_pass(person: Messenger, pair: Pair, *, days: int = 9) -> None:
    """Backups go on, one a day."""
    for day in range(days):
        pair.town.clock.move(days=1.1)
        await backed_up(person, pair, f"day {day}")


async def prefix(person: Messenger) -> str:
    return prefix_of((await require(person._place)).backup_key)


async def noted(person: Messenger) -> Beside | None:
    return await person._place.database.read(beside_state.load)


async def lost_while_writing(pair: Pair, shelf: Shelf, dying: Dying) -> str:
    """Alice has a backup, rotates, and is lost; return her digits."""
    shelf.seen = dying
    with pytest.raises(ClientError):
        await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    shelf.seen = shelf.memory
    await pair.alice.close()
    assert len(prefixes(shelf)) == 2
    return ""


async def test_half_of_a_rotation_is_deleted_a_week_after_it_was_first_seen(pair: Pair, shelf: Shelf) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await lost_while_writing(pair, shelf, Dying(shelf, writing="/manifest/"))
    await restore(pair.town, digits)
    again = await pair.town.open("second")
    assert await noted(again) is not None
    await days_pass(again, pair, days=6)
    assert len(prefixes(shelf)) == 2
    await days_pass(again, pair, days=3)
    assert prefixes(shelf) == {await prefix(again)}
    assert await noted(again) is None
    assert (await again.backups.verify()).problems == ()
    assert await opens(pair.town, digits) == 2


async def test_half_of_a_rotation_in_which_somebody_still_writes_stays(pair: Pair, shelf: Shelf) -> None:
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await lost_while_writing(pair, shelf, Dying(shelf, writing="/manifest/"))
    await restore(pair.town, digits)
    again = await pair.town.open("second")
    await days_pass(again, pair, days=6)
    (other,) = prefixes(shelf) - {await prefix(again)}
    shelf.memory.objects[f"{other}/segment/{'a' * 32}"] = b"more"
    await days_pass(again, pair, days=6)
    assert other in prefixes(shelf)


async def back_beside_a_whole_one(pair: Pair, shelf: Shelf) -> Messenger:
    """A terminal that is back, where the one before died having written all of a backup under a new key."""
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    await lost_while_writing(pair, shelf, Dying(shelf))
    await restore(pair.town, digits)
    return await pair.town.open("second")


async def test_a_whole_backup_under_a_new_key_stays_for_somebody_may_have_its_digits(
    pair: Pair, shelf: Shelf
) -> None:
    again = await back_beside_a_whole_one(pair, shelf)
    await days_pass(again, pair, days=12)
    assert len(prefixes(shelf)) == 2


async def test_a_backup_that_somebody_may_have_the_digits_of_stays_where_backups_are_turned_off_without_a_look(
    pair: Pair, shelf: Shelf
) -> None:
    again = await back_beside_a_whole_one(pair, shelf)
    (other,) = prefixes(shelf) - {await prefix(again)}
    shelf.seen = AwayAtFirst(shelf, other)
    done = await again.backups.turn_off(NO_PASSPHRASE, leave=True)
    assert prefixes(shelf) == {other}
    assert done.left == (f"{PROVIDER}/{other}",)


class AwayAtFirst(FaultyProvider):
    """Lists what lies under a prefix only once it was asked in vain, as often as anybody asks."""

    def __init__(self, shelf: Shelf, prefix: str) -> None:
        super().__init__(shelf.memory)
        self._prefix, self._left = prefix, len(PAUSES_S) + 1

    async def list(self, prefix: str) -> list[Found]:
        if prefix == self._prefix and self._left:
            self._left -= 1
            raise UnreachableError("away")
        return await super().list(prefix)


async def rotated(pair: Pair, shelf: Shelf) -> tuple[str, str, str]:
    """Alice rotates, the provider does not let the old backup go, and she is lost; return both digits, and where."""
    old = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    (there,) = prefixes(shelf)
    shelf.seen = Dying(shelf, deleting=True)
    done = await pair.alice.backups.rotate(None, NO_PASSPHRASE)
    assert done.old_left
    shelf.seen = shelf.memory
    await pair.alice.close()
    return old, done.recovery_key, there


async def test_the_old_backup_that_a_rotation_left_is_deleted_and_old_digits_open_nothing(
    pair: Pair, shelf: Shelf
) -> None:
    old, new, there = await rotated(pair, shelf)
    assert await opens(pair.town, old) == 2
    await restore(pair.town, new)
    again = await pair.town.open("second")
    assert (await noted(again) or Beside("", "", 0)).prefix == there
    await days_pass(again, pair)
    assert prefixes(shelf) == {await prefix(again)}
    with pytest.raises(ClientError):
        await opens(pair.town, old)
    assert await opens(pair.town, new) == 2
    assert (await again.backups.verify()).problems == ()


async def test_an_old_backup_that_somebody_went_on_with_stays(pair: Pair, shelf: Shelf) -> None:
    """Restored by the old digits, lost again, and then restored by the new ones: both hold what the other has not."""
    old, new, there = await rotated(pair, shelf)
    await restore(pair.town, old)
    again = await pair.town.open("second")
    await again.send_text(pair.to_bob, "only under the old key")
    await days_pass(again, pair)
    assert len(prefixes(shelf)) == 2
    await again.close()
    await restore(pair.town, new, "third")
    third = await pair.town.open("third")
    await days_pass(third, pair, days=12)
    assert there in prefixes(shelf)
    assert await opens(pair.town, old) == 3


async def test_a_second_loss_forgets_nothing_of_it(pair: Pair, shelf: Shelf) -> None:
    _, new, there = await rotated(pair, shelf)
    await restore(pair.town, new)
    again = await pair.town.open("second")
    await backed_up(again, pair, "before the week is over")
    await again.close()
    await restore(pair.town, new, "third")
    third = await pair.town.open("third")
    await days_pass(third, pair)
    assert there not in prefixes(shelf)


async def test_turning_off_deletes_it_at_once(pair: Pair, shelf: Shelf) -> None:
    _, new, _ = await rotated(pair, shelf)
    await restore(pair.town, new)
    again = await pair.town.open("second")
    await again.backups.turn_off(NO_PASSPHRASE)
    assert shelf.memory.objects == {}
    assert await noted(again) is None


async def test_while_a_password_may_open_the_old_key_its_backup_stays(
    shelf: Shelf, town: Town, tmp_path: Path
) -> None:
    async with fleet(shelf, tmp_path) as (realms, file):
        pair = await town.befriend()
        await pair.alice.backups.turn_on(BackupChoice(PROVIDER, PASSWORD, True, file), NO_PASSPHRASE)
        await pair.alice.backups.back_up()
        (there,) = prefixes(shelf)
        shelf.seen = Dying(shelf, deleting=True)
        done = await pair.alice.backups.rotate(OTHER, NO_PASSPHRASE)
        shelf.seen = shelf.memory
        await pair.alice.close()
        await restore(town, done.recovery_key)
        again = await town.open("second")
        realms.away = {"realm-1", "realm-2"}
        await days_pass(again, pair, days=12)
        assert there in prefixes(shelf)
        realms.away.clear()
        await days_pass(again, pair)
        assert there not in prefixes(shelf)
        assert await opens(town, OTHER, file) == 2


async def test_backups_that_began_elsewhere_let_go_of_what_was_left(pair: Pair, shelf: Shelf) -> None:
    _, new, there = await rotated(pair, shelf)
    await restore(pair.town, new)
    again = await pair.town.open("second")
    shelf.others[f"{PROVIDER}/other"] = MemoryProvider()
    await again.backups.move(f"{PROVIDER}/other", anew=True)
    await days_pass(again, pair)
    assert there in prefixes(shelf)
    assert await noted(again) is None


async def test_what_a_backup_says_of_other_prefixes_than_its_own_is_nothing(pair: Pair) -> None:
    await turn_on(pair.alice)
    state = await require(pair.alice._place)
    own, a, b = bytes.fromhex(prefix_of(state.backup_key)), bytes(16), b"\1" * 16
    for said in (None, Turn(a, b, 3), Turn(own, own, 3), Turn(a, own, 0)):
        assert left_beside.beside_of(state, said) is None
    assert left_beside.beside_of(state, Turn(own, a, 3)) == Beside(PROVIDER, a.hex(), 0)
    assert left_beside.beside_of(state, Turn(a, own, 3)) == Beside(PROVIDER, a.hex(), 3)


@pytest.mark.parametrize(
    ("generation", "names", "unused"),
    [
        (0, [f"{P}/segment/a", f"{P}/media/b"], True),
        (0, [f"{P}/manifest/{1:014x}-{0:016x}"], False),
        (
            0,
            [
                f"{P}/segment/a",
                f"{P}/manifest/strange",
            ],
            False,
        ),
        (
            4,
            [
                f"{P}/manifest/{4:014x}-{0:016x}",
                f"{P}/segment/a",
            ],
            True,
        ),
        (4, [f"{P}/manifest/{5:014x}-{0:016x}"], False),
        (
            4,
            [
                f"{P}/manifest/{4:014x}-{0:016x}",
                f"{P}/manifest/strange",
            ],
            False,
        ),
    ],
)
def test_only_what_nobody_uses_may_go(generation: int, names: list[str], unused: bool) -> None:
    assert left_beside._unused(Beside(PROVIDER, "p", generation), names) is unused

"""What guesses promise across crashes, restarts, failing disks and disks that are put back."""

import asyncio
import contextlib
import resource
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from letterlock.errors import LyingRealmError
from letterlock.vault.fleet import Fleet
from letterlock.vault.ledger import Event, Head, check_not_rolled_back, open_entry, open_ledger
from letterlock.vault.record import RealmRecord
from letterlock.vault.threshold import Dealt
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from letterlock_server.stores.vault_sqlite.store import SqliteVaultStore
from letterlock_server.vault import guessing
from letterlock_server.vault.policy import Policy
from tests.server.vault.running import (
    KEY,
    NO_WAITS,
    WRONG,
    Asker,
    Clock,
    Running,
    Try,
    dealt_for,
    files_hold,
    guess,
    person,
    register,
    running,
    settled,
)
from tests.shared.devices.people import ALICE
from tests.shared.vault.realms import PASSWORD


def store(folder: Path) -> SqliteVaultStore:
    return SqliteVaultStore(folder / "vault.db")


async def registered(folder: Path, *, policy: Policy = NO_WAITS) -> Dealt:
    async with running(store(folder), policy=policy) as realm:
        made = dealt_for(Fleet((realm.member,), 1))
        await register([realm], made)
    return made


def copied(folder: Path, to: Path) -> Path:
    to.mkdir()
    for path in folder.iterdir():
        if path.is_file() and not path.name.endswith((".lock", "-shm")):
            shutil.copy(path, to / path.name)
    return to


async def test_a_guess_that_was_answered_is_on_disk_whenever_power_goes(tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    dealt = await registered(live)
    async with running(store(live)) as realm:
        for count in range(1, 4):
            async with await Asker.open(realm) as asker:
                await asker.ask(Try(dealt, WRONG, KEY).frame, frames.GuessAnswer)
                after = copied(live, tmp_path / f"cut {count}")
            async with running(store(after)) as again, await Asker.open(again) as asker:
                assert (await asker.status(KEY)).left == 10 - count


async def test_restarts_between_guesses_give_no_more_than_ten(tmp_path: Path) -> None:
    dealt = await registered(tmp_path)
    evaluated = 0
    for _ in range(8):
        async with running(store(tmp_path)) as realm:
            answers = await asyncio.gather(*(guess(realm, dealt) for _ in range(2)))
            evaluated += sum(isinstance(one, frames.GuessAnswer) for one in answers)
    assert evaluated == 10


async def test_a_last_guess_that_a_crash_cut_short_is_over_when_the_realm_starts(tmp_path: Path) -> None:
    live = tmp_path / "live"
    live.mkdir()
    dealt = await registered(live)
    async with running(store(live)) as realm:
        for _ in range(9):
            await guess(realm, dealt)
        async with await Asker.open(realm) as asker:
            await asker.ask(Try(dealt, PASSWORD, KEY).frame, frames.GuessAnswer)
            after = copied(live, tmp_path / "after")
    async with running(store(after)) as again, await Asker.open(again) as asker:
        status = await asker.status(KEY)
        assert status.state == refusals.DESTROYED
        assert open_entry(status.tombstone, again.vault.realm.secret.public).event is Event.DESTROYED


async def test_a_realm_that_is_started_with_fewer_guesses_keeps_to_them(tmp_path: Path) -> None:
    dealt = await registered(tmp_path)
    async with running(store(tmp_path)) as realm:
        for _ in range(3):
            await guess(realm, dealt)
    fewer = Policy(guesses=4, back_off=())
    async with running(store(tmp_path), policy=fewer) as realm, await Asker.open(realm) as asker:
        assert (await asker.status(KEY)).left == 1
    fewer = Policy(guesses=3, back_off=())
    async with running(store(tmp_path), policy=fewer) as realm, await Asker.open(realm) as asker:
        assert (await asker.status(KEY)).state == refusals.DESTROYED


async def test_a_destroyed_record_is_on_no_disk_any_more(tmp_path: Path) -> None:
    dealt = await registered(tmp_path)
    async with running(store(tmp_path)) as realm:
        found = await realm.vault.store.standings.find(ALICE.account)
        assert found is not None
        assert found.record is not None
        secret = realm.vault.sealer.open(ALICE.account, 1, found.record.key, found.record.box)
        share = RealmRecord.read(secret).share
        assert not files_hold(tmp_path, share, secret[-64:])
        assert files_hold(tmp_path, found.record.key)
        for _ in range(10):
            await guess(realm, dealt)
        await settled(realm)
        assert not files_hold(tmp_path, share, found.record.key, found.record.box, found.record.box[:48])
        # The key file and all that is left open nothing: the key that sealed the share is gone.
        assert (tmp_path / "vault.db-wal").stat().st_size == 0


async def test_waits_go_on_after_a_restart_from_where_they_were(tmp_path: Path) -> None:
    dealt = await registered(tmp_path)
    clock = Clock()
    async with running(store(tmp_path), policy=Policy(), clock=clock) as realm:
        for _ in range(4):
            await guess(realm, dealt)
        clock.pass_seconds(20)
    # However long the realm was off, and whatever the wall's clock says now.
    later = Clock()
    later.wall = clock.wall + 10**9
    async with (
        running(store(tmp_path), policy=Policy(), clock=later) as realm,
        await Asker.open(realm) as asker,
    ):
        assert (await asker.status(KEY)).wait == 40


async def test_an_old_disk_below_the_threshold_gains_nothing_and_the_ledgers_head_shows_it(
    tmp_path: Path,
) -> None:
    live = tmp_path / "live"
    live.mkdir()
    dealt = await registered(live)
    async with running(store(live)) as realm:
        await guess(realm, dealt)
    old = copied(live, tmp_path / "old")
    async with running(store(live)) as realm:
        for _ in range(4):
            await guess(realm, dealt)
        async with await Asker.open(realm) as asker:
            raws = await asker.ledger(person())
        keys = realm.vault.realm.secret.public
        known = open_ledger(raws, keys, realm.name, ALICE.account, first=1)[-1]
    async with running(store(old)) as realm, await Asker.open(realm) as asker:
        raws = await asker.ledger(person())
        entries = open_ledger(raws, keys, realm.name, ALICE.account, first=1)
        with pytest.raises(LyingRealmError, match="back in time"):
            check_not_rolled_back(Head(known.sequence, known.hash), realm.name, entries)


@pytest.mark.parametrize("after", [False, True])
async def test_a_disk_that_fails_now_and_then_never_lets_an_eleventh_guess_through(
    tmp_path: Path, after: bool
) -> None:
    """Before or after the commit: whatever the realm was told, what it answered is counted."""
    dealt = await registered(tmp_path)
    failing = store(tmp_path)
    original, calls = failing._commit, 0

    def commit(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if after or calls % 3:
            original(*arguments)
        if not calls % 3:
            raise sqlite3.OperationalError("disk I/O error")

    failing._commit = commit  # type: ignore[method-assign]
    evaluated = 0
    async with running(failing) as realm:
        for _ in range(2):
            answers = await asyncio.gather(*(guess(realm, dealt) for _ in range(8)))
            evaluated += sum(isinstance(one, frames.GuessAnswer) for one in answers)
    async with running(store(tmp_path)) as realm:
        answers = await asyncio.gather(*(guess(realm, dealt) for _ in range(12)))
        evaluated += sum(isinstance(one, frames.GuessAnswer) for one in answers)
    assert evaluated == 10 if not after else 5 <= evaluated < 10


@contextlib.contextmanager
def no_room() -> Iterator[None]:
    """No file can be written to, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        # What is logged goes to a file as well.
        with capture_logs():
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def overdue(realm: Running) -> None:
    """Let the realm come back to the guesses that it could not end."""
    realm.clock.pass_seconds(6)
    await guessing.end_overdue(realm.vault)
    await settled(realm)


async def test_a_full_disk_answers_no_guess_and_spends_none(tmp_path: Path) -> None:
    dealt = await registered(tmp_path)
    async with running(store(tmp_path)) as realm:
        with no_room():
            for _ in range(3):
                refused = await guess(realm, dealt, PASSWORD)
                assert isinstance(refused, frames.Refused)
                assert refused.code == refusals.NOT_NOW
        await overdue(realm)
        async with await Asker.open(realm) as asker:
            assert (await asker.status(KEY)).left == 10
        assert isinstance(await guess(realm, dealt, PASSWORD), frames.Released)


async def test_a_disk_that_is_full_when_the_last_guess_was_right_refills_as_soon_as_there_is_room(
    tmp_path: Path,
) -> None:
    dealt = await registered(tmp_path)
    async with running(store(tmp_path)) as realm:
        for _ in range(9):
            await guess(realm, dealt)
        async with await Asker.open(realm) as asker:
            tried = Try(dealt, PASSWORD, KEY)
            proof = tried.finish(await asker.ask(tried.frame, frames.GuessAnswer))
            with no_room():
                await asker.refused(proof, refusals.NOT_NOW)
            await overdue(realm)
            assert (await asker.status(KEY)).left == 10


async def test_a_store_that_somebody_else_has_locked_answers_no_guess_and_spends_none(tmp_path: Path) -> None:
    dealt = await registered(tmp_path)
    locked = store(tmp_path)
    async with running(locked) as realm:
        await locked._on_thread(lambda connection, _: connection.execute("PRAGMA busy_timeout = 50"))
        with contextlib.closing(sqlite3.connect(tmp_path / "vault.db")) as other:
            other.execute("BEGIN IMMEDIATE")
            refused = await guess(realm, dealt, PASSWORD)
            assert isinstance(refused, frames.Refused)
            assert refused.code == refusals.NOT_NOW
            other.rollback()
        await overdue(realm)
        async with await Asker.open(realm) as asker:
            assert (await asker.status(KEY)).left == 10

"""Where things lie, and who may open a profile."""

import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock_client import config
from letterlock_client.config import (
    Home,
    ProfileLock,
    downloads_folder,
)
from letterlock_client.errors import ClientError, Code


class TestHome:
    def test_one_variable_moves_everything(self, tmp_path: Path) -> None:
        home = Home.find({"LETTERLOCK_HOME": str(tmp_path), "XDG_DATA_HOME": "/elsewhere"})
        assert {home.config, home.data, home.state} == {
            tmp_path / name for name in ("config", "data", "state")
        }

    def test_otherwise_the_standard_folders_are_used(self, tmp_path: Path) -> None:
        home = Home.find({"XDG_DATA_HOME": str(tmp_path), "XDG_STATE_HOME": "relative/is/ignored"})
        assert home.data == tmp_path / "letterlock"
        assert home.state == Path.home() / ".local/state/letterlock"

    def test_looking_makes_nothing(self, tmp_path: Path) -> None:
        home = Home.at(tmp_path)
        assert home.profiles() == []
        assert home.default_profile() == "default"
        assert not home.profile("alice").exists()
        assert list(tmp_path.iterdir()) == []

    @given(st.text(max_size=40))
    def test_a_profile_name_has_no_effect_as_a_path(self, name: str) -> None:
        home = Home.at(Path("/nowhere"))
        try:
            places = home.profile(name)
        except ClientError:
            assert not re.fullmatch("[a-z0-9]{1,32}", name)
        else:
            assert places.folder.parent == Path("/nowhere/data/profiles")
            assert places.folder.name == name

    @pytest.mark.parametrize(
        "name", ["", ".", "..", "a/b", "../a", "/etc", "A", "a\n", "a\0", "-a", "a" * 33, "é"]
    )
    def test_bad_names_are_refused(self, name: str) -> None:
        with pytest.raises(ClientError) as caught:
            Home.at(Path("/nowhere")).profile(name)
        assert caught.value.code is Code.BAD_INPUT

    def test_the_last_used_profile_is_the_default_then_the_only_one(self, tmp_path: Path) -> None:
        home = Home.at(tmp_path)
        make_profile(home, "bob")
        assert home.default_profile() == "bob"
        make_profile(home, "alice")
        assert home.default_profile() == "default"
        home.remember_profile("alice")
        assert home.default_profile() == "alice"
        assert home.profiles() == ["alice", "bob"]


def make_profile(home: Home, name: str) -> config.Places:
    places = home.profile(name)
    places.make()
    places.key_file.touch()
    return places


class TestFiles:
    def test_a_private_file_is_replaced_whole_and_only_its_owners(self, tmp_path: Path) -> None:
        file = tmp_path / "file"
        file.write_bytes(b"old")
        file.chmod(0o644)
        config.write_private_file(file, b"new")
        assert file.read_bytes() == b"new"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert [each.name for each in tmp_path.iterdir()] == ["file"]

    def test_a_leftover_or_a_link_in_the_way_is_not_written_through(self, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        victim.write_bytes(b"untouched")
        (tmp_path / "file.new").symlink_to(victim)
        config.write_private_file(tmp_path / "file", b"new")
        assert victim.read_bytes() == b"untouched"
        assert (tmp_path / "file").read_bytes() == b"new"

    def test_a_failure_is_named_and_keeps_the_old_file(self, tmp_path: Path) -> None:
        with pytest.raises(ClientError) as caught:
            config.write_private_file(tmp_path / "missing" / "file", b"new")
        assert caught.value.code is Code.FILE_FAILED
        assert caught.value.facts["file"] == str(tmp_path / "missing" / "file")


class TestLock:
    async def test_a_second_holder_is_refused_after_the_wait(self, tmp_path: Path) -> None:
        places = make_profile(Home.at(tmp_path), "alice")
        async with ProfileLock(places):
            started = time.monotonic()
            with pytest.raises(ClientError) as caught:
                await ProfileLock(places).acquire(0.2)
            assert 0.2 <= time.monotonic() - started < 5
        assert caught.value.code is Code.PROFILE_IN_USE
        assert caught.value.facts == {"profile": "alice"}
        async with ProfileLock(places):
            pass

    async def test_a_waiting_holder_gets_it_when_the_first_lets_go(self, tmp_path: Path) -> None:
        places = make_profile(Home.at(tmp_path), "alice")
        first, second = ProfileLock(places), ProfileLock(places)
        await first.acquire()
        waiting = asyncio.create_task(second.acquire(5))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        first.release()
        first.release()
        await waiting
        second.release()

    async def test_a_cancelled_wait_holds_nothing(self, tmp_path: Path) -> None:
        places = make_profile(Home.at(tmp_path), "alice")
        async with ProfileLock(places):
            waiting = asyncio.create_task(ProfileLock(places).acquire(5))
            await asyncio.sleep(0.02)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await ProfileLock(places).acquire(0)

    async def test_a_killed_program_holds_nothing(self, tmp_path: Path) -> None:
        places = make_profile(Home.at(tmp_path), "alice")
        script = (
            "import fcntl, os, sys, time; file = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT);"
            "fcntl.flock(file, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
        )
        command = [sys.executable, "-c", script, str(places.lock_file)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"held\n"
            with pytest.raises(ClientError):
                await ProfileLock(places).acquire(0)
            process.send_signal(signal.SIGKILL)
        lock = ProfileLock(places)
        await lock.acquire(5)
        lock.release()

    async def test_the_lock_file_is_its_owners_and_says_nothing(self, tmp_path: Path) -> None:
        places = make_profile(Home.at(tmp_path), "alice")
        old = os.umask(0)
        try:
            async with ProfileLock(places):
                assert stat.S_IMODE(places.lock_file.stat().st_mode) == 0o600
                assert places.lock_file.read_bytes() == b""
        finally:
            os.umask(old)


def test_the_passphrase_is_not_shown() -> None:
    assert "hunter2" not in repr(config.Unlock("hunter2"))


@pytest.mark.parametrize(
    ("settings", "made", "wanted"),
    [
        (None, ["Downloads"], "Downloads"),
        (None, [], ""),
        ('XDG_DOWNLOAD_DIR="$HOME/Fetched"\n', ["Fetched", "Downloads"], "Fetched"),
        ('XDG_DOWNLOAD_DIR="$HOME/Fetched"\n', ["Downloads"], "Downloads"),
        ('# XDG_DOWNLOAD_DIR="$HOME/Fetched"\n', ["Fetched"], ""),
        ('XDG_DOWNLOAD_DIR="relative"\n', ["relative"], ""),
    ],
)
def test_files_are_saved_where_the_desktop_keeps_downloads(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: str | None,
    made: list[str],
    wanted: str,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in made:
        (tmp_path / name).mkdir()
    if settings is not None:
        (tmp_path / ".config").mkdir()
        (tmp_path / ".config" / "user-dirs.dirs").write_text(settings)
    assert downloads_folder({}) == tmp_path / wanted

"""A realm as its operator meets it: a ready line, signals, words for every mistake, and the fleet file."""

import asyncio
import contextlib
import errno
import importlib.abc
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as reach

from letterlock.vault.fleet import Fleet, Realm, RealmKeys
from letterlock.vault.threshold import Dealt
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from letterlock_server.cli import main
from letterlock_server.config import UsageError
from letterlock_server.vault import fleet_file
from tests.server.conftest import Running as RunningRelay
from tests.server.test_relay_tls import certificate
from tests.server.vault.running import KEY, PATIENCE_S, WRONG, Asker, Running, Try, dealt_for, person
from tests.shared.vault.realms import PASSWORD, R

BEGIN = [sys.executable, "-m", "letterlock_server.cli", "vault"]


class Child:
    """A realm in a process of its own, as the tests' Asker knows one."""

    def __init__(self, process: asyncio.subprocess.Process, ready: dict[str, Any]) -> None:
        self.process = process
        self.ready = ready
        self.url: str = ready["ready"]
        self.name: str = ready["name"]
        self.keys = RealmKeys.parse(ready["key"])
        # What Asker reads of a realm, under the same names.
        self.vault = self
        self.realm = self
        self.secret = self
        self.public = self.keys

    def fleet(self) -> Fleet:
        return Fleet((Realm(self.name, self.url, self.keys),), 1)

    async def asker(self) -> Asker:
        return await Asker.open(cast("Running", self))

    async def stop(self, number: int = signal.SIGTERM) -> int:
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        return await self.ended()

    async def ended(self) -> int:
        async with asyncio.timeout(PATIENCE_S):
            return await self.process.wait()


@contextlib.asynccontextmanager
async def child(*options: str, log: int = subprocess.DEVNULL) -> AsyncIterator[Child]:
    process = await asyncio.create_subprocess_exec(
        *BEGIN,
        "--listen",
        "127.0.0.1:0",
        "--json",
        "--name",
        "realm-1",
        *options,
        stdout=subprocess.PIPE,
        stderr=log,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(20):
            ready = json.loads(await process.stdout.readline())
        yield Child(process, ready)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if process.stdout is not None:
            await process.stdout.read()


def run(*options: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*BEGIN, *options], capture_output=True, text=True, timeout=20, check=False, env=environment
    )


async def registered(realm: Child) -> Dealt:
    made = dealt_for(realm.fleet())
    async with await realm.asker() as asker:
        await asker.commit(made, [await asker.prepare(person(), made)])
    return made


async def test_guesses_outlive_kills_and_the_last_one_destroys(tmp_path: Path) -> None:
    """Killed after each few answers, with no farewell: ten guesses in all, and then nothing on any disk."""
    options = ("--store", f"sqlite:{tmp_path / 'vault.db'}", "--back-off", "0")
    evaluated, made = 0, None
    for round_ in range(4):
        async with child(*options) as realm:
            made = made or await registered(realm)
            async with await realm.asker() as asker:
                assert (await asker.status(KEY)).left == 10 - evaluated
                for _ in range(3):
                    answer = await asker.tell(Try(made, WRONG, KEY).frame)
                    evaluated += isinstance(answer, frames.GuessAnswer)
            if round_ < 3:
                await realm.stop(signal.SIGKILL)
            else:
                async with await realm.asker() as asker, asyncio.timeout(10):
                    # The last guess ends once the realm has seen its connection go.
                    while (await asker.status(KEY)).state == refusals.WAIT:
                        await asyncio.sleep(0.01)
                    assert (await asker.status(KEY)).state == refusals.DESTROYED
                assert await realm.stop() == 0
    assert evaluated == 10
    keys = (tmp_path / "vault.db.keys").read_bytes()
    assert keys
    assert not any(keys)


async def test_a_realm_is_found_pinned_measured_used_and_stopped(tmp_path: Path) -> None:
    async with child(
        "--store", "memory", "--guesses", "4", "--back-off", "0,60", "--metrics", "127.0.0.1:0"
    ) as realm:
        assert realm.ready["store"] == "memory"
        fleet = tmp_path / "fleet.toml"
        done = await asyncio.to_thread(
            run, "--json", "fleet", "--realm", realm.url, "--threshold", "1", "-o", str(fleet)
        )
        assert done.returncode == 0, done.stderr
        said = json.loads(done.stdout)
        assert said["hash"] == realm.fleet().hash.hex()
        pinned = tomllib.loads(fleet.read_text(encoding="utf-8"))
        assert pinned == {
            "threshold": 1,
            "realm": [{"name": "realm-1", "url": realm.url, "key": realm.ready["key"]}],
        }
        again = await asyncio.to_thread(
            run, "fleet", "--realm", realm.url, "--threshold", "1", "-o", str(fleet)
        )
        assert again.returncode == 2
        assert "--force" in again.stderr
        health = await asyncio.to_thread(
            lambda: urllib.request.urlopen(
                realm.url.replace("ws://", "http://") + "/healthz", timeout=5
            ).read()
        )
        assert health == b"ok\n"
        made = await registered(realm)
        async with await realm.asker() as asker:
            tried = Try(made, PASSWORD, KEY)
            answer = await asker.ask(tried.frame, frames.GuessAnswer)
            assert answer.left == 3
            released = await asker.ask(tried.finish(answer), frames.Released)
            assert tried.secret(released).key_id() == R.key_id()
            answer = await asker.ask(Try(made, WRONG, KEY).frame, frames.GuessAnswer)
            answer = await asker.ask(Try(made, WRONG, KEY).frame, frames.GuessAnswer)
            assert answer.wait == 60
            await asker.refused(Try(made, WRONG, KEY).frame, refusals.WAIT)
        assert await realm.stop() == 0


async def test_a_fleet_is_pinned_over_tls_and_an_unknown_certificate_is_refused(tmp_path: Path) -> None:
    cert, key, _ = certificate(tmp_path)
    async with child("--store", "memory", "--tls-cert", str(cert), "--tls-key", str(key)) as realm:
        assert realm.url.startswith("wss://")
        url = realm.url.replace("127.0.0.1", "localhost")
        words = ("fleet", "--realm", url, "--threshold", "1", "-o", str(tmp_path / "fleet.toml"))
        refused = await asyncio.to_thread(run, *words)
        assert refused.returncode == 2
        assert "reached" in refused.stderr
        trusting = os.environ | {"SSL_CERT_FILE": str(cert)}
        done = await asyncio.to_thread(run, *words, environment=trusting)
        assert done.returncode == 0, done.stderr
        assert realm.ready["key"] in (tmp_path / "fleet.toml").read_text(encoding="utf-8")


async def test_the_key_file_is_private_and_belongs_to_the_store(tmp_path: Path) -> None:
    store = tmp_path / "vault.db"
    async with child("--store", f"sqlite:{store}") as realm:
        name = realm.ready["key"]
        assert await realm.stop(signal.SIGINT) == 0
    key = tmp_path / "vault.db.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    seed = bytes.fromhex(key.read_text(encoding="ascii").split()[-1])
    assert not files_hold_but(tmp_path, key, seed)
    async with child("--store", f"sqlite:{store}") as realm:
        assert realm.ready["key"] == name
        second = await asyncio.to_thread(run, "--listen", "127.0.0.1:0", "--store", f"sqlite:{store}")
        assert second.returncode == 2
        assert "another realm" in second.stderr
    key.chmod(0o644)
    refused = await asyncio.to_thread(run, "--listen", "127.0.0.1:0", "--store", f"sqlite:{store}")
    assert refused.returncode == 2
    assert "chmod 600" in refused.stderr
    key.rename(tmp_path / "elsewhere")
    missing = await asyncio.to_thread(run, "--listen", "127.0.0.1:0", "--store", f"sqlite:{store}")
    assert missing.returncode == 2
    assert "key file" in missing.stderr


def files_hold_but(folder: Path, other: Path, needle: bytes) -> bool:
    return any(needle in path.read_bytes() for path in folder.iterdir() if path != other)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--listen", "0.0.0.0:0", "--store", "memory"], "--insecure"),
        (["--store", "memory", "--guesses", "0"], "--guesses"),
        (["--store", "memory", "--back-off", "1,x"], "--back-off"),
        (["--store", "memory", "--additions", "0,600"], "--additions"),
        (["--store", "memory", "--additions", "60"], "--additions"),
        (["--store", "nats:x"], "--store"),
        (["fleet", "--realm", "ws://example.org:1", "--threshold", "1", "-o", "x"], "wss://"),
        (["fleet", "--realm", "http://127.0.0.1:1", "--threshold", "1", "-o", "x"], "wss://"),
        (["fleet", "--realm", "ws://127.0.0.1:1", "--threshold", "1", "-o", "x"], "start it first"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_is_said_in_words(
    options: list[str],
    word: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(fleet_file, "_APART_S", 0)
    assert main(["vault", *options]) == 2
    assert word in capsys.readouterr().err


class NothingLoads(importlib.abc.MetaPathFinder):
    """A system that loads no library out of the folder for temporary files."""

    def find_spec(self, name: str, *_: object) -> None:
        if name == "letterlock.primitives.group_library":
            raise OSError(errno.ENOEXEC, "let TMPDIR name another", "the folder")


def test_a_library_that_cannot_be_loaded_is_said_in_words(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "letterlock.primitives.group_library")
    monkeypatch.setattr(sys, "meta_path", [NothingLoads(), *sys.meta_path])
    assert main(["vault", "--store", "memory"]) == 2
    assert capsys.readouterr().err == "letterlock vault: the folder: let TMPDIR name another\n"


async def test_a_realm_that_is_just_starting_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = 0

    async def connect(*asked: Any, **more: Any) -> ClientConnection:
        nonlocal refused
        if refused < 3:
            refused += 1
            raise ConnectionRefusedError
        return await reach(*asked, **more)

    monkeypatch.setattr(fleet_file, "_APART_S", 0)
    async with child("--store", "memory") as realm:
        monkeypatch.setattr(fleet_file, "connect", connect)
        found = await fleet_file.ask(realm.url, insecure=False, random=os.urandom)
        assert found.keys.text() == realm.ready["key"]
    assert refused == 3


async def test_a_relay_in_the_place_of_a_realm_is_called_one(relay: RunningRelay) -> None:
    with pytest.raises(UsageError) as told:
        await fleet_file.ask(relay.url, insecure=False, random=os.urandom)
    assert "is a relay, and no realm" in str(told.value)
    assert "letterlock vault" in str(told.value)


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", b"220 mail\r\n\r\n"]
)
async def test_what_answers_and_is_no_realm_is_not_told_to_be_started(answer: bytes) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(UsageError) as told:
            await fleet_file.ask(f"ws://127.0.0.1:{port}", insecure=False, random=os.urandom)
    assert "is not a realm" in str(told.value)
    assert "start it first" not in str(told.value)


async def test_a_realm_that_is_told_to_stop_hears_the_proof_of_a_last_guess_first(tmp_path: Path) -> None:
    options = ("--store", f"sqlite:{tmp_path / 'vault.db'}", "--back-off", "0", "--guesses", "1")
    async with child(*options) as realm:
        made = await registered(realm)
        async with await realm.asker() as asker:
            tried = Try(made, PASSWORD, KEY)
            proof = tried.finish(await asker.ask(tried.frame, frames.GuessAnswer))
            realm.process.send_signal(signal.SIGTERM)
            await asyncio.to_thread(refuses_connections, realm.url)
            assert tried.secret(await asker.ask(proof, frames.Released)).key_id() == R.key_id()
        assert await realm.ended() == 0
    async with child(*options) as again, await again.asker() as asker:
        assert (await asker.status(KEY)).state == refusals.READY


def refuses_connections(url: str) -> None:
    """Wait until nobody is let in any more."""
    host, port = url.removeprefix("ws://").rsplit(":", 1)
    with contextlib.suppress(ConnectionError):
        while True:
            socket.create_connection((host, int(port)), timeout=5).close()


async def test_a_log_that_nobody_reads_any_more_costs_no_answer() -> None:
    """Standard error may be a pipe whose reader has gone, or a file on a full disk."""
    reading, writing = os.pipe()
    try:
        async with child("--store", "memory", "--back-off", "0", "--guesses", "1", log=writing) as realm:
            os.close(reading)
            made = await registered(realm)
            async with await realm.asker() as asker:
                await asker.ask(Try(made, WRONG, KEY).frame, frames.GuessAnswer)
                assert (await asker.status(KEY)).state == refusals.DESTROYED
    finally:
        os.close(writing)

"""The power goes while a relay is at work: whatever it had accepted is on the disk that is found afterwards."""

import asyncio
import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.server.people import Account, Talk, mail
from tests.server.processes import now_ms, process

CUTS = 3
OUTSTANDING = 32


@contextlib.contextmanager
def mounted(image: Path, folder: Path) -> Iterator[Path]:
    folder.mkdir(exist_ok=True)
    done = subprocess.run(["mount", "-o", "loop", image, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no loop-mounted file systems here: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def image(tmp_path: Path) -> Path:
    if os.geteuid() or not (shutil.which("mkfs.ext4") and shutil.which("mount")):
        pytest.skip("making and mounting a file system takes root and mkfs.ext4")
    path = tmp_path / "disk.img"
    with path.open("wb") as file:
        file.truncate(64 * 1024 * 1024)
    subprocess.run(["mkfs.ext4", "-q", path], check=True)
    return path


async def send_until(talk: Talk, to: Account, stop: asyncio.Event, accepted: set[bytes]) -> None:
    """Keep some submits under way; note each that the relay accepted."""
    envelopes: dict[int, bytes] = {}
    number = 100
    while not stop.is_set():
        while len(envelopes) < OUTSTANDING:
            number += 1
            envelopes[number] = os.urandom(16)
            await talk.send(mail(to, os.urandom(300), request=number, envelope=envelopes[number]))
        answer = await talk.receive()
        envelope = envelopes.pop(getattr(answer, "id", 0), None)
        if envelope is not None and type(answer).__name__ == "Accepted":
            accepted.add(envelope)


def recovered(copy: Path, folder: Path) -> set[bytes]:
    """What a relay finds on the disk after the cut."""
    with mounted(copy, folder), contextlib.closing(sqlite3.connect(folder / "relay.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {row[0] for row in database.execute("SELECT envelope FROM envelopes")}


async def one_cut(image: Path, tmp_path: Path, after_s: float) -> tuple[set[bytes], set[bytes]]:
    """Run a relay under load, copy its disk at one instant, as a power cut would leave it, and look."""
    accepted: set[bytes] = set()
    stop = asyncio.Event()
    copy = tmp_path / "cut.img"
    with mounted(image, tmp_path / "disk") as disk:
        async with process("--store", f"sqlite:{disk / 'relay.db'}") as relay:
            now = now_ms()
            alice, bob = Account("alice", now=now), Account("bob", now=now)
            async with await Talk.join(relay.url, alice) as talk, await Talk.greeted(relay.url) as other:
                await other.send(bob.register())
                await other.receive()
                sending = asyncio.create_task(send_until(talk, bob, stop, accepted))
                await asyncio.sleep(after_s)
                # Stopped first: nothing that is not in the image yet is acknowledged any more.
                relay.child.send_signal(signal.SIGSTOP)
                await asyncio.to_thread(shutil.copy, image, copy)
                stop.set()
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
                relay.child.kill()
                await relay.child.wait()
    return accepted, await asyncio.to_thread(recovered, copy, tmp_path / "after")


@pytest.mark.parametrize("cut", range(CUTS))
async def test_what_was_accepted_survives_a_power_cut(image: Path, tmp_path: Path, cut: int) -> None:
    accepted, found = await one_cut(image, tmp_path, 0.5 + 0.2 * cut)
    assert len(accepted) > OUTSTANDING
    assert accepted <= found

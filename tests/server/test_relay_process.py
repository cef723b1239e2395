"""The relay as its operator meets it: a process with a ready line, signals, and words for every mistake."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from letterlock.wire import frames
from tests.server.people import Account, Talk, mail
from tests.server.processes import now_ms, process, run


async def test_the_ready_line_says_where_and_under_which_names() -> None:
    async with process() as relay:
        port = relay.url.rpartition(":")[2]
        assert int(port) > 0
        assert relay.ready["names"] == [f"127.0.0.1:{port}", f"localhost:{port}"]
        async with await Talk.join(relay.url.replace("127.0.0.1", "localhost"), Account("a11", now=now_ms())):
            pass
        assert await relay.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_relay_without_guests_stops_at_once(number: int) -> None:
    async with process("--watch") as relay:
        before = time.monotonic()
        assert await relay.stop(number) == 0
        assert time.monotonic() - before < 5


IN_FLIGHT = 16


async def load(talk: Talk, to: Account, envelopes: dict[bytes, int]) -> None:
    """Submit as fast as answers come; note each accepted envelope with the time of its answer."""
    waiting: dict[int, bytes] = {}
    for number in range(1_000_000):
        request = mail(to, os.urandom(300), request=number)
        waiting[number] = request.envelope
        try:
            await talk.send(request)
            while len(waiting) >= IN_FLIGHT:
                answer = await talk.receive()
                if isinstance(answer, frames.Accepted):
                    envelopes[waiting.pop(answer.id)] = number
                elif isinstance(answer, frames.Answer):
                    del waiting[answer.id]
        except Exception:
            break
    with contextlib.suppress(Exception):
        while waiting:
            answer = await talk.receive()
            if isinstance(answer, frames.Accepted):
                envelopes[waiting.pop(answer.id)] = 0
            elif isinstance(answer, frames.Answer):
                del waiting[answer.id]


def stored(path: Path) -> set[bytes]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT envelope FROM envelopes")}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
async def test_what_was_acknowledged_under_load_is_there_however_the_relay_ends(
    tmp_path: Path, number: int
) -> None:
    path = tmp_path / "relay.db"
    alice, bob = Account("alice", now=now_ms()), Account("bob", now=now_ms())
    accepted: dict[bytes, int] = {}
    async with process("--store", f"sqlite:{path}") as relay:
        await (await Talk.join(relay.url, bob)).close()
        talks = [await Talk.join(relay.url, alice)]
        work = [asyncio.create_task(load(talk, bob, accepted)) for talk in talks]
        while len(accepted) < 300:
            await asyncio.sleep(0.01)
        before = time.monotonic()
        status = await relay.stop(number)
        assert time.monotonic() - before < 10
        assert status == (0 if number == signal.SIGTERM else -signal.SIGKILL)
        await asyncio.gather(*work)
        for talk in talks:
            await talk.close()
    assert set(accepted) <= stored(path)
    # An answer that is on its way is lost where its sender's next bytes meet a socket that is closed: it asks again.
    assert len(stored(path) - set(accepted)) <= IN_FLIGHT


async def test_killed_between_commit_and_answer_the_resend_is_stored_once_and_read_once(
    tmp_path: Path,
) -> None:
    path = tmp_path / "relay.db"
    alice, bob = Account("alice", now=now_ms()), Account("bob", now=now_ms())
    unanswered = mail(bob, b"once")
    async with process("--store", f"sqlite:{path}") as relay:
        await (await Talk.join(relay.url, bob)).close()
        async with await Talk.join(relay.url, alice) as at_alice:
            # Handed in, and never asked about: whether an answer was on its way is nobody's to know.
            await at_alice.send(unanswered)
            while unanswered.envelope not in stored(path):
                await asyncio.sleep(0.005)
            await relay.stop(signal.SIGKILL)
    async with process("--store", f"sqlite:{path}", "--name", relay.url[5:]) as again:
        name = relay.url[5:]
        at_alice, at_bob = await Talk.greeted(again.url), await Talk.greeted(again.url)
        for talk, account in ((at_alice, alice), (at_bob, bob)):
            assert talk.welcome is not None
            await talk.ask(account.log_in(talk.welcome.nonce, name), frames.LoggedIn)
        await at_alice.ask(unanswered, frames.Accepted)
        assert (await at_bob.push(frames.Deliver)).envelope == unanswered.envelope
        await at_bob.push(frames.Drained)
        assert not any(isinstance(push, frames.Deliver) for push in at_bob.pushes)
        await at_alice.close()
        await at_bob.close()


async def test_prekeys_handed_out_before_a_kill_are_not_handed_out_after_it(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    bob = Account("bob", now=now_ms())
    others = [Account(f"asker{number}", now=now_ms()) for number in range(12)]
    seen: list[bytes] = []
    async with process("--store", f"sqlite:{path}") as relay:
        async with await Talk.join(relay.url, bob) as at_bob:
            await at_bob.ask(bob.prekeys(40), frames.PrekeyCount)
        talks = [await Talk.join(relay.url, one) for one in others]
        for talk in talks:
            for number in range(3):
                await talk.send(frames.FetchBundle(number, bob.id, 1))
        for talk in talks[:6]:
            answer = await talk.answer(0)
            assert isinstance(answer, frames.BundleFound)
            seen.append(answer.one_time)
        await relay.stop(signal.SIGKILL)
        for talk in talks:
            with contextlib.suppress(Exception):
                while True:
                    answer = await talk.receive()
                    if isinstance(answer, frames.BundleFound):
                        seen.append(answer.one_time)
            await talk.close()
    async with process("--store", f"sqlite:{path}") as again:
        for one in others:
            async with await Talk.log_in(again.url, one) as talk:
                for number in range(3):
                    found = await talk.ask(frames.FetchBundle(number, bob.id, 1), frames.BundleFound)
                    seen.append(found.one_time)
    handed_out = [one for one in seen if one]
    assert len(handed_out) == len(set(handed_out))


async def test_watching_shows_each_frame_as_the_relay_sees_it() -> None:
    alice, bob = Account("alice", now=now_ms()), Account("bob", now=now_ms())
    async with process("--watch") as relay:
        async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob) as at_bob:
            await at_alice.ask(mail(bob, b"\x01sealed\xff"), frames.Accepted)
            await at_bob.push(frames.Deliver)
        seen = []
        while not seen or seen[-1]["kind"] != "Accepted":
            seen.append(await relay.line())
        assert all({"direction", "device", "kind", "size", "sealed"} <= set(one) for one in seen)
        submit = next(one for one in seen if one["kind"] == "Submit")
        assert (submit["direction"], submit["sealed"]) == ("in", b"\x01sealed\xff".hex())
        deliver = next(one for one in seen if one["kind"] == "Deliver")
        assert deliver["device"] != submit["device"]
        assert seen[0] == {
            "direction": "in",
            "kind": "Hello",
            "size": 9,
            "device": None,
            "to": None,
            "sealed": "",
        }
        assert await relay.stop() == 0


async def test_a_reader_that_does_not_read_the_watch_stalls_nobody() -> None:
    alice, bob = Account("alice", now=now_ms()), Account("bob", now=now_ms())
    async with process("--watch") as relay:
        assert relay.child.stdout is not None
        relay.child.stdout._transport.pause_reading()  # type: ignore[attr-defined]
        async with await Talk.join(relay.url, alice) as at_alice:
            await (await Talk.join(relay.url, bob)).close()
            for number in range(100):
                await at_alice.ask(mail(bob, bytes(60_000), request=number), frames.Accepted)
        relay.child.stdout._transport.resume_reading()  # type: ignore[attr-defined]
        rest = asyncio.create_task(relay.child.stdout.read())
        assert await relay.stop() == 0
        assert any(json.loads(line).get("dropped", 0) > 0 for line in (await rest).splitlines())


async def test_metrics_are_on_their_own_address_and_count_without_naming(tmp_path: Path) -> None:
    with contextlib.closing(__import__("socket").socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    alice, bob = Account("alice", now=now_ms()), Account("bobby-the-handle", now=now_ms())
    async with process("--metrics", f"127.0.0.1:{port}", "--store", f"sqlite:{tmp_path / 'r.db'}") as relay:
        async with await Talk.join(relay.url, alice) as at_alice, await Talk.join(relay.url, bob):
            await at_alice.ask(mail(bob), frames.Accepted)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        text = (await reader.read()).decode()
        writer.close()
        assert "letterlock_relay_accepted_total 1.0" in text
        assert "letterlock_store_healthy 1.0" in text
        assert "bobby" not in text
        assert "127.0.0.1" not in text
        assert await relay.stop() == 0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--listen", "0.0.0.0:0", "--insecure"], "--name"),
        (["--listen", "192.0.2.1:8710"], "--insecure"),
        (["--listen", "nonsense"], "host:port"),
        (["--listen", "127.0.0.1:0", "--store", "mongo:x"], "sqlite:PATH"),
        (["--listen", "127.0.0.1:0", "--store", "sqlite:/proc/nowhere/x.db"], "cannot be opened"),
        (["--listen", "127.0.0.1:0", "--tls-cert", "x"], "--tls-key"),
        (["--listen", "127.0.0.1:0", "--tls-cert", "/no", "--tls-key", "/no"], "certificate"),
        (["--listen", "127.0.0.1:0", "--name", "UPPER"], "--name"),
        (["--listen", "127.0.0.1:0", "--invite-code-file", "/no/file"], "invite"),
        (["--listen", "127.0.0.1:0", "--feature", "backup.e2ee=101"], "feature"),
        (["--listen", "127.0.0.1:0", "--feature", "backup.e2ee=100,0.2.0"], "of the protocol"),
        (["--listen", "127.0.0.1:0", "--rate-factor", "0"], "above 0"),
    ],
)
def test_a_mistake_is_told_in_a_sentence_with_status_2(options: list[str], words: str) -> None:
    plain = run(*options)
    assert plain.returncode == 2
    assert words in plain.stderr
    assert "Traceback" not in plain.stderr
    as_json = json.loads(run(*options, "--json").stderr.splitlines()[-1])
    assert as_json["error"] == "bad_usage"
    assert words in as_json["message"]


async def test_an_address_in_use_is_told_in_a_sentence() -> None:
    async with process() as relay:
        second = await asyncio.to_thread(run, "--listen", relay.url.partition("://")[2])
        assert second.returncode == 2
        assert "cannot listen" in second.stderr


async def test_a_store_in_use_is_told_in_a_sentence(tmp_path: Path) -> None:
    async with process("--store", f"sqlite:{tmp_path / 'r.db'}"):
        options = ["--listen", "127.0.0.1:0", "--store", f"sqlite:{tmp_path / 'r.db'}"]
        second = await asyncio.to_thread(run, *options)
        assert second.returncode == 2
        assert "another relay" in second.stderr


def test_help_is_quick_and_loads_no_server() -> None:
    script = (
        "import sys\nfrom letterlock_server.cli import build_parser\nbuild_parser().format_help()\n"
        "print([name for name in ('websockets', 'sqlite3', 'aiosqlite', 'structlog', 'uvloop') if name in sys.modules])"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


async def test_nothing_at_rest_or_in_the_log_leads_from_an_envelope_to_its_sender(tmp_path: Path) -> None:
    path = tmp_path / "relay.db"
    sender, reader = Account("sender-canary", now=now_ms()), Account("reader", now=now_ms())
    log = tmp_path / "log"
    command = f'exec "$@" 2>{log}'
    async with process("--store", f"sqlite:{path}", prefix=("sh", "-c", command, "sh")) as relay:
        async with await Talk.join(relay.url, reader) as at_reader:
            await at_reader.ask(reader.prekeys(5), frames.PrekeyCount)
        async with await Talk.join(relay.url, sender) as at_sender:
            await at_sender.ask(sender.prekeys(5), frames.PrekeyCount)
            await at_sender.ask(frames.FetchBundle(7, reader.id, 1), frames.BundleFound)
            for _ in range(20):
                await at_sender.ask(mail(reader, os.urandom(200)), frames.Accepted)
            blob = os.urandom(16)
            await at_sender.ask(frames.BeginUpload(8, blob, 5), frames.UploadAt)
            await at_sender.ask(frames.PutChunk(9, blob, 0, b"12345"), frames.UploadAt)
        assert await relay.stop() == 0
    text = log.read_bytes()
    for secret in (b"sender-canary", sender.id, sender.id.hex().encode(), b"127.0.0.1"):
        assert secret not in text
    with contextlib.closing(sqlite3.connect(path)) as connection:
        kept = {"accounts", "devices", "one_time_prekeys", "lasting_prekeys"}
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        assert {"envelopes", "seen", "blobs", "prekey_budgets"} <= tables
        (mailbox,) = connection.execute(
            "SELECT mailbox FROM devices WHERE account = ?", (sender.id,)
        ).fetchone()
        for table in tables - kept - {"sqlite_sequence"}:
            for row in connection.execute(f"SELECT * FROM {table}"):
                values = [value for value in row if isinstance(value, bytes)]
                assert not any(bytes(sender.id) in value for value in values), table
        assert connection.execute(
            "SELECT count(*) FROM envelopes WHERE mailbox = ?", (mailbox,)
        ).fetchone() == (0,)
        assert connection.execute("SELECT uploader FROM blobs").fetchall() == [(None,)]


async def test_a_relay_that_is_told_nothing_keeps_its_mail_in_the_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LETTERLOCK_HOME", str(tmp_path / "home"))
    async with process("--store", "") as relay:
        assert relay.ready["store"] == "sqlite"
    assert (tmp_path / "home/data/relay.db").exists()

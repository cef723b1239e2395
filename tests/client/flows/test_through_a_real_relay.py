"""The same promises through the relay's own process, over a real socket."""

import asyncio
import datetime
import ipaddress
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from letterlock_client.config import NO_PASSPHRASE, Home
from letterlock_client.errors import ClientError, Code
from letterlock_client.messenger import Messenger
from letterlock_client.models import Delivery
from tests.town import WAIT_S, eventually

Start = Callable[..., Awaitable[tuple[Process, str]]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    running: list[Process] = []

    async def begin(*options: str, listen: str = "127.0.0.1:0") -> tuple[Process, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "letterlock_server.cli",
            "relay",
            "--json",
            "--listen",
            listen,
            "--store",
            f"sqlite:{tmp_path / 'relay.db'}",
            *options,
            stdout=PIPE,
        )
        running.append(process)
        assert process.stdout is not None
        line = await asyncio.wait_for(process.stdout.readline(), 10)
        return process, json.loads(line)["ready"]

    yield begin
    for process in running:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await asyncio.wait_for(process.communicate(), 10)


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as opened:
        yield opened


async def register(home: Home, name: str, relay: str, stack: AsyncExitStack) -> Messenger:
    person = await Messenger.register(home, name, handle=name, relay=relay, unlock=NO_PASSPHRASE)
    stack.push_async_callback(person.close)
    return person


async def test_hundreds_of_messages_and_a_file_arrive_in_order(
    start: Start, stack: AsyncExitStack, tmp_path: Path
) -> None:
    _process, url = await start()
    home = Home.at(tmp_path / "home")
    alice, bob = await register(home, "alice", url, stack), await register(home, "bob", url, stack)
    to_bob, to_alice = await alice.find("bob"), await bob.find("alice")
    await bob.disconnect()
    for number in range(400):
        last = await alice.send_text(to_bob, f"{number}")
    assert await alice.flushed(WAIT_S)
    bob.connect()
    assert await bob.drained(WAIT_S)
    assert [one.text for one in await bob.history(to_alice, 1000)] == [f"{number}" for number in range(400)]

    async def told() -> bool:
        return (await alice.message(last.id)).delivery is Delivery.DELIVERED

    await eventually(told)
    path = tmp_path / "file.bin"
    path.write_bytes(bytes(range(256)) * 4000)
    sent = await alice.send_file(to_bob, path)
    assert await alice.flushed(WAIT_S)

    async def announced() -> bool:
        return (await bob.history(to_alice, 1))[0].id == sent.id

    await eventually(announced)
    saved = await bob.save(sent.id, tmp_path / "saved.bin")
    assert saved.read_bytes() == path.read_bytes()


async def test_a_relay_killed_in_the_middle_loses_nothing(
    start: Start, stack: AsyncExitStack, tmp_path: Path
) -> None:
    process, url = await start()
    home = Home.at(tmp_path / "home")
    alice, bob = await register(home, "alice", url, stack), await register(home, "bob", url, stack)
    to_bob, to_alice = await alice.find("bob"), await bob.find("alice")
    for number in range(200):
        await alice.send_text(to_bob, f"{number}")
        if number == 100:
            process.kill()
            await process.wait()
    await start(listen=url.removeprefix("ws://"))
    alice.connect()
    assert await alice.flushed(WAIT_S)

    async def arrived() -> bool:
        return len(await bob.history(to_alice, 1000)) == 200

    await eventually(arrived)
    assert [one.text for one in await bob.history(to_alice, 1000)] == [f"{number}" for number in range(200)]


async def test_an_invite_code_is_asked_for_and_taken(
    start: Start, stack: AsyncExitStack, tmp_path: Path
) -> None:
    code = tmp_path / "code"
    code.write_text("open sesame")
    code.chmod(0o600)
    _process, url = await start("--invite-code-file", str(code))
    home = Home.at(tmp_path / "home")
    with pytest.raises(ClientError) as caught:
        await register(home, "alice", url, stack)
    assert caught.value.code is Code.INVITE_NEEDED
    alice = await Messenger.register(
        home, "alice", handle="alice", relay=url, unlock=NO_PASSPHRASE, invite="open sesame"
    )
    stack.push_async_callback(alice.close)
    assert await alice.connected(WAIT_S)


async def test_a_login_is_bound_to_the_certificate_that_was_shown(
    start: Start, stack: AsyncExitStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = write_certificate(tmp_path)
    _process, url = await start("--tls-cert", str(certificate), "--tls-key", str(key))
    home = Home.at(tmp_path / "home")
    assert url.startswith("wss://")
    monkeypatch.setattr("letterlock_client.flows.opening.REGISTER_S", 0.3)
    with pytest.raises(ClientError) as untrusted:
        await register(home, "alice", url, stack)
    assert untrusted.value.code is Code.OFFLINE
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    monkeypatch.setattr("letterlock_client.flows.opening.REGISTER_S", 10)
    alice = await register(home, "alice", url, stack)
    assert await alice.connected(WAIT_S)
    live = alice._place.require()
    expected = x509.load_pem_x509_certificate(certificate.read_bytes()).fingerprint(hashes.SHA256())
    assert live._transport.certificate_hash == expected


async def test_what_answers_but_is_no_relay_is_refused(tmp_path: Path) -> None:
    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 302 Found\r\nLocation: ws://127.0.0.1:9\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("letterlock_client.flows.opening.REGISTER_S", 0.3)
        with pytest.raises(ClientError) as caught:
            await Messenger.register(
                Home.at(tmp_path),
                "alice",
                handle="alice",
                relay=f"ws://127.0.0.1:{port}",
                unlock=NO_PASSPHRASE,
            )
    assert caught.value.code is Code.OFFLINE
    server.close()
    await server.wait_closed()


def write_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "relay")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate_file, key_file = folder / "certificate.pem", folder / "key.pem"
    certificate_file.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    key_file.chmod(0o600)
    return certificate_file, key_file

"""The relay over TLS: the login names the certificate, and a handshake that never comes is cut."""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from letterlock.primitives.derivation import sha256
from letterlock.wire import frames
from tests.server.people import Account, Talk
from tests.server.processes import now_ms, process


def certificate(folder: Path) -> tuple[Path, Path, bytes]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    cert_path, key_path = folder / "cert.pem", folder / "key.pem"
    cert_path.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return cert_path, key_path, sha256(made.public_bytes(serialization.Encoding.DER))


async def test_over_tls_a_login_is_bound_to_the_certificate(tmp_path: Path) -> None:
    cert, key, hashed = certificate(tmp_path)
    context = ssl.create_default_context(cafile=str(cert))
    bob = Account("bob", now=now_ms())
    async with process("--tls-cert", str(cert), "--tls-key", str(key)) as relay:
        assert relay.url.startswith("wss://")
        url = relay.url.replace("127.0.0.1", "localhost")
        name = url.partition("://")[2]
        for tls, expected in ((b"", frames.Refused), (hashed, frames.LoggedIn)):
            async with await Talk.greeted(url, ssl=context) as talk:
                await talk.ask(bob.register(9), frames.Done)
                assert talk.welcome is not None
                await talk.ask(bob.log_in(talk.welcome.nonce, name, tls=tls), expected)
        assert await relay.stop() == 0


async def test_a_tls_handshake_that_never_comes_is_cut_with_the_rest(tmp_path: Path) -> None:
    cert, key, _ = certificate(tmp_path)
    async with process(
        "--tls-cert", str(cert), "--tls-key", str(key), "--connections-per-address", "2"
    ) as relay:
        port = int(relay.url.rpartition(":")[2])
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(5):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        for _, one in [*held, (reader, writer)]:
            one.transport.abort()
        assert await relay.stop() == 0

"""OPAQUE against another implementation: the Rust `opaque-ke`, both ways round.

It fixes ristretto255, HKDF-SHA512, 3DH, an empty context, public keys as identities, and Argon2id with its
library's defaults (19 MiB, 2 passes, 1 lane, salt of zeros) as key stretching. All of these are parameters here.
"""

import os

import opaque_snake as rust
import pytest

from letterlock.errors import WrongPasswordError
from letterlock.primitives import oprf
from letterlock.primitives.derivation import Argon2Parameters, argon2id
from letterlock.primitives.ristretto import WIDE_BYTES, scalar_from_wide
from letterlock.vault import opaque_client, opaque_server
from letterlock.vault.opaque_exchange import KeyPair, Parties
from letterlock.vault.opaque_messages import (
    KE1,
    KE2,
    KE3,
    RegistrationRecord,
    RegistrationRequest,
    RegistrationResponse,
)

PASSWORD = "correct horse battery"
DEFAULTS = Argon2Parameters(memory_kib=19 * 1024, passes=2)
PARTIES = Parties(context=b"")
USER = "alice"


def _stretch(output: bytes) -> bytes:
    return argon2id(output, bytes(16), parameters=DEFAULTS, length=64)


def test_our_client_registers_and_logs_in_at_its_server() -> None:
    server = rust.OpaqueServer()
    blinding = scalar_from_wide(os.urandom(WIDE_BYTES))
    request = opaque_client.request(PASSWORD.encode(), blinding)
    raw = server.create_registration_response(
        rust.RegistrationRequest.from_bytes(request.pack()), USER
    ).to_bytes()
    response = RegistrationResponse.read(raw)
    randomized = opaque_client.randomize(PASSWORD.encode(), blinding, response.evaluated, _stretch)
    stored = opaque_client.store(randomized, response.server_public, PARTIES, os.urandom(32))
    kept = server.finish_registration(rust.RegistrationUpload.from_bytes(stored.record.pack()))

    blinding = scalar_from_wide(os.urandom(WIDE_BYTES))
    client = opaque_client.begin(oprf.blind(PASSWORD.encode(), blinding), os.urandom(32), os.urandom(32))
    answer, state = server.create_credential_response(
        rust.CredentialRequest.from_bytes(client.ke1.pack()), USER, kept
    )
    ke2 = KE2.read(answer.to_bytes())
    randomized = opaque_client.randomize(PASSWORD.encode(), blinding, ke2.evaluated, _stretch)
    done = client.finish(ke2, randomized, PARTIES)
    theirs = server.finish_login(rust.CredentialFinalization.from_bytes(done.ke3.pack()), state)
    assert done.session_key == theirs.session_key
    assert done.export_key == stored.export_key
    assert done.record == stored.record


def test_its_client_registers_and_logs_in_at_our_server() -> None:
    client, server = rust.OpaqueClient(), KeyPair.derive(os.urandom(32))
    key = opaque_server.oprf_key(os.urandom(64), USER.encode())
    request, state = client.start_registration(PASSWORD)
    response = opaque_server.respond(RegistrationRequest.read(request.to_bytes()), server.public, key)
    registered = client.finish_registration(
        rust.RegistrationResponse.from_bytes(response.pack()), state, PASSWORD
    )
    assert registered.server_s_pk == server.public
    record = RegistrationRecord.read(registered.upload.to_bytes())

    def log_in(password: str) -> tuple[opaque_server.ServerLogin, rust.LoginResult]:
        begun, state = client.start_login(password)
        login, ke2 = opaque_server.answer(
            KE1.read(begun.to_bytes()),
            record=record,
            key=key,
            server=server,
            parties=PARTIES,
            masking_nonce=os.urandom(32),
            nonce=os.urandom(32),
            key_share_seed=os.urandom(32),
        )
        raw = rust.CredentialResponse.from_bytes(ke2.pack())
        return login, client.finish_login(raw, state, password)

    login, done = log_in(PASSWORD)
    assert login.finish(KE3.read(done.finalization.to_bytes())) == done.session_keys.session_key
    assert done.session_keys.export_key == registered.export_key
    with pytest.raises(WrongPasswordError):
        login.finish(KE3(bytes(64)))
    with pytest.raises(rust.AuthenticationError):
        log_in("another password")

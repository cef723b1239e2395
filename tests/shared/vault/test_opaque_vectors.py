"""OPAQUE: every ristretto255 vector of RFC 9807 passes through the functions that the product calls."""

import json
from typing import Any

import pytest

from letterlock.errors import WrongPasswordError
from letterlock.primitives import oprf
from letterlock.primitives.ristretto import multiply_base, read_element, read_scalar
from letterlock.vault import opaque_client, opaque_server
from letterlock.vault.opaque_exchange import KeyPair, Parties
from letterlock.vault.opaque_messages import (
    ENVELOPE_BYTES,
    KE1,
    KE2,
    KE3,
    Envelope,
    RegistrationRecord,
    RegistrationRequest,
    RegistrationResponse,
)
from tests.vectors import vectors


class _Vector:
    def __init__(self, content: dict[str, Any]) -> None:
        self.values = {
            name: bytes.fromhex(value)
            for part in ("inputs", "intermediates", "outputs")
            for name, value in content[part].items()
        }
        self.parties = Parties(
            context=bytes.fromhex(content["config"]["Context"]),
            client=self.values.get("client_identity", b""),
            server=self.values.get("server_identity", b""),
        )

    def __getitem__(self, name: str) -> bytes:
        return self.values[name]


def _vectors(*, fake: bool) -> list[_Vector]:
    found = [
        _Vector(one)
        for one in json.loads(vectors("opaque-rfc9807/vectors.json").read_text())
        if one["config"]["Group"] == "ristretto255" and one["config"]["Fake"] == str(fake)
    ]
    assert len(found) == (1 if fake else 2)
    return found


def _same(stretched: bytes) -> bytes:
    return stretched


def test_registrations_are_the_rfcs() -> None:
    for vector in _vectors(fake=False):
        blinding = read_scalar(vector["blind_registration"])
        request = opaque_client.request(vector["password"], blinding)
        assert request.pack() == vector["registration_request"]
        key = opaque_server.oprf_key(vector["oprf_seed"], vector["credential_identifier"])
        assert key == vector["oprf_key"]
        public = read_element(vector["server_public_key"])
        response = opaque_server.respond(RegistrationRequest.read(request.pack()), public, key)
        assert response.pack() == vector["registration_response"]
        evaluated = RegistrationResponse.read(response.pack()).evaluated
        randomized = opaque_client.randomize(vector["password"], blinding, evaluated, _same)
        assert randomized == vector["randomized_password"]
        stored = opaque_client.store(randomized, public, vector.parties, vector["envelope_nonce"])
        assert stored.record.pack() == vector["registration_upload"]
        assert stored.record.envelope.pack() == vector["envelope"]
        assert stored.record.masking_key == vector["masking_key"]
        assert stored.record.client_public == vector["client_public_key"]
        assert stored.export_key == vector["export_key"]


def test_logins_are_the_rfcs() -> None:
    for vector in _vectors(fake=False):
        blinding = read_scalar(vector["blind_login"])
        client = opaque_client.begin(
            oprf.blind(vector["password"], blinding), vector["client_nonce"], vector["client_keyshare_seed"]
        )
        assert client.ke1.pack() == vector["KE1"]
        server = KeyPair(read_scalar(vector["server_private_key"]))
        assert server.public == vector["server_public_key"]
        login, ke2 = opaque_server.answer(
            KE1.read(vector["KE1"]),
            record=RegistrationRecord.read(vector["registration_upload"]),
            key=read_scalar(vector["oprf_key"]),
            server=server,
            parties=vector.parties,
            masking_nonce=vector["masking_nonce"],
            nonce=vector["server_nonce"],
            key_share_seed=vector["server_keyshare_seed"],
        )
        assert ke2.pack() == vector["KE2"]
        answer = KE2.read(vector["KE2"])
        randomized = opaque_client.randomize(vector["password"], blinding, answer.evaluated, _same)
        done = client.finish(answer, randomized, vector.parties)
        assert done.ke3.pack() == vector["KE3"]
        assert done.session_key == vector["session_key"]
        assert done.export_key == vector["export_key"]
        assert done.record.pack() == vector["registration_upload"]
        assert login.finish(KE3.read(vector["KE3"])) == vector["session_key"]
        with pytest.raises(WrongPasswordError):
            login.finish(KE3(bytes(64)))


def test_an_answer_for_nobody_is_the_rfcs() -> None:
    for vector in _vectors(fake=True):
        record = RegistrationRecord(
            read_element(vector["client_public_key"]),
            vector["masking_key"],
            Envelope.read(bytes(ENVELOPE_BYTES)),
        )
        assert multiply_base(read_scalar(vector["client_private_key"])) == record.client_public
        _, ke2 = opaque_server.answer(
            KE1.read(vector["KE1"]),
            record=record,
            key=opaque_server.oprf_key(vector["oprf_seed"], vector["credential_identifier"]),
            server=KeyPair(read_scalar(vector["server_private_key"])),
            parties=vector.parties,
            masking_nonce=vector["masking_nonce"],
            nonce=vector["server_nonce"],
            key_share_seed=vector["server_keyshare_seed"],
        )
        assert ke2.pack() == vector["KE2"]

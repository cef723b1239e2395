"""What a login promises: it holds for this relay, this connection, this device, and nowhere else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.devices.login import check_relay_name, login_transcript
from letterlock.errors import BadSignatureError, MalformedError, MisuseError
from letterlock.ids import AccountId, DeviceId
from letterlock.primitives.keys import verify
from tests.shared.devices.people import ALICE, BOB, seed

HERE = {
    "relay": "relay.example:443",
    "tls_certificate_hash": seed("tls"),
    "server_nonce": seed("server"),
    "client_nonce": seed("client"),
    "account": ALICE.account,
    "device": DeviceId(1),
}
ELSEWHERE = {
    "another relay": {"relay": "relay.example:444"},
    "another host": {"relay": "relay.example.evil:443"},
    "another TLS certificate": {"tls_certificate_hash": seed("man in the middle")},
    "TLS stripped": {"tls_certificate_hash": b""},
    "another connection": {"server_nonce": seed("server 2")},
    "another try": {"client_nonce": seed("client 2")},
    "nonces exchanged": {"server_nonce": seed("client"), "client_nonce": seed("server")},
    "another account": {"account": BOB.account},
    "another device": {"device": DeviceId(2)},
}


def transcript(**changes: object) -> bytes:
    return login_transcript(**{**HERE, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("changes", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_login_holds_nowhere_else(changes: dict[str, object]) -> None:
    signature = ALICE.identity().sign(transcript())
    verify(ALICE.identity().public, transcript(), signature)
    with pytest.raises(BadSignatureError):
        verify(ALICE.identity().public, transcript(**changes), signature)


def test_a_login_without_tls_holds_for_its_connection() -> None:
    plain = transcript(tls_certificate_hash=b"")
    verify(ALICE.identity().public, plain, ALICE.identity().sign(plain))


@pytest.mark.parametrize(
    "changes",
    [
        {"tls_certificate_hash": bytes(31)},
        {"tls_certificate_hash": bytes(33)},
        {"server_nonce": b""},
        {"server_nonce": bytes(31)},
        {"client_nonce": bytes(33)},
        {"account": AccountId(bytes(19))},
    ],
)
def test_a_transcript_of_other_lengths_is_a_mistake(changes: dict[str, object]) -> None:
    with pytest.raises(MisuseError):
        transcript(**changes)


@pytest.mark.parametrize("changes", [{"relay": ""}, {"relay": "wss://relay.example"}, {"device": 0}])
def test_a_transcript_for_no_relay_or_no_device_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(MalformedError):
        transcript(**changes)


RELAYS = [
    "localhost",
    "localhost:8765",
    "127.0.0.1:1",
    "relay.example",
    "relay.example:65535",
    "a-b.c_d.e",
    "xn--bcher-kva.example",
    "[::1]:8765",
    "[2001:db8::1]",
    "x" * 63,
]
NOT_RELAYS = [
    "",
    "Relay.example",
    "relay.example:",
    "relay.example:0",
    "relay.example:08",
    "relay.example:65536",
    "relay.example:99999",
    "relay.example:443:443",
    "relay..example",
    ".relay",
    "relay.",
    "-relay",
    "relay-",
    "relay/path",
    "user@relay",
    "wss://relay",
    "relay example",
    "relay\n",
    "relay\0",
    "b\u00fccher.example",
    "relay:\u0661",
    "::1",
    "[::1",
    "[0::1]",
    "[::0001]",
    "[::g]",
    "[]",
    "[127.0.0.1]",
    "x" * 64,
    "x." * 127 + "xx",
]


@pytest.mark.parametrize("name", RELAYS)
def test_a_relay_name_is_taken_as_it_is(name: str) -> None:
    assert check_relay_name(name) == name


@pytest.mark.parametrize("name", NOT_RELAYS)
def test_a_second_spelling_of_a_relay_is_refused(name: str) -> None:
    with pytest.raises(MalformedError):
        check_relay_name(name)


@given(st.text(max_size=60))
def test_any_text_is_a_relay_name_or_malformed(text: str) -> None:
    try:
        name = check_relay_name(text)
    except MalformedError:
        return
    assert name == text
    assert name.isascii()
    assert name == name.lower()

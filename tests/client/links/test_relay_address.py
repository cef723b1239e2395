"""Which addresses are dialled, and under which name a login is signed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.devices.login import check_relay_name
from letterlock_client.errors import ClientError, Code
from letterlock_client.links.address import parse_relay


@pytest.mark.parametrize(
    ("text", "url", "name"),
    [
        ("ws://127.0.0.1:8710", "ws://127.0.0.1:8710", "127.0.0.1:8710"),
        ("ws://localhost:8710/", "ws://localhost:8710", "localhost:8710"),
        ("ws://[::1]:8710", "ws://[::1]:8710", "[::1]:8710"),
        ("wss://relay.example", "wss://relay.example", "relay.example"),
        ("wss://Relay.Example:443/chat/", "wss://relay.example/chat", "relay.example"),
        ("wss://relay.example:8443", "wss://relay.example:8443", "relay.example:8443"),
    ],
)
def test_an_address_has_one_form_and_one_name(text: str, url: str, name: str) -> None:
    address = parse_relay(text)
    assert (address.url, address.name) == (url, name)
    assert parse_relay(address.url) == address


@pytest.mark.parametrize("host", ["relay.example", "10.0.0.1", "[2001:db8::1]", "127.0.0.1.example"])
def test_plain_connections_beyond_this_machine_need_a_word(host: str) -> None:
    with pytest.raises(ClientError) as caught:
        parse_relay(f"ws://{host}:8710")
    assert caught.value.code is Code.INSECURE_RELAY
    assert not parse_relay(f"ws://{host}:8710", insecure=True).secure


@pytest.mark.parametrize(
    "text",
    [
        "",
        "relay.example",
        "http://127.0.0.1",
        "ws://",
        "ws://user:word@127.0.0.1:1",
        "ws://127.0.0.1:1?x=1",
        "ws://127.0.0.1:1#x",
        "ws://127.0.0.1:99999",
        "ws://127.0.0.1:port",
        "wss://exa mple",
        "wss://exämple",
        "wss://a\nb",
        "wss://" + "a" * 400,
        "wss://[::1",
    ],
)
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ClientError) as caught:
        parse_relay(text)
    assert caught.value.code is Code.BAD_INPUT


@given(st.text(max_size=60) | st.text(max_size=60).map("wss://".__add__))
def test_whatever_is_typed_is_an_address_with_a_legal_name_or_a_client_error(text: str) -> None:
    try:
        address = parse_relay(text)
    except ClientError:
        return
    assert check_relay_name(address.name) == address.name

"""How an owner set backups up: what is carried, read strictly in its types and loosely in its keys."""

from contextlib import suppress

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.backup.choices import MAX_FLEET, Choices, Guard, Turn, pack, read
from letterlock.errors import MalformedError

GUARD = Guard(b"threshold = 2", 3, bytes(range(10)))
CHOICES = Choices("weekly", True, False, True, GUARD)
RECORDED = (
    "85a96672657175656e6379a67765656b6c79a56d65646961c3a6766964656f73c2ac7265636f766572795f6b6579c3a57661756c7483a5"
    "666c656574c40d7468726573686f6c64203d2032a565706f636803a76c6f6361746f72c40a00010203040506070809"
)
"""What the release wrote that first said it."""


def test_what_an_older_release_wrote_is_read_for_ever() -> None:
    assert read(bytes.fromhex(RECORDED)) == CHOICES
    assert pack(CHOICES).hex() == RECORDED


@given(
    st.builds(
        Choices,
        st.text(max_size=64),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.none()
        | st.builds(Guard, st.binary(max_size=200), st.integers(0, 2**53 - 1), st.binary(max_size=32)),
        st.none()
        | st.builds(
            Turn,
            st.binary(min_size=16, max_size=16),
            st.binary(min_size=16, max_size=16),
            st.integers(0, 2**53 - 1),
        ),
    )
)
def test_all_choices_come_back(choices: Choices) -> None:
    assert read(pack(choices)) == choices


def test_what_a_later_release_adds_is_passed_over() -> None:
    raw = msgspec.msgpack.decode(pack(CHOICES)) | {"colour": "green"}
    raw["vault"] |= {"shape": [1, 2]}
    assert read(msgspec.msgpack.encode(raw)) == CHOICES


@pytest.mark.parametrize(
    "change",
    [
        {"frequency": 7},
        {"frequency": "x" * 65},
        {"media": 1},
        {"recovery_key": None},
        {"vault": {"fleet": b"", "epoch": -1, "locator": b""}},
        {"vault": {"fleet": b"", "epoch": 1}},
        {"vault": {"fleet": bytes(MAX_FLEET + 1), "epoch": 1, "locator": b""}},
        {"vault": {"fleet": b"", "epoch": 1, "locator": bytes(33)}},
        {"turn": {"former": bytes(15), "later": bytes(16), "generation": 1}},
        {"turn": {"former": bytes(16), "later": bytes(17), "generation": 1}},
        {"turn": {"former": bytes(16), "later": bytes(16), "generation": -1}},
    ],
)
def test_a_value_of_another_type_or_beyond_a_limit_is_refused(change: dict[str, object]) -> None:
    raw = msgspec.msgpack.decode(pack(CHOICES)) | change
    with pytest.raises(MalformedError):
        read(msgspec.msgpack.encode(raw))


@given(st.binary(max_size=64))
def test_any_bytes_are_choices_or_refused(raw: bytes) -> None:
    with suppress(MalformedError):
        assert isinstance(read(raw), Choices)


def test_nothing_of_it_is_shown() -> None:
    assert (repr(CHOICES), repr(GUARD)) == ("<Choices>", "<Guard>")

"""Takeover notes: whoever has the backup's key reads them whole, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.backup.takeover import (
    MAX_TAKEOVER_BYTES,
    open_takeover,
    seal_takeover,
    takeover_folder,
    takeover_name,
)
from letterlock.errors import DamagedChunkError, MisuseError
from tests.shared.backup.manifests import KEY

NAME = takeover_name(KEY, b"\5" * 8)
NONCE = bytes(range(24))
CHAIN = (b"certificate" * 20, b"list" * 300)
NOTE = seal_takeover(KEY, NAME, CHAIN, NONCE)


def test_a_note_comes_back_under_its_name_and_key() -> None:
    assert f"{takeover_folder(KEY)}/{'05' * 8}" == NAME
    assert open_takeover(KEY, NAME, NOTE) == CHAIN


@given(st.integers(0, len(NOTE) * 8 - 1))
def test_no_bit_of_a_note_can_be_another(bit: int) -> None:
    other = bytearray(NOTE)
    other[bit // 8] ^= 1 << bit % 8
    with pytest.raises(DamagedChunkError):
        open_takeover(KEY, NAME, bytes(other))


@pytest.mark.parametrize(
    ("key", "name", "raw"),
    [
        (b"\1" * 32, NAME, NOTE),
        (KEY, takeover_name(KEY, bytes(8)), NOTE),
        (KEY, NAME, NOTE[:-1]),
        (KEY, NAME, NOTE + b"x"),
        (KEY, NAME, b""),
        (KEY, NAME, NOTE.ljust(MAX_TAKEOVER_BYTES + 1, b"x")),
    ],
)
def test_another_key_or_name_or_length_opens_nothing(key: bytes, name: str, raw: bytes) -> None:
    with pytest.raises(DamagedChunkError):
        open_takeover(key, name, raw)


def test_a_name_takes_eight_random_bytes() -> None:
    with pytest.raises(MisuseError):
        takeover_name(KEY, bytes(7))

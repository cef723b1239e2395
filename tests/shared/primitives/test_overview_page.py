"""The overview page says what the code does: labels, limits, bucket lengths and worked values."""

import re
from pathlib import Path

import pytest

from letterlock import encoding
from letterlock.encoding import pack
from letterlock.primitives import derivation, sealing
from letterlock.primitives.derivation import Argon2Parameters, Label, argon2id, hkdf
from letterlock.primitives.padding import padded_size
from letterlock.primitives.sealing import Stream, seal_with_key_commitment

PAGE = (Path(__file__).parents[3] / "shared" / "spec" / "overview.md").read_text()
KEY = bytes(range(32))
WORKED = {
    'pack("alice"': lambda: pack("alice", 7, b"\x01\x02"),
    "hkdf(K": lambda: hkdf(KEY, salt=b"salt", label=Label.ACCOUNT_ID, length=32, context=b"context"),
    "STREAM(K": lambda: Stream(KEY, context=b"photo", chunk_bytes=4).seal_all(b"abcdef"),
    "committed(K": lambda: seal_with_key_commitment(KEY, bytes(range(24)), b"secret", b"ad"),
    'Argon2id("password"': lambda: argon2id(b"password", KEY[:16], parameters=Argon2Parameters(64, 1)),
}


def test_the_page_and_the_label_table_agree() -> None:
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| `([^`]+)` \| .+ \|$", PAGE, re.MULTILINE)
    assert dict(rows) == {name: label.value.decode() for name, label in Label.__members__.items()}
    assert len(rows) == len(Label.__members__)


def test_the_page_and_the_limits_agree() -> None:
    rows = re.findall(r"^\| `([A-Z0-9_]+)` \| (\d+) \|", PAGE, re.MULTILINE)
    assert len(rows) > 10
    for name, value in rows:
        holders = [held for held in (encoding, derivation, sealing, Argon2Parameters) if hasattr(held, name)]
        assert holders, name
        assert {getattr(held, name) for held in holders} == {int(value)}


def test_the_page_and_the_buckets_agree() -> None:
    rows = re.findall(r"^\| (\d+) to (\d+) \| (\d+) \|$", PAGE, re.MULTILINE)
    assert len(rows) == 5
    for first, last, bucket in rows:
        assert {padded_size(int(first)), padded_size(int(last))} == {int(bucket)}


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_values_of_the_page_are_what_the_code_computes(name: str) -> None:
    (expected,) = re.findall(rf"^    {re.escape(name)}.* ([0-9a-f]{{40,}})$", PAGE, re.MULTILINE)
    assert WORKED[name]().hex() == expected

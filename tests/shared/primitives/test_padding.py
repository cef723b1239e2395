"""Padding: bucket sizes only, one form of each text, small cost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.errors import MalformedError, MisuseError
from letterlock.primitives.padding import BUCKETS, pad, padded_size, padme, unpad


@given(text=st.binary(max_size=10_000))
def test_unpad_gives_back_what_was_padded(text: bytes) -> None:
    assert unpad(pad(text)) == text
    assert len(pad(text)) == padded_size(len(text))


@pytest.mark.parametrize(
    "text", [b"", b"\0", b"\x80", b"\x80\0\0", b"\0" * 255, b"\x80" * 4096, b"a\x80" + b"\0" * 300]
)
def test_texts_that_look_like_padding_survive(text: bytes) -> None:
    assert unpad(pad(text)) == text


def test_small_texts_have_only_the_lengths_of_the_buckets() -> None:
    assert {padded_size(size) for size in range(4096)} == set(BUCKETS)
    for bucket in BUCKETS:
        assert padded_size(bucket - 1) == bucket
        assert padded_size(bucket) > bucket


def test_larger_texts_have_few_lengths_and_cost_at_most_twelve_percent() -> None:
    sizes = {padded_size(size) for size in range(4096, 65536)}
    assert len(sizes) < 100
    for size in range(4096, 65536, 7):
        assert size < padded_size(size) <= size * 1.12 + 1


@given(size=st.integers(0, 2**40))
def test_padme_holds_its_size_and_stays_where_it_is(size: int) -> None:
    padded = padme(size)
    assert size <= padded <= max(size * 1.12, size + 1)
    assert padme(padded) == padded
    assert padme(size + 1) >= padded


@pytest.mark.parametrize(
    ("size", "expected"), [(0, 0), (1, 1), (8, 8), (9, 10), (100, 104), (1000, 1024), (10**6, 1015808)]
)
def test_padme_gives_known_values(size: int, expected: int) -> None:
    assert padme(size) == expected


@pytest.mark.parametrize(
    "padded",
    [
        b"",
        bytes(256),
        b"text",
        b"text\x80",
        b"text\x80".ljust(255, b"\0"),
        b"text\x80".ljust(257, b"\0"),
        b"text\x80".ljust(512, b"\0"),
        b"text\x81".ljust(256, b"\0"),
        b"text\x80".ljust(255, b"\0") + b"\x01",
        b"x" * 256,
    ],
)
def test_padding_that_is_not_the_one_form_is_refused(padded: bytes) -> None:
    with pytest.raises(MalformedError):
        unpad(padded)


@given(raw=st.binary(max_size=600))
def test_whatever_unpads_was_padded_by_us(raw: bytes) -> None:
    try:
        text = unpad(raw)
    except MalformedError:
        return
    assert pad(text) == raw


def test_a_negative_size_is_a_bug_of_the_caller() -> None:
    for function in (padme, padded_size):
        with pytest.raises(MisuseError):
            function(-1)

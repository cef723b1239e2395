"""What the names of things promise: one spelling each, and nothing else is taken for one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock import ids
from letterlock.errors import MalformedError
from letterlock.ids import AccountId, MessageId

HANDLE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789._-"


@given(st.binary(min_size=20, max_size=20))
def test_an_account_id_reads_back_from_its_text(raw: bytes) -> None:
    text = ids.account_text(AccountId(raw))
    assert len(text) == 32
    assert ids.parse_account(text) == raw


@given(st.binary(min_size=16, max_size=16))
def test_a_message_id_reads_back_from_its_text(raw: bytes) -> None:
    text = ids.message_text(MessageId(raw))
    assert len(text) == 26
    assert ids.parse_message(text) == raw


@given(st.text(alphabet="abcdefghijklmnopqrstuvwxyz234567", min_size=26, max_size=26))
def test_a_message_id_has_one_spelling(text: str) -> None:
    try:
        raw = ids.parse_message(text)
    except MalformedError:
        return
    assert ids.message_text(raw) == text


@pytest.mark.parametrize("suffix", ["", "\n", " ", "=", "a", "\0", "\u0430"])
def test_an_account_text_with_anything_around_it_is_refused(suffix: str) -> None:
    good = "a" * 32
    for text in (good + suffix, suffix + good) if suffix else ("", good[:-1], good.upper(), "1" * 32):
        with pytest.raises(MalformedError):
            ids.parse_account(text)


@pytest.mark.parametrize(
    "text", ["", "a" * 25, "a" * 27, "A" * 26, "a" * 25 + "b", "a" * 26 + "\n", "0" * 26]
)
def test_what_is_not_a_message_id_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        ids.parse_message(text)


@given(st.text(alphabet=HANDLE_LETTERS, min_size=3, max_size=31).filter(lambda t: t[0] not in "._-"))
def test_every_legal_handle_is_taken(text: str) -> None:
    assert ids.check_handle(text) == text


@given(st.text(max_size=40))
def test_a_handle_that_is_taken_has_only_legal_characters(text: str) -> None:
    try:
        handle = ids.check_handle(text)
    except MalformedError:
        return
    assert 3 <= len(handle) <= 32
    assert set(handle) <= set(HANDLE_LETTERS)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ab",
        "a" * 33,
        "Alice",
        "al ice",
        "alice\n",
        ".alice",
        "-alice",
        "_al",
        "al\u0456ce",
        "a/../b",
        "a\0b",
        "a'b",
    ],
)
def test_what_is_not_a_handle_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        ids.check_handle(text)


@given(st.binary(min_size=20, max_size=20))
def test_no_account_id_can_be_taken_as_a_handle(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        ids.check_handle(ids.account_text(AccountId(raw)))


@given(st.binary(max_size=40))
def test_account_bytes_are_twenty(raw: bytes) -> None:
    if len(raw) == 20:
        assert ids.check_account_bytes(raw) == raw
        return
    with pytest.raises(MalformedError):
        ids.check_account_bytes(raw)


@given(st.integers(min_value=1, max_value=2**31 - 1))
def test_every_device_number_is_taken(number: int) -> None:
    assert ids.check_device(number) == number


@pytest.mark.parametrize("number", [0, -1, 2**31, 2**63, -(2**63)])
def test_a_device_number_out_of_range_is_refused(number: int) -> None:
    with pytest.raises(MalformedError):
        ids.check_device(number)


@given(st.binary(min_size=16, max_size=16), st.integers(4, 26))
def test_a_beginning_of_a_message_id_finds_exactly_the_ids_that_begin_so(raw: bytes, size: int) -> None:
    message = ids.MessageId(raw)
    first, last = ids.message_range(ids.message_text(message)[:size])
    assert first <= message <= last
    for end in (first, last):
        assert ids.message_text(end)[: min(size, 25)] == ids.message_text(message)[: min(size, 25)]
    if size == 26:
        assert first == last == message


@pytest.mark.parametrize("text", ["", "abc", "a" * 27, "ABCD", "ab1c", "ab c"])
def test_what_cannot_begin_a_message_id_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        ids.message_range(text)

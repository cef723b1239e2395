"""What the frames of a realm promise: one encoding each, every field within limits, nothing before its time."""

import inspect
import re
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.errors import FrameError
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from letterlock.wire.codec import decode_from_realm, decode_to_realm, encode
from letterlock.wire.frames import MAX_FRAME, Answer, Frame, Request
from letterlock.wire.vault_connection import State, after, check_legal
from tests.shared.devices.people import ALICE
from tests.shared.wire.frame_strategies import any_of, fields_of
from tests.shared.wire.test_codec import _bad_values, plainest
from tests.shared.wire.test_wire_page import form, says, tag_of

TO_REALM: tuple[type[Request], ...] = get_args(frames.ToRealm)
FROM_REALM: tuple[type[Answer], ...] = get_args(frames.FromRealm)
ALL: tuple[type[Frame], ...] = (*TO_REALM, *FROM_REALM)
PAGE = (Path(__file__).parents[3] / "shared" / "spec" / "realms.md").read_text(encoding="utf-8")
msgpack = msgspec.msgpack.encode


def decode(cls: type[Frame], raw: bytes) -> Frame:
    return decode_to_realm(raw) if cls in TO_REALM else decode_from_realm(raw)


def a(cls: type[Any]) -> Any:
    return cls(*plainest(cls)[1:])


def legal(state: State, cls: type[Request]) -> bool:
    try:
        check_legal(state, a(cls))
    except FrameError:
        return False
    return True


@given(any_of(TO_REALM))
def test_every_frame_to_a_realm_reads_back_and_is_nobody_elses(frame: Request) -> None:
    raw = encode(frame)
    assert decode_to_realm(raw) == frame
    with pytest.raises(FrameError):
        decode_from_realm(raw)
    with pytest.raises(FrameError):
        decode_to_realm(raw + b"\0")
    with pytest.raises(FrameError):
        decode_to_realm(raw[:-1])


@given(any_of(FROM_REALM))
def test_every_frame_of_a_realm_reads_back_and_is_no_request(frame: Answer) -> None:
    raw = encode(frame)
    assert decode_from_realm(raw) == frame
    with pytest.raises(FrameError):
        decode_to_realm(raw)


@given(st.one_of(any_of(TO_REALM), any_of(FROM_REALM)), st.data())
def test_whatever_decodes_is_the_one_encoding_of_its_frame(frame: Frame, data: st.DataObject) -> None:
    raw = bytearray(encode(frame))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    for read in (decode_to_realm, decode_from_realm):
        try:
            altered = read(bytes(raw))
        except FrameError:
            continue
        assert encode(altered) == raw


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_no_field_takes_a_value_past_its_limit_or_of_another_type(cls: type[Frame]) -> None:
    plain = plainest(cls)
    assert decode(cls, msgpack(plain)) == a(cls)
    for altered in ([*plain, 0], plain[:-1]):
        with pytest.raises(FrameError):
            decode(cls, msgpack(altered))
    for index, field in enumerate(fields_of(cls), start=1):
        for _, value in _bad_values(field.type):
            with pytest.raises(FrameError):
                decode(cls, msgpack([*plain[:index], value, *plain[index + 1 :]]))


def test_the_largest_frames_that_are_needed_fit() -> None:
    prepare = frames.Prepare(1, bytes(4096), bytes(frames.MAX_STATEMENT), bytes(frames.MAX_RECORD))
    devices = frames.PutDeviceList(1, bytes(32), bytes(1024), bytes(16384))
    commit = frames.Commit(1, ALICE.account, 2**53, [bytes(1024)] * frames.MAX_REALMS)
    for request in (prepare, devices, commit):
        assert len(encode(request)) < frames.MAX_REQUEST
    page = frames.LedgerPage(1, [bytes(1024)] * frames.MAX_ENTRIES, True)
    released = frames.Released(1, bytes(frames.MAX_RELEASED))
    for answer in (page, released):
        assert len(encode(answer)) < MAX_FRAME


# The life of a connection.


def test_a_realm_is_greeted_first_and_once() -> None:
    assert [cls for cls in TO_REALM if legal(State.GREETING, cls)] == [frames.Greet]
    assert not legal(State.READY, frames.Greet)
    assert not legal(State.GUESSING, frames.Greet)


def test_a_guess_is_finished_only_once_and_only_where_it_was_answered() -> None:
    assert not legal(State.READY, frames.FinishGuess)
    assert after(State.READY, a(frames.GuessAnswer)) is State.GUESSING
    assert legal(State.GUESSING, frames.FinishGuess)
    for answer in (frames.Released, frames.Refused, frames.StatusIs):
        assert after(State.GUESSING, a(answer)) is State.READY


def test_a_refused_greeting_moves_nothing() -> None:
    assert after(State.GREETING, a(frames.Refused)) is State.GREETING
    assert after(State.GREETING, a(frames.Greeted)) is State.READY


def test_every_request_is_legal_somewhere() -> None:
    assert [cls for cls in TO_REALM if not any(legal(state, cls) for state in State)] == []


# The page.


def frame_table() -> str:
    lines = ["| tag | frame | | fields, in order | says |", "|---|---|---|---|---|"]
    for cls in sorted(ALL, key=tag_of):
        fields = "; ".join(f"`{field.name}` {form(field.type)}" for field in fields_of(cls)) or "none"
        lines.append(
            f"| {tag_of(cls)} | `{cls.__name__}` | {(cls.__doc__ or '')[:2]} | {fields} | {says(cls)} |"
        )
    return "\n".join(lines)


def test_the_page_holds_the_table_of_all_frames() -> None:
    assert frame_table() in PAGE, f"shared/spec/realms.md must hold this table:\n{frame_table()}"


def test_tags_are_counted_from_one_without_a_gap_and_every_frame_is_in_one_union() -> None:
    assert sorted(map(tag_of, ALL)) == list(range(1, len(ALL) + 1))
    classes = {
        cls
        for _, cls in inspect.getmembers(frames, inspect.isclass)
        if cls.__module__ == frames.__name__ and cls.__struct_config__.tag is not None
    }
    assert classes == set(ALL)


@pytest.mark.parametrize("cls", ALL, ids=lambda cls: cls.__name__)
def test_every_frame_has_an_arrow_and_every_request_an_answer_that_exists(cls: type[Frame]) -> None:
    assert (cls.__doc__ or "").startswith("-> " if cls in TO_REALM else "<- ")
    if cls in TO_REALM:
        answers = re.findall(r"Answered by ([A-Z]\w+)", says(cls))
        assert answers
        assert set(answers) <= {answer.__name__ for answer in FROM_REALM}


@pytest.mark.parametrize("state", State)
def test_the_page_says_what_is_legal_in_each_state(state: State) -> None:
    (row,) = re.findall(rf"^\| {state.name} \| (.*?) \|", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == {cls.__name__ for cls in TO_REALM if legal(state, cls)}


def test_the_page_holds_every_answer_code_once() -> None:
    codes = re.findall(r"^\| `([a-z_]+)` \|", PAGE.split("## Refusals")[1].split("\n## ")[0], re.MULTILINE)
    assert sorted(codes) == sorted(refusals.ALL)
    constants = {value for value in vars(refusals).values() if isinstance(value, str) and value in codes}
    assert constants == refusals.ALL
    assert refusals.ALL | {refusals.READY} >= refusals.STATES

"""What `shared/spec/wire.md` promises: it says of every frame, limit, state and refusal what the code says."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect as shapes

from letterlock.wire import frames, refusals
from letterlock.wire.connection import State
from tests.shared.wire.frame_strategies import ALL_FRAMES, CLIENT_FRAMES, RELAY_FRAMES, fields_of
from tests.shared.wire.test_connection import legal

PAGE_PATH = Path(__file__).parents[3] / "shared" / "spec" / "wire.md"
PAGE = PAGE_PATH.read_text(encoding="utf-8") if PAGE_PATH.exists() else ""


def tag_of(cls: type[frames.Frame]) -> int:
    tag = cls.__struct_config__.tag
    assert isinstance(tag, int)
    return tag


def form(kind: Any) -> str:
    """A field's type as the page writes it."""
    if isinstance(kind, shapes.IntType):
        return f"{kind.ge}..{_power(kind.le)}"
    if isinstance(kind, shapes.BytesType | shapes.StrType):
        noun = "bytes" if isinstance(kind, shapes.BytesType) else "text"
        return f"{noun} {_range(kind)}"
    if isinstance(kind, shapes.ListType):
        return f"list {_range(kind)} of ({form(kind.item_type)})"
    if isinstance(kind, shapes.DictType):
        return f"map {_range(kind)} of ({form(kind.key_type)}) to ({form(kind.value_type)})"
    if isinstance(kind, shapes.BoolType):
        return "flag"
    return f"[{', '.join(f'{field.name}: {form(field.type)}' for field in kind.fields)}]"


def _power(number: int | None) -> str:
    for power in (31, 32, 53):
        if number == 2**power:
            return f"2^{power}"
        if number == 2**power - 1:
            return f"2^{power}-1"
    return str(number)


def _range(kind: Any) -> str:
    least = kind.min_length or 0
    return str(least) if least == kind.max_length else f"{least}..{kind.max_length}"


def says(cls: type[frames.Frame]) -> str:
    """What a frame says and how it is answered: its docstring, on one line, without the arrow."""
    return " ".join(inspect.cleandoc(cls.__doc__ or "")[3:].split())


def frame_table() -> str:
    """The table of all frames, as the page must hold it."""
    lines = ["| tag | frame | | fields, in order | says |", "|---|---|---|---|---|"]
    for cls in sorted(ALL_FRAMES, key=tag_of):
        arrow = (cls.__doc__ or "")[:2]
        fields = "; ".join(f"`{field.name}` {form(field.type)}" for field in fields_of(cls)) or "none"
        lines.append(f"| {tag_of(cls)} | `{cls.__name__}` | {arrow} | {fields} | {says(cls)} |")
    return "\n".join(lines)


def test_the_page_holds_the_table_of_all_frames() -> None:
    assert frame_table() in PAGE, f"shared/spec/wire.md must hold this table:\n{frame_table()}"


@pytest.mark.parametrize("cls", ALL_FRAMES, ids=lambda cls: cls.__name__)
def test_every_frame_has_an_arrow_in_its_direction(cls: type[frames.Frame]) -> None:
    arrow = "-> " if cls in CLIENT_FRAMES else "<- "
    assert (cls.__doc__ or "").startswith(arrow)
    assert says(cls).endswith(".")


@pytest.mark.parametrize("cls", CLIENT_FRAMES, ids=lambda cls: cls.__name__)
def test_every_request_names_an_answer_that_exists(cls: type[frames.Frame]) -> None:
    answers = re.findall(r"Answered by ([A-Z]\w+)", says(cls))
    assert answers
    assert set(answers) <= {answer.__name__ for answer in RELAY_FRAMES if issubclass(answer, frames.Answer)}


def test_every_answer_is_named_by_some_request() -> None:
    spoken = " ".join(map(says, CLIENT_FRAMES))
    named = {name for name in (cls.__name__ for cls in RELAY_FRAMES) if name in spoken}
    assert {cls.__name__ for cls in RELAY_FRAMES if issubclass(cls, frames.Answer)} <= named


def test_tags_are_counted_from_one_without_a_gap() -> None:
    assert sorted(map(tag_of, ALL_FRAMES)) == list(range(1, len(ALL_FRAMES) + 1))


def test_every_frame_class_is_in_one_union() -> None:
    classes = {
        cls
        for _, cls in inspect.getmembers(frames, inspect.isclass)
        if issubclass(cls, frames.Frame) and cls.__struct_config__.tag is not None
    }
    assert classes == set(ALL_FRAMES)
    assert len(ALL_FRAMES) == len(set(ALL_FRAMES))


def test_the_page_holds_every_refusal_once() -> None:
    codes = re.findall(r"^\| `([a-z_]+)` \|", PAGE.split("## Refusals")[1].split("\n## ")[0], re.MULTILINE)
    assert sorted(codes) == sorted(refusals.ALL)
    constants = {value for name, value in vars(refusals).items() if name.isupper() and name != "ALL"}
    assert constants == refusals.ALL


@pytest.mark.parametrize("state", State)
def test_the_page_says_what_is_legal_in_each_state(state: State) -> None:
    (row,) = re.findall(rf"^\| {state.name} \| (.*?) \|", PAGE, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", row)) == {cls.__name__ for cls in CLIENT_FRAMES if legal(state, cls)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("frame", frames.MAX_FRAME),
        ("envelope", frames.MAX_ENVELOPE),
        ("attachment chunk", frames.MAX_CHUNK),
        ("attachment", frames.MAX_BLOB),
        ("unacknowledged deliveries on a connection", frames.CREDIT),
    ],
)
def test_the_page_states_the_limits(name: str, value: int) -> None:
    assert f"| {name} | {value:,}".replace(",", " ") in PAGE.replace("\u00a0", " ")

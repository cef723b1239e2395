"""What `shared/spec/backup.md` promises: it says of every record and limit what the code says."""

import re
from pathlib import Path
from typing import Any

import pytest
from msgspec import inspect as shapes

from letterlock.backup import (
    choices,
    columns,
    generations,
    manifest,
    media,
    plan,
    records,
    segments,
    takeover,
)
from letterlock.backup.records import Record
from tests.shared.backup.record_strategies import ALL_RECORDS, fields_of

PAGE = (Path(__file__).parents[3] / "shared" / "spec" / "backup.md").read_text(encoding="utf-8")
MODULES = (records, choices, columns, segments, media, manifest, generations, plan, takeover)


def form(kind: Any) -> str:
    """A field's type as the page writes it."""
    if isinstance(kind, shapes.IntType):
        return f"{_number(kind.ge)}..{_number(kind.le)}"
    if isinstance(kind, shapes.BytesType | shapes.StrType):
        noun = "bytes" if isinstance(kind, shapes.BytesType) else "text"
        least = kind.min_length or 0
        return f"{noun} {least if least == kind.max_length else f'{least}..{kind.max_length}'}"
    if isinstance(kind, shapes.VarTupleType | shapes.ListType):
        return f"list 0..{kind.max_length} of ({form(kind.item_type)})"
    if isinstance(kind, shapes.UnionType):
        return f"nil, or {form(next(each for each in kind.types if not isinstance(each, shapes.NoneType)))}"
    return f"[{', '.join(f'{field.name}: {form(field.type)}' for field in kind.fields)}]"


def _number(value: int | None) -> str:
    return {2**53 - 1: "2^53-1", 1 - 2**53: "-2^53+1"}.get(value or 0, str(value))


def test_the_page_has_every_column_of_plain_messages() -> None:
    for field in fields_of(records.PlainMessages):
        assert f"* `{field.name}` {form(field.type)}" in PAGE


@pytest.mark.parametrize("cls", ALL_RECORDS, ids=lambda cls: cls.__name__)
def test_the_page_has_every_record_with_every_field(cls: type[Record]) -> None:
    fields = "; ".join(f"`{field.name}` {form(field.type)}" for field in fields_of(cls))
    assert f"| {cls.__struct_config__.tag} {cls.__name__[:-6].lower()} | {fields} |" in PAGE


def test_the_page_has_every_limit_with_its_value() -> None:
    stated = dict(re.findall(r"^\| `(\w+)` \| (\d+) \|", PAGE, re.MULTILINE))
    limits = {
        name: str(value)
        for module in MODULES
        for name, value in vars(module).items()
        if name.isupper() and isinstance(value, int) and not isinstance(value, bool)
    }
    known = {name: value for name, value in limits.items() if name.startswith("MAX_") or name.endswith("_MS")}
    assert known
    assert {name: stated.get(name) for name in known} == known
    assert set(stated) <= set(limits)


def test_the_page_has_every_field_of_a_segment_reference() -> None:
    fields = "; ".join(f"`{field.name}` {form(field.type)}" for field in fields_of(segments.SegmentRef))
    assert f"    {fields}\n" in PAGE


def test_the_page_has_every_field_of_a_manifest() -> None:
    for field in fields_of(manifest.Manifest):
        what = "list 0..65536 of segment references" if field.name == "segments" else form(field.type)
        assert f"* `{field.name}` {what}\n" in PAGE


def test_the_page_has_every_choice_with_its_limits() -> None:
    section = PAGE.split("### How the owner set it up")[1].split("\nA reader passes")[0]
    *first, turn = fields_of(choices.Choices)
    fields = [*first, *fields_of(choices.Guard), turn, *fields_of(choices.Turn)]
    assert re.findall(r"`(\w+)`", section) == [field.name for field in fields]
    for field in fields:
        if isinstance(field.type, shapes.BoolType):
            assert f"`{field.name}` truth" in section
        elif field.name not in ("vault", "turn"):
            assert f"`{field.name}` {form(field.type)}" in section
    assert f'setting named "{choices.NAME}"' in section


def test_the_page_has_every_flag_of_a_message() -> None:
    for flag in records.MessageFlag:
        assert f"{flag.value} {flag.name.lower().replace('_', ' ')}" in PAGE if flag.name else False

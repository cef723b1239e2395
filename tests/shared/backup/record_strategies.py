"""Strategies that make any record from its own types, so that no kind of record is ever left out."""

from typing import Any, get_args

from hypothesis import strategies as st
from msgspec import inspect as shapes

from letterlock.backup import records

ALL_RECORDS: tuple[type[records.Record], ...] = get_args(records.Record)

_TEXT = st.characters(exclude_categories=["Cs"])
_USUAL_SIZE = 24


def fields_of(cls: type[Any]) -> tuple[shapes.Field, ...]:
    """The fields of a record class, with their limits."""
    kind = shapes.type_info(cls)
    assert isinstance(kind, shapes.StructType)
    return kind.fields


def record_of(cls: type[records.Record]) -> st.SearchStrategy[Any]:
    """Any record of this class, within its limits."""
    return st.builds(cls, **{field.name: _value(field.type) for field in fields_of(cls)})


def any_record() -> st.SearchStrategy[records.Record]:
    """Any record."""
    return st.one_of([record_of(cls) for cls in ALL_RECORDS])


def _value(kind: Any) -> st.SearchStrategy[Any]:
    if isinstance(kind, shapes.IntType):
        return st.integers(min_value=kind.ge, max_value=kind.le)
    if isinstance(kind, shapes.BytesType):
        return st.binary(**_size(kind))
    if isinstance(kind, shapes.StrType):
        return st.text(alphabet=_TEXT, **_size(kind))
    if isinstance(kind, shapes.VarTupleType):
        return st.lists(_value(kind.item_type), max_size=3).map(tuple)
    if isinstance(kind, shapes.UnionType):
        return st.one_of([_value(each) for each in kind.types])
    if isinstance(kind, shapes.NoneType):
        return st.none()
    return st.builds(kind.cls, **{field.name: _value(field.type) for field in kind.fields})


def _size(kind: Any) -> dict[str, int]:
    least = kind.min_length or 0
    return {"min_size": least, "max_size": max(least, min(kind.max_length, _USUAL_SIZE))}

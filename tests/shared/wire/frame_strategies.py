"""Strategies that make any frame of `wire.frames` from its own types, so that no frame is ever left out."""

from collections.abc import Callable
from types import UnionType
from typing import Any, get_args

import msgspec
from hypothesis import strategies as st
from msgspec import inspect as shapes

from letterlock.wire import frames

CLIENT_FRAMES: tuple[type[frames.Frame], ...] = get_args(frames.ClientFrame)
RELAY_FRAMES: tuple[type[frames.Frame], ...] = get_args(frames.RelayFrame)
ALL_FRAMES = CLIENT_FRAMES + RELAY_FRAMES

# Large values are for the tests of limits; a property needs only their variety.
_USUAL_SIZE = 40
_TEXT = st.characters(exclude_categories=["Cs"])


def fields_of(cls: type[frames.Frame]) -> tuple[shapes.Field, ...]:
    """The fields of a frame class, with their limits."""
    kind = shapes.type_info(cls)
    assert isinstance(kind, shapes.StructType)
    return kind.fields


def frame_of(cls: type[frames.Frame]) -> st.SearchStrategy[Any]:
    """Any frame of this class, within its limits."""
    return st.builds(cls, **{field.name: value_of(field.type) for field in fields_of(cls)})


def any_of(union: UnionType | tuple[type[frames.Frame], ...]) -> st.SearchStrategy[Any]:
    """Any frame of these classes."""
    classes = union if isinstance(union, tuple) else get_args(union)
    return st.one_of([frame_of(cls) for cls in classes])


def value_of(kind: shapes.Type) -> st.SearchStrategy[Any]:
    """Any value of this type, within its limits."""
    return _MAKERS[type(kind)](kind)


def _size(kind: Any) -> dict[str, int]:
    least = kind.min_length or 0
    most = kind.max_length
    return {"min_size": least, "max_size": max(least, min(most, _USUAL_SIZE))}


def _struct(kind: Any) -> st.SearchStrategy[msgspec.Struct]:
    return st.builds(kind.cls, **{field.name: value_of(field.type) for field in kind.fields})


_MAKERS: dict[type[shapes.Type], Callable[[Any], st.SearchStrategy[Any]]] = {
    shapes.IntType: lambda kind: st.integers(min_value=kind.ge, max_value=kind.le),
    shapes.BoolType: lambda kind: st.booleans(),
    shapes.BytesType: lambda kind: st.binary(**_size(kind)),
    shapes.StrType: lambda kind: st.text(alphabet=_TEXT, **_size(kind)),
    shapes.ListType: lambda kind: st.lists(
        value_of(kind.item_type), min_size=kind.min_length or 0, max_size=4
    ),
    shapes.DictType: lambda kind: st.dictionaries(
        value_of(kind.key_type), value_of(kind.value_type), max_size=4
    ),
    shapes.StructType: _struct,
}

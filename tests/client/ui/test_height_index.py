"""Rows and items of a long list always agree."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from letterlock_client.ui.widgets.height_index import BLOCK, HeightIndex

HEIGHTS = st.binary(max_size=3 * BLOCK).map(lambda raw: bytes(max(1, height) for height in raw))


@given(HEIGHTS, st.data())
@settings(max_examples=60)
def test_the_item_at_an_items_top_is_that_item(heights: bytes, data: st.DataObject) -> None:
    index = HeightIndex(heights)
    assert index.total == sum(heights)
    if heights:
        item = data.draw(st.integers(0, len(heights) - 1))
        assert index.at(index.top(item)) == (item, 0)
        assert index.at(index.top(item) + heights[item] - 1) == (item, heights[item] - 1)
    assert index.top(len(heights)) == sum(heights)
    assert index.at(sum(heights)) == (len(heights), 0)


def test_a_million_items_are_found_in_microseconds() -> None:
    index = HeightIndex(bytes([3]) * 1_000_000)
    for item in (0, 1, BLOCK - 1, BLOCK, 500_000, 999_999):
        assert index.at(index.top(item)) == (item, 0)
    index.set(500_000, 200)
    assert index.top(500_001) == 3 * 500_000 + 200
    assert index.total == 3 * 999_999 + 200


@pytest.mark.parametrize("rows", [0, 256, -1])
def test_heights_out_of_range_are_refused(rows: int) -> None:
    index = HeightIndex(b"\1")
    with pytest.raises(ValueError, match="rows"):
        index.set(0, rows)
    assert index.total == 1
    with pytest.raises(ValueError, match="row"):
        index.append(b"\0")
    assert len(index) == 1


class AgainstAList(RuleBasedStateMachine):
    """Any sequence of changes leaves it equal to a plain list of heights."""

    def __init__(self) -> None:
        super().__init__()
        self.index = HeightIndex()
        self.model: list[int] = []

    @rule(heights=st.binary(min_size=1, max_size=1500))
    def append(self, heights: bytes) -> None:
        legal = bytes(max(1, height) for height in heights)
        self.index.append(legal)
        self.model += legal

    @rule(where=st.integers(0, 10_000), rows=st.integers(1, 255))
    def change(self, where: int, rows: int) -> None:
        if self.model:
            item = where % len(self.model)
            assert self.index.set(item, rows) == rows - self.model[item]
            self.model[item] = rows

    @rule(where=st.integers(0, 10_000))
    def remove(self, where: int) -> None:
        if self.model:
            item = where % len(self.model)
            assert self.index.remove(item) == self.model.pop(item)

    @invariant()
    def agrees(self) -> None:
        assert len(self.index) == len(self.model)
        assert self.index.total == sum(self.model)
        for item in {0, len(self.model) // 2, len(self.model) - 1} & set(range(len(self.model))):
            assert self.index.top(item) == sum(self.model[:item])
            assert self.index.at(sum(self.model[:item])) == (item, 0)


AgainstAList.TestCase.settings = settings(max_examples=30, stateful_step_count=20, deadline=None)
TestAgainstAList = AgainstAList.TestCase

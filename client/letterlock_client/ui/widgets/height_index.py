"""How many rows each item of a long list takes, and which item is at which row.

One byte for an item, sums over blocks on top: a million items take a megabyte, and finding a row or an item
takes microseconds. Must not know what the items are.
"""

from bisect import bisect_right
from itertools import accumulate
from typing import Final

BLOCK: Final = 1024
"""Items that share one sum."""

MAX_ROWS: Final = 255
"""The most rows one item can take."""


class HeightIndex:
    """Heights of items in rows, each 1 to 255."""

    def __init__(self, heights: bytes = b"") -> None:
        self._heights = bytearray()
        self._sums: list[int] = []
        self._prefix: list[int] | None = None
        self._inner: tuple[int, list[int]] | None = None
        self.reset(heights)

    def __len__(self) -> int:
        return len(self._heights)

    def __getitem__(self, item: int) -> int:
        return self._heights[item]

    def reset(self, heights: bytes | bytearray) -> None:
        """Begin again with these heights. Raises ValueError if one is 0."""
        self._heights = bytearray(heights)
        if 0 in self._heights:
            raise ValueError("an item takes at least one row")
        self._sum_from(0)

    def append(self, heights: bytes) -> None:
        """Add items at the end. Raises ValueError if a height is 0."""
        if 0 in heights:
            raise ValueError("an item takes at least one row")
        block = max(0, len(self._sums) - 1)
        self._heights += heights
        self._sum_from(block)

    def remove(self, item: int) -> int:
        """Take an item out; return its height."""
        height = self._heights.pop(item)
        self._sum_from(item // BLOCK)
        return height

    def set(self, item: int, rows: int) -> int:
        """Give an item another height; return by how much it grew. Raises ValueError beyond 1 to 255."""
        if not 1 <= rows <= MAX_ROWS:
            raise ValueError("an item takes 1 to 255 rows")
        grown = rows - self._heights[item]
        if grown:
            self._heights[item] = rows
            self._sums[item // BLOCK] += grown
            self._prefix = self._inner = None
        return grown

    @property
    def total(self) -> int:
        """The rows of all items together."""
        return self._before()[-1]

    def top(self, item: int) -> int:
        """Return the first row of an item; of the item after the last, the total."""
        block, inside = divmod(item, BLOCK)
        if block >= len(self._sums):
            return self.total
        return self._before()[block] + (self._inside(block)[inside - 1] if inside else 0)

    def at(self, row: int) -> tuple[int, int]:
        """Return which item is at a row and which of its lines; beyond the end, the item after the last."""
        if row < 0 or row >= self.total:
            return (0, row) if row < 0 else (len(self._heights), row - self.total)
        before = self._before()
        block = bisect_right(before, row) - 1
        rest = row - before[block]
        ends = self._inside(block)
        inside = bisect_right(ends, rest)
        return block * BLOCK + inside, rest - (ends[inside - 1] if inside else 0)

    def _before(self) -> list[int]:
        if self._prefix is None:
            self._prefix = [0, *accumulate(self._sums)]
        return self._prefix

    def _inside(self, block: int) -> list[int]:
        if self._inner is None or self._inner[0] != block:
            self._inner = (
                block,
                list(accumulate(memoryview(self._heights)[block * BLOCK : (block + 1) * BLOCK])),
            )
        return self._inner[1]

    def _sum_from(self, block: int) -> None:
        view = memoryview(self._heights)
        self._sums[block:] = [
            sum(view[start : start + BLOCK]) for start in range(block * BLOCK, len(view), BLOCK)
        ]
        self._prefix = self._inner = None

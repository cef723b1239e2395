"""A running server, as those who put load on it see it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from scripts.benchmarks.load.pair import Pair


@dataclass(frozen=True)
class Served:
    """Its process, and how to connect the pairs of these numbers; `idle` connects clients that do nothing."""

    pid: int
    pairs: Callable[[range], Awaitable[list[Pair]]]
    idle: Callable[[range], Awaitable[None]]

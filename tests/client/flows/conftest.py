"""The fixtures of the flows' tests: see `tests.town`."""

from tests.town import pair, town

__all__ = ["pair", "town"]

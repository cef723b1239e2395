"""Manifests for tests."""

from typing import Any

from letterlock.backup.manifest import Manifest, Totals
from letterlock.backup.segments import SegmentRef

KEY = bytes(range(32))
ACCOUNT = bytes(20)


def segment(
    number: int, *, low: int | None = None, high: int | None = None, raw: int = 1000, at: int = 0
) -> SegmentRef:
    """A reference to a segment that is nowhere; `number` makes its id."""
    return SegmentRef(
        id=number.to_bytes(16),
        key=number.to_bytes(32),
        digest=bytes(32),
        packed=raw // 2,
        raw=raw,
        records=10,
        indexed=10,
        media=1,
        low=10 * number if low is None else low,
        high=10 * number + 10 if high is None else high,
        at=at,
    )


def totals(messages: int = 10, media: int = 1) -> Totals:
    """Totals of this many messages and media items."""
    return Totals(messages, 1, 1, media, 100 * media, 5000)


def manifest(generation: int = 1, **changed: Any) -> Manifest:
    """A legal manifest without segments, but for what is said."""
    known: dict[str, Any] = {
        "generation": generation,
        "at": 1000 * generation,
        "account": ACCOUNT,
        "writer": bytes(16),
        "purpose": "backup",
        "media_master": bytes(32),
        "watermark": 10**6,
        "totals": totals(),
    }
    return Manifest(**(known | changed))

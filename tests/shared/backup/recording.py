"""Makes and reads `tests/recorded/backup-1.json`: the objects of one small backup as this release writes them.

`python -m tests.shared.backup.recording` writes it again. All randomness follows from names, so writing twice gives
the same bytes as long as zstd does.
"""

import hashlib
import json
import sys
from pathlib import Path
from typing import Any, Final

from letterlock.backup import records
from letterlock.backup.columns import compact
from letterlock.backup.manifest import (
    ChatCount,
    LedgerHead,
    Manifest,
    Totals,
    manifest_hash,
    manifest_name,
    media_name,
    seal_manifest,
    segment_name,
)
from letterlock.backup.media import media_id, seal_media
from letterlock.backup.records import Record
from letterlock.backup.segments import SegmentWriter

FILE: Final = Path(__file__).parents[2] / "recorded" / "backup-1.json"
KEY: Final = hashlib.sha256(b"recorded backup").digest()
MASTER: Final = hashlib.sha256(b"recorded master").digest()
ALICE, BOB = bytes(range(20)), bytes(range(20, 40))
PICTURE: Final = b"\x89PNG and so on" * 100
DIGEST: Final = hashlib.sha256(PICTURE).digest()

RECORDS: Final[tuple[Record, ...]] = (
    records.IdentityRecord(1, ALICE, "alice", "wss://relay.example", 0, b"root", b"sealed root", b"c", b"l", b"h"),
    records.ContactRecord(
        2, BOB, "bob", b"h", b"r", b"c", b"l", 1, 2, bytes(32), "accepted", 1, 0, "", 1_700_000_000_000, 1
    ),
    records.ConversationRecord(3, BOB, 1_700_000_000_000, 3600, 5, 0, "a draft", "pinned"),
    records.MessageRecord(
        4, bytes(range(16)), BOB, ALICE, 1, "text", "hello, bob", 1_700_000_000_001, 1_700_000_000_002, 1, "read", "",
        None, 1_700_000_000_009, 0, 0, b"", (records.EditRecord(1_700_000_000_001, "helo, bob"),),
        (records.ReactionRecord(BOB, "\N{THUMBS UP SIGN}", 1_700_000_000_010),), None,
    ),
    records.MessageRecord(
        5, bytes(range(1, 17)), BOB, BOB, 16, "image", "look", 1_700_000_000_020, 1_700_000_000_021, 2, "none", "",
        bytes(range(16)), 0, 0, 0, b"\x80", None, None,
        records.AttachmentRecord(
            bytes(16), "sea.png", "image/png", len(PICTURE), 640, 480, 0, b"small", b"keys", 1_702_000_000_000, DIGEST
        ),
    ),
    records.SettingRecord(6, "settings", b"{}"),
    records.TombstoneRecord(7, records.Tag.MESSAGE.value, bytes([9]) * 16),
)  # fmt: skip

PLAIN: Final[tuple[Record, ...]] = tuple(
    records.MessageRecord(
        8 + number, bytes([number]) * 16, BOB, BOB if number % 2 else ALICE, number % 2 ^ 1, "text",
        f"plain {number} \N{SNOWMAN}", 1_700_000_000_030 + number, 1_700_000_000_031 + 2 * number, 3 + number,
        "none" if number % 2 else "sent", "", None, 0, 0, 0, b"", None, None, None,
    )
    for number in range(4)
)  # fmt: skip
"""Messages that stand in columns."""


def random(name: str, size: int) -> bytes:
    """Bytes that follow from a name."""
    return hashlib.shake_256(name.encode()).digest(size)


def load() -> dict[str, Any]:
    """Read the recording."""
    recording: dict[str, Any] = json.loads(FILE.read_text())
    return recording


def record(key: bytes = KEY, master: bytes = MASTER, seed: str = "") -> dict[str, Any]:
    """Write the backup again: its key, and its objects by name. Another seed, key and master are another account."""
    segment = random(seed + "segment", 16)
    writer = SegmentWriter(segment, random(seed + "segment key", 32))
    media = media_id(master, DIGEST)
    body = writer.take(RECORDS[:3]) + writer.take([*RECORDS[3:], *compact(PLAIN)])
    last, ref = writer.finish(low=0, high=11, at=1_700_000_001_000, media=[media])
    name = manifest_name(key, 3, random(seed + "name", 8))
    raw = seal_manifest(
        key,
        name,
        Manifest(
            generation=3,
            at=1_700_000_002_000,
            account=ALICE,
            writer=random(seed + "writer", 16),
            purpose="backup",
            media_master=master,
            watermark=11,
            totals=Totals(2, 1, 1, 1, len(PICTURE), 9000),
            chain=(random(seed + "before", 32),),
            segments=(ref,),
            chats=(ChatCount(BOB, "bob", 2, 1, 1_700_000_000_021),),
            ledger=(LedgerHead("one", 3, random(seed + "head", 32)),),
            purged=3,
            unpurged_since=1_700_000_001_500,
        ),
        random(seed + "nonce", 24),
    )
    objects = {
        segment_name(key, segment): body + last,
        media_name(key, media): seal_media(
            master, DIGEST, len(PICTURE), random(seed + "salt", 16), [PICTURE]
        ),
        name: raw,
    }
    return {
        "key": key.hex(),
        "manifest": name,
        "hash": manifest_hash(raw).hex(),
        "objects": {name: data.hex() for name, data in objects.items()},
    }


if __name__ == "__main__":
    FILE.write_text(json.dumps(record(), indent=1) + "\n")
    sys.stdout.write(f"{FILE}\n")

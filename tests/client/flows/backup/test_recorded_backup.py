"""A backup that an older release wrote comes back into a profile, with all that it says."""

from pathlib import Path

import pytest

from letterlock.ids import ConversationId, MessageId
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.storage import messages
from tests.client.flows.backup.test_backups_of_any_history import Terminal
from tests.client.storage.chat import message
from tests.shared.backup.recording import ALICE, BOB, PICTURE, load
from tests.simulator import Clock

CHAT_OF_BOB = ConversationId(BOB)
GONE = MessageId(bytes([9]) * 16)
"""What was deleted when it was written."""


@pytest.mark.parametrize("beside", [False, True])
async def test_a_recorded_backup_is_restored(tmp_path: Path, beside: bool) -> None:
    recording, shelf = load(), MemoryProvider()
    shelf.objects = {name: bytes.fromhex(data) for name, data in recording["objects"].items()}
    async with Terminal(tmp_path, "new", shelf, Clock()) as new:
        await new.restore(beside=beside, key=bytes.fromhex(recording["key"]))
        found = await new.history()
        (bob,) = found.contacts
        assert (bob["account"], bob["handle"], bob["verified"], bob["list_version"]) == (BOB, "bob", 1, 2)
        assert (bob["standing"], bob["created"], bob["known"]) == ("accepted", 1_700_000_000_000, 1)
        (chat,) = found.chats
        assert (chat["timer_s"], chat["timer_set_at"], chat["draft"], chat["listed"]) == (
            3600,
            5,
            "a draft",
            "pinned",
        )
        assert found.settings == [("settings", b"{}")]
        assert [(each["text"], each["mine"], each["author"]) for each in found.messages] == [
            ("hello, bob", 1, ALICE),
            ("look", 0, BOB),
            ("plain 0 ☃", 1, ALICE),
            ("plain 1 ☃", 0, BOB),
            ("plain 2 ☃", 1, ALICE),
            ("plain 3 ☃", 0, BOB),
        ]
        first, second, *plain = found.messages
        assert (first["delivery"], first["edited_at"]) == ("read", 1_700_000_000_009)
        assert first["earlier"] == ((1_700_000_000_001, "helo, bob"),)
        assert first["reactions"] == ((BOB, "👍", 1_700_000_000_010),)
        assert (second["kind"], second["reply_to"], second["unread"]) == ("image", bytes(range(16)), 1)
        assert [second[f"file.{name}"] for name in ("name", "size", "width", "height", "preview")] == [
            "sea.png",
            len(PICTURE),
            640,
            480,
            b"small",
        ]
        assert [each["delivery"] for each in plain] == ["sent", "none", "sent", "none"]
        assert [each["received_at"] for each in plain] == [
            1_700_000_000_031 + 2 * number for number in range(4)
        ]
        shown = await new.database.read(lambda reader: messages.last(reader, CHAT_OF_BOB, 10))
        assert [each.text for each in shown] == [each["text"] for each in found.messages]
        late = message(1, id=GONE, conversation=BOB, author=BOB)
        assert not await new.database.write(lambda tx: messages.add(tx, late)), "it was deleted"

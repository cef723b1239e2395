"""What `backup set --provider` says, before it moves a backup, of what only that has."""

import pytest

from letterlock_client.commands.backup import only_there
from letterlock_client.left_behind import LeftBehind


@pytest.mark.parametrize(
    ("left", "carried", "anew"),
    [
        (
            LeftBehind(1, 2_048),
            "Only in the backup so far: 1 file, 2,048 bytes; they are carried over.",
            "Only in the backup so far: 1 file, 2,048 bytes; they stay where they are.",
        ),
        (
            LeftBehind(2, 10, chats=True),
            "Only in the backup so far: chats that were not restored and 2 files, 10 bytes; they are carried over.",
            "Only in the backup so far: chats that were not restored and 2 files, 10 bytes; they stay where they are.",
        ),
        (
            LeftBehind(0, 0, waiting=1),
            "A restore has still to bring at most 1 message; it goes on from the new place.",
            "A restore has still to bring at most 1 message; it ends without them where they cannot be read.",
        ),
        (
            LeftBehind(0, 0, chats=True, conversations=3, messages=40, waiting=7),
            (
                "Only in the backup so far: 3 chats with at most 40 messages; they are carried over. A restore has"
                " still to bring at most 7 messages; it goes on from the new place."
            ),
            (
                "Only in the backup so far: 3 chats with at most 40 messages; they stay where they are. A restore has"
                " still to bring at most 7 messages; it ends without them where they cannot be read."
            ),
        ),
    ],
)
def test_each_thing_that_only_the_backup_has_is_said_with_what_becomes_of_it(
    left: LeftBehind, carried: str, anew: str
) -> None:
    assert only_there(left, anew=False) == carried
    assert only_there(left, anew=True) == anew

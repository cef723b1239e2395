"""What backup commands print for people reads as a sentence, whatever the numbers are."""

import pytest

from letterlock_client.backup_models import BackupPhase, BackupProgress, Freshness, Restored, TurnedOff
from letterlock_client.backup_shapes import off_line, off_shape, progress_line, restored_line


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 messages in 0 chats and 0 files"), (1, "1 message in 1 chat and 1 file")],
)
def test_one_of_a_thing_is_not_many(count: int, said: str) -> None:
    assert said in restored_line(Restored(count, count, count, 7, Freshness.VERIFIED, 2))


@pytest.mark.parametrize(
    ("done", "total", "size", "said"),
    [
        (0, 0, 0, "telling the realms"),
        (0, 2, 0, "telling the realms: 0 of 2"),
        (1, 2, 9_000, "telling the realms: 1 of 2, 9,000 bytes"),
    ],
)
def test_progress_counts_only_what_there_is_to_count(done: int, total: int, size: int, said: str) -> None:
    assert progress_line(BackupProgress(BackupPhase.ANCHORING, done, total, size, size, 0.0, 0.0)) == said


@pytest.mark.parametrize(
    ("away", "said"),
    [
        ((), "Deleted at the vault: 2 of 3 realms."),
        (("west",), "west did not delete its record of the former backup password. Asked again while"),
        (("west", "east"), "west, east did not delete their records of the former backup password."),
    ],
)
def test_realms_that_keep_a_record_are_named_when_backups_are_turned_off(
    away: tuple[str, ...], said: str
) -> None:
    done = TurnedOff(1, 2, 3, away)
    line = off_line(done)
    assert "Deleted at the provider: 1 object." in line
    assert said in line
    assert ("did not delete" in line) is bool(away)
    assert off_shape(done)["deletions_pending"] == list(away)

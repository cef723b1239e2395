"""What backup commands print for people reads as a sentence, whatever the numbers are."""

from dataclasses import replace

import pytest

from letterlock.ids import MessageId
from letterlock_client.backup_models import (
    BackupPhase,
    BackupProgress,
    BackupStatus,
    FeatureView,
    Freshness,
    LastBackup,
    Restored,
    TurnedOff,
    Verified,
    WrongFile,
)
from letterlock_client.backup_shapes import (
    off_line,
    off_shape,
    progress_line,
    restored_line,
    restored_shape,
    status_line,
    verified_line,
)
from letterlock_client.ui.backup_wording import restored_sentence
from tests.client.ui.fake_messenger import FakeMessenger


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 messages in 0 chats and 0 files"), (1, "1 message in 1 chat and 1 file")],
)
def test_one_of_a_thing_is_not_many(count: int, said: str) -> None:
    assert said in restored_line(Restored(count, count, count, 7, Freshness.VERIFIED, 2))


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "not back: 1 file: 0.jpg."),
        (2, "not back: 2 files: 0.jpg, 1.jpg."),
        (2_000, "8.jpg, 9.jpg, and 1,990 more."),
    ],
)
def test_files_that_did_not_come_back_are_counted_and_some_named(count: int, said: str) -> None:
    wrong = tuple(
        WrongFile(MessageId(bytes(16)), f"{number}.jpg", "backup_missing")
        for number in range(min(count, 100))
    )
    done = Restored(1, 1, 0, 7, Freshness.VERIFIED, 2, media_wrong=count, wrong=wrong)
    assert said in restored_line(done)
    assert said in restored_sentence(done)


def test_files_that_could_not_be_read_are_told_apart_with_what_to_do() -> None:
    wrong = (
        WrongFile(MessageId(bytes(16)), "spoilt.jpg", "backup_damaged"),
        WrongFile(MessageId(bytes(16)), "locked.jpg", "provider_refused"),
        WrongFile(MessageId(bytes(16)), "away.jpg", "provider_unreachable"),
    )
    done = Restored(1, 1, 0, 7, Freshness.VERIFIED, 2, media_wrong=4, media_unread=3, wrong=wrong)
    for said in (restored_line(done), restored_sentence(done)):
        assert "Damaged or missing at the provider, and not back: 1 file: spoilt.jpg." in said
        assert "not back: 3 files: locked.jpg, away.jpg, and 1 more. Look at its disk" in said
    assert restored_shape(done)["media_unread"] == 3
    done = replace(done, media_wrong=3, wrong=wrong[1:])
    assert "Damaged" not in restored_line(done)


@pytest.mark.parametrize("freshness", Freshness)
def test_what_is_only_remembered_of_the_vault_is_not_said_of_now(freshness: Freshness) -> None:
    """Reading a backup asks no realm: all of them may be away."""
    last = LastBackup(0, 12, 1, 1, 1, freshness)
    status = BackupStatus(on=True, feature=FeatureView(True, ""), last=last)
    for line in (verified_line(Verified(12, 1, 1, 1, 1, 1, freshness, ())), status_line(status)):
        assert ("vault has confirmed that it is the newest" in line) is (freshness is Freshness.VERIFIED)
        assert "confirms" not in line
        assert "realms confirm " not in line


def test_a_hostile_name_of_a_lost_file_stays_on_its_line() -> None:
    wrong = (WrongFile(MessageId(bytes(16)), "a\x1b[2J\nb" * 50, "backup_missing"),)
    line = restored_line(Restored(1, 1, 0, 7, Freshness.VERIFIED, 2, media_wrong=1, wrong=wrong))
    assert len(line.splitlines()) == 2
    assert "\x1b" not in line


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


@pytest.mark.parametrize(
    ("reason", "said"),
    [("", "letterlock backup on"), ("gradual", "arrive gradually"), ("needs_version", "the latest version")],
)
def test_backups_that_are_off_are_offered_only_where_they_can_be_turned_on(reason: str, said: str) -> None:
    off = FakeMessenger().backups.now
    line = status_line(replace(off, feature=FeatureView(not reason, reason)))
    assert said in line
    assert ("letterlock backup on" in line) is (not reason)

"""What backup commands print for people reads as a sentence, whatever the numbers are."""

import pytest

from letterlock_client.backup_models import Freshness, Restored
from letterlock_client.backup_shapes import restored_line


@pytest.mark.parametrize(
    ("count", "said"),
    [(0, "0 messages in 0 chats and 0 files"), (1, "1 message in 1 chat and 1 file")],
)
def test_one_of_a_thing_is_not_many(count: int, said: str) -> None:
    assert said in restored_line(Restored(count, count, count, 7, Freshness.VERIFIED, 2))

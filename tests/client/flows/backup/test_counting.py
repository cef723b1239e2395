"""What a restored backup is said to hold, before it is counted here."""

import pytest

from letterlock.backup.manifest import MAX_CHATS, ChatCount
from letterlock_client.backup_models import Freshness
from letterlock_client.flows.backup import counting
from tests.shared.backup.manifests import manifest, totals


@pytest.mark.parametrize(("whole", "shown"), [((10, 3), (2 * MAX_CHATS, 500)), ((1300, 700), (1300, 700))])
def test_chats_that_a_manifest_does_not_list_count_as_well(
    whole: tuple[int, int], shown: tuple[int, int]
) -> None:
    chats = tuple(ChatCount(number.to_bytes(20), "x", 2, 1, number) for number in range(MAX_CHATS))
    found = counting.of_manifest(manifest(totals=totals(*whole), chats=chats), Freshness.UNCHECKED)
    last = found.shown()
    assert (last.messages, last.media) == shown
    assert counting.load(counting.save(found)) == found

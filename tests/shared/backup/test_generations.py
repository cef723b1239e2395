"""What generations promise: an older one is never taken for the newest, and the good ones stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.backup.generations import (
    FORGET_MS,
    Anchor,
    Generation,
    choose,
    leaving,
    newest,
    shrunk,
    unreadable_leaving,
)
from letterlock.backup.manifest import manifest_name
from letterlock.errors import StaleGenerationError, WrongSecretError
from tests.shared.backup.manifests import KEY, manifest, totals

NOW = 10**6
"""No manifest here is of later."""


def present(
    number: int, *, mark: int = 0, before: tuple[int, ...] = (), messages: int = 10, **more: object
) -> Generation:
    value = manifest(number, chain=tuple(map(hash_of, before)), totals=totals(messages), **more)
    return Generation(manifest_name(KEY, number, bytes([mark]) * 8), hash_of(number, mark), value)


def hash_of(number: int, mark: int = 0) -> bytes:
    return bytes([number, mark]) * 16


def numbers(found: tuple[Generation, ...]) -> list[int]:
    return sorted(each.manifest.generation for each in found)


def test_the_newest_is_the_highest_and_of_two_with_one_number_the_greater_hash() -> None:
    one, two, twin = present(1), present(2), present(2, mark=1)
    assert newest([one, two, twin]) is newest([twin, one, two]) is twin
    with pytest.raises(WrongSecretError):
        newest([])


def test_without_an_anchor_the_newest_is_taken() -> None:
    assert choose([present(1), present(3)], None).manifest.generation == 3


def test_the_anchored_generation_or_one_that_follows_it_is_fresh() -> None:
    generations = [present(4), present(5, before=(4,)), present(6, before=(4, 5))]
    for anchored in (4, 5, 6):
        assert choose(generations, Anchor(anchored, hash_of(anchored))).manifest.generation == 6
    assert choose(generations[:2], Anchor(5, hash_of(5))).manifest.generation == 5


def test_a_replayed_older_backup_is_stale_and_says_from_when_it_is() -> None:
    with pytest.raises(StaleGenerationError) as found:
        choose([present(3), present(4)], Anchor(6, hash_of(6)))
    assert (found.value.generation, found.value.at, found.value.known) == (4, 4000, 6)


def test_another_history_with_a_higher_number_is_not_taken_for_a_descendant() -> None:
    with pytest.raises(StaleGenerationError):
        choose([present(9, mark=5, before=(2,))], Anchor(6, hash_of(6)))
    mixed = [present(6), present(9, mark=5, before=(2,))]
    assert choose(mixed, Anchor(6, hash_of(6))).manifest.generation == 6


def test_so_many_generations_stay_and_the_newest_always() -> None:
    ten = [present(number) for number in range(1, 11)]
    assert numbers(leaving(ten, now=NOW, next_at=0)) == [1, 2, 3]
    assert numbers(leaving(ten, now=NOW, next_at=0, keep=2)) == list(range(1, 9))
    assert numbers(leaving(ten, now=NOW, next_at=0, keep=0)) == list(range(1, 10))
    assert leaving([], now=NOW, next_at=0) == ()


def test_the_generation_before_messages_were_lost_stays() -> None:
    good = present(1, messages=5000)
    rest = [present(number, messages=20) for number in range(2, 12)]
    assert good not in leaving([good, *rest], now=NOW, next_at=0)


def test_a_generation_from_before_a_purge_leaves_though_its_segments_were_folded_meanwhile() -> None:
    old, middle = present(1, messages=5000), present(2, purged=40)
    latest = present(3, purged=40)
    assert leaving([old, middle, latest], now=NOW, next_at=999 + FORGET_MS) == ()
    assert leaving([old, middle, latest], now=NOW, next_at=1000 + FORGET_MS) == (old,)
    assert leaving([old, middle, latest], now=NOW, next_at=9000 + FORGET_MS) == (old,)


def test_of_a_generation_that_a_wrong_clock_made_nobody_knows_that_30_days_have_not_passed() -> None:
    ahead = NOW + 1
    wrong, latest = present(4, at=ahead), present(5, purged=40)
    assert leaving([wrong, latest], now=NOW, next_at=NOW + 1) == (wrong,)
    assert leaving([wrong, latest], now=ahead, next_at=ahead) == ()
    assert unreadable_leaving({"lost": 3}, [wrong, latest], now=NOW, next_at=NOW + 1) == ("lost",)
    # The newest stays in any case, and so does one that holds nothing that was deleted since.
    assert leaving([present(4), present(5, at=ahead, purged=40)], now=NOW, next_at=NOW) == ()
    assert leaving([present(4, at=ahead), present(5)], now=NOW, next_at=NOW) == ()


def test_one_that_does_not_open_stays_until_as_many_newer_ones_are_there_as_are_kept() -> None:
    lost = {"lost": 3}
    for newer in range(9):
        generations = [present(number) for number in (1, 2, *range(4, 4 + newer))]
        assert unreadable_leaving(lost, generations, now=NOW, next_at=10**15) == (
            ("lost",) if newer >= 7 else ()
        )
    assert unreadable_leaving(lost, [], now=NOW, next_at=10**15) == ()
    assert unreadable_leaving(lost, [present(2), present(4)], now=NOW, next_at=0, keep=0) == ("lost",)
    assert unreadable_leaving({"lost": 9}, [present(8)], now=NOW, next_at=0, keep=0) == ()


def test_one_that_does_not_open_leaves_with_those_that_may_hold_what_was_deleted() -> None:
    later = [present(5), present(6, purged=40)]
    assert unreadable_leaving({"lost": 4}, later, now=NOW, next_at=4999 + FORGET_MS) == ()
    assert unreadable_leaving({"lost": 4}, later, now=NOW, next_at=5000 + FORGET_MS) == ("lost",)
    assert unreadable_leaving({"lost": 5}, later, now=NOW, next_at=9000 + FORGET_MS) == ()


@pytest.mark.parametrize(
    ("after", "deleted", "came", "alarm"),
    [
        (100, 0, 0, ""),
        (120, 0, 20, ""),
        (120, 0, 0, ""),
        (97, 3, 0, ""),
        (99, 3, 2, ""),
        (96, 3, 0, "4 messages fewer than the last one, and only 3"),
        (96, 3, 1, "4 messages fewer than the last one, and only 3"),
        (0, 0, 0, "100 messages fewer"),
        (100, 0, 1, "1 message of the last backup is missing"),
        (98, 3, 3, "2 messages of the last backup are missing"),
    ],
)
def test_a_backup_that_lacks_messages_for_no_reason_is_an_alarm(
    after: int, deleted: int, came: int, alarm: str
) -> None:
    sentence = shrunk(100, after, deleted=deleted, came=came)
    assert alarm in sentence
    assert bool(sentence) is bool(alarm)


@given(st.lists(st.integers(1, 30), unique=True, min_size=1, max_size=12), st.integers(0, 9))
def test_the_newest_never_leaves_and_nothing_leaves_twice(some: list[int], keep: int) -> None:
    generations = [present(number) for number in some]
    gone = numbers(leaving(generations, now=NOW, next_at=10**15, keep=keep))
    assert max(some) not in gone
    assert len(gone) == len(some) - min(len(some), max(1, keep))

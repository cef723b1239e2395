"""What following a list promises: forward only, one history, and a device id means one device for ever."""

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.devices.account import certify_list_key
from letterlock.devices.device_list import (
    Comparison,
    ListView,
    VerifiedAccount,
    certify_device,
    compare_views,
    open_account,
    sign_device_list,
    succeed,
)
from letterlock.errors import ForkedListError, StaleListError, WrongAccountError
from letterlock.ids import DeviceId
from letterlock.primitives.keys import SigningKey
from tests.shared.devices.people import ALICE, BOB, NOW, Person, seed

LATER = Person("alice", epoch=2)


def test_the_first_list_is_taken() -> None:
    first = ALICE.verified(3)
    assert succeed(None, first) is first


def test_the_same_list_again_is_taken() -> None:
    assert succeed(ALICE.verified(3), ALICE.verified(3)) == ALICE.verified(3)


def test_a_newer_version_is_taken_however_many_were_missed() -> None:
    assert succeed(ALICE.verified(1), ALICE.verified(900)).devices.version == 900


def test_a_newer_epoch_is_taken_even_at_a_lower_version() -> None:
    assert succeed(ALICE.verified(900), LATER.verified(1)).devices.epoch == 2


def test_an_older_version_is_refused() -> None:
    with pytest.raises(StaleListError):
        succeed(ALICE.verified(3), ALICE.verified(2))


def test_an_older_epoch_is_refused_even_at_a_higher_version() -> None:
    with pytest.raises(StaleListError):
        succeed(LATER.verified(1), ALICE.verified(900))


def test_another_account_s_list_is_refused() -> None:
    with pytest.raises(WrongAccountError):
        succeed(ALICE.verified(1), BOB.verified(2))


def test_two_lists_with_one_number_are_a_fork() -> None:
    for a, b in (
        (ALICE.verified(3, 1), ALICE.verified(3, 1, 2)),
        (ALICE.verified(3, 1, 2), ALICE.verified(3)),
    ):
        with pytest.raises(ForkedListError):
            succeed(a, b)


def test_a_list_renewed_without_a_new_version_is_a_fork() -> None:
    renewed = open_account(ALICE.root.public, ALICE.list_certificate, ALICE.list_raw(3, issued=NOW + 1))
    with pytest.raises(ForkedListError):
        succeed(ALICE.verified(3), renewed)


def _under_another_list_key(version: int) -> VerifiedAccount:
    other = SigningKey(seed("another list key"))
    device = certify_device(
        other,
        account=ALICE.account,
        device=DeviceId(1),
        epoch=1,
        identity_key=ALICE.identity().public,
        agreement_key=ALICE.agreement().public,
        sealing_key=ALICE.sealing().public,
        created=NOW,
    )
    return open_account(
        ALICE.root.public,
        certify_list_key(ALICE.root, list_key=other.public, epoch=1, created=NOW),
        sign_device_list(
            other, account=ALICE.account, epoch=1, version=version, issued=NOW, devices=[device]
        ),
    )


@pytest.mark.parametrize("version", [3, 4])
def test_two_list_keys_in_one_epoch_are_a_fork(version: int) -> None:
    with pytest.raises(ForkedListError):
        succeed(ALICE.verified(3), _under_another_list_key(version))


def _with_device_two_of(person: Person, name: str, version: int, month: int = 0) -> VerifiedAccount:
    """A list of `person`'s devices 1 and 2, where 2 holds the keys of somebody called `name`."""
    other = Person(name)
    two = certify_device(
        person.list_key,
        account=person.account,
        device=DeviceId(2),
        epoch=person.epoch,
        identity_key=other.identity(2).public,
        agreement_key=other.agreement(2).public,
        sealing_key=other.sealing(2, month).public,
        created=NOW,
    )
    raw = sign_device_list(
        person.list_key,
        account=person.account,
        epoch=person.epoch,
        version=version,
        issued=NOW,
        devices=[person.device_raw(1), two],
    )
    return open_account(person.root.public, person.list_certificate, raw)


def test_a_device_may_have_a_new_sealing_key() -> None:
    rotated = _with_device_two_of(ALICE, "alice", 2, month=1)
    assert succeed(ALICE.verified(1, 1, 2), rotated) is rotated


@pytest.mark.parametrize("person", [ALICE, LATER])
def test_a_device_id_never_comes_back_with_other_keys(person: Person) -> None:
    with pytest.raises(ForkedListError):
        succeed(ALICE.verified(1, 1, 2), _with_device_two_of(person, "thief", 2))


@pytest.mark.parametrize("person", [ALICE, LATER])
def test_a_device_id_that_was_given_up_is_never_used_again(person: Person) -> None:
    gone = ALICE.verified(2, 1, highest=2)
    assert succeed(ALICE.verified(1, 1, 2), gone) is gone
    for comes_back in (_with_device_two_of(person, "thief", 3), person.verified(3, 1, 2)):
        with pytest.raises(ForkedListError):
            succeed(gone, comes_back)


@pytest.mark.parametrize("person", [ALICE, LATER])
def test_a_list_that_forgets_which_ids_were_given_is_refused(person: Person) -> None:
    with pytest.raises(ForkedListError):
        succeed(ALICE.verified(1, 1, 2), person.verified(2, 1))


def test_a_device_with_a_new_id_is_taken() -> None:
    assert succeed(ALICE.verified(2, 1, highest=2), ALICE.verified(3, 1, 3)).devices.device(3) is not None


def test_a_restored_account_may_keep_some_devices_and_lose_others() -> None:
    restored = LATER.verified(1, 2, 4, highest=4)
    assert succeed(ALICE.verified(8, 1, 2, 3), restored).devices.device(1) is None


VIEWS = [ListView(e, v, d) for e, v, d in product((1, 2), (1, 2), (b"a" * 32, b"b" * 32))]


@pytest.mark.parametrize(("ours", "theirs"), list(product(VIEWS, VIEWS)))
def test_views_compare_by_epoch_then_version_then_digest(ours: ListView, theirs: ListView) -> None:
    mirrored = {
        Comparison.THEIRS_OLDER: Comparison.THEIRS_NEWER,
        Comparison.THEIRS_NEWER: Comparison.THEIRS_OLDER,
    }
    comparison = compare_views(ours, theirs)
    assert compare_views(theirs, ours) is mirrored.get(comparison, comparison)
    numbers = ((ours.epoch, ours.version), (theirs.epoch, theirs.version))
    assert (comparison is Comparison.THEIRS_NEWER) == (numbers[1] > numbers[0])
    assert (comparison is Comparison.SAME) == (ours == theirs)
    assert (comparison is Comparison.FORKED) == (numbers[0] == numbers[1] and ours != theirs)


@st.composite
def histories(draw: st.DrawFn) -> list[VerifiedAccount]:
    """What an honest owner may do over time: link, unlink, renew, restore."""
    person, version, devices, highest = ALICE, 1, [1], 1
    history = [person.verified()]
    for act in draw(st.lists(st.sampled_from(["link", "unlink", "renew", "restore"]), max_size=5)):
        if act == "link":
            highest += 1
            devices = [*devices, highest]
        elif act == "unlink" and len(devices) > 1:
            gone = draw(st.sampled_from(devices))
            devices = [device for device in devices if device != gone]
        elif act == "restore":
            highest += 1
            person, version, devices = Person("alice", person.epoch + 1), 0, [highest]
        version += 1
        history.append(person.verified(version, *devices, highest=highest))
    return history


@settings(max_examples=40, deadline=None)
@given(histories(), st.data())
def test_an_honest_history_is_followed_in_any_order_and_never_looks_forked(
    history: list[VerifiedAccount], data: st.DataObject
) -> None:
    known: VerifiedAccount | None = None
    for offered in data.draw(st.permutations(history)):
        try:
            known = succeed(known, offered)
        except StaleListError:
            assert known is not None
            assert history.index(known) > history.index(offered)
        else:
            assert known is offered
    assert known == history[-1]

"""What every store promises: the same for the reference in memory and for SQLite."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence

import pytest

from letterlock.ids import AccountId, BlobId, EnvelopeId
from letterlock_server.relay.state import PREKEY_RULE
from letterlock_server.stores.interfaces import (
    MAX_UNFINISHED,
    AccountRecord,
    Copy,
    DrainedError,
    FullError,
    HandleTakenError,
    Kept,
    ListMovedError,
    NotUploadingError,
    Numbers,
    OneTime,
    PrekeyUpload,
    Store,
)
from tests.server.conftest import Clock
from tests.server.people import NOW

DAY = 24 * 3600 * 1000
FIRST = Numbers(1, 1)
SECOND = Numbers(1, 2)


@pytest.fixture
async def opened(store: Store) -> AsyncIterator[Store]:
    await store.open()
    yield store
    await store.close()


def record(
    handle: str = "alice",
    account: bytes = b"a" * 20,
    device_list: bytes = b"list",
    handle_entry: bytes = b"entry",
) -> AccountRecord:
    return AccountRecord(
        account=AccountId(account),
        handle=handle,
        handle_entry=handle_entry,
        root_key=b"r" * 32,
        list_certificate=b"certificate",
        device_list=device_list,
    )


async def keep(store: Store, *copies: Copy) -> Sequence[int] | None:
    answer: asyncio.Future[Sequence[int] | None] = asyncio.get_running_loop().create_future()
    store.mail.keep(copies, answer.set_result)
    return await answer


async def forget(store: Store, mailbox: int, *sequences: int) -> Sequence[int] | None:
    answer: asyncio.Future[Sequence[int] | None] = asyncio.get_running_loop().create_future()
    store.mail.forget(mailbox, sequences, answer.set_result)
    return await answer


def copy(mailbox: int = 1, body: bytes = b"body", envelope: bytes = b"", received_ms: int = NOW) -> Copy:
    return Copy(mailbox, EnvelopeId(envelope or secrets.token_bytes(16)), received_ms, body)


async def mailbox(store: Store, account: bytes = b"a" * 20) -> int:
    handle = "h" + account[:4].hex()
    listing = await store.accounts.register(record(handle, account), FIRST, {1: b"k" * 32})
    return listing.devices[1].mailbox


async def test_an_account_is_found_as_it_was_signed(opened: Store) -> None:
    kept = record()
    listing = await opened.accounts.register(kept, FIRST, {1: b"k" * 32, 7: b"l" * 32})
    assert await opened.accounts.find(kept.account) == kept
    assert await opened.accounts.find_handle("alice") == kept
    assert await opened.accounts.listing(kept.account) == listing
    assert {device: one.identity_key for device, one in listing.devices.items()} == {
        1: b"k" * 32,
        7: b"l" * 32,
    }
    assert await opened.accounts.find(AccountId(b"z" * 20)) is None
    assert await opened.accounts.find_handle("zoe") is None
    assert await opened.accounts.listing(AccountId(b"z" * 20)) is None


async def test_registering_again_with_the_same_objects_is_success(opened: Store) -> None:
    first = await opened.accounts.register(record(), FIRST, {1: b"k" * 32})
    assert await opened.accounts.register(record(), FIRST, {1: b"k" * 32}) == first


async def test_a_handle_belongs_to_one_account_and_an_account_has_one_handle(opened: Store) -> None:
    await opened.accounts.register(record(), FIRST, {1: b"k" * 32})
    with pytest.raises(HandleTakenError):
        await opened.accounts.register(record(account=b"b" * 20), FIRST, {1: b"k" * 32})
    with pytest.raises(HandleTakenError):
        await opened.accounts.register(record("other"), FIRST, {1: b"k" * 32})
    with pytest.raises(ListMovedError):
        await opened.accounts.register(record(device_list=b"another"), FIRST, {1: b"k" * 32})


async def test_two_who_register_one_handle_at_once_do_not_both_get_it(opened: Store) -> None:
    results = await asyncio.gather(
        *(
            opened.accounts.register(record("same", bytes([n]) * 20), FIRST, {1: b"k" * 32})
            for n in range(20)
        ),
        return_exceptions=True,
    )
    assert sum(not isinstance(one, Exception) for one in results) == 1


async def test_a_newer_list_takes_unlisted_devices_mail_and_prekeys_with_it(opened: Store) -> None:
    first = await opened.accounts.register(record(), FIRST, {1: b"k" * 32, 2: b"l" * 32})
    stays, goes = first.devices[1].mailbox, first.devices[2].mailbox
    await keep(opened, copy(stays), copy(goes))
    await opened.prekeys.put(goes, upload(3), 100)
    second = await opened.accounts.replace_list(
        record(device_list=b"newer", handle_entry=b"newer too"), FIRST, SECOND, {1: b"k" * 32, 3: b"m" * 32}
    )
    assert second.numbers == SECOND
    assert second.devices[1] == first.devices[1]
    assert second.devices[3].mailbox not in (stays, goes)
    assert (await opened.mail.held(stays), await opened.mail.held(goes)) == (1, 0)
    assert await opened.prekeys.take(goes, b"p" * 16, NOW) is None
    found = await opened.accounts.find(AccountId(b"a" * 20))
    assert found is not None
    assert (found.device_list, found.handle_entry) == (b"newer", b"newer too")


async def test_a_list_is_replaced_only_from_the_one_it_was_made_from(opened: Store) -> None:
    await opened.accounts.register(record(), FIRST, {1: b"k" * 32})
    await opened.accounts.replace_list(record(device_list=b"two"), FIRST, SECOND, {1: b"k" * 32})
    with pytest.raises(ListMovedError):
        await opened.accounts.replace_list(record(device_list=b"too"), FIRST, SECOND, {1: b"k" * 32})


async def test_copies_are_read_in_the_order_they_were_kept(opened: Store) -> None:
    copies = [copy(body=b"%d" % number) for number in range(10)]
    sequences = await keep(opened, *copies[:4])
    later = await keep(opened, *copies[4:])
    assert sequences is not None
    assert later is not None
    expected = [
        Kept(number, one.envelope, one.received_ms, one.body)
        for number, one in zip([*sequences, *later], copies, strict=True)
    ]
    assert await opened.mail.page(1, 0, 100) == expected
    assert await opened.mail.page(1, expected[3].sequence, 2) == expected[4:6]
    assert await opened.mail.page(2, 0, 100) == []
    assert await opened.mail.held(1) == 10


async def test_a_copy_is_kept_once_and_stays_forgotten_when_forgotten(opened: Store) -> None:
    one = copy()
    first = await keep(opened, one)
    assert first is not None
    assert first[0] > 0
    assert await keep(opened, one) == [0]
    assert await forget(opened, 1, first[0]) is not None
    assert await keep(opened, one) == [0]
    assert await opened.mail.held(1) == 0


async def test_a_repeat_within_one_batch_is_kept_once(opened: Store) -> None:
    one = copy()
    both = await asyncio.gather(keep(opened, one), keep(opened, one), keep(opened, copy()))
    assert sorted(bool(sequences and sequences[0]) for sequences in both) == [False, True, True]
    assert await opened.mail.held(1) == 2


async def test_one_envelope_id_is_kept_for_each_of_two_mailboxes(opened: Store) -> None:
    envelope = secrets.token_bytes(16)
    sequences = await keep(opened, copy(1, envelope=envelope), copy(2, envelope=envelope))
    assert sequences is not None
    assert all(sequences)


async def test_one_mailbox_cannot_forget_anothers_copies(opened: Store) -> None:
    sequences = await keep(opened, copy(1))
    assert sequences is not None
    await forget(opened, 2, *sequences)
    assert await opened.mail.held(1) == 1


async def test_mail_expires_by_its_time_and_says_from_where(opened: Store, clock: Clock) -> None:
    await keep(opened, copy(1), copy(2))
    clock.now += 3 * DAY
    await keep(opened, copy(1, received_ms=clock.now), copy(3, received_ms=clock.now))
    assert dict(await opened.mail.expire(NOW, clock.now)) == {}
    assert dict(await opened.mail.expire(NOW + 2 * DAY, clock.now)) == {1: 1, 2: 1}
    assert [await opened.mail.held(box) for box in (1, 2, 3)] == [1, 0, 1]


async def test_repeats_are_known_for_a_week_and_as_long_as_the_copy_lies_here(
    opened: Store, clock: Clock
) -> None:
    box = await mailbox(opened)
    old, lying = copy(box), copy(box)
    first = await keep(opened, old)
    assert first is not None
    await forget(opened, box, *first)
    await keep(opened, lying)
    clock.now += 6 * DAY
    await opened.mail.expire(0, NOW + 6 * DAY)
    assert await keep(opened, old) == [0]
    clock.now += 4 * DAY
    await keep(opened, copy(box, received_ms=NOW + 10 * DAY))
    await opened.mail.expire(0, NOW + 10 * DAY)
    assert await keep(opened, lying) == [0]
    again = await keep(opened, Copy(box, old.envelope, NOW + 10 * DAY, b""))
    assert again is not None
    assert again[0] > 0


def upload(count: int, first: int = 1) -> PrekeyUpload:
    ids = range(first, first + count)
    return PrekeyUpload(
        signed=b"signed",
        last_resort=b"last",
        one_time=[OneTime(one, b"x%d" % one) for one in ids],
        kem_one_time=[OneTime(one, b"k%d" % one) for one in ids],
    )


async def test_prekeys_are_handed_out_once_and_then_the_last_resort(opened: Store) -> None:
    box = await mailbox(opened)
    assert await opened.prekeys.take(box, b"p" * 16, NOW) is None
    left = await opened.prekeys.put(box, upload(2), 100)
    assert (left.one_time, left.kem_one_time) == (2, 2)
    taken = [await opened.prekeys.take(box, b"p" * 16, NOW) for _ in range(3)]
    assert all(taken)
    assert [(one.one_time, one.kem) for one in taken if one] == [
        (b"x1", b"k1"),
        (b"x2", b"k2"),
        (b"", b"last"),
    ]


async def test_an_upload_that_is_repeated_brings_no_prekey_back(opened: Store) -> None:
    box = await mailbox(opened)
    await opened.prekeys.put(box, upload(3), 100)
    await opened.prekeys.take(box, b"p" * 16, NOW)
    left = await opened.prekeys.put(box, upload(3), 100)
    assert left.one_time == 2
    again = await opened.prekeys.take(box, b"p" * 16, NOW)
    assert again is not None
    assert again.one_time == b"x2"


async def test_more_prekeys_than_fit_are_refused_whole(opened: Store) -> None:
    box = await mailbox(opened)
    await opened.prekeys.put(box, upload(5), 5)
    with pytest.raises(FullError):
        await opened.prekeys.put(box, upload(1, first=6), 5)
    assert (await opened.prekeys.count(box)).one_time == 5


async def test_an_empty_lasting_prekey_keeps_the_present_one(opened: Store) -> None:
    box = await mailbox(opened)
    await opened.prekeys.put(box, upload(0), 5)
    await opened.prekeys.put(
        box, PrekeyUpload(signed=b"", last_resort=b"newer", one_time=[], kem_one_time=[]), 5
    )
    taken = await opened.prekeys.take(box, b"p" * 16, NOW)
    assert taken is not None
    assert (taken.signed, taken.kem) == (b"signed", b"newer")


async def test_a_pair_takes_six_then_one_every_ten_minutes(opened: Store) -> None:
    box = await mailbox(opened)
    await opened.prekeys.put(box, upload(20), 100)
    for _ in range(6):
        await opened.prekeys.take(box, b"p" * 16, NOW)
    with pytest.raises(DrainedError) as drained:
        await opened.prekeys.take(box, b"p" * 16, NOW + 1000)
    assert 0 < drained.value.retry_ms <= 600_000
    assert (await opened.prekeys.count(box)).one_time == 14
    await opened.prekeys.take(box, b"q" * 16, NOW + 1000)
    await opened.prekeys.take(box, b"p" * 16, NOW + 600_000)
    with pytest.raises(DrainedError):
        await opened.prekeys.take(box, b"p" * 16, NOW + 600_001)
    await opened.mail.expire(0, NOW + 3_600_000 * 3)
    for _ in range(int(PREKEY_RULE.burst)):
        await opened.prekeys.take(box, b"p" * 16, NOW + 3_600_000 * 3)


async def test_twenty_takers_never_get_the_same_prekey(opened: Store) -> None:
    box = await mailbox(opened)
    await opened.prekeys.put(box, upload(90), 100)
    pairs = [bytes([n]) * 16 for n in range(20)]
    taken = await asyncio.gather(*(opened.prekeys.take(box, pair, NOW) for pair in pairs for _ in range(5)))
    one_time = [one.one_time for one in taken if one is not None and one.one_time]
    assert len(one_time) == len(set(one_time)) == 90


BLOB = BlobId(b"b" * 16)
ALICE = b"u" * 16
EVE = b"e" * 16


async def test_an_attachment_is_whole_when_its_last_byte_is_there(opened: Store) -> None:
    assert (await opened.blobs.begin(BLOB, ALICE, 10, NOW)).offset == 0
    assert (await opened.blobs.append(BLOB, ALICE, 0, b"01234")).offset == 5
    assert await opened.blobs.read(BLOB, 0, 10) is None
    state = await opened.blobs.begin(BLOB, ALICE, 10, NOW)
    assert state.offset == 5
    assert state.expires_ms == NOW + 30 * DAY
    await opened.blobs.append(BLOB, ALICE, 5, b"56789")
    assert await opened.blobs.read(BLOB, 0, 100) == (10, b"0123456789")
    assert await opened.blobs.read(BLOB, 4, 3) == (10, b"456")
    assert await opened.blobs.read(BLOB, 10, 3) == (10, b"")


@pytest.mark.parametrize(
    ("uploader", "offset", "data"),
    [(EVE, 2, b"x"), (ALICE, 0, b"x"), (ALICE, 3, b"x"), (ALICE, 2, b"123456789")],
)
async def test_an_upload_goes_on_only_where_it_stands_and_by_whom_it_was_begun(
    opened: Store, uploader: bytes, offset: int, data: bytes
) -> None:
    await opened.blobs.begin(BLOB, ALICE, 10, NOW)
    await opened.blobs.append(BLOB, ALICE, 0, b"01")
    with pytest.raises(NotUploadingError):
        await opened.blobs.append(BLOB, uploader, offset, data)
    assert (await opened.blobs.begin(BLOB, ALICE, 10, NOW)).offset == 2


async def test_an_id_that_is_taken_is_nobody_elses(opened: Store) -> None:
    await opened.blobs.begin(BLOB, ALICE, 2, NOW)
    with pytest.raises(NotUploadingError):
        await opened.blobs.begin(BLOB, EVE, 2, NOW)
    with pytest.raises(NotUploadingError):
        await opened.blobs.begin(BLOB, ALICE, 3, NOW)
    await opened.blobs.append(BLOB, ALICE, 0, b"01")
    with pytest.raises(NotUploadingError):
        await opened.blobs.begin(BLOB, ALICE, 2, NOW)


async def test_one_uploader_has_a_bounded_share_of_unfinished_uploads(opened: Store) -> None:
    for number in range(MAX_UNFINISHED):
        await opened.blobs.begin(BlobId(bytes([number]) * 16), ALICE, 10, NOW)
    with pytest.raises(FullError):
        await opened.blobs.begin(BLOB, ALICE, 10, NOW)
    await opened.blobs.begin(BLOB, EVE, 10, NOW)


async def test_attachments_expire_and_make_room(opened: Store) -> None:
    await opened.blobs.begin(BLOB, ALICE, 4, NOW)
    await opened.blobs.append(BLOB, ALICE, 0, b"0123")
    assert await opened.blobs.expire(NOW + 30 * DAY - 1) == 0
    assert await opened.blobs.expire(NOW + 30 * DAY) == 1
    assert await opened.blobs.read(BLOB, 0, 4) is None
    assert (await opened.blobs.begin(BLOB, EVE, 4, NOW)).offset == 0


async def test_more_than_the_store_holds_is_refused(opened: Store) -> None:
    size = 2 * 1024**3
    for number in range(4):
        await opened.blobs.begin(BlobId(bytes([number]) * 16), bytes([number]) * 16, size, NOW)
    with pytest.raises(FullError):
        await opened.blobs.begin(BLOB, ALICE, size, NOW)
    await opened.blobs.begin(BLOB, ALICE, 10_000_000_000 - 4 * size, NOW)

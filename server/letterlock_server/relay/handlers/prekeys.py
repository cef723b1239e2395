"""Prekeys: checked before they are kept, handed out once, and never drained by one who asks again and again.

Must not know private halves or SQL.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from letterlock.devices.bundle import PrekeyKind, PublicPrekey, open_prekey
from letterlock.devices.device_list import DeviceCertificate, open_account
from letterlock.ids import AccountId
from letterlock.primitives.derivation import keyed_hash
from letterlock.wire import frames, refusals
from letterlock_server.relay.state import Peer, Refuse, Relay
from letterlock_server.stores.interfaces import (
    DrainedError,
    FullError,
    OneTime,
    PrekeysLeft,
    PrekeyUpload,
)

MOST_PREKEYS: Final = 200
"""One-time prekeys of a kind that one device may leave here."""
LOW: Final = 10


async def put_prekeys(relay: Relay, peer: Peer, frame: frames.PutPrekeys, _size: int) -> frames.Frame:
    """-> PutPrekeys. One bad prekey refuses the whole upload."""
    box, account = peer.mailbox(), peer.identity()
    record = await relay.store.accounts.find(account)
    if record is None:
        raise Refuse(refusals.UNKNOWN_ACCOUNT, "no such account here")

    def check() -> PrekeyUpload:
        listed = open_account(record.root_key, record.list_certificate, record.device_list)
        certificate = listed.devices.device(peer.device)
        if certificate is None:
            raise Refuse(refusals.NOT_YOURS, "this device is no longer listed")
        return _checked(certificate, frame, relay.now())

    # Some two hundred signatures: a tenth of a second that others need not wait for.
    upload = await asyncio.get_running_loop().run_in_executor(relay.checking, check)
    try:
        left = await relay.store.prekeys.put(box.mailbox, upload, MOST_PREKEYS)
    except FullError as error:
        raise Refuse(refusals.TOO_LARGE, f"a device leaves at most {MOST_PREKEYS} of a kind") from error
    return frames.PrekeyCount(frame.id, left.one_time, left.kem_one_time)


def _checked(certificate: DeviceCertificate, frame: frames.PutPrekeys, now: int) -> PrekeyUpload:
    def opened(raw: bytes, kind: PrekeyKind) -> PublicPrekey:
        prekey = open_prekey(raw, certificate, (kind,))
        prekey.check_fresh(now)
        return prekey

    def one_time(raws: Sequence[bytes], kind: PrekeyKind) -> list[OneTime]:
        return [OneTime(opened(raw, kind).key_id, raw) for raw in raws]

    if frame.signed:
        opened(frame.signed, PrekeyKind.SIGNED)
    if frame.last_resort:
        opened(frame.last_resort, PrekeyKind.KEM_LAST_RESORT)
    return PrekeyUpload(
        signed=frame.signed,
        last_resort=frame.last_resort,
        one_time=one_time(frame.one_time, PrekeyKind.ONE_TIME),
        kem_one_time=one_time(frame.kem_one_time, PrekeyKind.KEM_ONE_TIME),
    )


async def count_prekeys(relay: Relay, peer: Peer, frame: frames.CountPrekeys, _size: int) -> frames.Frame:
    """-> CountPrekeys."""
    left = await relay.store.prekeys.count(peer.mailbox().mailbox)
    return frames.PrekeyCount(frame.id, left.one_time, left.kem_one_time)


async def fetch_bundle(relay: Relay, peer: Peer, frame: frames.FetchBundle, _size: int) -> frames.Frame:
    """-> FetchBundle. Six for each pair of asking account and asked device, then one every ten minutes."""
    account, now = peer.identity(), relay.now()
    retry = relay.rates.bundle.take(account, now)
    if retry:
        raise Refuse(refusals.RATE, "too many prekeys asked for", retry)
    listing = await relay.listing(AccountId(frame.account))
    listed = None if listing is None else listing.devices.get(frame.device)
    if listed is None:
        raise Refuse(refusals.UNKNOWN_ACCOUNT, "no such device here")
    pair = keyed_hash(relay.store.secret, account + listed.mailbox.to_bytes(8, "big"))[:16]
    try:
        taken = await relay.store.prekeys.take(listed.mailbox, pair, now)
    except DrainedError as error:
        raise Refuse(refusals.RATE, "too many prekeys of this device asked for", error.retry_ms) from error
    if taken is None:
        raise Refuse(refusals.UNKNOWN_ACCOUNT, "this device has left no prekeys yet")
    owner = relay.known_box(listed.mailbox)
    if owner is not None and owner.peer is not None and _worth_telling(taken.left):
        relay.tell(owner.peer, frames.Notice("prekeys_low"))
    return frames.BundleFound(frame.id, taken.signed, taken.one_time, taken.kem)


def _worth_telling(left: PrekeysLeft) -> bool:
    # At the mark and at the end, not at every one in between.
    return left.one_time in (LOW, 0) or left.kem_one_time in (LOW, 0)


async def tell_if_low(relay: Relay, peer: Peer) -> None:
    """Tell a device that has just logged in if others used up most of what it left."""
    left = await relay.store.prekeys.count(peer.mailbox().mailbox)
    if min(left.one_time, left.kem_one_time) <= LOW:
        relay.tell(peer, frames.Notice("prekeys_low"))

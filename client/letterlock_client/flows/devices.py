"""Keeps this device in order: prekeys restocked and rotated, sealing key and device list renewed, old keys gone.

Runs at each connection and now and then after it. Everything new is saved before it is published, so a crash
publishes it the next time. Must not know messages.
"""

from dataclasses import replace
from typing import Final

from letterlock.devices.bundle import PrekeyKind
from letterlock.devices.device_list import certify_device, sign_device_list
from letterlock.ids import DeviceId
from letterlock.messaging.prekeys import (
    KEM_ONE_TIME_TARGET,
    KEPT_MS,
    ONE_TIME_TARGET,
    OwnPrekey,
    forgettable,
    make_prekey,
    missing_one_time,
    rotation_due,
)
from letterlock.primitives.keys import SigningKey, agreement_public
from letterlock.wire import frames, refusals
from letterlock_client.events import Alarm
from letterlock_client.flows.workplace import Own, Work, Workplace, load_own
from letterlock_client.links.connection import Connection
from letterlock_client.links.failures import Refused
from letterlock_client.storage import identity, outbox, prekeys, seen, sessions
from letterlock_client.storage.database import Reader
from letterlock_client.storage.prekeys import StoredPrekey

LIST_RENEWED_MS: Final = 7 * 24 * 3600 * 1000
"""How old a device list grows before a connection renews it: well before it expires at 30 days."""
SEALING_RENEWED_MS: Final = 30 * 24 * 3600 * 1000
MOST_TARGETS: Final = 10
"""How many times a target of one-time prekeys is kept here: who takes them and writes nothing, or a relay that
always wants more, fills no disk."""
_LASTING: Final = (PrekeyKind.SIGNED, PrekeyKind.KEM_LAST_RESORT)
_TARGETS: Final = {
    PrekeyKind.ONE_TIME: ONE_TIME_TARGET,
    PrekeyKind.KEM_ONE_TIME: KEM_ONE_TIME_TARGET,
}


async def upkeep(place: Workplace, connection: Connection) -> None:
    """Do all that is due. Raises Offline, Refused, and the codes of storage."""
    await renew_list(place)
    await publish_list(place, connection)
    await restock(place, connection)
    await place.transact(_tidy)


# The device list.


async def renew_list(place: Workplace) -> None:
    """Sign a newer list if ours grows old or the sealing key has served its month; save it first."""
    own, now = place.own, place.clock()
    list_due = not 0 <= now - own.account.devices.issued < LIST_RENEWED_MS
    sealing_due = not 0 <= now - own.certificate.created < SEALING_RENEWED_MS
    if not own.identity.list_seed or not (list_due or sealing_due):
        return
    sealing = place.random(32) if sealing_due else own.identity.sealing_private

    async def work(work: Work) -> Own:
        await identity.save(work.tx, _renewed(own, sealing, work.now), work.now)
        return await load_own(work.tx)

    place.own = await place.transact(work)


def _renewed(own: Own, sealing: bytes, now: int) -> identity.OwnIdentity:
    stored, listed = own.identity, own.account.devices
    list_key = SigningKey(stored.list_seed)
    certificate = own.certificate.raw
    if sealing != stored.sealing_private:
        certificate = certify_device(
            list_key,
            account=own.id,
            device=own.device.device,
            epoch=listed.epoch,
            identity_key=own.certificate.identity_key,
            agreement_key=own.certificate.agreement_key,
            sealing_key=agreement_public(sealing),
            created=now,
        )
    others = [one.raw for one in listed.devices if one.device != own.device.device]
    return replace(
        stored,
        sealing_private=sealing,
        device_list=sign_device_list(
            list_key,
            account=own.id,
            epoch=listed.epoch,
            version=listed.version + 1,
            issued=now,
            devices=[certificate, *others],
            highest_device=listed.highest_device,
        ),
    )


async def publish_list(place: Workplace, connection: Connection) -> None:
    """Give the relay our list if it has an older one; a newer one than ours is an alarm."""
    ours, theirs = place.own.account.devices, connection.logged_in
    if theirs is None or (theirs.list_epoch, theirs.list_version) == (ours.epoch, ours.version):
        return
    if (theirs.list_epoch, theirs.list_version) > (ours.epoch, ours.version):
        text = "the relay holds a newer device list of yours than you have made"
        place.announcer.say([Alarm("own_list_forged", text)])
        return
    stored = place.own.identity
    request = frames.PutDeviceList(
        0, list_certificate=stored.list_certificate, device_list=stored.device_list
    )
    try:
        await connection.request(request, frames.Done)
    except Refused as refused:
        if refused.refusal != refusals.STALE:
            raise


# Prekeys.


async def restock(place: Workplace, connection: Connection) -> None:
    """Make what is due, save it, publish what the relay has not confirmed."""
    left = await connection.request(frames.CountPrekeys(0), frames.PrekeyCount)
    await place.transact(lambda work: _make_due(work, left))
    waiting = await place.database.read(_unpublished)
    if not any(waiting.values()):
        return
    await connection.request(_upload(waiting), frames.PrekeyCount)

    async def published(work: Work) -> None:
        for kind, records in waiting.items():
            await prekeys.mark_published(work.tx, int(kind), [one.key_id for one in records])

    await place.transact(published)


async def make_first(work: Work, own: Own) -> None:
    """Make a new device's first prekeys."""
    await _make_for(work, own, frames.PrekeyCount(0, one_time=0, kem_one_time=0))


async def _make_due(work: Work, left: frames.PrekeyCount) -> None:
    await _make_for(work, work.own, left)


async def _make_for(work: Work, own: Own, left: frames.PrekeyCount) -> None:
    for kind in _LASTING:
        newest = await prekeys.newest(work.tx, int(kind))
        if newest is None or rotation_due(newest.created, work.now):
            await _make(work, own, kind, 1)
    at_relay = {PrekeyKind.ONE_TIME: left.one_time, PrekeyKind.KEM_ONE_TIME: left.kem_one_time}
    for kind, target in _TARGETS.items():
        waiting = len(await prekeys.unpublished(work.tx, int(kind)))
        await _make(work, own, kind, missing_one_time(kind, at_relay[kind] + waiting))
        await prekeys.keep_newest(work.tx, int(kind), MOST_TARGETS * target)


async def _make(work: Work, own: Own, kind: PrekeyKind, count: int) -> None:
    if not count:
        return
    first = await prekeys.next_id(work.tx, int(kind), count)
    made = [
        make_prekey(
            own.device.identity,
            kind=kind,
            key_id=key_id,
            account=own.id,
            device=DeviceId(own.device.device),
            created=work.now,
            random=work.place.random,
        )
        for key_id in range(first, first + count)
    ]
    await prekeys.add(
        work.tx, [StoredPrekey(int(kind), one.key_id, one.to_bytes(), one.created) for one in made]
    )


_Waiting = dict[PrekeyKind, list[OwnPrekey]]


async def _unpublished(reader: Reader) -> _Waiting:
    waiting: _Waiting = {}
    for kind in PrekeyKind:
        records = [OwnPrekey.from_bytes(one.record) for one in await prekeys.unpublished(reader, int(kind))]
        waiting[kind] = records[: _TARGETS.get(kind, ONE_TIME_TARGET)]
    return waiting


def _upload(waiting: _Waiting) -> frames.PutPrekeys:
    def newest(kind: PrekeyKind) -> bytes:
        return waiting[kind][-1].public_raw if waiting[kind] else b""

    return frames.PutPrekeys(
        0,
        signed=newest(PrekeyKind.SIGNED),
        last_resort=newest(PrekeyKind.KEM_LAST_RESORT),
        one_time=[one.public_raw for one in waiting[PrekeyKind.ONE_TIME]],
        kem_one_time=[one.public_raw for one in waiting[PrekeyKind.KEM_ONE_TIME]],
    )


# What is too old to be of use.


async def _tidy(work: Work) -> None:
    now = work.now
    for kind in _LASTING:
        held = await _all_of(work, kind)
        gone = [(int(kind), one.key_id) for one in forgettable(held, now)]
        if gone:
            await prekeys.delete(work.tx, gone)
    await prekeys.forget_first_contacts(work.tx, now - KEPT_MS)
    await seen.forget(work.tx, now - KEPT_MS)
    await sessions.forget_retries(work.tx, now - KEPT_MS)
    await outbox.forget_originals(work.tx, now - KEPT_MS)
    await identity.drop_sealing_keys(work.tx, now - KEPT_MS)


async def _all_of(work: Work, kind: PrekeyKind) -> list[OwnPrekey]:
    held: list[OwnPrekey] = []
    newest = await prekeys.newest(work.tx, int(kind))
    key_id = newest.key_id if newest is not None else 0
    while key_id > 0 and (one := await prekeys.get(work.tx, int(kind), key_id)) is not None:
        held.append(OwnPrekey.from_bytes(one.record))
        key_id -= 1
    return held

"""Empties the outbox: the same bytes, in order for each recipient, as often as it takes.

Many submits are in flight at once; an answer means safe on the relay's disk, and only then does an envelope
leave the outbox. A stale device list is checked, taken, and everything sealed again under the same message
ids. Must not know what is said.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

import msgspec

from letterlock.devices.bundle import open_bundle
from letterlock.devices.device_list import DeviceCertificate, VerifiedAccount, open_account
from letterlock.errors import PeerError
from letterlock.ids import AccountId, ConversationId
from letterlock.messaging.content import SessionReset
from letterlock.messaging.payload import Payload, decode
from letterlock.wire import frames, refusals
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm
from letterlock_client.flows import contacts as contacting
from letterlock_client.flows import sealing
from letterlock_client.flows.sending import tell_changed
from letterlock_client.flows.workplace import Work, Workplace, device_digest, next_envelope, verified
from letterlock_client.links.connection import Connection
from letterlock_client.links.failures import Offline, Refused
from letterlock_client.models import Delivery, NewsKind
from letterlock_client.storage import contacts, feed, inspections, messages, outbox
from letterlock_client.storage.contacts import StoredContact
from letterlock_client.storage.database import Reader
from letterlock_client.storage.outbox import Outgoing, SentTo

WINDOW: Final = 192
"""How many submits may be in flight."""
_FLYING_BYTES: Final = 512 * 1024
"""How many bytes of them: what a slow line carries well before an answer is overdue."""
_PAUSE_S: Final = 0.5
_LOOK_AGAIN_S: Final = 1.0
_SEALED_AT_ONCE: Final = 64
RETRY_KIND: Final = "retry:"
RESEND_KIND: Final = "resend:"
"""Kinds that go to one device; its number follows."""

_WHY: Final = {
    refusals.MAILBOX_FULL: "their mailbox is full",
    refusals.UNKNOWN_ACCOUNT: "this account is not at the relay any more",
    refusals.TOO_LARGE: "too large for the relay",
}


@dataclass(slots=True)
class Delivering:
    """What one connection's emptying of the outbox keeps in mind; nothing that matters after it."""

    place: Workplace
    connection: Connection
    flying: dict[asyncio.Task[frames.Answer], Outgoing] = field(default_factory=dict)
    window: int = WINDOW
    """Falls to one when the relay asks us to wait, so that what it refuses is not overtaken."""

    async def run(self) -> None:
        """Go on until the connection ends. Raises Offline then."""
        try:
            while self.connection.open:
                self.place.outbox_changed.clear()
                wait = await self._start_more()
                if self.flying:
                    await asyncio.wait(self.flying, return_when=asyncio.FIRST_COMPLETED)
                    await self._settle()
                else:
                    await _first_of(self.place.outbox_changed, self.connection, wait)
        finally:
            for task in self.flying:
                task.cancel()
            await asyncio.gather(*self.flying, return_exceptions=True)

    async def _start_more(self) -> float | None:
        """Submit what may go; return after how many seconds to look again, or None if nothing waits."""
        if len(self.flying) > self.window // 2:
            return None
        now, window = self.place.clock(), self.window
        waiting = await self.place.database.read(lambda reader: _ready(reader, now, window))
        flying = {one.envelope for one in self.flying.values()}
        wait = _LOOK_AGAIN_S if waiting.delayed else None
        for contact, rows in waiting.ready:
            fresh = [row for row in rows if row.envelope not in flying]
            sealed = [row for row in fresh if not _needs_sealing(row, contact)]
            if len(sealed) == len(fresh):
                for row in fresh:
                    if self._flying_bytes() < _FLYING_BYTES:
                        self._submit(row)
            elif len(fresh) == len(rows):
                # Nothing of theirs is in flight, so order is safe: seal first, submit on the next round.
                wait = min(wait or 60.0, await self._seal_waiting(contact))
        return wait

    def _flying_bytes(self) -> int:
        return sum(len(body) for row in self.flying.values() for _device, body in row.sealed)

    def _submit(self, row: Outgoing) -> None:
        frame = frames.Submit(
            0,
            envelope=row.envelope,
            account=row.account,
            list_epoch=row.list_epoch,
            list_version=row.list_version,
            sealed=[frames.Sealed(device, body) for device, body in row.sealed],
            ephemeral=False,
        )
        self.flying[asyncio.create_task(self.connection.ask(frame))] = row

    async def _settle(self) -> None:
        """Write down, in one transaction, what every answer that has come means."""
        done = [task for task in self.flying if task.done()]
        answers = [(self.flying.pop(task), _result(task)) for task in done]
        stale: dict[AccountId, tuple[Outgoing, frames.StaleList]] = {}

        async def work(work: Work) -> None:
            for row, answer in answers:
                if isinstance(answer, frames.Accepted):
                    await _accepted(work, row)
                elif isinstance(answer, frames.StaleList):
                    stale[row.account] = (row, answer)
                elif isinstance(answer, Refused):
                    await _refused(work, row, answer)

        if any(not isinstance(answer, Offline) for _row, answer in answers):
            await self.place.transact(work)
        if any(isinstance(answer, Refused) and answer.passing for _row, answer in answers):
            self.window = 1
        else:
            self.window = min(WINDOW, self.window * 2)
        for row, newer in stale.values():
            await self._take_list(row, newer)
        for _row, answer in answers:
            if isinstance(answer, Offline):
                raise answer

    async def _take_list(self, row: Outgoing, answer: frames.StaleList) -> None:
        """Check the list the relay says is newer; what was sealed for the older one is sealed again."""

        async def work(work: Work) -> None:
            contact = await contacts.get(work.tx, row.account)
            if contact is None:
                return
            try:
                offered = open_account(contact.root_key, answer.list_certificate, answer.device_list)
            except PeerError as error:
                await contacting.alarm(work, contact, "relay_lies", f"a device list does not check: {error}")
                await _put_off(work, row.account)
                return
            after = await contacting.take(work, contact, offered)
            if (row.list_epoch, row.list_version) == (after.list_epoch, after.list_version):
                # What the relay calls newer is not: asking again at once would go round in circles.
                await _put_off(work, row.account)

        await self.place.transact(work)

    # Sealing what could not be sealed when it was said.

    async def _seal_waiting(self, contact: StoredContact) -> float:
        """Seal what waits for this account, beginning sessions as needed; return seconds until worth a look."""
        try:
            contact = await self._fresh_enough(contact)
            rows = await self.place.database.read(
                lambda reader: outbox.waiting(reader, account=contact.account, limit=_SEALED_AT_ONCE)
            )
            openings = await self._openings(contact, rows)
        except Refused as refused:
            if refused.passing:
                return max(refused.retry_ms / 1000, _PAUSE_S)
            if refused.refusal != refusals.UNKNOWN_ACCOUNT or not await self._has_other_list(contact):
                await self._give_up(contact, _WHY.get(refused.refusal, refused.message))
            return 0.0
        except Offline:
            raise
        except ClientError as error:
            await self._give_up(contact, error.message)
            return 0.0

        async def work(work: Work) -> None:
            for opening in openings:
                await sealing.begin(work, opening)
            for row in rows:
                if await outbox.get(work.tx, row.envelope) is not None and _needs_sealing(row, contact):
                    await _seal_row(work, contact, row)

        await self.place.transact(work)
        return 0.0

    async def _fresh_enough(self, contact: StoredContact) -> StoredContact:
        """First contact wants a list that has not expired. Raises code list_expired."""
        if not verified(contact).devices.expired(self.place.clock()):
            return contact
        fresh = await contacting.refresh(self.place, contact.account) or contact
        if not verified(fresh).devices.expired(self.place.clock()):
            return fresh

        async def work(work: Work) -> bool:
            return bool(await sealing.without_session(work, verified(fresh).devices.devices))

        if await self.place.transact(work):
            raise ClientError(Code.LIST_EXPIRED, "they have not been online for a month; try later")
        return fresh

    async def _has_other_list(self, contact: StoredContact) -> bool:
        """Whether the relay has a list of theirs that we lacked: a device may be unknown where the account is not."""
        try:
            after = await contacting.refresh(self.place, contact.account)
        except Offline:
            raise
        except ClientError:
            return False
        return after is not None and verified(after).devices != verified(contact).devices

    async def _openings(self, contact: StoredContact, rows: list[Outgoing]) -> list[sealing.Opening]:
        peer = verified(contact)

        # A retry request travels in a fresh session: the present one may be what is broken.
        asked = [_target(row, peer) for row in rows if row.kind.startswith(RETRY_KIND)]

        async def work(work: Work) -> list[DeviceCertificate]:
            targets = [one for one in asked if one is not None]
            wanted = await sealing.without_session(work, peer.devices.devices)
            return wanted + await sealing.without_fresh_session(work, targets)

        wanted = {one.device: one for one in await self.place.transact(work)}
        return [await self._open_bundle(one) for one in wanted.values()]

    async def _open_bundle(self, device: DeviceCertificate) -> sealing.Opening:
        request = frames.FetchBundle(0, account=device.account, device=device.device)
        answer = await self.connection.request(request, frames.BundleFound)
        try:
            bundle = open_bundle(device, answer.signed, answer.one_time, answer.kem)
            bundle.check_fresh(self.place.clock())
        except PeerError as error:
            text = f"the relay offered prekeys that do not check: {error}"
            self.place.announcer.say([Alarm("bad_prekeys", text, ConversationId(device.account))])
            raise ClientError(Code.RELAY_LIES, text) from error
        return sealing.prepare(device, bundle)

    async def _give_up(self, contact: StoredContact, reason: str) -> None:
        async def work(work: Work) -> None:
            for row in await outbox.waiting(work.tx, account=contact.account, limit=_SEALED_AT_ONCE):
                if _needs_sealing(row, contact):
                    await _failed(work, row, reason)

        await self.place.transact(work)


@dataclass(frozen=True, slots=True)
class _Ready:
    """What may go now, by recipient and in order; and whether something else waits for a time or a person."""

    ready: list[tuple[StoredContact, list[Outgoing]]]
    delayed: bool


async def _ready(reader: Reader, now: int, room: int) -> _Ready:
    ready: list[tuple[StoredContact, list[Outgoing]]] = []
    heads = await outbox.next_ready(reader, now, WINDOW)
    for head in heads:
        contact = await contacts.get(reader, head.account)
        if contact is not None and _may_send(contact) and room > 0:
            rows = await outbox.waiting(reader, account=head.account, limit=room)
            ready.append((contact, rows))
            room -= len(rows)
    waiting = 0 if ready else await outbox.count(reader)
    return _Ready(ready, delayed=waiting > 0)


def _may_send(contact: StoredContact) -> bool:
    try:
        contacting.check_may_send(contact)
    except ClientError:
        return False
    return True


def _needs_sealing(row: Outgoing, contact: StoredContact) -> bool:
    return not row.sealed or (row.list_epoch, row.list_version) != (contact.list_epoch, contact.list_version)


def _target(row: Outgoing, peer: VerifiedAccount) -> DeviceCertificate | None:
    """The one device that a row is for; None where it is for all, or the device is gone."""
    kind, _, number = row.kind.partition(":")
    return peer.devices.device(int(number)) if kind + ":" in (RETRY_KIND, RESEND_KIND) else None


def _is_single(row: Outgoing) -> bool:
    return row.kind.startswith((RETRY_KIND, RESEND_KIND))


async def _seal_row(work: Work, contact: StoredContact, row: Outgoing) -> None:
    """Seal a row's original for the list we now hold, with our views as they now are."""
    peer = verified(contact)
    original = await outbox.original(work.tx, row.original) if row.original is not None else None
    target = _target(row, peer)
    if original is None or (_is_single(row) and target is None):
        await outbox.delete(work.tx, row.envelope)
        return
    own_view, peer_view = work.own.account.devices.view, peer.devices.view
    payload = decode(original.payload)
    payload = msgspec.structs.replace(payload, own_view=own_view, peer_view=peer_view)
    devices = [target] if target is not None else list(peer.devices.devices)
    others = [one for one in peer.devices.devices if one not in devices]
    if await sealing.without_session(work, peer.devices.devices):
        return
    copies = await sealing.seal(work, peer, payload, devices)
    cover = await sealing.seal(work, peer, _cover(work, payload), others)
    if copies is None:
        return
    sealed = tuple(sorted(copies.sealed + (cover.sealed if cover else ())))
    if row.message is not None:
        await inspections.save(work.tx, copies.inspection)
    await outbox.keep_original(work.tx, original, [SentTo(one.device, device_digest(one)) for one in devices])
    fresh = replace(
        row,
        envelope=next_envelope(row.envelope) if row.sealed else row.envelope,
        list_epoch=peer.devices.epoch,
        list_version=peer.devices.version,
        sealed=sealed,
    )
    await outbox.replace_sealed(work.tx, row.envelope, fresh)


def _cover(work: Work, payload: Payload) -> Payload:
    """Say nothing, to the devices that what is sent to one of them is not for.

    The relay takes an envelope for all of an account's devices only.
    """
    return msgspec.structs.replace(payload, message=work.place.new_message_id(), content=SessionReset())


async def _accepted(work: Work, row: Outgoing) -> None:
    await outbox.delete(work.tx, row.envelope)
    if row.kind == "receipt" and row.original is not None:
        # Nobody asks for a receipt again: the next one says more.
        await outbox.delivered(work.tx, row.original)
    if row.message is None:
        return
    if await messages.set_delivery(work.tx, row.message, Delivery.ACCEPTED):
        await messages.start_timer(work.tx, row.message, work.now)
        work.tx.after_commit(work.place.timers_changed.set)
        await tell_changed(work, row.message)


async def _refused(work: Work, row: Outgoing, refused: Refused) -> None:
    if refused.passing:
        wait = min(max(refused.retry_ms, int(_PAUSE_S * 1000)), outbox.LONGEST_WAIT_MS)
        await outbox.attempted(work.tx, row.envelope, not_before=work.now + wait)
        return
    await _failed(work, row, _WHY.get(refused.refusal, refused.message))


async def _failed(work: Work, row: Outgoing, reason: str) -> None:
    await outbox.delete(work.tx, row.envelope)
    if row.message is None:
        return
    if await messages.set_delivery(work.tx, row.message, Delivery.FAILED, reason):
        conversation = ConversationId(row.account)
        await feed.add(
            work.tx, NewsKind.FAILED, work.now, conversation=conversation, message=row.message, detail=reason
        )
        await tell_changed(work, row.message)


async def _put_off(work: Work, account: AccountId) -> None:
    for row in await outbox.waiting(work.tx, account=account, limit=1):
        await outbox.attempted(work.tx, row.envelope, not_before=work.now + 60_000)


def _result(task: asyncio.Task[frames.Answer]) -> frames.Answer | Refused | Offline:
    error = task.exception()
    if error is None:
        return task.result()
    if isinstance(error, Refused | Offline):
        return error
    raise error


async def _first_of(changed: asyncio.Event, connection: Connection, seconds: float | None) -> None:
    """Wait until something is to be sent, the time is over, or the connection is."""
    waits: Iterable[asyncio.Task[object]] = [
        asyncio.create_task(changed.wait()),
        asyncio.create_task(connection.ended()),
    ]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in waits:
            one.cancel()
        await asyncio.gather(*waits, return_exceptions=True)

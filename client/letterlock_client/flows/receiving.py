"""Store before acknowledging: what arrives is opened and saved in ONE transaction, and only then let go.

A crash in between means that it comes again, and a key already used is success. Several deliveries share a
transaction when many wait. A bad envelope changes no session, is acknowledged, and is counted. Must not know
how a chat looks: `reading` applies what was said.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from letterlock.devices.bundle import PrekeyKind
from letterlock.devices.device_list import VerifiedSender
from letterlock.errors import DuplicateError, FrameError, OpenError, PeerError
from letterlock.ids import AccountId, DeviceId, EnvelopeId
from letterlock.messaging import session as messaging
from letterlock.messaging.content import Retry
from letterlock.messaging.payload import decode
from letterlock.messaging.prekeys import OwnPrekey
from letterlock.messaging.sealed_sender import check_sender, open_for
from letterlock.primitives.keys import AgreementKey
from letterlock.wire import frames
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm
from letterlock_client.flows import contacts as contacting
from letterlock_client.flows import reading, retrying
from letterlock_client.flows.reading import Arrived, Effects
from letterlock_client.flows.workplace import Own, Work, Workplace, open_chain, verified
from letterlock_client.links.connection import Connection
from letterlock_client.links.failures import Offline, Refused
from letterlock_client.links.relay import REPLACED
from letterlock_client.models import START_BYTES, Inspection, Standing
from letterlock_client.storage import contacts, prekeys, seen
from letterlock_client.storage.contacts import StoredContact

BATCH: Final = 64
"""How many deliveries share one transaction."""
_AGAIN_S: Final = 1.0


class Unsealed(NamedTuple):
    """A delivery whose outside was opened and whose sender was proved."""

    envelope: EnvelopeId
    sender: VerifiedSender
    message: bytes
    outside: bytes
    """The envelope as the relay had it."""


@dataclass(slots=True)
class Receiving:
    """Takes in what one connection delivers."""

    place: Workplace
    connection: Connection
    drained: asyncio.Event
    acknowledging: asyncio.Task[None] | None = field(default=None)
    undecided: list[frames.Deliver] = field(default_factory=list)
    """Of senders that cannot be looked up just now. Each takes a place of the credit until it is stored."""

    async def run(self) -> None:
        """Go on until the connection ends."""
        try:
            while pushes := await self._next():
                await self._take(pushes)
        finally:
            if self.acknowledging is not None:
                await asyncio.wait([self.acknowledging])

    async def _next(self) -> Sequence[frames.Push]:
        """Wait for pushes; where none come for a while, give what is undecided another try."""
        if not self.undecided:
            return await self.connection.pushes(BATCH)
        try:
            async with asyncio.timeout(_AGAIN_S):
                return await self.connection.pushes(BATCH)
        except TimeoutError:
            again, self.undecided = self.undecided, []
            return again

    async def _take(self, pushes: Sequence[frames.Push]) -> None:
        deliveries = [push for push in pushes if isinstance(push, frames.Deliver)]
        if deliveries:
            await self._keep(deliveries)
        for push in pushes:
            if isinstance(push, frames.Drained):
                await self._acknowledged()
                self.drained.set()
            elif isinstance(push, frames.Notice) and push.code == REPLACED:
                self.place.link.replaced()
            elif isinstance(push, frames.Notice) and push.code == "prekeys_low":
                self.place.upkeep_due.set()

    async def _keep(self, deliveries: Sequence[frames.Deliver]) -> None:
        """Store what these say; acknowledge those that are stored."""
        stored: list[EnvelopeId] = []
        while self.connection.open:
            try:
                stored = await keep(self.place, deliveries)
                break
            except Offline:
                return
            except ClientError as error:
                if error.code is Code.CLOSED:
                    return
                # Nothing is acknowledged, so nothing is lost: try again while the disk is full, or failing.
                self.place.announcer.say([Alarm(error.code.value, error.message)])
                await asyncio.sleep(_AGAIN_S)
        known = set(stored)
        self.undecided += [one for one in deliveries if EnvelopeId(one.envelope) not in known]
        if len(self.undecided) > frames.CREDIT:
            self.connection.cut(FrameError("the relay pushes more than its credit"))
        if stored:
            await self._acknowledged()
            self.acknowledging = asyncio.create_task(self._acknowledge(stored), name="acknowledge")

    async def _acknowledged(self) -> None:
        """Wait for the acknowledgement that is under way, so that at most one is."""
        if self.acknowledging is not None:
            await self.acknowledging
            self.acknowledging = None

    async def _acknowledge(self, stored: list[EnvelopeId]) -> None:
        try:
            await self.connection.request(frames.Acknowledge(0, envelopes=list(stored)), frames.Done)
        except (Offline, Refused):
            # It will be delivered again, and found to be known.
            return


async def keep(place: Workplace, deliveries: Sequence[frames.Deliver]) -> list[EnvelopeId]:
    """Open and store deliveries in one transaction; return those to acknowledge.

    Those whose sender cannot be looked up just now are left out, to be tried again. Raises Offline and the
    codes of storage, and then nothing was stored.
    """
    opened = [unseal(place.own, one) for one in deliveries]
    unknown = await _look_up(place, [one for one in opened if one is not None])
    done: list[EnvelopeId] = []

    async def work(work: Work) -> None:
        batch = Batch(work, unknown)
        for delivery, one in zip(deliveries, opened, strict=True):
            envelope = EnvelopeId(delivery.envelope)
            if one is None:
                await batch.bad(envelope, "an envelope that is not for this device, or damaged")
            elif one.sender.account in unknown and unknown[one.sender.account] is None:
                continue
            else:
                await batch.take(one)
            done.append(envelope)
        await batch.finish()

    await place.transact(work)
    return done


def unseal(own: Own, delivery: frames.Deliver) -> Unsealed | None:
    """Open the outside and prove the sender; None for what nobody could have meant for us."""
    for key in own.sealing:
        try:
            return _unseal_with(key, own, delivery)
        except OpenError:
            continue
        except PeerError:
            return None
    return None


def _unseal_with(key: AgreementKey, own: Own, delivery: frames.Deliver) -> Unsealed:
    opened = open_for(key, own.id, own.device.device, delivery.body)
    sender = open_chain(opened.chain)
    return Unsealed(EnvelopeId(delivery.envelope), sender, opened.message, delivery.body)


Unknown = dict[AccountId, contacting.Found | None]
"""Accounts that had to be looked up; None where that has to wait."""


async def _look_up(place: Workplace, opened: Sequence[Unsealed]) -> Unknown:
    """Fetch the accounts of senders that are new here, or that write from a device we have not heard of."""
    found: Unknown = {}
    wait = False
    senders = {(one.sender.account, one.sender.device.device): one.sender for one in opened}
    for sender in senders.values():
        known = await place.database.read(lambda reader, who=sender: contacts.get(reader, who.account))  # type: ignore[misc]
        if sender.account in found or sender.account == place.own.id:
            continue
        if known is not None and lists(known, sender):
            continue
        if known is not None and sender.certificate.epoch < known.list_epoch:
            continue
        if wait:
            found[sender.account] = None
            continue
        try:
            found[sender.account] = await contacting.fetch(place, sender.account)
        except Refused as refused:
            # A relay that asks us to wait is not asked about the others either.
            wait = refused.passing
            if wait:
                found[sender.account] = None
        except Offline:
            raise
        except ClientError:
            continue
    return found


def lists(contact: StoredContact, sender: VerifiedSender) -> bool:
    """Say whether the list we hold of a contact has this very device."""
    listed = verified(contact).devices.device(sender.device.device)
    if listed is None:
        return False
    try:
        check_sender(sender.device, listed)
    except PeerError:
        return False
    return True


class Batch:
    """The deliveries of one transaction: each applied by itself, what they share written once at the end."""

    def __init__(self, work: Work, found: Unknown) -> None:
        self._work = work
        self._found = found
        self._taken: set[AccountId] = set()
        """Accounts whose list that was looked up is the one that is held now."""
        self._contacts: dict[AccountId, StoredContact | None] = {}
        self._effects = Effects()
        self._bad = 0

    async def take(self, one: Unsealed) -> None:
        """Apply one delivery; whatever is wrong with it ends here."""
        work = self._work
        if not await seen.add(work.tx, one.envelope, work.now):
            return
        contact = await self._contact(one.sender)
        if contact is None:
            self._count("a message from a device that is not on its account's list")
            return
        try:
            arrived = await self._open(one)
        except PeerError as error:
            await self._unopenable(one, contact, error)
            return
        if arrived is None or contact.standing is Standing.BLOCKED:
            return
        contact = await contacting.compare(work, contact, arrived.payload)
        self._contacts[contact.account] = contact
        if isinstance(arrived.payload.content, Retry):
            await retrying.answer(work, contact, arrived.device, arrived.payload.content.envelope)
            return
        self._contacts[contact.account] = await reading.apply(work, contact, arrived, self._effects)

    async def bad(self, envelope: EnvelopeId, text: str) -> None:
        """Count an envelope that could not even be opened on the outside."""
        if await seen.add(self._work.tx, envelope, self._work.now):
            self._count(text)

    async def finish(self) -> None:
        """Write what the deliveries share: receipts, announcements."""
        await reading.finish(self._work, self._effects)

    async def _contact(self, sender: VerifiedSender) -> StoredContact | None:
        """The contact on whose list this device is, or None.

        A list that was looked up is taken only where the one that is held lacks the device: what a terminal sent
        before its owner lost it, and that came before anything of the next one, is not refused for coming with it.
        """
        account = sender.account
        if account not in self._contacts:
            self._contacts[account] = await contacts.get(self._work.tx, account)
        contact, offered = self._contacts[account], self._found.get(account)
        if contact is not None and lists(contact, sender):
            return contact
        if offered is None or account in self._taken:
            return None
        self._taken.add(account)
        if contact is None:
            contact = await contacting.remember(self._work, offered, Standing.REQUESTED)
            self._effects.strangers.add(account)
        else:
            contact = await contacting.take(self._work, contact, offered.account)
        self._contacts[account] = contact
        return contact if lists(contact, sender) else None

    async def _open(self, one: Unsealed) -> Arrived | None:
        """Open the ratchet message and keep its session; None for a repeated first contact.

        Raises PeerError. Where it could not be opened no state has changed; where it opened, and what the
        peer had sealed is no payload, its key is spent all the same.
        """
        work, peer = self._work, one.sender.device
        session = await work.sessions.get(peer.account, peer.device)
        held = await _held(work, session, one.message)
        opened = messaging.open_message(
            work.own.device, peer, session, one.message, prekeys=held, now=work.now
        )
        if opened.first is not None:
            if await prekeys.first_contact_seen(work.tx, opened.first.digest):
                return None
            await prekeys.remember_first_contact(work.tx, opened.first.digest, work.now)
        if opened.used:
            await prekeys.delete(work.tx, [(int(kind), key_id) for kind, key_id in opened.used])
        work.sessions.put(peer.account, peer.device, opened.session)
        payload = decode(opened.plaintext)
        return Arrived(payload, peer.device, _inspection(one, opened, payload.message))

    async def _unopenable(self, one: Unsealed, contact: StoredContact, error: PeerError) -> None:
        if isinstance(error, OpenError) and contact.standing is Standing.ACCEPTED:
            await retrying.ask(self._work, contact, DeviceId(one.sender.device.device), one.envelope)
        if not isinstance(error, DuplicateError):
            self._count("a message that could not be opened", contact)

    def _count(self, text: str, contact: StoredContact | None = None) -> None:
        self._bad += 1
        if self._bad == 1:
            conversation = reading.conversation_of(contact) if contact is not None else None
            self._work.tx.events.append(Alarm("bad_envelope", text, conversation))


async def _held(
    work: Work, session: messaging.Session | None, message: bytes
) -> messaging.PrekeysHeld | None:
    """Read the private halves that a first message names; None where the session holds its handshake."""
    needs = messaging.prekeys_needed(message)
    if needs is None or (session is not None and session.present.contact == needs.contact):
        return None
    one_time = needs.one_time_id
    return messaging.PrekeysHeld(
        signed=await _own_prekey(work, PrekeyKind.SIGNED, needs.signed_id),
        one_time=await _own_prekey(work, PrekeyKind.ONE_TIME, one_time) if one_time else None,
        kem=await _own_prekey(work, needs.kem_kind, needs.kem_id),
    )


async def _own_prekey(work: Work, kind: PrekeyKind, key_id: int) -> OwnPrekey | None:
    stored = await prekeys.get(work.tx, int(kind), key_id)
    return OwnPrekey.from_bytes(stored.record) if stored is not None else None


def _inspection(one: Unsealed, opened: messaging.Opened, message: bytes) -> Inspection:
    return Inspection(
        message=reading.message_id(message),
        mine=False,
        text_bytes=0,
        padded_bytes=len(opened.plaintext),
        sealed_bytes=len(one.message),
        envelope_bytes=len(one.outside),
        devices=1,
        ratchet_step=opened.position.step,
        chain_index=opened.position.n,
        first_contact=opened.first is not None,
        last_resort=opened.last_resort,
        sealed_start=one.message[:START_BYTES],
        envelope_start=one.outside[:START_BYTES],
    )

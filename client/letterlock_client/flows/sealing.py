"""Makes one payload into one envelope per device of its recipient.

Ratchet state changes in the transaction it is called in, so that no key is ever used twice: the envelope and
the session that made it are saved together. Must not know the relay, nor when anything is sent.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from letterlock.devices.bundle import PrekeyBundle
from letterlock.devices.device_list import DeviceCertificate, VerifiedAccount
from letterlock.errors import MisuseError
from letterlock.ids import DeviceId
from letterlock.messaging import content as contents
from letterlock.messaging import session as messaging
from letterlock.messaging.payload import Payload, encode
from letterlock.messaging.sealed_sender import MessageType, seal_for
from letterlock.primitives.kem import Encapsulation, encapsulate
from letterlock_client.flows.workplace import Work
from letterlock_client.models import START_BYTES, Inspection


@dataclass(frozen=True, slots=True)
class Copies:
    """A sealed payload: one envelope for each device, and what can be told about it."""

    sealed: tuple[tuple[DeviceId, bytes], ...] = field(repr=False)
    inspection: Inspection


@dataclass(frozen=True, slots=True)
class Opening:
    """What a first message to a device needs beside its session: made with the network, before sealing."""

    certificate: DeviceCertificate
    bundle: PrekeyBundle
    encapsulation: Encapsulation = field(repr=False)


def prepare(certificate: DeviceCertificate, bundle: PrekeyBundle) -> Opening:
    """Draw the post-quantum secret for a device's first message."""
    return Opening(certificate, bundle, encapsulate(bundle.kem.key))


async def begin(work: Work, opening: Opening) -> None:
    """Begin a session with a device; the present one, if any, becomes an old one."""
    peer = opening.certificate
    session = messaging.begin(
        work.own.device,
        peer,
        opening.bundle,
        encapsulation=opening.encapsulation,
        now=work.now,
        random=work.place.random,
        previous=await work.sessions.get(peer.account, peer.device),
    )
    work.sessions.put(peer.account, peer.device, session)


async def seal(
    work: Work, peer: VerifiedAccount, payload: Payload, devices: Sequence[DeviceCertificate] | None = None
) -> Copies | None:
    """Seal for every listed device (or only for `devices`); None, and nothing changed, if one has no session."""
    wanted = peer.devices.devices if devices is None else devices
    if not wanted or await without_session(work, wanted):
        return None
    padded = encode(payload)
    copies: list[tuple[DeviceId, bytes]] = []
    for one in wanted:
        session = await _session(work, one)
        after, message = messaging.seal(session, padded, random=work.place.random, now=work.now)
        work.sessions.put(one.account, one.device, after)
        kind = MessageType.FIRST if is_first(message) else MessageType.ORDINARY
        copies.append((one.device, seal_for(one, work.own.chain, kind, message)))
    return Copies(
        tuple(copies),
        Inspection(
            message=payload.message,
            mine=True,
            text_bytes=text_size(payload.content),
            padded_bytes=len(padded),
            sealed_bytes=len(message),
            envelope_bytes=len(copies[0][1]),
            devices=len(copies),
            ratchet_step=session.position.step,
            chain_index=session.position.n,
            first_contact=is_first(message),
            last_resort=session.last_resort,
            sealed_start=message[:START_BYTES],
            envelope_start=copies[0][1][:START_BYTES],
        ),
    )


async def _session(work: Work, device: DeviceCertificate) -> messaging.Session:
    session = await work.sessions.get(device.account, device.device)
    if session is None:
        raise MisuseError("a session is begun before it seals")
    return session


async def without_session(work: Work, devices: Sequence[DeviceCertificate]) -> list[DeviceCertificate]:
    """Return the devices that cannot be sealed for before a session with them is begun."""
    missing = []
    for one in devices:
        session = await work.sessions.get(one.account, one.device)
        if session is None or not session.usable(work.now):
            missing.append(one)
    return missing


async def without_fresh_session(work: Work, devices: Sequence[DeviceCertificate]) -> list[DeviceCertificate]:
    """Return the devices that a request for a retry needs another session with.

    One that we began and that nobody answered yet serves every request: were a session begun for each,
    forged envelopes would push the genuine ones out of the archive while their owner is away.
    """
    missing = []
    for one in devices:
        session = await work.sessions.get(one.account, one.device)
        if session is None or not session.fresh:
            missing.append(one)
    return missing


def is_first(message: bytes) -> bool:
    """Say whether a sealed message carries a handshake."""
    return message[1:2] == bytes([messaging.FIRST])


def text_size(content: contents.Content) -> int:
    """How many bytes of text a person wrote in it."""
    if isinstance(content, contents.Text | contents.Edit):
        return len(content.body.encode())
    return len(content.caption.encode()) if isinstance(content, contents.Attachment) else 0

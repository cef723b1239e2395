"""What happens when a message cannot be opened: its sender is asked once, and answers little.

A forged or damaged envelope resets nothing. A request travels in a fresh session, once for an envelope, at
most three an hour for a device, to accepted contacts only; and at most three an hour are answered, only with
what was originally sent to that device, if it is still listed and unchanged, once. Must not know the relay.
"""

from typing import Final

from letterlock.ids import DeviceId, EnvelopeId, MessageId
from letterlock.messaging.content import Retry
from letterlock.messaging.payload import Payload, encode
from letterlock_client.flows.delivering import RESEND_KIND, RETRY_KIND
from letterlock_client.flows.workplace import Work, carried_by, device_digest, envelope_id, verified
from letterlock_client.storage import outbox, sessions
from letterlock_client.storage.contacts import StoredContact
from letterlock_client.storage.outbox import Original, Outgoing

MOST_AN_HOUR: Final = 3
_HOUR_MS: Final = 3_600_000
_KEPT_MS: Final = 45 * 24 * _HOUR_MS
_FIRST_RESEND: Final = 16


async def ask(work: Work, contact: StoredContact, device: DeviceId, envelope: EnvelopeId) -> None:
    """Queue a request to send an envelope's message again, within the limits.

    That it is asked once for an envelope is for the caller, who handles each envelope once.
    """
    if not await _allowed(work, contact, device):
        return
    message = work.place.new_message_id()
    payload = Payload(
        message=message,
        sent_at=work.now,
        timer_s=0,
        own_view=work.own.account.devices.view,
        peer_view=verified(contact).devices.view,
        content=Retry(envelope),
        handle_entry=work.own.identity.handle_entry,
    )
    kind = f"{RETRY_KIND}{device}"
    await outbox.keep_original(
        work.tx, Original(message, contact.account, encode(payload), kind, work.now), []
    )
    await _queue(work, contact, kind, message, envelope_id(message, 0))


async def answer(work: Work, contact: StoredContact, device: DeviceId, envelope: EnvelopeId) -> None:
    """Queue what an envelope of ours carried for the device that could not open it, if all is as it was."""
    listed = verified(contact).devices.device(device)
    if listed is None or not await _allowed(work, contact, device, answered=True):
        return
    epoch = verified(contact).devices.epoch
    for original in await outbox.undelivered(work.tx, contact.account, work.now - _KEPT_MS):
        if not carried_by(original.message, envelope, epoch) or original.kind.startswith(RETRY_KIND):
            continue
        sent = {one.device: one for one in await outbox.sent_to(work.tx, original.message)}
        if device not in sent or sent[device].identity != device_digest(listed):
            return
        if await outbox.mark_resent(work.tx, original.message, device):
            name = envelope_id(original.message, _FIRST_RESEND + device)
            await _queue(work, contact, f"{RESEND_KIND}{device}", original.message, name)
        return


async def _allowed(work: Work, contact: StoredContact, device: DeviceId, *, answered: bool = False) -> bool:
    # Counted apart: anybody can make us ask, with forged envelopes, and must not make us refuse so.
    account, now = contact.account, work.now
    noted = await sessions.retries_since(work.tx, account, device, now - _HOUR_MS, now, answered=answered)
    if noted >= MOST_AN_HOUR:
        return False
    await sessions.note_retry(work.tx, account, device, now, answered=answered)
    return True


async def _queue(
    work: Work, contact: StoredContact, kind: str, original: MessageId, envelope: EnvelopeId
) -> None:
    await outbox.add(
        work.tx,
        Outgoing(
            envelope=envelope,
            account=contact.account,
            list_epoch=0,
            list_version=0,
            sealed=(),
            kind=kind,
            created=work.now,
            original=original,
        ),
    )
    work.tx.after_commit(work.place.outbox_changed.set)

"""Lets two people make sure of each other: invite links, safety numbers, and what a warning means then.

Must not know how an account is looked up.
"""

import asyncio
from dataclasses import replace

from letterlock.devices.invite import Invite, invite_link
from letterlock.errors import MalformedError
from letterlock.ids import ConversationId
from letterlock.messaging import safety_number as numbers
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.contacts import WARN_FORK, WARN_KEY, require_contact, tell
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.links.address import parse_relay
from letterlock_client.models import SafetyNumber
from letterlock_client.storage import contacts
from letterlock_client.storage.contacts import StoredContact


def own_invite(place: Workplace) -> str:
    """Write our invite link."""
    stored = place.own.identity
    relay = parse_relay(stored.relay, insecure=True).name
    return invite_link(Invite(account=place.own.id, handle=stored.handle, relay=relay))


async def invite_of(place: Workplace, conversation: ConversationId) -> str:
    """Write somebody's invite link, for a third person: whoever follows it gets this very account or none.

    Raises code bad_input for somebody whose handle is not known.
    """
    contact = await place.database.read(lambda reader: require_contact(reader, conversation))
    if not contact.handle:
        raise ClientError(Code.BAD_INPUT, "no handle of this person is known: their contact cannot be shared")
    relay = parse_relay(place.own.identity.relay, insecure=True).name
    return invite_link(Invite(account=contact.account, handle=contact.handle, relay=relay))


async def safety_number(place: Workplace, conversation: ConversationId) -> SafetyNumber:
    """Compute what to compare; off the loop, for it takes thousands of hashes on purpose."""
    contact = await place.database.read(lambda reader: require_contact(reader, conversation))
    ours, theirs = _sides(place, contact)
    digits = await asyncio.to_thread(numbers.safety_number, ours, theirs)
    qr = await asyncio.to_thread(numbers.qr_payload, ours, theirs)
    return SafetyNumber(digits, qr, contact.verified)


async def confirm(place: Workplace, conversation: ConversationId, typed: str) -> bool:
    """Mark as verified if what was typed (digits, or a scanned code in hex) is right."""
    contact = await place.database.read(lambda reader: require_contact(reader, conversation))
    ours, theirs = _sides(place, contact)
    digits = await asyncio.to_thread(numbers.safety_number, ours, theirs)
    right = numbers.digits_match(typed, digits)
    if not right and (scanned := _hex(typed)):
        try:
            right = await asyncio.to_thread(numbers.compare_qr, ours, theirs, scanned)
        except MalformedError:
            right = False
    if right:
        await _change(place, conversation, verified=True, warning="")
    return right


async def withdraw(place: Workplace, conversation: ConversationId) -> None:
    """Not verified after all."""
    await _change(place, conversation, verified=False, warning=None)


async def acknowledge(place: Workplace, conversation: ConversationId) -> None:
    """A warning was read. That somebody lies stays on the screen until the contact is verified again."""
    contact = await place.database.read(lambda reader: require_contact(reader, conversation))
    if contact.warning == WARN_KEY:
        await _change(place, conversation, verified=False, warning="")
    elif contact.warning != WARN_FORK:
        await _change(place, conversation, verified=contact.verified, warning="")


async def _change(
    place: Workplace, conversation: ConversationId, *, verified: bool, warning: str | None
) -> None:
    async def work(work: Work) -> None:
        contact = await require_contact(work.tx, conversation)
        kept = contact.warning if warning is None else warning
        await contacts.save(work.tx, replace(contact, verified=verified, warning=kept))
        await tell(work, conversation)
        work.tx.after_commit(place.outbox_changed.set)

    await place.transact(work)


def _sides(place: Workplace, contact: StoredContact) -> tuple[numbers.Side, numbers.Side]:
    ours = (place.own.account.root_key, place.own.id)
    return ours, (contact.root_key, contact.account)


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.strip())
    except ValueError:
        return b""

"""Asks the relay for the people of a damaged backup of whom no whole segment tells, so that their messages have a chat.

The manifest says whose chats there are. An account's id is its root key's hash: what the relay answers proves itself,
and only what was verified about somebody, and how the chat was set, is lost. Of whom a record is left, and of whom this
profile knows, is not asked. Must not know what was damaged, nor who agreed to go on without it.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from letterlock.backup.manifest import Manifest, segment_name
from letterlock.backup.records import ContactRecord, ConversationRecord
from letterlock.backup.segments import SegmentRef, open_entries
from letterlock.errors import PeerError
from letterlock.ids import ACCOUNT_BYTES, AccountId, ConversationId
from letterlock.wire import frames, refusals
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import contacts as contacting
from letterlock_client.flows.backup import looking_ahead
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.objects import Objects, telling
from letterlock_client.flows.contacts import Found
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.links.address import RelayAddress
from letterlock_client.links.connection import Connection
from letterlock_client.links.failures import Offline, Refused
from letterlock_client.links.transport import Dial
from letterlock_client.models import Standing
from letterlock_client.storage import backup_import, contacts, conversations
from letterlock_client.storage.database import Reader

Ask: TypeAlias = Callable[[list[AccountId]], Awaitable[list[Found]]]
"""Ask the relay for these accounts; who is unknown there is left out. Raises Offline, Refused, code relay_lies."""


@dataclass(frozen=True, slots=True)
class Missing:
    """Whose chats a damaged backup cannot bring by itself."""

    found: tuple[Found, ...] = ()
    """Of whom nothing is left, as the relay has them."""
    chatless: tuple[ContactRecord, ...] = ()
    """Of whom the record of the chat alone is lost."""


async def look(
    place: Workplace, store: Objects, found: FoundBackup, under_way: Manifest, ask: Ask
) -> Missing:
    """Find them; changes nothing. `under_way` is of the restore here. Raises as `Ask`, and codes backup_…, provider_….

    Once everyone came, who is not here was deleted meanwhile.
    """
    if await place.database.read(partial(looking_ahead.is_everyone_here, manifest=under_way)):
        return Missing()
    told = await _told(store, found)
    listed = [AccountId(each.id) for each in found.manifest.chats if len(each.id) == ACCOUNT_BYTES]
    here = await place.database.read(_known_here)
    strange = [each for each in listed if each not in told.contacts and each not in here]
    # What was known of them is whole, and no answer of the relay may take its place.
    chatless = [told.contacts[each] for each in listed if each in told.contacts and each not in told.chats]
    return Missing(tuple(await ask(strange) if strange else ()), tuple(chatless))


async def _known_here(reader: Reader) -> set[AccountId]:
    return {each.account for each in await contacts.every(reader)}


async def bring(work: Work, missing: Missing, watermark: int) -> None:
    """Make a contact and a chat of each of them, before the messages come; also of whom only messages are here."""
    if missing == Missing():
        return
    # They are changes: above all that is restored, so that the next backup tells of them.
    await work.tx.execute("UPDATE change SET seq = max(seq, ?)", watermark)
    await backup_import.take(work.tx, missing.chatless, work.now)
    for each in missing.found:
        await contacting.remember(work, each, Standing.ACCEPTED)
    for one in missing.chatless:
        await conversations.ensure(work.tx, ConversationId(one.account), work.now)


@dataclass(frozen=True, slots=True)
class _Told:
    """Of whom the whole segments tell: the newest record of each contact, and whose chats have one."""

    contacts: dict[bytes, ContactRecord]
    chats: set[bytes]


async def _told(store: Objects, found: FoundBackup) -> _Told:
    told = _Told({}, set())

    def look(ref: SegmentRef, name: str, body: bytes) -> None:
        for batch in open_entries(ref, name, body):
            # Segments come in the order of their versions.
            told.contacts.update((each.account, each) for each in batch if isinstance(each, ContactRecord))
            told.chats.update(each.id for each in batch if isinstance(each, ConversationRecord))

    for ref in found.manifest.segments:
        name = segment_name(found.key, ref.id)
        body = await store.get(name)
        with telling():
            await asyncio.to_thread(look, ref, name, body)
    return told


# Asking the relay.


async def ask_anew(wanted: list[AccountId], *, dial: Dial, relay: RelayAddress) -> list[Found]:
    """Ask without an account, over a connection for that alone: an `Ask` of whoever has none yet."""
    connection = Connection(await dial(relay), relay)
    known = []
    try:
        await connection.greet()
        for account in wanted:
            try:
                answer = await connection.request(
                    frames.FetchAccount(0, account=account, handle=""), frames.AccountFound
                )
                known.append(contacting.check_found(answer, account, ""))
            except Refused as refused:
                if refused.refusal != refusals.UNKNOWN_ACCOUNT:
                    raise
            except PeerError as error:
                raise ClientError(Code.RELAY_LIES, f"the relay's answer does not check: {error}") from error
    finally:
        await connection.close()
    return known


async def ask_from(place: Workplace, wanted: list[AccountId]) -> list[Found]:
    """Ask over the connection of an open profile: an `Ask` of whoever chats meanwhile."""
    known = []
    for account in wanted:
        try:
            known.append(await contacting.fetch(place, account))
        except Offline as error:
            raise ClientError(
                error.code,
                "of some chats there are only messages, and the relay, which has the keys of their contacts, cannot"
                " be reached: try again once it can",
            ) from error
        except ClientError as error:
            if error.code is not Code.UNKNOWN_CONTACT:
                raise
    return known

"""Asks the relay for the people of a damaged backup of whom no whole segment tells, so that their messages have a chat.

The manifest says whose chats there are. An account's id is its root key's hash: what the relay answers proves itself,
and only what was verified about somebody, and how the chat was set, is lost. Of whom a record is left is not asked.
Must not know what was damaged.
"""

import asyncio
from dataclasses import dataclass

from letterlock.backup.manifest import segment_name
from letterlock.backup.records import ContactRecord, ConversationRecord
from letterlock.backup.segments import SegmentRef, open_entries
from letterlock.errors import PeerError
from letterlock.ids import ACCOUNT_BYTES, AccountId, ConversationId
from letterlock.wire import frames, refusals
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import contacts
from letterlock_client.flows.backup import restoring
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.objects import Objects, telling
from letterlock_client.flows.contacts import Found
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.links.address import RelayAddress
from letterlock_client.links.connection import Connection
from letterlock_client.links.failures import Refused
from letterlock_client.links.transport import Dial
from letterlock_client.models import Standing
from letterlock_client.storage import backup_import, conversations


async def bring(
    place: Workplace, store: Objects, found: FoundBackup, dial: Dial, relay: RelayAddress
) -> None:
    """Make a contact and a chat of each of them, before the messages come. Raises Offline, Refused, codes backup_…."""
    told = await _told(store, found)
    listed = [AccountId(each.id) for each in found.manifest.chats if len(each.id) == ACCOUNT_BYTES]
    strange = [each for each in listed if each not in told.contacts]
    # What was known of them is whole, and no answer of the relay may take its place.
    chatless = [told.contacts[each] for each in listed if each in told.contacts and each not in told.chats]
    if not strange and not chatless:
        return
    known = await _ask(dial, relay, strange) if strange else []

    async def work(work: Work) -> list[str]:
        # What a restore that met the damage brought in without them comes again. They are changes: above all that is
        # restored, so that the next backup tells of them.
        paths = await restoring.settle(work, found.manifest.watermark)
        await backup_import.take(work.tx, chatless, work.now)
        for each in known:
            await contacts.remember(work, each, Standing.ACCEPTED)
        for one in chatless:
            await conversations.ensure(work.tx, ConversationId(one.account), work.now)
        return paths

    place.delete_files(await place.transact(work))


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


async def _ask(dial: Dial, relay: RelayAddress, wanted: list[AccountId]) -> list[Found]:
    """What the relay has of them; who is unknown there is left out. Raises code relay_lies."""
    connection = Connection(await dial(relay), relay)
    known = []
    try:
        await connection.greet()
        for account in wanted:
            try:
                answer = await connection.request(
                    frames.FetchAccount(0, account=account, handle=""), frames.AccountFound
                )
                known.append(contacts.check_found(answer, account, ""))
            except Refused as refused:
                if refused.refusal != refusals.UNKNOWN_ACCOUNT:
                    raise
            except PeerError as error:
                raise ClientError(Code.RELAY_LIES, f"the relay's answer does not check: {error}") from error
    finally:
        await connection.close()
    return known

"""Finds the chats that somebody names for a restore: in the preview, or else in the backup itself.

A preview lists the newest chats only. So a name that is not in it is looked for in every segment, oldest first, and of
each only what was found is kept. Must not know how chats are restored.
"""

import asyncio
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from letterlock.backup.manifest import segment_name
from letterlock.backup.records import ContactRecord, Entry, Tag, TombstoneRecord
from letterlock.backup.segments import SegmentRef, open_entries
from letterlock.ids import ACCOUNT_BYTES, AccountId, account_text
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.objects import Objects, telling

MOST_NAMED: Final = 100
"""So many people of one name are told apart at most."""


async def chats_named(store: Objects, found: FoundBackup, names: Sequence[str]) -> tuple[bytes, ...]:
    """Return the ids of the chats with these titles, handles or account ids, in this order.

    Raises codes unknown_conversation, backup_…, provider_….
    """
    known = {name: _in_preview(found, name) for name in names}
    missing = [name for name, chat in known.items() if name and chat is None]
    if missing and found.manifest.totals.conversations > len(found.manifest.chats):
        known |= await _in_segments(store, found, missing)
    for name, chat in known.items():
        if chat is None:
            raise ClientError(Code.UNKNOWN_CONVERSATION, f"there is no chat with {name} in this backup")
    return tuple(chat for name in names if (chat := known[name]) is not None)


def _in_preview(found: FoundBackup, name: str) -> bytes | None:
    """Find a chat by title or id; of two with one title the newest, which comes first."""
    for each in found.manifest.chats:
        if name == each.title or _is_id(name, each.id):
            return bytes(each.id)
    return None


async def _in_segments(store: Objects, found: FoundBackup, names: Collection[str]) -> dict[str, bytes | None]:
    search = _Search(frozenset(names))
    for ref in found.manifest.segments:
        place = segment_name(found.key, ref.id)
        body = await store.get(place)
        with telling():
            await asyncio.to_thread(search.look, ref, place, body)
    return {name: search.newest(name) for name in names}


@dataclass(slots=True)
class _Search:
    """People who are called so, by their account: with the name and version of their newest record."""

    names: frozenset[str]
    _found: dict[bytes, tuple[int, str]] = field(default_factory=dict)

    def look(self, ref: SegmentRef, place: str, body: bytes) -> None:
        """Look through one segment. Takes processor time: run it in a thread."""
        for batch in open_entries(ref, place, body):
            self._take(batch)

    def _take(self, entries: Iterable[Entry]) -> None:
        for each in entries:
            if isinstance(each, ContactRecord):
                self._meet(each)
            elif isinstance(each, TombstoneRecord) and each.kind == Tag.CONTACT:
                version, _ = self._found.get(each.id, (0, ""))
                if version and each.version >= version:
                    del self._found[each.id]

    def _meet(self, contact: ContactRecord) -> None:
        version, _ = self._found.get(contact.account, (0, ""))
        name = next((name for name in self.names if _is_id(name, contact.account)), contact.handle)
        if name in self.names and (version or len(self._found) < MOST_NAMED):
            if contact.version >= version:
                self._found[contact.account] = contact.version, name
        elif version and contact.version > version:
            # Called otherwise since.
            del self._found[contact.account]

    def newest(self, name: str) -> bytes | None:
        """Whoever is called so; of several the one that was met last."""
        versions = [
            (version, account) for account, (version, called) in self._found.items() if called == name
        ]
        return max(versions)[1] if versions else None


def _is_id(name: str, chat: bytes) -> bool:
    if name == chat.hex():
        return True
    return len(chat) == ACCOUNT_BYTES and "".join(name.split()) == account_text(AccountId(chat))

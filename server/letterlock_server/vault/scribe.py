"""Writes a realm's ledger of one account while a change is put together: each entry signed, and chained to the last.

Must not know what is decided, nor stores.
"""

from typing import Final

import msgspec

from letterlock.vault.ledger import Door as LedgerDoor
from letterlock.vault.ledger import Event, Head, entry_hash, sign_entry
from letterlock.vault.realm_secret import RealmSecret
from letterlock_server.stores.vault_interfaces import Change, Door, Standing, T
from letterlock_server.vault.policy import Entrance

_DOORS: Final = {Entrance.HANDLE: LedgerDoor.HANDLE, Entrance.LOCATOR: LedgerDoor.LOCATOR}


class Scribe:
    """Writes ledger entries while a change is put together."""

    def __init__(self, name: str, secret: RealmSecret, standing: Standing, at: int) -> None:
        self._name = name
        self._secret = secret
        self._at = at
        self._entries: list[bytes] = []
        self.standing = standing

    def write(self, event: Event, entrance: Entrance | None, about: int) -> int:
        """Sign the next entry; return its sequence."""
        raw = sign_entry(
            self._secret,
            Head(self.standing.entries, self.standing.head),
            realm=self._name,
            account=self.standing.account,
            at=self._at,
            event=event,
            door=LedgerDoor.NONE if entrance is None else _DOORS[entrance],
            about=about,
        )
        self._entries.append(raw)
        number = self.standing.entries + 1
        self.standing = msgspec.structs.replace(self.standing, entries=number, head=entry_hash(raw))
        return number

    def bury(self, event: Event, epoch: int) -> None:
        """Take the record away; the entry that says so is its tombstone."""
        self.write(event, None, epoch)
        self.standing = msgspec.structs.replace(
            self.standing, record=None, tombstone=self._entries[-1], by_handle=Door(), by_locator=Door()
        )

    def change(self, answer: T) -> Change[T]:
        """Return the whole change."""
        return Change(self.standing, tuple(self._entries), answer)

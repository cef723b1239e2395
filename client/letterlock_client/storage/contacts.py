"""The other accounts: what is known of each, what was checked, and where it stands with us.

A restore of an earlier release may have left a chat whose contact has no keys, for only messages had come: nobody is
known there until the keys have. Where the relay tells them before the backup does, the contact is remembered, and the
backup's record is still newer: it alone knows who was blocked, or verified. Must not know what a signature means.
"""

from dataclasses import dataclass
from typing import Any, Final

from letterlock.ids import AccountId
from letterlock_client import models
from letterlock_client.models import Standing
from letterlock_client.storage.database import Reader, Transaction

_COLUMNS: Final = (
    "account, handle, handle_entry, root_key, list_certificate, device_list, list_epoch, list_version, "
    "list_digest, standing, verified, key_changed_at, warning, created, known"
)
_NAMES: Final = _COLUMNS.split(", ")

UNKNOWN: Final = -1
"""The version of a contact or chat of which nothing has come but messages, or nothing from the backup but those."""
KEPT: Final = 0
"""The version of such a one that stays, though nobody told of it: any record is newer, and no backup has one of it."""
REMEMBERED: Final = {
    "contact": f"contact.change_seq = {UNKNOWN} AND contact.root_key <> x''",
    "conversation": f"conversation.change_seq = {UNKNOWN} AND conversation.created > 0",
}
"""By table, what is here, and gives way to any record of a backup, though not to a deletion."""


@dataclass(frozen=True, slots=True)
class StoredContact:
    """One account. Signed objects are the exact bytes that were signed, already verified."""

    account: AccountId
    handle: str
    """Empty where no signed handle entry is known."""
    handle_entry: bytes
    root_key: bytes
    list_certificate: bytes
    device_list: bytes
    list_epoch: int
    list_version: int
    list_digest: bytes
    standing: Standing
    verified: bool = False
    key_changed_at: int = 0
    warning: str = ""
    created: int = 0
    known: bool = True
    """Whether the handle is checked against the relay's directory, or came by invite link."""

    def shown(self) -> models.Contact:
        """This contact as faces see it."""
        return models.Contact(
            account=self.account,
            handle=self.handle,
            standing=self.standing,
            verified=self.verified,
            key_changed_at=self.key_changed_at,
            warning=self.warning,
        )


async def get(reader: Reader, account: AccountId) -> StoredContact | None:
    """One contact, or None; also of whom there are only messages."""
    row = await reader.one(f"SELECT {_COLUMNS} FROM contact WHERE account = ? AND root_key <> x''", account)
    return _contact(row) if row else None


async def by_handle(reader: Reader, handle: str) -> list[StoredContact]:
    """Every contact that calls itself so; more than one means that somebody must be named by account."""
    rows = await reader.all(f"SELECT {_COLUMNS} FROM contact WHERE handle = ? ORDER BY created", handle)
    return [_contact(row) for row in rows]


async def every(reader: Reader) -> list[StoredContact]:
    """All contacts, by handle and account."""
    rows = await reader.all(f"SELECT {_COLUMNS} FROM contact WHERE root_key <> x'' ORDER BY handle, account")
    return [_contact(row) for row in rows]


async def without_keys(reader: Reader) -> list[AccountId]:
    """The accounts of which there are only messages."""
    rows = await reader.all("SELECT account FROM contact WHERE root_key = x'' ORDER BY account")
    return [AccountId(account) for (account,) in rows]


async def remembered(reader: Reader) -> list[StoredContact]:
    """Those whose keys came before the backup's records of them."""
    rows = await reader.all(f"SELECT {_COLUMNS} FROM contact WHERE {REMEMBERED['contact']} ORDER BY account")
    return [_contact(row) for row in rows]


async def keep_without_keys(tx: Transaction, account: AccountId) -> None:
    """Let what a restore brought of a contact without keys stay, with its chat, when that restore ends."""
    await tx.execute("UPDATE contact SET change_seq = ? WHERE account = ?", KEPT, account)
    await tx.execute("UPDATE conversation SET change_seq = ? WHERE peer = ?", KEPT, account)


async def was_written_to(reader: Reader, account: AccountId) -> bool:
    """Say whether a message is here that this account's owner wrote to that one."""
    found = await reader.value(
        "SELECT EXISTS (SELECT 1 FROM message JOIN conversation ON conversation.id = message.conversation"
        " WHERE peer = ? AND mine AND kind <> 'note')",
        account,
    )
    return bool(found)


async def save(tx: Transaction, contact: StoredContact) -> None:
    """Make or replace a contact (use `dataclasses.replace` on what `get` returned).

    One that was only remembered stays so, until somebody decides how it stands.
    """
    undecided = await tx.value(
        "SELECT EXISTS (SELECT 1 FROM contact WHERE account = ? AND change_seq = ?"
        " AND (root_key = x'' OR (standing, verified) = (?, ?)))",
        contact.account,
        UNKNOWN,
        contact.standing,
        contact.verified,
    )
    values = [getattr(contact, name) for name in _NAMES]
    marks = ", ".join("?" * len(values))
    changes = ", ".join(f"{name} = excluded.{name}" for name in _NAMES[1:])
    await tx.execute(
        f"INSERT INTO contact ({_COLUMNS}) VALUES ({marks}) ON CONFLICT (account) DO UPDATE SET {changes}",
        *values,
    )
    if undecided:
        await tx.execute("UPDATE contact SET change_seq = ? WHERE account = ?", UNKNOWN, contact.account)


async def delete(tx: Transaction, account: AccountId) -> None:
    """Forget a contact; its conversation goes with it (delete that first, for the files of its messages)."""
    await tx.execute("DELETE FROM contact WHERE account = ?", account)


def _contact(row: tuple[Any, ...]) -> StoredContact:
    values = dict(zip(_NAMES, row, strict=True))
    values["standing"] = Standing(values["standing"])
    values["verified"] = bool(values["verified"])
    values["known"] = bool(values["known"])
    return StoredContact(**values)

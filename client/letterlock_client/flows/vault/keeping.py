"""Tells a vault which backup is the newest, has it forget, and asks it what happened.

Every request is signed for one realm and one moment. Must not know passwords or storage.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from letterlock.errors import LyingRealmError, PeerError
from letterlock.primitives.derivation import sha256
from letterlock.vault.ledger import EMPTY, Entry, Event, Head, check_not_rolled_back, open_ledger
from letterlock.vault.ledger import Door as LedgerDoor
from letterlock.vault.owned import Owner
from letterlock.vault.receipts import Stage, open_receipt
from letterlock.vault.requests import sign_anchor, sign_delete, sign_ledger
from letterlock.wire import vault_refusals as refusals
from letterlock.wire.vault_frames import (
    AskStatus,
    Delete,
    FetchLedger,
    LedgerPage,
    PutAnchor,
    Receipt,
    StatusIs,
)
from letterlock_client.backup_models import Attempt
from letterlock_client.errors import Code
from letterlock_client.flows.vault.device_lists import tell_owner_s_list
from letterlock_client.links.vault import RealmLink, VaultLinks, split
from letterlock_client.links.vault_failures import DeviceRevoked, RealmError, RealmLied, RealmRefused

MAX_PAGES: Final = 64
"""Pages of a ledger that are read in one go: 4096 entries."""
SHOWN_AGAIN: Final = 2048
"""How many entries before the last known one are read once more, to be shown."""
_DOORS: Final = {LedgerDoor.NONE: "", LedgerDoor.HANDLE: "handle", LedgerDoor.LOCATOR: "locator"}
_KINDS: Final = {
    Event.REGISTERED: "registered",
    Event.GUESSED: "guess_failed",
    Event.RECOVERED: "recovered",
    Event.ANCHORED: "anchored",
    Event.DOOR_CLOSED: "door_closed",
    Event.DESTROYED: "destroyed",
    Event.DELETED: "deleted",
}


@dataclass(frozen=True, slots=True)
class Ledgers:
    """What the realms' ledgers say, and how far each is known now."""

    attempts: tuple[Attempt, ...]
    """In the order of their times; a guess that was right is shown as recovered only."""
    heads: dict[str, Head]
    alarms: dict[str, RealmError]
    """Realms whose ledger went back, was rewritten, or does not hang together; and those that failed otherwise."""


async def anchor(
    vault: VaultLinks, owner: Owner, *, epoch: int, generation: int, manifest_hash: bytes
) -> tuple[str, ...]:
    """Tell the realms which backup is the newest. Returns those that confirmed it.

    n - t + 1 of them make it sure that every restore hears of it. Raises code device_revoked where as many as t
    know that another terminal took this one's place; fewer may be lying.
    """

    async def tell(link: RealmLink) -> None:
        await tell_owner_s_list(link, owner)
        request = sign_anchor(
            owner,
            await link.addressed(),
            epoch=epoch,
            generation=generation,
            manifest_hash=manifest_hash,
            created=vault.now(),
        )
        raw = (await link.ask(PutAnchor(0, request=request), Receipt)).receipt
        _check(link, raw, Stage.ANCHORED, owner, epoch, manifest_hash)

    told, failed = split(await vault.each(tell))
    if sum(one.code is Code.DEVICE_REVOKED for one in failed.values()) >= vault.fleet.threshold:
        raise DeviceRevoked
    return tuple(told)


def enough_to_be_sure(vault: VaultLinks) -> int:
    """How many realms must confirm an anchor, so that any that restore meet one of them."""
    return len(vault.fleet.realms) - vault.fleet.threshold + 1


async def delete(
    vault: VaultLinks, owner: Owner, *, epoch: int, realms: Iterable[str] | None = None
) -> dict[str, bytes | RealmError]:
    """Have the realms (or these) forget the account's record of a registration for good, or of one before it.

    Returns each one's signed receipt, or how it failed: refused with `EPOCH` where a later registration is.
    """

    async def end(link: RealmLink) -> bytes:
        await tell_owner_s_list(link, owner)
        try:
            return await _end(link, vault, owner, epoch)
        except RealmRefused as error:
            if error.refusal != refusals.EPOCH:
                raise
            # It was away for the last registration, and keeps the one before or none.
            known = await link.ask(AskStatus(0, account=owner.account.account, door_key=b""), StatusIs)
            if known.highest >= epoch:
                raise
            return await _end(link, vault, owner, known.highest)

    return await vault.each(end, realms)


async def _end(link: RealmLink, vault: VaultLinks, owner: Owner, epoch: int) -> bytes:
    request = sign_delete(owner, await link.addressed(), epoch=epoch, created=vault.now())
    raw = (await link.ask(Delete(0, request=request), Receipt)).receipt
    _check(link, raw, Stage.DELETED, owner, epoch, sha256(request))
    return raw


async def ledgers(vault: VaultLinks, owner: Owner, *, epoch: int, known: Mapping[str, Head]) -> Ledgers:
    """Read every realm's ledger of the account against how far it was known before: a long one from near there."""

    async def look(link: RealmLink) -> list[Entry]:
        await tell_owner_s_list(link, owner)
        head = known.get(link.name, EMPTY)
        entries = await _end_of_ledger(link, vault, owner, epoch, max(0, head.sequence - SHOWN_AGAIN))
        check_not_rolled_back(head, link.name, entries)
        return entries

    read, alarms = split(await vault.each(look))
    heads = dict(known)
    for name, entries in read.items():
        if entries:
            heads[name] = Head(entries[-1].sequence, entries[-1].hash)
    shown = [attempt for name, entries in read.items() for attempt in attempts(name, entries)]
    return Ledgers(tuple(sorted(shown, key=lambda one: (one.at, one.realm, one.sequence))), heads, alarms)


def attempts(realm: str, entries: list[Entry]) -> list[Attempt]:
    """Put a ledger into the words of faces: a guess that was right is no failed one."""
    right = {entry.about for entry in entries if entry.event is Event.RECOVERED}
    return [
        Attempt(
            realm=realm,
            at=entry.at,
            kind=_KINDS[entry.event],
            door=_DOORS[entry.door],
            sequence=entry.sequence,
        )
        for entry in entries
        if not (entry.event is Event.GUESSED and entry.sequence in right)
    ]


async def _end_of_ledger(
    link: RealmLink, vault: VaultLinks, owner: Owner, epoch: int, after: int
) -> list[Entry]:
    raws: list[bytes] = []
    for _ in range(MAX_PAGES):
        request = sign_ledger(owner, await link.addressed(), epoch=epoch, created=vault.now())
        page = await link.ask(FetchLedger(0, request=request, after=after + len(raws)), LedgerPage)
        raws += page.entries
        if not page.more or not page.entries:
            break
    try:
        return open_ledger(raws, link.realm.keys, link.name, owner.account.account, first=after + 1)
    except LyingRealmError:
        raise
    except PeerError as error:
        raise RealmLied(link.name, "its ledger does not check") from error


def _check(link: RealmLink, raw: bytes, stage: Stage, owner: Owner, epoch: int, subject: bytes) -> None:
    try:
        receipt = open_receipt(raw, link.realm.keys)
    except PeerError as error:
        raise RealmLied(link.name, "its receipt does not check") from error
    said = (receipt.stage, receipt.realm, receipt.account, receipt.epoch, receipt.subject)
    if said != (stage, link.name, owner.account.account, epoch, subject):
        raise RealmLied(link.name, "its receipt is for something else")

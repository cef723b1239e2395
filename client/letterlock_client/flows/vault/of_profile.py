"""One profile and its vault: registers, changes, repairs, anchors, deletes, and keeps what each of these leaves.

What realms have still to hear is kept before anybody is told that a registration holds. Must not know providers,
passphrases or faces.
"""

import contextlib
from collections.abc import AsyncIterator, Collection, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from letterlock.primitives.derivation import Argon2Parameters
from letterlock.vault.fleet import Fleet
from letterlock.vault.ledger import Head
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock.vault.statement import open_statement
from letterlock.wire import vault_refusals as refusals
from letterlock_client.backup_models import Anchored, Attempt, Freshness, VaultView
from letterlock_client.errors import Code
from letterlock_client.events import Alarm
from letterlock_client.fleet_file import load_fleet_bytes, parse_fleet
from letterlock_client.flows.vault import keeping, ledger_heads, registering
from letterlock_client.flows.vault.access import open_vault, owner_of
from letterlock_client.flows.vault.keeping import Ledgers
from letterlock_client.flows.vault.registering import STRETCHING, Keep, Registration
from letterlock_client.flows.vault.surveying import finish_commits, statements_held, status, survey
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.links.vault import VaultLinks, split
from letterlock_client.links.vault_failures import RealmError, RealmRefused, VaultUnfinished
from letterlock_client.storage import backup_state
from letterlock_client.storage.backup_state import VaultState

_FIRST_EPOCH: Final = 1
_NOT_SET: Final = "too few realms took the password: set it again when they answer"
_NOT_CHANGED: Final = (
    "too few realms took the new password yet, and until they do the one before may open the backup: they are told"
    " again with the next backup, or change it once more"
)


@dataclass(frozen=True, slots=True)
class Registered:
    """What a registration came to, to be kept with `backup_state.save_vault`."""

    vault: VaultState
    pending: tuple[tuple[str, bytes], ...]
    realms: int
    """How many realms answer to it."""
    realms_total: int
    key_check: bytes
    """Of the secret that these realms keep now, as the statement says."""
    done: bool = True
    """Whether as many as are needed do."""


@dataclass(frozen=True, slots=True)
class Newest:
    """The newest registration that any realm answers to; epoch 0 where none does."""

    epoch: int
    key_check: bytes
    """Of the recovery secret that it keeps."""
    realms: int
    """How many realms answer to it."""
    needed: int
    asked_all: bool
    """Whether every realm said what it has."""
    locator_known: bool = False
    """Whether a realm knows the owner's door by the locator that is kept here."""


@dataclass(frozen=True, slots=True)
class Deleted:
    """What deleting a registration came to."""

    proved: tuple[str, ...]
    """Realms that signed that it is gone."""
    failures: dict[str, RealmError]

    @property
    def gone(self) -> tuple[str, ...]:
        """Realms that are not to be asked again: those that proved it, keep a later one, or listen to others now."""
        final = (refusals.EPOCH, refusals.REVOKED)
        refused = [
            name
            for name, error in self.failures.items()
            if isinstance(error, RealmRefused) and error.refusal in final
        ]
        return (*self.proved, *refused)

    @property
    def waiting(self) -> tuple[str, ...]:
        """Realms that keep a record, and may delete it another time."""
        return tuple(name for name in self.failures if name not in self.gone)


async def register_first(
    place: Workplace,
    password: str,
    secret: RecoverySecret,
    fleet: Path,
    *,
    stretching: Argon2Parameters = STRETCHING,
) -> Registered:
    """Put a new recovery secret behind a password, at the realms of a fleet file. Keeps nothing.

    Raises what `registering.register` does, vault_unfinished where too few realms answer to it: then turn
    it on again, which registers anew.
    """
    raw = load_fleet_bytes(fleet)
    vault = VaultState(raw, _FIRST_EPOCH - 1, b"")
    made = await _register(place, vault, password, secret, stretching)
    if not made.done:
        raise VaultUnfinished(_NOT_SET)
    return _kept(raw, made)


async def register_again(
    place: Workplace,
    vault: VaultState,
    password: str,
    secret: RecoverySecret,
    *,
    stretching: Argon2Parameters = STRETCHING,
) -> Registered:
    """Put a recovery secret, the same or another, behind a password in the place of the last registration.

    Keeps nothing: whoever calls keeps what comes back, done or not. What is raised was raised before any realm was
    told to commit.
    """
    return _kept(vault.fleet, await _register(place, vault, password, secret, stretching))


async def change_password(
    place: Workplace,
    vault: VaultState,
    password: str,
    secret: RecoverySecret,
    *,
    stretching: Argon2Parameters = STRETCHING,
) -> Registered:
    """Put the same recovery secret behind another password, and keep what came of it.

    Raises vault_unfinished where too few realms answer to the new password yet: what they have still to hear is
    kept, and `repair` sends it; also where this program dies as soon as some realm may answer to it.
    """

    async def keep(made: Registration) -> None:
        kept = _kept(vault.fleet, made)
        await place.transact(lambda work: backup_state.save_vault(work.tx, kept.vault, kept.pending))

    made = await _register(place, vault, password, secret, stretching, keep)
    await keep(made)
    if not made.done:
        raise VaultUnfinished(_NOT_CHANGED)
    return _kept(vault.fleet, made)


async def newest(place: Workplace, vault: VaultState) -> Newest:
    """Ask every realm for the registration that it answers to, after finishing one that some realm has committed.

    Costs no guess, and fails at no realm that does not answer.
    """
    async with _opened(place, vault) as links:
        seen = await survey(links, place.own.id, vault.locator or None)
        if await finish_commits(links, seen):
            seen = await survey(links, place.own.id, vault.locator or None)
        held = statements_held(links, seen)
        found = max(held.values(), key=lambda one: one.epoch, default=None)
        if found is None:
            return Newest(0, b"", 0, links.fleet.threshold, not seen.failures)
        copies = sum(one.raw == found.raw for one in held.values())
        return Newest(
            found.epoch,
            found.checks.secret,
            copies,
            links.fleet.threshold,
            not seen.failures,
            seen.knows_locator(),
        )


async def repair(place: Workplace, vault: VaultState) -> int:
    """Send realms what they have still to hear of the last registration. Returns how many still wait."""
    async with _opened(place, vault) as links:
        return await _repair(place, links)


async def anchor(place: Workplace, vault: VaultState, generation: int, manifest_hash: bytes) -> Anchored:
    """Tell the realms which backup is the newest, after whatever they have still to hear.

    Never fails for a realm that is away: fewer confirmations are what it comes to.
    """
    async with _opened(place, vault) as links:
        await _repair(place, links)
        told = await keeping.anchor(
            links, owner_of(place.own), epoch=vault.epoch, generation=generation, manifest_hash=manifest_hash
        )
        sure = len(told) >= keeping.enough_to_be_sure(links)
    return Anchored(len(told), Freshness.VERIFIED if sure else Freshness.UNANCHORED)


async def delete(place: Workplace, vault: VaultState) -> Deleted:
    """Have the realms forget the record. Raises where none proved that it did."""
    ended = await delete_at(place, vault)
    if not ended.proved:
        raise next(iter(ended.failures.values()))
    return ended


async def delete_at(place: Workplace, vault: VaultState, realms: Collection[str] | None = None) -> Deleted:
    """Have the realms, or these, forget the record; never fails for one that does not."""
    async with _opened(place, vault) as links:
        results = await keeping.delete(links, owner_of(place.own), epoch=vault.epoch, realms=realms)
    proved, failures = split(results)
    return Deleted(tuple(proved), failures)


async def history(place: Workplace, vault: VaultState) -> list[Attempt]:
    """What the realms have noted, the oldest first; one that lies is told as an alarm and keeps nothing else back.

    A realm that is away is left out. Raises what is wrong with the first where it is wrong with all.
    """
    read = await ledgers(place, vault)
    place.announcer.say(lies(read))
    return list(read.attempts)


async def ledgers(place: Workplace, vault: VaultState) -> Ledgers:
    """Read what the realms have noted, and remember how far each ledger goes. Raises where none can be read."""
    async with _opened(place, vault) as links:
        read = await keeping.ledgers(
            links,
            owner_of(place.own),
            epoch=vault.epoch,
            known=await ledger_heads.known(place, links.fleet),
        )
    await ledger_heads.keep(place, links.fleet, read.heads)
    if len(read.alarms) == len(links.fleet.realms):
        raise next(iter(read.alarms.values()))
    return read


def lies(read: Ledgers) -> list[Alarm]:
    """The realms whose ledger went back in time, was rewritten, or does not hang together."""
    lied = [one for one in read.alarms.values() if one.code is Code.REALM_LIED]
    return [Alarm(one.code.value, one.message) for one in lied]


async def view(place: Workplace, vault: VaultState) -> VaultView:
    """How the realms stand, at the owner's door; costs no guess."""
    async with _opened(place, vault) as links:
        return await status(links, place.own.id, vault.locator or None)


async def known_heads(place: Workplace, vault: VaultState) -> dict[str, Head]:
    """How far the realms' ledgers are known here, by realm; asks nobody."""
    return await ledger_heads.known(place, fleet_of(vault))


async def adopt(place: Workplace, vault: VaultState, heads: Mapping[str, Head]) -> None:
    """Keep, on a terminal that was just restored, the vault that keeps its secret."""

    async def save(work: Work) -> None:
        await backup_state.save_vault(work.tx, vault, ())

    await place.transact(save)
    await ledger_heads.keep(place, fleet_of(vault), heads)


def fleet_of(vault: VaultState) -> Fleet:
    """Read the fleet that was confirmed."""
    return parse_fleet(vault.fleet)


@contextlib.asynccontextmanager
async def _opened(place: Workplace, vault: VaultState) -> AsyncIterator[VaultLinks]:
    async with open_vault(
        fleet_of(vault),
        place.random,
        place.clock,
        insecure=place.own.identity.insecure,
        dial=place.dial_realm,
        sleep=place.sleep,
    ) as links:
        yield links


async def _register(
    place: Workplace,
    vault: VaultState,
    password: str,
    secret: RecoverySecret,
    stretching: Argon2Parameters,
    keep: Keep | None = None,
) -> Registration:
    async with _opened(place, vault) as links:
        return await registering.register(
            links,
            owner_of(place.own),
            secret,
            password,
            epoch=vault.epoch + 1,
            locator=vault.locator or None,
            stretching=stretching,
            keep=keep,
        )


async def _repair(place: Workplace, links: VaultLinks) -> int:
    waiting = tuple(await place.database.read(backup_state.pending))
    if not waiting:
        return 0
    left = await registering.finish(links, owner_of(place.own), waiting)
    if left != waiting:
        await place.transact(partial(_save_pending, pending=left))
    return len(left)


async def _save_pending(work: Work, pending: tuple[tuple[str, bytes], ...]) -> None:
    await backup_state.save_pending(work.tx, pending)


def _kept(fleet: bytes, made: Registration) -> Registered:
    return Registered(
        vault=VaultState(fleet, made.epoch, made.locator),
        pending=made.pending,
        realms=len(made.confirmed),
        realms_total=len(made.confirmed) + len(made.pending),
        key_check=open_statement(made.statement).checks.secret,
        done=made.done,
    )

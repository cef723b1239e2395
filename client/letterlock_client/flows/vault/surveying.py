"""Looks at a vault before anything is spent: what each realm says, and which registration is the one to use.

A status call is free. What realms say of themselves is shown; what is acted on is what the owner signed, the
same at as many realms as are needed. Must not know passwords.
"""

from dataclasses import dataclass
from typing import Final

from letterlock.errors import PeerError
from letterlock.ids import AccountId
from letterlock.vault.fleet import shown_hash
from letterlock.vault.ledger import Event, open_entry
from letterlock.vault.receipts import check_commit
from letterlock.vault.record import door_key
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock.vault.statement import Statement, open_statement
from letterlock.wire import vault_refusals as refusals
from letterlock.wire.vault_frames import AskStatus, Commit, Receipt, StatusIs
from letterlock_client.backup_models import RealmState, RealmView, VaultView
from letterlock_client.errors import ClientError, Code
from letterlock_client.links.vault import RealmLink, VaultLinks, split
from letterlock_client.links.vault_failures import (
    RealmError,
    RealmLied,
    RealmUnreachable,
    VaultDestroyed,
    VaultNeverRegistered,
    VaultUnfinished,
)

EPOCH_STEP: Final = 1000
"""By how much a registration may pass the highest that a realm knows: see the page of realms."""
_STATES: Final = {
    refusals.READY: RealmState.READY,
    refusals.NEVER_REGISTERED: RealmState.NEVER_REGISTERED,
    refusals.DESTROYED: RealmState.DESTROYED,
    refusals.DOOR_CLOSED: RealmState.DOOR_CLOSED,
    refusals.WAIT: RealmState.WAIT,
    refusals.UNFINISHED: RealmState.UNFINISHED,
}
_FAILED: Final = {
    Code.REALM_LIED: RealmState.LIED,
    Code.REALM_WRONG_KEY: RealmState.WRONG_KEY,
}
_HOLDING: Final = frozenset({refusals.READY, refusals.WAIT, refusals.DOOR_CLOSED})
"""States of a realm whose record is there."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What every realm of the fleet said, or how it failed."""

    account: AccountId
    answers: dict[str, StatusIs]
    failures: dict[str, RealmError]
    with_locator: bool

    def holding(self) -> dict[str, StatusIs]:
        """The realms that hold a record which answers, now or later."""
        return {name: one for name, one in self.answers.items() if one.state in _HOLDING}

    def knows_locator(self) -> bool:
        """Whether the locator opens the owner's door at any realm that holds a record."""
        return self.with_locator and any(one.owner_door for one in self.holding().values())


async def survey(vault: VaultLinks, account: AccountId, locator: bytes | None) -> Survey:
    """Ask every realm what a guess would meet there. Spends nothing, and fails at no realm that does not answer."""

    async def ask(link: RealmLink) -> StatusIs:
        key = door_key(locator, link.name, account) if locator else b""
        answer = await link.ask(AskStatus(0, account=account, door_key=key), StatusIs)
        if answer.state not in _STATES:
            raise RealmLied(link.name, "it is in a state that does not exist")
        if answer.tombstone:
            _tombstone(vault, link.name, account, answer.tombstone)
        return answer

    answers, failures = split(await vault.each(ask))
    return Survey(account, answers, failures, with_locator=bool(locator))


async def status(vault: VaultLinks, account: AccountId, locator: bytes | None = None) -> VaultView:
    """Return what people are shown before they enter a password. Spends nothing."""
    seen = await survey(vault, account, locator)
    return view(vault, seen)


def view(vault: VaultLinks, seen: Survey) -> VaultView:
    """Put a survey into the words of faces."""
    needed = vault.fleet.threshold
    holding = [one for one in seen.holding().values() if one.left]
    waits = sorted(one.wait for one in holding)
    return VaultView(
        fleet_hash=shown_hash(vault.fleet.hash),
        threshold=needed,
        realms=tuple(_realm_view(vault, seen, realm.name, realm.url) for realm in vault.fleet.realms),
        attempts_left=tries_left([one.left for one in holding], needed),
        wait_seconds=waits[needed - 1] if len(waits) >= needed else 0,
        with_locator=seen.with_locator,
        epoch=max((one.epoch for one in statements_held(vault, seen).values()), default=0),
    )


def tries_left(left: list[int], needed: int) -> int:
    """How often so many realms can still be asked together, each as often as it says."""
    tries = 0
    while sum(min(one, tries + 1) for one in left) >= needed * (tries + 1):
        tries += 1
    return tries


async def agreed(vault: VaultLinks, seen: Survey) -> Statement:
    """Return the newest statement, which as many realms as are needed hold alike, checked against the account.

    Raises vault_never_registered, vault_destroyed, vault_unfinished, realm_unreachable, realm_lied,
    realm_wrong_key: whatever stands between.
    """
    statements = statements_held(vault, seen)
    # A committed statement proves that enough realms have prepared it. So whoever still holds an older one was
    # away or lies, and is never taken at its word: an old password must not come back.
    newest = max(statements.values(), key=lambda one: one.epoch, default=None)
    if newest is None or _copies(statements, newest) < vault.fleet.threshold:
        raise why_not(vault, seen, statements)
    return newest


async def registration_of(
    vault: VaultLinks, account: AccountId, secret: RecoverySecret, locator: bytes | None = None
) -> tuple[int, bool]:
    """Return the epoch of the registration that keeps this very secret, and whether its locator is this one.

    Spends nothing.

    Raises what `agreed` does, and vault_never_registered where another secret is kept.
    """
    seen = await survey(vault, account, locator)
    statement = await agreed(vault, seen)
    if not secret.matches(statement.checks.secret):
        raise VaultNeverRegistered
    return statement.epoch, seen.knows_locator()


def _copies(statements: dict[str, Statement], wanted: Statement) -> int:
    return sum(one.raw == wanted.raw for one in statements.values())


def statements_held(vault: VaultLinks, seen: Survey) -> dict[str, Statement]:
    """Verify what each realm has; a realm with a statement that does not check counts as one that lied."""
    found: dict[str, Statement] = {}
    for name, answer in seen.holding().items():
        try:
            statement = open_statement(answer.statement, seen.account)
            if statement.epoch != answer.epoch or not _names_fleet(vault, statement):
                raise RealmLied(name, "its statement is of another registration or fleet")
            check_commit(statement, answer.receipts)
            found[name] = statement
        except PeerError:
            seen.failures[name] = RealmLied(name, "its statement does not check")
        except RealmLied as error:
            seen.failures[name] = error
    return found


async def finish_commits(vault: VaultLinks, seen: Survey) -> bool:
    """Finish a registration that some realm has committed and another has only prepared. Say whether any was.

    The receipts that a realm committed with are good at every other. What does not check is no registration: a
    realm that makes up a later one must not hide the one to be finished.
    """
    checked = statements_held(vault, seen)
    newest = max((seen.answers[name] for name in checked), key=lambda one: one.epoch, default=None)
    if newest is None:
        return False
    behind = [
        name
        for name, one in seen.answers.items()
        if one.prepared == newest.epoch and (one.state not in _HOLDING or one.epoch < newest.epoch)
    ]
    if not behind:
        return False

    async def commit(link: RealmLink) -> Receipt:
        frame = Commit(0, account=seen.account, epoch=newest.epoch, receipts=newest.receipts)
        return await link.ask(frame, Receipt)

    done, _ = split(await vault.each(commit, behind))
    return bool(done)


def why_not(vault: VaultLinks, seen: Survey, holding: dict[str, Statement]) -> ClientError:
    """Return the error that says why too few realms can answer: the answer of those that stand in the way."""
    states = [one.state for one in seen.answers.values()]
    missing = len(vault.fleet.realms) - vault.fleet.threshold + 1
    if states.count(refusals.DESTROYED) >= missing:
        return destroyed(vault, seen)
    if states.count(refusals.NEVER_REGISTERED) >= missing:
        return VaultNeverRegistered()
    for error in seen.failures.values():
        if error.code in _FAILED:
            return error
    for error in seen.failures.values():
        return error
    if refusals.DESTROYED in states:
        return destroyed(vault, seen)
    if holding or refusals.UNFINISHED in states:
        return VaultUnfinished()
    return VaultNeverRegistered()


def destroyed(vault: VaultLinks, seen: Survey) -> VaultDestroyed:
    """Return the error that says when the record was destroyed and why, by a realm's signed word."""
    for name, one in seen.answers.items():
        if one.state == refusals.DESTROYED and one.tombstone:
            at, reason = _tombstone(vault, name, seen.account, one.tombstone)
            return VaultDestroyed(at, reason)
    return VaultDestroyed(0, "")


def next_epoch(seen: Survey, least: int) -> int:
    """Return the number, `least` or more, under which most realms take the next registration.

    A realm takes one above the highest that it knows, by `EPOCH_STEP` at most; so one realm that claims a number
    far above all others' is not followed.
    """
    known = [max(one.epoch, one.prepared, one.highest) for one in seen.answers.values()]
    candidates = {least, *(number + 1 for number in known if number >= least)}
    return max(candidates, key=lambda epoch: (sum(one < epoch <= one + EPOCH_STEP for one in known), epoch))


def _tombstone(vault: VaultLinks, name: str, account: AccountId, raw: bytes) -> tuple[int, str]:
    """When and why: from the ledger entry that a realm signed. Raises RealmLied."""
    realm = vault.fleet.realm(name)
    try:
        if realm is None:
            raise RealmUnreachable(name)
        entry = open_entry(raw, realm.keys)
    except PeerError as error:
        raise RealmLied(name, "its word on the end of the record does not check") from error
    if (entry.realm, entry.account) != (name, account) or entry.event not in (Event.DESTROYED, Event.DELETED):
        raise RealmLied(name, "its word on the end of the record is about something else")
    reason = "too many guesses" if entry.event is Event.DESTROYED else "deleted by its owner"
    return entry.at, reason


def _names_fleet(vault: VaultLinks, statement: Statement) -> bool:
    """The realms of the statement are the pinned ones, all of them and no others."""
    named = [(entry.name, entry.keys) for entry in statement.realms]
    pinned = [(realm.name, realm.keys) for realm in vault.fleet.realms]
    return named == pinned and statement.fleet_hash == vault.fleet.hash


def _realm_view(vault: VaultLinks, seen: Survey, name: str, url: str) -> RealmView:
    answer = seen.answers.get(name)
    if answer is None or name in seen.failures:
        code = seen.failures[name].code if name in seen.failures else Code.REALM_UNREACHABLE
        return RealmView(name, url, _FAILED.get(code, RealmState.UNREACHABLE), 0, 0)
    at, reason = 0, ""
    if answer.tombstone:
        at, reason = _tombstone(vault, name, seen.account, answer.tombstone)
    return RealmView(name, url, _STATES[answer.state], answer.left, answer.wait, at, reason)

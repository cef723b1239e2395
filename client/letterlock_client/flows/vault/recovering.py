"""Takes a recovery secret back from a vault: status first, then one guess at as many realms as are needed.

A realm that lies or falls silent is named and replaced by a spare one, where there is one; what it did is never
called a wrong password. Must not know storage, providers, or what the secret opens.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from letterlock.errors import LyingRealmError, MalformedError, OpenError, WrongPasswordError
from letterlock.ids import AccountId
from letterlock.vault import password as passwords
from letterlock.vault.ledger import EMPTY, Entry, Head, check_not_rolled_back
from letterlock.vault.record import door_key
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock.vault.statement import Statement
from letterlock.vault.threshold import Answered, Opened, Recovery, Share
from letterlock.wire import vault_refusals as refusals
from letterlock.wire.vault_frames import FinishGuess, GuessAnswer, Released, StartGuess
from letterlock_client.backup_models import Attempt
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.vault.access import stretched
from letterlock_client.flows.vault.keeping import attempts
from letterlock_client.flows.vault.surveying import (
    Survey,
    agreed,
    destroyed,
    finish_commits,
    survey,
    tries_left,
    why_not,
)
from letterlock_client.links.vault import RealmLink, VaultLinks, split
from letterlock_client.links.vault_failures import (
    RealmError,
    RealmLied,
    RealmUnreachable,
    VaultDoorClosed,
    VaultUnfinished,
    VaultWait,
    WrongPassword,
)


@dataclass(frozen=True, slots=True)
class Recovered:
    """What a vault gave back."""

    secret: RecoverySecret
    epoch: int
    """Of the registration: the next one must pass it."""
    anchor: tuple[int, bytes] | None
    """Generation and manifest hash of the newest backup that the owner told these realms of."""
    ledgers: dict[str, list[Entry]]
    """The newest entries of the ledger of each realm that helped."""
    attempts: tuple[Attempt, ...]
    """The newest entries of the ledgers."""
    failures: dict[str, RealmError]
    """Realms that were not to be had, or lied, although enough others were."""

    def heads(self, known: Mapping[str, Head]) -> dict[str, Head]:
        """How far each realm's ledger is known now, beyond what was known before.

        Where a ledger does not go on from there, what was known stays: then every later look raises the alarm.
        """
        heads = dict(known)
        for realm, entries in self.ledgers.items():
            with suppress(LyingRealmError):
                heads[realm] = check_not_rolled_back(known.get(realm, EMPTY), realm, entries)
        return heads


@dataclass(slots=True)
class _Tries:
    """One recovery under way: who answered, who may still be asked, who failed how."""

    vault: VaultLinks
    recovery: Recovery
    door: bytes | None
    spare: list[str]
    links: dict[str, RealmLink] = field(default_factory=dict)
    """The very connections that the guesses went over: their proofs go over no other."""
    answers: dict[str, Answered] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)
    wait: dict[str, int] = field(default_factory=dict)
    failures: dict[str, RealmError] = field(default_factory=dict)

    @property
    def needed(self) -> int:
        """How many more answers it takes."""
        return self.recovery.statement.threshold - len(self.answers)


async def recover(
    vault: VaultLinks, account: AccountId, password: str, locator: bytes | None = None
) -> Recovered:
    """Spend one guess, and return the recovery secret if it was right.

    Raises wrong_password (attempts_left, wait_seconds), bad_input for what cannot be one, and every other
    answer of a vault under a code of its own; none but wrong_password has spent a guess at enough realms.
    """
    try:
        prepared = passwords.prepare(password)
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, str(error)) from error
    seen = await survey(vault, account, locator)
    if await finish_commits(vault, seen):
        seen = await survey(vault, account, locator)
    statement = await agreed(vault, seen)
    _check_locator(seen)
    holding = seen.holding()
    ready = _ready(vault, seen, statement)
    tries = _Tries(
        vault=vault,
        recovery=Recovery(statement, prepared, vault.random),
        door=locator,
        spare=ready,
        left={name: one.left for name, one in holding.items()},
        wait={name: one.wait for name, one in holding.items()},
        failures=dict(seen.failures),
    )
    shares = await _shares(tries)
    try:
        secret = tries.recovery.join(shares)
    except OpenError as error:
        raise ClientError(Code.FAILED, "what the vault gave back is not what was registered") from error
    return _recovered(secret, statement, shares, tries.failures)


async def _shares(tries: _Tries) -> list[Share]:
    """Get as many shares as are needed, asking spare realms in the place of those that fail."""
    shares: dict[str, Share] = {}
    while len(shares) < tries.recovery.statement.threshold:
        await _ask(tries)
        opened = await _open(tries)
        if opened is None:
            continue
        released = await _release(tries, [one for one in opened if one.entry.name not in shares])
        shares |= released
        for name in [name for name in tries.answers if name not in shares]:
            del tries.answers[name]
    return list(shares.values())


async def _ask(tries: _Tries) -> None:
    """Spend a guess at as many realms as are missing, until enough have answered truly."""
    while tries.needed > 0:
        asked = [tries.spare.pop(0) for _ in range(min(tries.needed, len(tries.spare)))]
        if not asked or len(asked) < tries.needed:
            raise _blamed(tries)

        async def guess(link: RealmLink) -> tuple[Answered, GuessAnswer]:
            return await _guess(tries, link)

        good, bad = split(await tries.vault.each(guess, asked))
        tries.failures |= bad
        for name, (answered, said) in good.items():
            tries.answers[name] = answered
            tries.left[name], tries.wait[name] = said.left, said.wait


async def _guess(tries: _Tries, link: RealmLink) -> tuple[Answered, GuessAnswer]:
    statement = tries.recovery.statement
    begun = tries.recovery.start(link.name, tries.vault.random)
    frame = StartGuess(
        0,
        account=statement.account,
        epoch=statement.epoch,
        door_key=door_key(tries.door, link.name, statement.account) if tries.door else b"",
        ke1=begun.login.ke1.pack(),
    )
    tries.links[link.name] = link
    said = await link.ask(frame, GuessAnswer)
    return tries.recovery.check(begun, said.answer), said


async def _open(tries: _Tries) -> list[Opened] | None:
    """Open the envelopes; None where a realm's did not open and it is out."""
    try:
        return await stretched(tries.recovery.open, list(tries.answers.values()))
    except WrongPasswordError as error:
        raise _wrong_password(tries) from error
    except LyingRealmError as error:
        tries.failures[error.realm] = RealmLied(error.realm, str(error))
        del tries.answers[error.realm]
        return None


async def _release(tries: _Tries, opened: Sequence[Opened]) -> dict[str, Share]:
    """Prove the password to each realm, and take what it releases."""
    by_name = {one.entry.name: one for one in opened}

    async def finish(link: RealmLink) -> Share:
        one = by_name[link.name]
        if tries.links[link.name] is not link:
            raise RealmUnreachable(link.name)
        released = await link.ask(FinishGuess(0, ke3=one.login.ke3.pack()), Released)
        return tries.recovery.take(one, released.sealed)

    shares, failures = split(await tries.vault.each(finish, by_name))
    tries.failures |= failures
    return shares


def _check_locator(seen: Survey) -> None:
    """Refuse a locator that no realm knows, before a guess is spent at the other door."""
    if seen.with_locator and not seen.knows_locator():
        raise ClientError(Code.BAD_INPUT, "the vault does not know this locator; see the recovery sheet")


def _ready(vault: VaultLinks, seen: Survey, statement: Statement) -> list[str]:
    """Return the realms that would answer a guess now, the fullest first; too few of them raise why."""
    holding = {
        name: one
        for name, one in seen.holding().items()
        if name not in seen.failures and one.statement == statement.raw
    }
    for name in [name for name, one in holding.items() if one.owner_door != seen.with_locator]:
        # Under one statement there is one locator, and another realm knows it.
        seen.failures[name] = RealmLied(name, "it does not know the locator that others know")
        del holding[name]
    ready = [name for name, one in holding.items() if one.state == refusals.READY]
    if len(ready) >= statement.threshold:
        return sorted(ready, key=lambda name: -holding[name].left)
    states = [one.state for one in holding.values()]
    waits = sorted(one.wait for one in holding.values() if one.state == refusals.WAIT)
    if len(ready) + len(waits) >= statement.threshold:
        raise VaultWait(waits[statement.threshold - len(ready) - 1])
    if len(ready) + len(waits) + states.count(refusals.DOOR_CLOSED) >= statement.threshold:
        raise VaultDoorClosed
    if any(one.state == refusals.DESTROYED for one in seen.answers.values()):
        raise destroyed(vault, seen)
    raise why_not(vault, seen, {})


def _blamed(tries: _Tries) -> ClientError:
    """Return why too few realms answered: a lie before an absence."""
    failures = list(tries.failures.values())
    for code in (Code.REALM_LIED, Code.REALM_WRONG_KEY):
        for error in failures:
            if error.code is code:
                return error
    return failures[-1] if failures else VaultUnfinished()


def _wrong_password(tries: _Tries) -> WrongPassword:
    needed = tries.recovery.statement.threshold
    waits = sorted(wait for name, wait in tries.wait.items() if tries.left[name])
    left = tries_left(list(tries.left.values()), needed)
    return WrongPassword(left, waits[needed - 1] if len(waits) >= needed else 0)


def _recovered(
    secret: RecoverySecret, statement: Statement, shares: Sequence[Share], failures: dict[str, RealmError]
) -> Recovered:
    anchors = [
        (share.anchor.generation, share.anchor.manifest_hash) for share in shares if share.anchor is not None
    ]
    ledgers = {share.realm: list(share.ledger) for share in shares}
    return Recovered(
        secret=secret,
        epoch=statement.epoch,
        anchor=max(anchors, default=None),
        ledgers=ledgers,
        attempts=tuple(one for name, run in ledgers.items() for one in attempts(name, run)),
        failures=failures,
    )

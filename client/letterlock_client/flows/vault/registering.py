"""Registers a password at a vault: prepared everywhere first, then committed with the receipts of enough realms.

Until a realm is told to commit, the registration before it answers; so at any moment, whatever breaks, the old
password restores or the new one does. What a realm that was away has still to hear waits as bytes, which are
sealed to it and are worth nothing to anybody else. A changed password is a registration of a higher epoch.
Must not know storage: whoever calls keeps what comes back.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from letterlock.encoding import Reader, pack
from letterlock.errors import MalformedError, PeerError
from letterlock.primitives.derivation import Argon2Parameters
from letterlock.vault import password as passwords
from letterlock.vault.fleet import MAX_REALMS
from letterlock.vault.owned import Owner
from letterlock.vault.receipts import MAX_RECEIPT, Stage, check_receipt, open_receipt
from letterlock.vault.record import LOCATOR_BYTES, MAX_SEALED_RECORD
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock.vault.requests import sign_register
from letterlock.vault.statement import MAX_STATEMENT, Statement, open_statement
from letterlock.vault.threshold import Dealt, Terms, deal
from letterlock.wire.vault_frames import AskStatus, Commit, Prepare, Receipt, StatusIs
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.vault.access import stretched
from letterlock_client.flows.vault.device_lists import tell_owner_s_list
from letterlock_client.flows.vault.surveying import next_epoch, survey
from letterlock_client.links.vault import RealmLink, VaultLinks, split
from letterlock_client.links.vault_failures import RealmLied

STRETCHING: Final = Argon2Parameters.MODERATE
"""What each guess costs whoever has a threshold of stolen realms; and the owner, once at each restore."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What a registration came to. It holds once `done`; until then the one before it may still answer."""

    epoch: int
    statement: bytes
    locator: bytes = field(repr=False)
    confirmed: tuple[str, ...]
    """The realms that answer to it."""
    pending: tuple[tuple[str, bytes], ...]
    """What the others have still to be sent, each to its realm: keep it, and call `finish` later."""
    done: bool
    """Whether as many realms as are needed answer to it."""


Keep = Callable[[Registration], Awaitable[None]]
"""Keeps a registration before any realm is told to answer to it."""


async def register(
    vault: VaultLinks,
    owner: Owner,
    secret: RecoverySecret,
    password: str,
    *,
    epoch: int,
    locator: bytes | None = None,
    stretching: Argon2Parameters = STRETCHING,
    keep: Keep | None = None,
) -> Registration:
    """Put the recovery secret behind a password, or behind a new one, at all realms that can be reached.

    `epoch` is at least one more than that of the last registration known here; realms that know of a later one
    raise it. `locator` keeps an old one valid. `keep` is called once enough have prepared it: whoever dies behind
    that can `finish` it. Raises bad_input for a password that no vault takes; a realm's
    error, where too few prepared it: then nothing has changed.
    """
    try:
        prepared_password = passwords.prepare(password)
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, str(error)) from error
    account = owner.account.account
    seen = await survey(vault, account, locator)
    terms = Terms(
        fleet=vault.fleet,
        epoch=next_epoch(seen, epoch),
        argon2=stretching,
        locator=locator or vault.random(LOCATOR_BYTES),
        created=vault.now(),
    )
    dealt = await stretched(deal, owner, terms, prepared_password, secret, vault.random)
    receipts = await _prepared(vault, owner, dealt)
    if keep is not None:
        await keep(_come_to(terms, dealt, receipts, ()))
    confirmed = await _committed(vault, dealt.statement, list(receipts), list(receipts.values()))
    return _come_to(terms, dealt, receipts, confirmed)


async def finish(
    vault: VaultLinks, owner: Owner, pending: Sequence[tuple[str, bytes]]
) -> tuple[tuple[str, bytes], ...]:
    """Send realms what they have still to hear of a registration. Returns what waits on.

    A realm that answers to this registration or a later one, or has prepared a later one, needs it no more.
    """
    messages = {name: _open_pending(raw) for name, raw in pending}

    async def complete(link: RealmLink) -> None:
        statement, sealed, receipts = messages[link.name]
        known = await link.ask(AskStatus(0, account=statement.account, door_key=b""), StatusIs)
        if known.epoch >= statement.epoch or known.highest > statement.epoch:
            return
        own = await _prepare(link, vault, owner, statement, sealed)
        await _commit(link, statement, [*receipts, own])

    known = [name for name in messages if vault.fleet.realm(name) is not None]
    results = await vault.each(complete, known)
    done = {name for name, result in results.items() if result is None}
    return tuple((name, raw) for name, raw in pending if name in known and name not in done)


async def _prepared(vault: VaultLinks, owner: Owner, dealt: Dealt) -> dict[str, bytes]:
    """Have every realm keep the registration beside the present one; enough must have, or nothing changes."""

    async def prepare(link: RealmLink) -> bytes:
        return await _prepare(link, vault, owner, dealt.statement, dealt.records[link.name])

    receipts, failures = split(await vault.each(prepare))
    if len(receipts) < vault.fleet.threshold:
        raise next(iter(failures.values()))
    return receipts


async def _prepare(
    link: RealmLink, vault: VaultLinks, owner: Owner, statement: Statement, sealed: bytes
) -> bytes:
    """Have one realm keep it. Returns the realm's receipt, checked."""
    await tell_owner_s_list(link, owner)
    request = sign_register(
        owner, await link.addressed(), statement=statement, sealed=sealed, created=vault.now()
    )
    frame = Prepare(0, request=request, statement=statement.raw, record=sealed)
    raw = (await link.ask(frame, Receipt)).receipt
    check_signed_receipt(link, raw, Stage.PREPARED, statement, statement.hash)
    return raw


def check_signed_receipt(
    link: RealmLink, raw: bytes, stage: Stage, statement: Statement, subject: bytes
) -> None:
    """Check a receipt as the realm's own and about just this. Raises RealmLied."""
    try:
        check_receipt(open_receipt(raw, link.realm.keys), stage, link.name, statement, subject)
    except PeerError as error:
        raise RealmLied(link.name, "its receipt does not check") from error


async def _committed(
    vault: VaultLinks, statement: Statement, names: list[str], receipts: list[bytes]
) -> list[str]:
    async def commit(link: RealmLink) -> None:
        await _commit(link, statement, receipts)

    done, _ = split(await vault.each(commit, names))
    return list(done)


async def _commit(link: RealmLink, statement: Statement, receipts: Sequence[bytes]) -> None:
    """Have one realm answer to what it prepared, and check that it says so."""
    frame = Commit(0, account=statement.account, epoch=statement.epoch, receipts=list(receipts)[-MAX_REALMS:])
    raw = (await link.ask(frame, Receipt)).receipt
    check_signed_receipt(link, raw, Stage.COMMITTED, statement, statement.hash)


def _come_to(
    terms: Terms, dealt: Dealt, receipts: Mapping[str, bytes], confirmed: Collection[str]
) -> Registration:
    waiting = [name for name in dealt.records if name not in confirmed]
    return Registration(
        epoch=terms.epoch,
        statement=dealt.statement.raw,
        locator=terms.locator,
        confirmed=tuple(confirmed),
        pending=tuple((name, _pending(dealt, name, receipts.values())) for name in waiting),
        done=len(confirmed) >= terms.fleet.threshold,
    )


def _pending(dealt: Dealt, realm: str, receipts: Iterable[bytes]) -> bytes:
    """What an absent realm has still to be sent, as bytes that a profile keeps."""
    return pack(dealt.statement.raw, dealt.records[realm], *receipts)


def _open_pending(raw: bytes) -> tuple[Statement, bytes, list[bytes]]:
    reader = Reader(raw)
    statement = open_statement(reader.blob(most=MAX_STATEMENT))
    sealed = reader.blob(most=MAX_SEALED_RECORD)
    receipts = []
    while reader.more():
        receipts.append(reader.blob(most=MAX_RECEIPT))
    return statement, sealed, receipts

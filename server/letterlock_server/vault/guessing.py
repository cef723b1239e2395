"""A guess, from KE1 to its end: spent on disk, then answered, then proved or given up.

The one invariant of the vault stands here: **a guess is spent, durably, before it is answered**, and nothing
refills but a valid KE3. A record whose last guess ends unproved is destroyed: when its time is over, its
connection gone, its proof wrong, or the realm restarted; a disk that fails at its right proof is waited for.
Must not know sockets or SQL.
"""

import asyncio
from typing import Final

import structlog

from letterlock.errors import PeerError, WrongPasswordError
from letterlock.ids import AccountId
from letterlock.vault import guess as answering
from letterlock.vault.opaque_messages import KE1, KE3
from letterlock.vault.record import RealmRecord
from letterlock.vault.release import MAX_ENTRIES, Release, seal_release
from letterlock.vault.statement import Statement, open_statement
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from letterlock_server.stores.vault_interfaces import Record, Standing, StoreError
from letterlock_server.vault.realm import Refuse, Spent
from letterlock_server.vault.state import GUESS_MS, Guess, Peer, Vault

_log = structlog.get_logger()

_AGAIN_MS: Final = 5_000


async def start(vault: Vault, peer: Peer, request: frames.StartGuess) -> frames.GuessAnswer:
    """Spend one guess and answer it. Raises Refuse, StoreError; PeerError for a KE1 that is none, which is spent."""
    await leave(vault, peer)
    account = AccountId(request.account)
    statement, record = await _readied(vault, account, request)
    guess = Guess(account, vault.running() + GUESS_MS)
    # Among the living before it is spent: whatever ends another guess must not take this one for over.
    vault.live.add(guess)
    peer.guess = guess
    try:
        guess.spent = await vault.store.standings.change(
            account,
            lambda standing: vault.realm.start_guess(standing, request.epoch, request.door_key, vault.now()),
        )
        vault.counts.guesses += 1
        guess.record = record
        # What is no KE1 has cost its sender a guess: nobody tries out for nothing what is evaluated and what not.
        ke1 = KE1.read(request.ke1)
        guess.login, answer = answering.answer(
            ke1, statement=statement, record=record, secret=vault.realm.secret, random=vault.random
        )
    except BaseException:
        peer.guess = None
        await end(vault, guess)
        raise
    return frames.GuessAnswer(request.id, answer=answer.pack(), left=guess.spent.left, wait=guess.spent.wait)


async def _readied(
    vault: Vault, account: AccountId, request: frames.StartGuess
) -> tuple[Statement, RealmRecord]:
    """Open what the answer will need, before anything is spent: what cannot be opened costs nobody a guess."""
    standing = await vault.store.standings.find(account)
    # Decided now to refuse early, and once more when it counts; this change is not kept.
    vault.realm.start_guess(standing, request.epoch, request.door_key, vault.now())
    found = standing.record if standing is not None else None
    if found is None:
        raise Refuse(refusals.NEVER_REGISTERED, "this realm has never held a record of this account")
    return await asyncio.get_running_loop().run_in_executor(vault.checking, _open, vault, account, found)


def _open(vault: Vault, account: AccountId, record: Record) -> tuple[Statement, RealmRecord]:
    realm = vault.realm
    try:
        statement = open_statement(record.statement, account)
        opened = RealmRecord.read(vault.sealer.open(account, record.epoch, record.key, record.box))
    except PeerError as error:
        _log.error("a record does not open: is this the key file of this store?")
        raise Refuse(refusals.INTERNAL, "this realm cannot open its own record; nothing was spent") from error
    entry = statement.realm(realm.name)
    if entry is None or entry.keys != realm.secret.public:
        _log.error("a record is of a realm of another name: start this one under the name it had")
        raise Refuse(refusals.INTERNAL, "this realm goes by another name than before; nothing was spent")
    return statement, opened


async def finish(vault: Vault, peer: Peer, request: frames.FinishGuess) -> frames.Released:
    """Check the proof, refill, and release. Raises Refuse("wrong_proof"), StoreError."""
    guess, peer.guess = peer.guess, None
    if guess is None or guess.login is None or guess.spent is None or guess.record is None:
        raise Refuse(refusals.ILLEGAL, "no guess waits for a proof here")
    guess.proving = True
    spent, record = guess.spent, guess.record
    try:
        if vault.running() > guess.until:
            raise Refuse(refusals.WRONG_PROOF, "the proof came too late", left=spent.left)
        try:
            session_key = guess.login.finish(KE3.read(request.ke3))
        except (WrongPasswordError, PeerError) as error:
            raise Refuse(refusals.WRONG_PROOF, "the proof does not hold", left=spent.left) from error
        guess.proved = True
        standing = await vault.store.standings.change(
            spent.account, lambda before: vault.realm.finish_guess(before, spent, vault.now())
        )
        guess.proved = False
    except Refuse:
        guess.proved = False
        raise
    finally:
        await end(vault, guess)
    vault.counts.released += 1
    return await _released(vault, request.id, standing, record, session_key)


async def _released(
    vault: Vault, request: int, standing: Standing, record: RealmRecord, session_key: bytes
) -> frames.Released:
    behind = max(0, standing.entries - MAX_ENTRIES)
    ledger = await vault.store.standings.ledger(standing.account, behind, MAX_ENTRIES)
    release = Release(
        sealed_share=record.sealed_share,
        wrapped=record.wrapped,
        anchor=standing.anchor,
        ledger=tuple(ledger),
    )
    return frames.Released(request, sealed=seal_release(session_key, vault.realm.name, release))


async def leave(vault: Vault, peer: Peer) -> None:
    """Give up the guess that this connection has not proved, if it has one."""
    guess, peer.guess = peer.guess, None
    if guess is not None:
        await end(vault, guess)


async def end(vault: Vault, guess: Guess) -> None:
    """Let a guess be over: where none is left and none is being answered, its record is destroyed.

    But not after a right proof that the store would not take: that one refills, as soon as it can be kept.
    """
    vault.live.discard(guess)
    if not guess.proved and any(other.account == guess.account for other in vault.live):
        return
    try:
        await bury(vault, guess.account, guess.spent if guess.proved else None)
    except StoreError:
        # It must not be forgotten; the watch comes back to it, or the next start does.
        guess.until = vault.running() + _AGAIN_MS
        guess.proving = False
        vault.live.add(guess)


async def bury(vault: Vault, account: AccountId, proved: Spent | None = None) -> None:
    """Destroy the account's record if no guess is left, unless one was `proved`. Raises StoreError."""
    try:
        destroyed = await vault.store.standings.change(
            account, lambda standing: vault.realm.end_guess(standing, vault.now(), proved)
        )
    except Refuse:
        return
    if destroyed:
        vault.counts.destroyed += 1
        _log.info("a record was destroyed: no guess was left")


async def bury_all(vault: Vault) -> None:
    """Destroy every record whose last guess a restart cut short. Raises StoreError."""
    for account in await vault.store.standings.spent(vault.realm.policy.guesses):
        await bury(vault, account)


async def end_overdue(vault: Vault) -> None:
    """End every guess whose time for a proof is over."""
    now = vault.running()
    for guess in [one for one in vault.live if not one.proving and one.until < now]:
        await end(vault, guess)

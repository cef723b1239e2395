"""What each request to a realm does: checked, decided inside the store's change, answered once it is on disk.

Guesses are in `guessing`. Must not know sockets or SQL.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from letterlock.devices.device_list import VerifiedAccount, open_account
from letterlock.devices.signed import Kind
from letterlock.ids import AccountId
from letterlock.vault.record import open_record
from letterlock.vault.requests import Request, check_registration, open_request
from letterlock.vault.statement import Statement, open_statement
from letterlock.wire import vault_frames as frames
from letterlock.wire import vault_refusals as refusals
from letterlock.wire.frames import Request as RequestFrame
from letterlock_server.stores.vault_interfaces import Change, Record, Standing
from letterlock_server.vault import guessing
from letterlock_server.vault.policy import Entrance
from letterlock_server.vault.realm import Refuse
from letterlock_server.vault.state import Peer, Vault

_NONCE_BYTES: Final = 32
_R = TypeVar("_R")

Handler = Callable[[Vault, Peer, Any], Awaitable[frames.FromRealm]]


async def greet(vault: Vault, peer: Peer, request: frames.Greet) -> frames.Greeted:
    """Say who we are, and prove it."""
    if request.version < frames.VERSION:
        raise Refuse(refusals.VERSION, "this realm needs a newer Letterlock")
    peer.nonce = vault.random(_NONCE_BYTES)
    realm = vault.realm
    return frames.Greeted(
        request.id,
        realm=realm.name,
        keys=realm.secret.public.pack(),
        nonce=peer.nonce,
        proof=realm.secret.welcome(realm.name, request.challenge, peer.nonce),
        guesses=realm.policy.guesses,
        open_guesses=realm.policy.by_handle,
        back_off=list(realm.policy.back_off),
    )


async def ask_nonce(vault: Vault, peer: Peer, request: frames.AskNonce) -> frames.NonceIs:
    """Give a nonce for one more signed request."""
    peer.nonce = vault.random(_NONCE_BYTES)
    return frames.NonceIs(request.id, nonce=peer.nonce)


async def ask_status(vault: Vault, peer: Peer, request: frames.AskStatus) -> frames.StatusIs:
    """Say what a guess would meet; it costs none."""
    standing = await vault.store.standings.find(AccountId(request.account))
    status = vault.realm.status(standing, request.door_key, vault.now())
    return frames.StatusIs(
        request.id,
        state=status.state,
        epoch=status.epoch,
        prepared=status.prepared,
        highest=status.highest,
        left=status.left,
        wait=status.wait,
        owner_door=status.entrance is Entrance.LOCATOR,
        statement=status.statement,
        receipts=list(status.receipts),
        tombstone=status.tombstone,
    )


async def put_device_list(vault: Vault, peer: Peer, request: frames.PutDeviceList) -> frames.Done:
    """Learn a newer device list, of anybody: it proves itself."""
    offered = await _checked(
        vault, open_account, request.root_key, request.list_certificate, request.device_list
    )
    await _check_room(vault, peer, offered)
    await vault.store.standings.change(
        offered.account, lambda standing: vault.realm.learn_list(standing, offered)
    )
    return frames.Done(request.id)


async def fetch_device_list(vault: Vault, peer: Peer, request: frames.FetchDeviceList) -> frames.DeviceListIs:
    """Give the highest device list that is known, to anybody: relays do as well."""
    known = _known(await vault.store.standings.find(AccountId(request.account)))
    return frames.DeviceListIs(
        request.id,
        root_key=known.root_key,
        list_certificate=known.list_certificate,
        device_list=known.device_list,
    )


async def _check_room(vault: Vault, peer: Peer, offered: VerifiedAccount) -> None:
    if await vault.store.standings.find(offered.account) is None:
        retry = vault.rates.account.take(peer.connection.address, vault.running())
        if retry:
            raise Refuse(refusals.RATE, "too many new accounts", retry=-(-retry // 1000))
        if await vault.store.standings.count() >= vault.most_accounts:
            raise Refuse(refusals.NOT_NOW, "this realm keeps as many accounts as it may")


async def prepare(vault: Vault, peer: Peer, request: frames.Prepare) -> frames.Receipt:
    """Keep a registration that answers nothing yet."""
    nonce = _take_nonce(peer)
    asked, statement, record = await _checked(vault, _open_registration, vault, request)

    def decide(standing: Standing | None) -> Change[bytes]:
        vault.realm.check(standing, request.request, Kind.VAULT_REGISTER, nonce)
        return vault.realm.prepare(_known(standing), statement, record, vault.now())

    return frames.Receipt(request.id, receipt=await vault.store.standings.change(asked.account, decide))


def _open_registration(vault: Vault, request: frames.Prepare) -> tuple[Request, Statement, Record]:
    asked = open_request(request.request, Kind.VAULT_REGISTER)
    statement = open_statement(request.statement, asked.account)
    check_registration(asked, statement, request.record)
    opened = open_record(vault.realm.secret, vault.realm.name, request.record, statement)
    key, box = vault.sealer.seal(asked.account, statement.epoch, opened.pack(), vault.random)
    record = Record(
        epoch=statement.epoch,
        statement=statement.raw,
        door_hash=opened.door_hash,
        receipts=(),
        box=box,
        key=key,
    )
    return asked, statement, record


async def commit(vault: Vault, peer: Peer, request: frames.Commit) -> frames.Receipt:
    """Let a prepared registration answer from now on."""
    receipts = tuple(request.receipts)
    receipt = await vault.store.standings.change(
        AccountId(request.account),
        lambda standing: vault.realm.commit(standing, request.epoch, receipts, vault.now()),
    )
    vault.counts.committed += 1
    return frames.Receipt(request.id, receipt=receipt)


async def put_anchor(vault: Vault, peer: Peer, request: frames.PutAnchor) -> frames.Receipt:
    """Take note of a newer backup."""
    nonce = _take_nonce(peer)
    account = (await _checked(vault, open_request, request.request, Kind.VAULT_ANCHOR)).account

    def decide(standing: Standing | None) -> Change[bytes]:
        asked = vault.realm.check(standing, request.request, Kind.VAULT_ANCHOR, nonce)
        return vault.realm.anchor(_known(standing), asked, vault.now())

    return frames.Receipt(request.id, receipt=await vault.store.standings.change(account, decide))


async def delete(vault: Vault, peer: Peer, request: frames.Delete) -> frames.Receipt:
    """Destroy a record because its owner says so."""
    nonce = _take_nonce(peer)
    account = (await _checked(vault, open_request, request.request, Kind.VAULT_DELETE)).account

    def decide(standing: Standing | None) -> Change[bytes]:
        asked = vault.realm.check(standing, request.request, Kind.VAULT_DELETE, nonce)
        return vault.realm.delete(_known(standing), asked, vault.now())

    return frames.Receipt(request.id, receipt=await vault.store.standings.change(account, decide))


async def fetch_ledger(vault: Vault, peer: Peer, request: frames.FetchLedger) -> frames.LedgerPage:
    """Show the owner what happened to its record."""
    nonce = _take_nonce(peer)
    account = (await _checked(vault, open_request, request.request, Kind.VAULT_LEDGER)).account
    standing = await vault.store.standings.find(account)
    await _checked(vault, vault.realm.check, standing, request.request, Kind.VAULT_LEDGER, nonce)
    entries = await vault.store.standings.ledger(account, request.after, frames.MAX_ENTRIES)
    more = request.after + len(entries) < _known(standing).entries and bool(entries)
    return frames.LedgerPage(request.id, entries=list(entries), more=more)


def _take_nonce(peer: Peer) -> bytes:
    """Whatever comes of the request, its nonce is used up: nothing is ever asked twice under one."""
    nonce, peer.nonce = peer.nonce, b""
    if not nonce:
        raise Refuse(refusals.STALE, "ask for a nonce first: each is good for one signed request")
    return nonce


def _known(standing: Standing | None) -> Standing:
    if standing is None:
        raise Refuse(refusals.UNKNOWN_ACCOUNT, "this realm knows no device list of this account")
    return standing


async def _checked(vault: Vault, check: Callable[..., _R], *arguments: object) -> _R:
    """Verify signatures on a thread: a list of sixteen devices takes milliseconds."""
    return await asyncio.get_running_loop().run_in_executor(vault.checking, check, *arguments)


HANDLERS: Final[dict[type[RequestFrame], Handler]] = {
    frames.Greet: greet,
    frames.AskNonce: ask_nonce,
    frames.AskStatus: ask_status,
    frames.StartGuess: guessing.start,
    frames.FinishGuess: guessing.finish,
    frames.PutDeviceList: put_device_list,
    frames.Prepare: prepare,
    frames.Commit: commit,
    frames.PutAnchor: put_anchor,
    frames.Delete: delete,
    frames.FetchLedger: fetch_ledger,
    frames.FetchDeviceList: fetch_device_list,
}

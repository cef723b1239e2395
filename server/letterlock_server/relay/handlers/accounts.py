"""Who is who: greeting, registration, login, device lists, the directory, presence.

Every signed object is checked with the same code that clients use; what is kept are the exact bytes that
came. Must not know sockets or SQL.
"""

import contextlib
import secrets
from typing import Final

import msgspec

from letterlock.devices.account import account_id, open_handle_entry
from letterlock.devices.device_list import VerifiedAccount, open_account, succeed
from letterlock.devices.login import login_transcript
from letterlock.errors import PeerError, StaleListError
from letterlock.ids import AccountId, DeviceId
from letterlock.primitives.derivation import equal
from letterlock.primitives.keys import verify
from letterlock.wire import frames, refusals
from letterlock.wire.connection import State
from letterlock_server.relay import delivering
from letterlock_server.relay.handlers.prekeys import tell_if_low
from letterlock_server.relay.state import Box, Peer, Refuse, Relay
from letterlock_server.stores.interfaces import (
    AccountRecord,
    HandleTakenError,
    Listing,
    ListMovedError,
    Numbers,
    StoreError,
)
from letterlock_server.websocket.connection import FENCED, REVOKED

MIN_CLIENT: Final = 1
_LOGIN_REFUSED: Final = "this login does not check"


def hello(relay: Relay, peer: Peer, frame: frames.Hello, size: int) -> bool:
    """-> Hello. Answered by Welcome with a nonce for this connection only."""
    if frame.version != frames.VERSION:
        raise Refuse(refusals.VERSION, f"this relay speaks version {frames.VERSION}")
    peer.nonce = secrets.token_bytes(32)
    peer.state = State.GREETED
    welcome = frames.Welcome(
        id=frame.id,
        relay=relay.names[0],
        nonce=peer.nonce,
        min_client=MIN_CLIENT,
        features=relay.features,
        now_ms=relay.now(),
        invite_needed=bool(relay.invite_code),
        needs=relay.needs,
    )
    relay.answer(peer, welcome, size)
    return True


async def register(relay: Relay, peer: Peer, frame: frames.Register, _size: int) -> frames.Frame:
    """-> Register. Doing it again with the same objects is Done again: the first answer may have been lost.

    An account that is here in an older epoch goes on in the newer one: its owner has a new terminal, and its root
    key says so.
    """
    present = await relay.store.accounts.find(account_id(frame.root_key))
    rate = relay.rates.register if present is None else relay.rates.reclaim
    retry = rate.take(peer.connection.address, relay.now())
    if retry:
        what = "new accounts" if present is None else "registrations of accounts that are here"
        raise Refuse(refusals.RATE, f"too many {what} from this address", retry)
    account = open_account(frame.root_key, frame.list_certificate, frame.device_list)
    entry = open_handle_entry(frame.handle_entry, account.certificate)
    _check_time(relay, account)
    if present is not None and account.devices.epoch > _opened(present).devices.epoch:
        return await _reclaim(relay, frame, present, entry.handle)
    if relay.invite_code and not equal(frame.invite.encode(), relay.invite_code.encode()):
        raise Refuse(refusals.INVITE_NEEDED, "this relay takes new accounts by invite code only")
    record = AccountRecord(
        account=account_id(frame.root_key),
        handle=entry.handle,
        handle_entry=frame.handle_entry,
        root_key=frame.root_key,
        list_certificate=frame.list_certificate,
        device_list=frame.device_list,
    )
    try:
        listing = await relay.store.accounts.register(record, _numbers(account), _keys(account))
    except HandleTakenError as error:
        raise Refuse(refusals.HANDLE_TAKEN, "another account has this handle") from error
    except ListMovedError as error:
        raise Refuse(refusals.STALE, "this account is here already, with another list") from error
    relay.remember(listing)
    relay.counts.registered += 1
    return frames.Done(frame.id)


async def _reclaim(relay: Relay, frame: frames.Register, present: AccountRecord, handle: str) -> frames.Frame:
    """Let a new epoch take the place of the one before; devices that it does not list are cut off at once."""
    if handle != present.handle:
        raise Refuse(refusals.BAD_OBJECT, "this account goes by another handle here")
    offered = open_account(frame.root_key, frame.list_certificate, frame.device_list)
    succeed(_opened(present), offered)
    new = msgspec.structs.replace(
        present,
        handle_entry=frame.handle_entry,
        list_certificate=frame.list_certificate,
        device_list=frame.device_list,
    )
    await _replace_list(relay, present, new)
    return frames.Done(frame.id)


def _opened(record: AccountRecord) -> VerifiedAccount:
    return open_account(record.root_key, record.list_certificate, record.device_list)


async def _replace_list(relay: Relay, present: AccountRecord, new: AccountRecord) -> None:
    known, offered = _opened(present), _opened(new)
    before = await relay.listing(present.account)
    try:
        listing = await relay.store.accounts.replace_list(
            new, _numbers(known), _numbers(offered), _keys(offered)
        )
    except ListMovedError as error:
        raise Refuse(refusals.STALE, "another device changed the list just now") from error
    relay.remember(listing)
    if before is not None:
        _cut_off(relay, before, listing)


async def log_in(relay: Relay, peer: Peer, frame: frames.LogIn, size: int) -> frames.Frame | None:
    """-> LogIn. Answered by LoggedIn; then what waits is delivered. An older connection is fenced."""
    retry = relay.rates.login.take(peer.connection.address, relay.now())
    if retry:
        raise Refuse(refusals.RATE, "too many logins from this address", retry)
    # Taken off first: whatever comes of it, no second signature over this nonce counts.
    nonce, peer.nonce = peer.nonce, b""
    listing = await relay.listing(AccountId(frame.account))
    listed = None if listing is None else listing.devices.get(frame.device)
    if listing is None or listed is None or not nonce or frame.relay not in relay.names:
        raise Refuse(refusals.BAD_LOGIN, _LOGIN_REFUSED)
    _check_signature(relay, frame, nonce, listed.identity_key)
    box = await relay.box(listed.mailbox)
    present = await relay.listing(AccountId(frame.account))
    if present is None or frame.device not in present.devices or not peer.connection.is_open:
        # Revoked, or gone, while the store was read.
        raise Refuse(refusals.BAD_LOGIN, _LOGIN_REFUSED)
    _take_over(relay, peer, frame, box)
    numbers = present.numbers
    logged_in = frames.LoggedIn(frame.id, frames.CREDIT, box.held, numbers.epoch, numbers.version)
    relay.answer(peer, logged_in, size)
    delivering.go_on(relay, peer)
    with contextlib.suppress(StoreError):
        # Already answered: a store that fails now is the next request's to hear of.
        await tell_if_low(relay, peer)
    return None


def _check_signature(relay: Relay, frame: frames.LogIn, nonce: bytes, identity_key: bytes) -> None:
    try:
        transcript = login_transcript(
            relay=frame.relay,
            tls_certificate_hash=relay.tls_certificate_hash,
            server_nonce=nonce,
            client_nonce=frame.nonce,
            account=AccountId(frame.account),
            device=DeviceId(frame.device),
        )
        verify(identity_key, transcript, frame.signature)
    except PeerError as error:
        relay.counts.bad_logins += 1
        raise Refuse(refusals.BAD_LOGIN, _LOGIN_REFUSED) from error


def _take_over(relay: Relay, peer: Peer, frame: frames.LogIn, box: Box) -> None:
    older = box.peer
    if older is not None:
        older.fenced = True
        relay.tell(older, frames.Notice("replaced"))
        older.connection.close(FENCED, "replaced")
    box.peer, peer.box = peer, box
    peer.account, peer.device = AccountId(frame.account), frame.device
    peer.visible = frame.visible
    peer.state = State.READY
    deadline, peer.connection.deadline = peer.connection.deadline, None
    if deadline is not None:
        deadline.cancel()


async def fetch_account(relay: Relay, peer: Peer, frame: frames.FetchAccount, _size: int) -> frames.Frame:
    """-> FetchAccount. The directory is public, at a walking pace."""
    key: object = peer.account or peer.connection.address
    retry = relay.rates.lookup.take(key, relay.now())
    if retry:
        raise Refuse(refusals.RATE, "too many look-ups", retry)
    if frame.account:
        record = await relay.store.accounts.find(AccountId(frame.account))
    else:
        record = await relay.store.accounts.find_handle(frame.handle)
    if record is None:
        raise Refuse(refusals.UNKNOWN_ACCOUNT, "no such account here")
    return frames.AccountFound(
        frame.id, record.handle_entry, record.root_key, record.list_certificate, record.device_list
    )


async def put_device_list(relay: Relay, peer: Peer, frame: frames.PutDeviceList, _size: int) -> frames.Frame:
    """-> PutDeviceList. A device that is no longer listed is cut off at once, wherever it is connected."""
    account = peer.identity()
    record = await relay.store.accounts.find(account)
    if record is None:
        raise Refuse(refusals.UNKNOWN_ACCOUNT, "no such account here")
    known = _opened(record)
    offered = open_account(record.root_key, frame.list_certificate, frame.device_list)
    if offered.devices.epoch > known.devices.epoch:
        # The kept handle entry is of this epoch, and would be void.
        raise Refuse(refusals.BAD_OBJECT, "a new epoch comes with its handle entry, by Register")
    try:
        succeed(known, offered)
    except StaleListError as error:
        raise Refuse(refusals.STALE, "a newer list is kept") from error
    _check_time(relay, offered)
    if offered.devices.view == known.devices.view:
        return frames.Done(frame.id)
    new = msgspec.structs.replace(
        record, list_certificate=frame.list_certificate, device_list=frame.device_list
    )
    await _replace_list(relay, record, new)
    return frames.Done(frame.id)


def _cut_off(relay: Relay, before: Listing, after: Listing) -> None:
    for device, listed in before.devices.items():
        if device in after.devices:
            continue
        box = relay.known_box(listed.mailbox)
        relay.drop_box(listed.mailbox)
        if box is not None and box.peer is not None:
            revoked, box.peer = box.peer, None
            revoked.fenced = True
            revoked.connection.close(REVOKED, "revoked")


async def ask_presence(relay: Relay, _peer: Peer, frame: frames.AskPresence, _size: int) -> frames.Frame:
    """-> AskPresence. Only devices that let themselves be seen count; nobody is told apart from absent."""
    listing = await relay.listing(AccountId(frame.account))
    devices = () if listing is None else listing.devices.values()
    boxes = (relay.known_box(listed.mailbox) for listed in devices)
    online = any(box is not None and box.peer is not None and box.peer.visible for box in boxes)
    return frames.PresenceIs(frame.id, online)


def _check_time(relay: Relay, account: VerifiedAccount) -> None:
    if account.devices.expired(relay.now()):
        raise Refuse(
            refusals.BAD_OBJECT,
            "the device list is past its 30 days, or dated ahead of its time: set this device's clock, then try again",
        )


def _numbers(account: VerifiedAccount) -> Numbers:
    return Numbers(account.devices.epoch, account.devices.version)


def _keys(account: VerifiedAccount) -> dict[int, bytes]:
    return {int(one.device): one.identity_key for one in account.devices.devices}

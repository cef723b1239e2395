"""Who somebody is: found, checked, remembered, and watched for lies.

Nothing about an account is believed that does not follow from its root key; nothing newer is taken that does
not follow from what was known (`succeed`). What does not fit is told, and stops sending where a person has
verified the contact. Must not know sessions or the outbox.
"""

from dataclasses import dataclass, replace
from typing import Final

from letterlock.devices.account import handle_entry_fields, open_handle_entry
from letterlock.devices.device_list import (
    Comparison,
    DeviceList,
    ListView,
    VerifiedAccount,
    compare_views,
    succeed,
)
from letterlock.devices.device_list import open_account as open_offered
from letterlock.devices.invite import SCHEME, Invite, parse_invite
from letterlock.errors import ForkedListError, MalformedError, PeerError, StaleListError
from letterlock.ids import AccountId, ConversationId, account_text, check_handle, parse_account
from letterlock.messaging.payload import Payload
from letterlock.wire import frames, refusals
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm, ConversationChanged, KeyChanged
from letterlock_client.flows.resending import resend_to_new_epoch
from letterlock_client.flows.workplace import Work, Workplace, verified
from letterlock_client.links.address import parse_relay
from letterlock_client.links.failures import Refused
from letterlock_client.models import NewsKind, Standing
from letterlock_client.storage import (
    backup_state,
    contacts,
    conversations,
    feed,
    late_changes,
    left_out,
    outbox,
    settings,
)
from letterlock_client.storage.contacts import StoredContact
from letterlock_client.storage.database import Reader

WARN_KEY: Final = "The keys of this contact changed. Compare the safety number again before you write."
WARN_FORK: Final = (
    "Two different device lists of this contact are going round: somebody lies. Compare in person."
)
WARN_EXPIRED: Final = "This contact's device list is out of date; they have not been online for a month."
WARN_SAME_HANDLE: Final = "Another contact of yours goes by the same handle."


@dataclass(frozen=True, slots=True)
class Found:
    """An account as the relay offers it, checked against its own root key."""

    account: VerifiedAccount
    handle: str
    handle_entry: bytes


# Looking up.


async def find(place: Workplace, who: str) -> ConversationId:
    """Resolve WHO: here first, then in the directory. Raises as `Messenger.find`."""
    invite = _read_invite(who)
    handle, account = _read_name(who) if invite is None else (invite.handle, invite.account)
    if (known := await _local(place, handle, account)) is not None:
        if invite is not None:
            contact = await place.database.read(lambda reader: contacts.get(reader, invite.account))
            _check_card(invite, contact.handle if contact is not None else "")
        return known
    if invite is not None:
        own_relay = parse_relay(place.own.identity.relay, insecure=True).name
        if invite.relay != own_relay:
            raise ClientError(Code.UNKNOWN_CONTACT, f"that account lives at {invite.relay}", who=who)
    found = await fetch(place, account, handle if account is None else "")
    if invite is not None:
        _check_card(invite, found.handle)
    if found.account.account == place.own.id:
        raise ClientError(Code.BAD_INPUT, "this is yourself")
    if found.account.devices.expired(place.clock()):
        raise ClientError(Code.LIST_EXPIRED, "this account has not been online for a month; try later")

    async def work(work: Work) -> ConversationId:
        contact = await remember(work, found, Standing.ACCEPTED)
        return ConversationId(contact.account)

    return await place.transact(work)


def _check_card(invite: Invite, handle: str) -> None:
    """Refuse a link that names one person and leads to another: somebody else may have made it."""
    if handle and handle != invite.handle:
        raise ClientError(
            Code.BAD_INPUT,
            f"this contact says {invite.handle}, and its account goes by {handle}:"
            " whoever made it is mistaken, or lies",
        )


def _read_invite(who: str) -> Invite | None:
    if not who.startswith(SCHEME):
        return None
    try:
        return parse_invite(who)
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, str(error)) from error


def _read_name(who: str) -> tuple[str, AccountId | None]:
    try:
        # In groups as screens show it, or in one piece.
        return "", parse_account(who.replace(" ", ""))
    except MalformedError:
        pass
    try:
        return check_handle(who), None
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, str(error)) from error


async def _local(place: Workplace, handle: str, account: AccountId | None) -> ConversationId | None:
    async def read(reader: Reader) -> ConversationId | None:
        if account is not None:
            known = await contacts.get(reader, account)
            return ConversationId(account) if known is not None else None
        matching = await contacts.by_handle(reader, handle)
        accepted = [one for one in matching if one.standing is Standing.ACCEPTED] or matching
        if len(accepted) > 1:
            raise ClientError(
                Code.AMBIGUOUS_CONTACT, "more than one contact calls itself so; use an id", who=handle
            )
        return ConversationId(accepted[0].account) if accepted else None

    return await place.database.read(read)


async def fetch(place: Workplace, account: AccountId | None, handle: str = "") -> Found:
    """Ask the directory and check the answer. Raises offline, unknown_contact, relay_lies, refused."""
    who = handle or (account_text(account) if account else "")
    request = frames.FetchAccount(0, account=account or b"", handle=handle)
    try:
        answer = await place.require().request(request, frames.AccountFound)
    except Refused as refused:
        if refused.refusal == refusals.UNKNOWN_ACCOUNT:
            raise ClientError(Code.UNKNOWN_CONTACT, f"nobody here goes by {who}", who=who) from refused
        raise
    try:
        return check_found(answer, account, handle)
    except PeerError as error:
        text = f"the relay's answer about {who} does not check: {error}"
        place.announcer.say([Alarm("relay_lies", text)])
        raise ClientError(Code.RELAY_LIES, text) from error


def check_found(answer: frames.AccountFound, account: AccountId | None, handle: str) -> Found:
    """Check that an answer is whole, and is about whom we asked. Raises PeerError."""
    opened = open_offered(answer.root_key, answer.list_certificate, answer.device_list)
    if account is not None and opened.account != account:
        raise MalformedError("it is another account")
    claimed = handle_entry_fields(answer.handle_entry).handle if answer.handle_entry else ""
    if claimed:
        open_handle_entry(answer.handle_entry, opened.certificate)
    if handle and claimed != handle:
        raise MalformedError("it is another handle")
    return Found(opened, claimed, answer.handle_entry)


async def refresh(place: Workplace, account: AccountId) -> StoredContact | None:
    """Fetch a known contact's list again and take it if it follows; None for somebody unknown here.

    Raises as `fetch`.
    """
    found = await fetch(place, account)

    async def work(work: Work) -> StoredContact | None:
        contact = await contacts.get(work.tx, account)
        return await take(work, contact, found.account) if contact is not None else None

    return await place.transact(work)


# Remembering.


async def remember(work: Work, found: Found, standing: Standing) -> StoredContact:
    """Store an account that was found, with an empty chat; what is known already is only brought up to date.

    Whose messages a restore brought without the keys is no stranger if somebody here wrote to them: what a stranger
    wrote is in a backup as well.
    """
    known = await contacts.get(work.tx, found.account.account)
    if known is not None:
        return await take(work, known, found.account)
    if await contacts.was_written_to(work.tx, found.account.account):
        standing = Standing.ACCEPTED
    same = await contacts.by_handle(work.tx, found.handle) if found.handle else []
    view = found.account.devices.view
    contact = StoredContact(
        account=found.account.account,
        handle=found.handle,
        handle_entry=found.handle_entry,
        root_key=found.account.root_key,
        list_certificate=found.account.certificate.raw,
        device_list=found.account.devices.raw,
        list_epoch=view.epoch,
        list_version=view.version,
        list_digest=view.digest,
        standing=standing,
        warning=WARN_SAME_HANDLE if same else "",
        created=work.now,
    )
    await contacts.save(work.tx, contact)
    chosen = await settings.load(work.tx)
    conversation = ConversationId(contact.account)
    await conversations.ensure(work.tx, conversation, work.now, timer_s=chosen.default_timer_s)
    if standing is Standing.ACCEPTED:
        await tell(work, conversation)
    return contact


async def take(work: Work, contact: StoredContact, offered: VerifiedAccount) -> StoredContact:
    """Hold `offered` from now on if it follows what we know; else keep what we know, and raise the alarm."""
    known = verified(contact)
    try:
        newer = succeed(known, offered)
    except ForkedListError:
        return await forked(work, contact)
    except StaleListError:
        text = "the relay offered an older device list than we know"
        await alarm(work, contact, "list_rolled_back", text)
        return contact
    if newer.devices.view == known.devices.view:
        return contact
    view = newer.devices.view
    changed = replace(
        contact,
        list_certificate=newer.certificate.raw,
        device_list=newer.devices.raw,
        list_epoch=view.epoch,
        list_version=view.version,
        list_digest=view.digest,
        warning="" if contact.warning == WARN_EXPIRED else contact.warning,
    )
    # A new epoch is the root key's own act: the same account, back on a new terminal. A new device in the same
    # epoch could be anybody's who has the list key.
    if view.epoch == known.devices.epoch and new_keys(known.devices, newer.devices):
        changed = await _key_changed(work, changed)
    await contacts.save(work.tx, changed)
    if view.epoch > known.devices.epoch:
        await resend_to_new_epoch(work, changed)
    return changed


def new_keys(before: DeviceList, after: DeviceList) -> bool:
    """Say whether a device can read from now on that could not before."""
    return any(before.device(one.device) is None for one in after.devices)


async def _key_changed(work: Work, contact: StoredContact) -> StoredContact:
    conversation = ConversationId(contact.account)
    warning = WARN_KEY if contact.verified else contact.warning
    changed = replace(contact, key_changed_at=work.now, warning=warning)
    work.tx.events.append(KeyChanged(contact.account, conversation, contact.verified))
    await feed.add(work.tx, NewsKind.KEY_CHANGE, work.now, conversation=conversation)
    return changed


async def forked(work: Work, contact: StoredContact) -> StoredContact:
    """Two lists with one number: keep ours, say so, and (where it was verified) stop sending."""
    if contact.warning != WARN_FORK:
        contact = replace(contact, warning=WARN_FORK)
        await contacts.save(work.tx, contact)
        await alarm(work, contact, "list_forked", WARN_FORK)
        await tell(work, ConversationId(contact.account))
    return contact


async def alarm(work: Work, contact: StoredContact, code: str, text: str) -> None:
    """Tell a person, now and with the next `receive`; the same about the same contact once a run."""
    conversation = ConversationId(contact.account)
    told, about = work.place.alarmed, (contact.account, code)
    if about in told:
        return
    work.tx.after_commit(lambda: told.add(about))
    work.tx.events.append(Alarm(code, text, conversation))
    await feed.add(work.tx, NewsKind.ALARM, work.now, conversation=conversation, detail=code)


async def compare(work: Work, contact: StoredContact, payload: Payload) -> StoredContact:
    """Hold what a sender sees of both lists against what we see: the relay may show each of us another.

    An older view of ours needs nothing more here: whatever we send back carries our own.
    """
    known = verified(contact).devices.view
    theirs = compare_views(known, payload.own_view)
    if theirs is Comparison.FORKED:
        contact = await forked(work, contact)
    elif theirs is Comparison.THEIRS_NEWER:
        _doubt(work, contact.account, payload.own_view)
    ours = compare_views(work.own.account.devices.view, payload.peer_view)
    if ours in (Comparison.FORKED, Comparison.THEIRS_NEWER):
        text = "a contact was shown a device list of yours that you did not make"
        await alarm(work, contact, "own_list_forged", text)
    return contact


def _doubt(work: Work, account: AccountId, view: ListView) -> None:
    place = work.place

    def note() -> None:
        seen = (view.epoch, view.version)
        place.doubtful[account] = max(seen, place.doubtful.get(account, seen))
        place.doubts_changed.set()

    work.tx.after_commit(note)


# Standing.


async def require_contact(reader: Reader, conversation: ConversationId) -> StoredContact:
    """Return the contact of a chat. Raises code unknown_conversation."""
    account = AccountId(conversation)
    contact = await contacts.get(reader, account)
    if contact is None and account in await contacts.without_keys(reader):
        raise ClientError(
            Code.UNKNOWN_CONVERSATION,
            "a restore has brought only messages of this chat so far, not the keys of its contact: let it finish, or"
            f" look {account_text(account)} up",
        )
    if contact is None:
        raise ClientError(Code.UNKNOWN_CONVERSATION, "there is no such chat")
    return contact


def check_may_send(contact: StoredContact) -> None:
    """Refuse where a person must look first. Raises codes blocked, list_forked, key_changed."""
    if contact.standing is Standing.BLOCKED:
        raise ClientError(Code.BLOCKED, "this contact is blocked; unblock first")
    if contact.verified and contact.warning == WARN_FORK:
        raise ClientError(Code.LIST_FORKED, WARN_FORK)
    if contact.verified and contact.warning == WARN_KEY:
        raise ClientError(Code.KEY_CHANGED, WARN_KEY)


async def delete_request(place: Workplace, conversation: ConversationId) -> list[str]:
    """Forget a request; return the files to delete. Sessions stay, so that a later one can be read."""

    async def work(work: Work) -> list[str]:
        contact = await require_contact(work.tx, conversation)
        if contact.standing is not Standing.REQUESTED:
            # Above all no blocked one: forgotten, they could ask again.
            raise ClientError(Code.BAD_INPUT, "this is no request")
        if await backup_state.restoring(work.tx):
            await late_changes.note_gone(work.tx, conversation)
        await left_out.strike_deleted(work.tx, conversation)
        paths = await conversations.delete(work.tx, conversation)
        await feed.forget(work.tx, conversation)
        await outbox.delete_for(work.tx, contact.account)
        await contacts.delete(work.tx, contact.account)
        return paths

    return await place.transact(work)


async def tell(work: Work, conversation: ConversationId) -> None:
    """Announce a chat as it stands now, once that is on disk."""
    if (now := await conversations.get(work.tx, conversation)) is not None:
        waits = now.contact.standing is Standing.REQUESTED
        work.tx.events.append(ConversationChanged(replace(now, last=None) if waits else now))

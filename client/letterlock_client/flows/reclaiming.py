"""Makes a new terminal speak for an account whose root key came back: a new list key, one epoch higher.

The root key signs the next list certificate, which voids every older one: the terminal that was lost is out, and
whoever knows the account sees the same account. Device ids go on above the highest that was ever used. Must not
know where the root key came from.
"""

from collections.abc import Callable
from dataclasses import dataclass

from letterlock.backup.records import IdentityRecord
from letterlock.devices.account import account_id, certify_list_key, sign_handle
from letterlock.devices.device_list import VerifiedAccount, certify_device, open_account, sign_device_list
from letterlock.errors import PeerError
from letterlock.ids import AccountId, DeviceId
from letterlock.primitives.keys import SigningKey, agreement_public
from letterlock.wire import frames, refusals
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import devices
from letterlock_client.flows.workplace import Own, Work, Workplace, load_own
from letterlock_client.links.address import RelayAddress
from letterlock_client.links.connection import Connection
from letterlock_client.links.failures import Refused
from letterlock_client.links.transport import Dial
from letterlock_client.storage import identity
from letterlock_client.storage.identity import OwnIdentity


@dataclass(frozen=True, slots=True)
class Known:
    """How far an account's lists have come, as far as anybody tells."""

    epoch: int
    highest_device: int


async def known_at_relay(dial: Dial, address: RelayAddress, account: AccountId) -> Known | None:
    """Ask the relay how far the account's lists have come; None where it does not have the account.

    Raises Offline, Refused, and code relay_lies.
    """
    opened = await _fetch(dial, address, frames.FetchAccount(0, account=account, handle=""))
    if opened is not None and opened.account != account:
        raise ClientError(Code.RELAY_LIES, "the relay answered with another account")
    return known(opened) if opened is not None else None


async def account_at_relay(dial: Dial, address: RelayAddress, handle: str) -> AccountId:
    """Ask the relay whose a handle is. It may lie: what the vault signs must fit the account that it names.

    Raises Offline, Refused, and codes relay_lies, unknown_contact.
    """
    opened = await _fetch(dial, address, frames.FetchAccount(0, account=b"", handle=handle))
    if opened is None:
        raise ClientError(Code.UNKNOWN_CONTACT, f"nobody at this relay goes by {handle}", who=handle)
    return opened.account


async def _fetch(dial: Dial, address: RelayAddress, request: frames.FetchAccount) -> VerifiedAccount | None:
    connection = Connection(await dial(address), address)
    try:
        await connection.greet()
        found = await connection.request(request, frames.AccountFound)
        return open_account(found.root_key, found.list_certificate, found.device_list)
    except Refused as refused:
        if refused.refusal == refusals.UNKNOWN_ACCOUNT:
            return None
        raise
    except PeerError as error:
        raise ClientError(Code.RELAY_LIES, f"the relay's answer does not check: {error}") from error
    finally:
        await connection.close()


def known(account: VerifiedAccount) -> Known:
    """How far these lists have come."""
    return Known(account.devices.epoch, account.devices.highest_device)


def check_handle(record: IdentityRecord, asked: str) -> None:
    """Check that the backup is of whoever was named, if anybody. Raises code backup_other_account."""
    if asked and record.handle != asked:
        raise ClientError(
            Code.BACKUP_OTHER_ACCOUNT, f"this backup is the one of {record.handle}, and not of {asked}"
        )


def check_root(root: SigningKey, record: IdentityRecord, account: AccountId) -> None:
    """Refuse a root key that is not this account's. Raises code backup_other_account."""
    if account_id(root.public) != account or record.account != account or record.root_public != root.public:
        raise ClientError(Code.BACKUP_OTHER_ACCOUNT, "the root key in this backup belongs to another account")


def make_identity(
    root: SigningKey, record: IdentityRecord, seen: list[Known], random: Callable[[int], bytes], now: int
) -> OwnIdentity:
    """Make the keys of a new device, and sign them in the next epoch above everything that was seen."""
    account = account_id(root.public)
    before = open_account(record.root_public, record.list_certificate, record.device_list)
    seen = [*seen, known(before)]
    epoch = max(each.epoch for each in seen) + 1
    device = DeviceId(max(each.highest_device for each in seen) + 1)
    list_key, identity_key = SigningKey(random(32)), SigningKey(random(32))
    agreement, sealing = random(32), random(32)
    certificate = certify_device(
        list_key,
        account=account,
        device=device,
        epoch=epoch,
        identity_key=identity_key.public,
        agreement_key=agreement_public(agreement),
        sealing_key=agreement_public(sealing),
        created=now,
    )
    return OwnIdentity(
        account=account,
        handle=record.handle,
        relay=record.relay,
        insecure=bool(record.insecure),
        device=device,
        root_public=root.public,
        list_certificate=certify_list_key(root, list_key=list_key.public, epoch=epoch, created=now),
        device_list=sign_device_list(
            list_key,
            account=account,
            epoch=epoch,
            version=1,
            issued=now,
            devices=[certificate],
            highest_device=device,
        ),
        handle_entry=sign_handle(list_key, account=account, handle=record.handle, epoch=epoch, created=now),
        list_seed=list_key.seed,
        identity_seed=identity_key.seed,
        agreement_private=agreement,
        sealing_private=sealing,
    )


async def save(place: Workplace, made: OwnIdentity) -> None:
    """Keep the new device's keys and first prekeys before anybody hears of them; an earlier try gives way."""

    async def work(work: Work) -> Own:
        for table in ("sealing_key", "prekey", "session"):
            await work.tx.execute(f"DELETE FROM {table}")  # noqa: S608 - constants above
        await identity.save(work.tx, made, work.now)
        await devices.make_first(work, await load_own(work.tx))
        return await load_own(work.tx)

    place.own = await place.transact(work)


def known_here(own: OwnIdentity) -> Known:
    """How far the lists that this terminal signed or took have come."""
    return known(open_account(own.root_public, own.list_certificate, own.device_list))

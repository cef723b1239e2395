"""Which of the account's devices the realms know: asked of them, and told to them before anybody else hears.

A list proves itself, so what a realm says of it can be old and never made up. Must not know registrations.
"""

from letterlock.devices.device_list import VerifiedAccount, open_account
from letterlock.errors import PeerError
from letterlock.ids import AccountId
from letterlock.vault.owned import Owner
from letterlock.wire import vault_refusals as refusals
from letterlock.wire.vault_frames import DeviceListIs, Done, FetchDeviceList, PutDeviceList
from letterlock_client.links.vault import RealmLink, VaultLinks, split
from letterlock_client.links.vault_failures import RealmLied, RealmRefused


async def known_lists(vault: VaultLinks, account: AccountId) -> list[VerifiedAccount]:
    """Ask every realm for the newest list it knows; those that know none, are away or lie are left out."""

    async def ask(link: RealmLink) -> VerifiedAccount:
        said = await link.ask(FetchDeviceList(0, account=account), DeviceListIs)
        try:
            known = open_account(said.root_key, said.list_certificate, said.device_list)
        except PeerError as error:
            raise RealmLied(link.name, "its device list does not check") from error
        if known.account != account:
            raise RealmLied(link.name, "it answered with another account")
        return known

    known, _ = split(await vault.each(ask))
    return list(known.values())


async def announce(
    vault: VaultLinks, root_key: bytes, certificate: bytes, device_list: bytes
) -> tuple[str, ...]:
    """Tell the realms a newer device list, before anybody else hears of it. Returns those that took it.

    Raises a realm's error where fewer than a threshold took it: whoever was put out could still speak to enough.
    """

    async def tell(link: RealmLink) -> None:
        await tell_list(link, root_key, certificate, device_list)

    told, failures = split(await vault.each(tell))
    if len(told) < vault.fleet.threshold:
        raise next(iter(failures.values()))
    return tuple(told)


async def tell_list(link: RealmLink, root_key: bytes, certificate: bytes, device_list: bytes) -> None:
    """Tell one realm the account's device list: it takes a newer one, and knows an equal one already."""
    frame = PutDeviceList(0, root_key=root_key, list_certificate=certificate, device_list=device_list)
    await link.ask(frame, Done)


async def tell_owner_s_list(link: RealmLink, owner: Owner) -> None:
    """Tell one realm the list in which the owner's device stands, as every signed request needs.

    A realm that knows a newer one says so; what it says to the request itself tells why: most likely this device
    was put out.
    """
    account = owner.account
    try:
        await tell_list(link, account.root_key, account.certificate.raw, account.devices.raw)
    except RealmRefused as error:
        if error.refusal != refusals.STALE:
            raise

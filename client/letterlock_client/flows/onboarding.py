"""Makes an account: keys, certificates, device list, prekeys; saved first, registered and published after.

A crash at any step goes on at the next connection with the same keys: the relay takes the same registration
again. The root key signs one certificate here and then rests sealed in the key file. Must not know messages.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from letterlock.devices.account import account_id, certify_list_key, sign_handle
from letterlock.devices.device_list import certify_device, sign_device_list
from letterlock.errors import MalformedError
from letterlock.ids import DeviceId, check_handle
from letterlock.primitives.keys import SigningKey, agreement_public
from letterlock.wire import frames
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import devices
from letterlock_client.flows.workplace import Own, Work, Workplace, load_own
from letterlock_client.links.address import parse_relay
from letterlock_client.links.connection import Connection
from letterlock_client.storage import backup_state, identity
from letterlock_client.storage.identity import OwnIdentity

FIRST_DEVICE = DeviceId(1)


@dataclass(frozen=True, slots=True)
class Application:
    """What somebody asks for who registers."""

    handle: str
    relay: str
    insecure: bool
    invite: str = field(repr=False)


def check_application(wanted: Application) -> Application:
    """Return it with the relay's URL in normal form. Raises codes bad_input, insecure_relay."""
    try:
        check_handle(wanted.handle)
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, str(error)) from error
    if len(wanted.invite) > 256:
        raise ClientError(Code.BAD_INPUT, "an invite code has at most 256 characters")
    return replace(wanted, relay=parse_relay(wanted.relay, insecure=wanted.insecure).url)


def make_identity(
    root: SigningKey, wanted: Application, random: Callable[[int], bytes], now: int
) -> OwnIdentity:
    """Make a device's keys and everything that has to be signed about them."""
    account = account_id(root.public)
    list_key, identity_key = SigningKey(random(32)), SigningKey(random(32))
    agreement, sealing = random(32), random(32)
    certificate = certify_device(
        list_key,
        account=account,
        device=FIRST_DEVICE,
        epoch=1,
        identity_key=identity_key.public,
        agreement_key=agreement_public(agreement),
        sealing_key=agreement_public(sealing),
        created=now,
    )
    return OwnIdentity(
        account=account,
        handle=wanted.handle,
        relay=wanted.relay,
        insecure=wanted.insecure,
        device=FIRST_DEVICE,
        root_public=root.public,
        list_certificate=certify_list_key(root, list_key=list_key.public, epoch=1, created=now),
        device_list=sign_device_list(
            list_key, account=account, epoch=1, version=1, issued=now, devices=[certificate]
        ),
        handle_entry=sign_handle(list_key, account=account, handle=wanted.handle, epoch=1, created=now),
        list_seed=list_key.seed,
        identity_seed=identity_key.seed,
        agreement_private=agreement,
        sealing_private=sealing,
        invite=wanted.invite,
    )


async def begin(place: Workplace, root_seed: bytes, wanted: Application) -> None:
    """Save an account's keys and first prekeys, before anybody hears of them.

    Where a registration was cut short its keys stay; only what was asked for is brought up to date.
    Raises code profile_exists for an account that is registered, restore_unfinished where a restore left another
    account's root key and messages.
    """

    async def work(work: Work) -> Own:
        stored = await identity.load(work.tx)
        if stored is not None and stored.registered:
            raise ClientError(Code.PROFILE_EXISTS, "this profile has an account", profile=place.places.name)
        if await backup_state.journal(work.tx) is not None:
            raise ClientError(
                Code.RESTORE_UNFINISHED,
                "a restore into this profile was cut short: letterlock backup restore goes on with it;"
                " with --profile another name registers somebody else",
            )
        if stored is None:
            made = make_identity(SigningKey(root_seed), wanted, place.random, work.now)
            await identity.save(work.tx, made, work.now)
            await devices.make_first(work, await load_own(work.tx))
        else:
            await identity.save(work.tx, _asked_again(stored, wanted, work.now), work.now)
        return await load_own(work.tx)

    place.own = await place.transact(work)


def _asked_again(stored: OwnIdentity, wanted: Application, now: int) -> OwnIdentity:
    list_key = SigningKey(stored.list_seed)
    entry = sign_handle(list_key, account=stored.account, handle=wanted.handle, epoch=1, created=now)
    return replace(
        stored,
        handle=wanted.handle,
        handle_entry=entry,
        relay=wanted.relay,
        insecure=wanted.insecure,
        invite=wanted.invite,
    )


async def register_if_due(place: Workplace, connection: Connection) -> None:
    """Register, greeted and not logged in, where the relay does not have the account yet.

    Repeating it is harmless: the same keys under the same handle are the same account. Raises Refused, Offline.
    """
    stored = place.own.identity
    if stored.registered:
        return
    request = frames.Register(
        0,
        root_key=stored.root_public,
        list_certificate=stored.list_certificate,
        device_list=stored.device_list,
        handle_entry=stored.handle_entry,
        invite=stored.invite,
    )
    await connection.request(request, frames.Done)

    async def work(work: Work) -> Own:
        await identity.save(work.tx, replace(stored, registered=True, invite=""), work.now)
        return await load_own(work.tx)

    place.own = await place.transact(work)

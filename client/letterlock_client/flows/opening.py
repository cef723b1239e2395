"""Opens a profile, or makes one, and closes it again: lock, key file, database, link, tasks, in that order.

What was opened is closed in the reverse order, whatever fails. Must not know what a profile is opened for.
"""

import asyncio
import os
import time
from dataclasses import dataclass
from typing import Final

from letterlock.ids import DeviceId
from letterlock.primitives.derivation import Argon2Parameters
from letterlock_client.config import Home, Places, ProfileLock, Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import ConnectionChanged, Link
from letterlock_client.flows import features, onboarding, sweeping
from letterlock_client.flows.announcing import Announcer
from letterlock_client.flows.onboarding import Application
from letterlock_client.flows.running import Running
from letterlock_client.flows.workplace import Clock, OpenProvider, Own, Random, Workplace, load_own
from letterlock_client.links.address import parse_relay
from letterlock_client.links.connection import Connection, Credentials
from letterlock_client.links.failures import Offline, Refused
from letterlock_client.links.relay import RelayLink, Sleep, Surroundings
from letterlock_client.links.transport import Dial, dial, dial_realm
from letterlock_client.models import Profile
from letterlock_client.providers.opening import open_provider
from letterlock_client.storage import keyring, settings
from letterlock_client.storage.database import Database

REGISTER_S: Final = 30.0
"""How long a registration may take."""
PATIENCE_S: Final = 2.0
"""How long attempts to connect may fail before a registration is called off: somebody sits and waits."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Outside:
    """What a client takes from outside: time, chance, the network. Tests bring their own."""

    clock: Clock = _now_ms
    random: Random = os.urandom
    dial: Dial = dial
    sleep: Sleep = asyncio.sleep
    open_provider: OpenProvider = open_provider
    dial_realm: Dial = dial_realm
    stretching: Argon2Parameters = Argon2Parameters.MODERATE


REAL: Final = Outside()


class OpenProfile:
    """A profile that is open here, and everything that runs for it."""

    profile: Profile

    def __init__(self, place: Workplace, lock: ProfileLock, outside: Outside) -> None:
        self.place = place
        self.running = Running(place)
        self._lock = lock
        self._outside = outside
        self._visible = True
        self._closing: asyncio.Task[None] | None = None
        self._failed = asyncio.Event()
        self.unheard_of = True
        """Whether the relay certainly has nothing of a registration asked for since the profile was opened."""
        self._patient_until = float("inf")

    async def begin(self, own: Own) -> None:
        """Know who we are, make the link, start the tasks; stay offline."""
        self.place.own = own
        stored = own.identity
        self.profile = Profile(
            account=own.id,
            handle=stored.handle,
            device=stored.device,
            relay=stored.relay,
            has_passphrase=await asyncio.to_thread(keyring.has_passphrase, self.place.places),
        )
        await sweeping.sweep(self.place)
        self._visible = (await self.place.database.read(settings.load)).presence
        outside = self._outside
        self.place.link = RelayLink(
            parse_relay(stored.relay, insecure=stored.insecure),
            self._credentials,
            self._before_login,
            Surroundings(outside.dial, outside.random, outside.sleep, self._report),
        )
        self.running.start()

    async def register(self) -> None:
        """Connect, and wait until the relay has the account and its prekeys. Raises Refused, Offline."""
        self.place.link.connect()
        if not await self.running.wait(self._first_login(), REGISTER_S):
            raise Offline
        if not await self.running.wait(self.running.upkept.wait(), REGISTER_S):
            raise Offline

    async def _first_login(self) -> None:
        """Wait until logged in. Raises Offline when the relay is still not there after `PATIENCE_S`."""
        settled = asyncio.create_task(self.place.link.settled())
        self._patient_until = asyncio.get_running_loop().time() + PATIENCE_S
        failed = asyncio.create_task(self._failed.wait())
        try:
            await asyncio.wait({settled, failed}, return_when=asyncio.FIRST_COMPLETED)
            if not settled.done():
                raise Offline
            settled.result()
        finally:
            for task in (settled, failed):
                task.cancel()
            await asyncio.gather(settled, failed, return_exceptions=True)

    async def show(self, visible: bool) -> None:
        """Let others see that we are connected, or not, from now on."""
        if visible is not self._visible:
            self._visible = visible
            await self.place.link.again()

    async def close(self, *, forget: bool = False) -> None:
        """Stop and await everything; with `forget`, leave no profile. May be called twice; the first hears of bugs.

        Whoever is cancelled meanwhile is so once all is closed: a lock left behind would keep the next one out.
        """
        if self._closing is not None:
            await asyncio.wait({self._closing})
            return
        self._closing = asyncio.create_task(self._close(forget=forget), name="closing")
        try:
            await asyncio.shield(self._closing)
        except asyncio.CancelledError:
            await asyncio.wait({self._closing})
            raise

    async def _close(self, *, forget: bool) -> None:
        try:
            if hasattr(self.place, "link"):
                await self.place.link.disconnect()
            await self.running.stop()
        finally:
            await self.place.database.close()
            if forget:
                await asyncio.to_thread(self.place.places.forget)
            self._lock.release()
            self.place.announcer.close()

    def _credentials(self) -> Credentials:
        own = self.place.own
        return Credentials(own.id, DeviceId(own.device.device), own.device.identity, self._visible)

    async def _before_login(self, connection: Connection) -> None:
        before, self.unheard_of = self.unheard_of, False
        try:
            await onboarding.register_if_due(self.place, connection)
            await features.remember(self.place, connection.welcome)
        except Refused as error:
            self.unheard_of = before and not error.passing
            raise

    def _report(self, link: Link, reason: str, wait: float) -> None:
        if link is Link.OFFLINE and wait and asyncio.get_running_loop().time() >= self._patient_until:
            self._failed.set()
        self.place.announcer.say([ConnectionChanged(link, reason, wait)])


async def open_profile(home: Home, profile: str, unlock: Unlock, outside: Outside) -> OpenProfile:
    """Open an existing profile, offline. Raises codes no_profile, profile_in_use, wrong_passphrase, storage_…."""
    places = home.profile(profile)
    if not await asyncio.to_thread(places.exists):
        raise ClientError(Code.NO_PROFILE, f"there is no profile {profile} here", profile=profile)
    lock = ProfileLock(places)
    await lock.acquire()
    try:
        key = await keyring.open_database_key(places, unlock)
        opened = await _open_database(places, key, lock, outside)
    except BaseException:
        lock.release()
        raise
    try:
        await opened.begin(await opened.place.database.read(load_own))
    except BaseException:
        await opened.close()
        raise
    return opened


async def open_bare(places: Places, unlock: Unlock, outside: Outside, root_seed: bytes | None) -> OpenProfile:
    """Open a profile's database and nothing else, or with `root_seed` make a profile without an account.

    `OpenProfile.begin` brings it to life. Raises codes no_profile, profile_exists, profile_in_use, ….
    """
    if root_seed is not None:
        await asyncio.to_thread(places.make)
    elif not await asyncio.to_thread(places.exists):
        raise ClientError(Code.NO_PROFILE, f"there is no profile {places.name} here", profile=places.name)
    lock = ProfileLock(places)
    await lock.acquire()
    try:
        if root_seed is None:
            key = await keyring.open_database_key(places, unlock)
        else:
            key = await keyring.create(places, unlock, root_seed=root_seed, random=outside.random)
        return await _open_database(places, key, lock, outside)
    except BaseException:
        lock.release()
        raise


async def make_profile(
    home: Home, profile: str, unlock: Unlock, wanted: Application, outside: Outside
) -> OpenProfile:
    """Make a profile and register its account; go on with one whose registration was cut short.

    Raises as `Messenger.register`.
    """
    wanted = onboarding.check_application(wanted)
    places = home.profile(profile)
    await asyncio.to_thread(places.make)
    lock = ProfileLock(places)
    await lock.acquire()
    try:
        taken_up = await asyncio.to_thread(places.exists)
        if taken_up:
            root_seed = await keyring.open_root_seed(places, unlock)
            key = await keyring.open_database_key(places, unlock)
        else:
            root_seed = outside.random(32)
            key = await keyring.create(places, unlock, root_seed=root_seed, random=outside.random)
        opened = await _open_database(places, key, lock, outside)
    except BaseException:
        lock.release()
        raise
    try:
        await onboarding.begin(opened.place, root_seed, wanted)
        await opened.begin(opened.place.own)
        await opened.register()
    except BaseException as error:
        # While nobody knows these keys, the next try may choose handle, relay and passphrase anew.
        forget = opened.unheard_of and not taken_up and isinstance(error, ClientError)
        await opened.close(forget=forget)
        raise
    return opened


async def _open_database(places: Places, key: bytes, lock: ProfileLock, outside: Outside) -> OpenProfile:
    announcer = Announcer()
    database = await Database.open(places.database, key, publish=announcer.say)
    place = Workplace(database, places, announcer, outside.clock, outside.random)
    place.sleep, place.open_provider = outside.sleep, outside.open_provider
    place.dial_realm, place.stretching = outside.dial_realm, outside.stretching
    return OpenProfile(place, lock, outside)

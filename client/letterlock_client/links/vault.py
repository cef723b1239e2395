"""Connections to the realms of one vault: dialled when needed, greeted, their pinned keys checked.

One request at a time on each connection, each with a deadline and answered by what was asked for, or the
connection is given up. Must not know what a request means, or how many realms are enough.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, TypeVar

import msgspec

from letterlock.errors import BadSignatureError, FrameError, PeerError
from letterlock.vault.fleet import Fleet, Realm
from letterlock.vault.realm_secret import NONCE_BYTES, check_welcome
from letterlock.vault.requests import Addressed
from letterlock.wire import codec, vault_connection, vault_frames
from letterlock.wire import vault_refusals as refusals
from letterlock.wire.frames import Answer, Request
from letterlock_client.errors import ClientError, Code
from letterlock_client.links.address import parse_relay
from letterlock_client.links.failures import Offline
from letterlock_client.links.transport import Dial, Transport
from letterlock_client.links.vault_failures import (
    RealmError,
    RealmLied,
    RealmRefused,
    RealmUnreachable,
    RealmWrongKey,
)

ANSWER_S: Final = 30.0
"""How long an answer may take."""
PATIENCE_S: Final = 15
"""How long a wait may be that a realm asks for, so that it is waited out here and asked once more."""
_CLIENT: Final = "letterlock"
_LAST_ID: Final = 2**32 - 1

_A = TypeVar("_A", bound=Answer)
_R = TypeVar("_R")

Sleep = Callable[[float], Awaitable[None]]


class RealmLink:
    """One greeted connection to one realm. Made by `VaultLinks`."""

    def __init__(self, realm: Realm, transport: Transport) -> None:
        self.realm = realm
        self._transport = transport
        self._state = vault_connection.State.GREETING
        self._next_id = 1
        self._turn = asyncio.Lock()
        self._nonce = b""
        self.open = True

    @property
    def name(self) -> str:
        """The realm's name in the fleet."""
        return self.realm.name

    async def greet(self, random: Callable[[int], bytes]) -> None:
        """Say hello, and make sure that it is the pinned realm. Raises RealmError."""
        challenge = random(NONCE_BYTES)
        greeted = await self.ask(
            vault_frames.Greet(0, version=vault_frames.VERSION, client=_CLIENT, challenge=challenge),
            vault_frames.Greeted,
        )
        if (greeted.realm, greeted.keys) != (self.name, self.realm.keys.pack()):
            raise RealmWrongKey(self.name)
        try:
            check_welcome(self.realm.keys, self.name, (challenge, greeted.nonce), greeted.proof)
        except BadSignatureError as error:
            raise RealmWrongKey(self.name) from error
        self._nonce = greeted.nonce

    async def addressed(self) -> Addressed:
        """Return to whom the next signed request goes, with a nonce that is good for it only."""
        nonce, self._nonce = self._nonce, b""
        if not nonce:
            nonce = (await self.ask(vault_frames.AskNonce(0), vault_frames.NonceIs)).nonce
        return Addressed(realm=self.name, keys=self.realm.keys, nonce=nonce)

    async def ask(self, frame: Request, expected: type[_A]) -> _A:
        """Send `frame` under an id of its own, and return its answer.

        Raises RealmRefused, RealmUnreachable, RealmLied (it answers something else).
        """
        async with self._turn:
            try:
                async with asyncio.timeout(ANSWER_S):
                    answer = await self._exchange(frame)
            except (TimeoutError, Offline) as error:
                self.open = False
                raise RealmUnreachable(self.name) from error
            except FrameError as error:
                self.open = False
                raise RealmLied(self.name, str(error)) from error
            except asyncio.CancelledError:
                # An answer may still come, and would be taken for that of the next question.
                self.open = False
                raise
        if isinstance(answer, vault_frames.Refused):
            raise RealmRefused(self.name, answer)
        if not isinstance(answer, expected):
            self.open = False
            raise RealmLied(self.name, "it answered something else than was asked")
        return answer

    async def close(self) -> None:
        """Close; never raises, and may be called twice."""
        self.open = False
        with contextlib.suppress(Offline):
            await self._transport.close()

    async def _exchange(self, frame: Request) -> Answer:
        if not self.open or self._next_id > _LAST_ID:
            raise Offline("the connection to the realm is closed")
        vault_connection.check_legal(self._state, frame)
        number, self._next_id = self._next_id, self._next_id + 1
        await self._transport.send(codec.encode(msgspec.structs.replace(frame, id=number)))
        answer = codec.decode_from_realm(await self._transport.receive())
        if answer.id != number:
            raise FrameError("it answered something that was not asked")
        self._state = vault_connection.after(self._state, answer)
        return answer


class VaultLinks:
    """The realms of one fleet, connected to when somebody asks them something. `close` it at the end."""

    def __init__(
        self,
        fleet: Fleet,
        dial: Dial,
        random: Callable[[int], bytes],
        now: Callable[[], int],
        *,
        insecure: bool = False,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`now` gives milliseconds. `insecure` allows ws:// beyond this machine."""
        self.fleet = fleet
        self.random = random
        self.now = now
        self._dial = dial
        self._insecure = insecure
        self._sleep = sleep
        self._links: dict[str, RealmLink] = {}
        self._dialling: dict[str, asyncio.Lock] = {realm.name: asyncio.Lock() for realm in fleet.realms}

    async def realm(self, name: str) -> RealmLink:
        """Return the greeted connection to a realm of the fleet. Raises RealmError."""
        realm = self.fleet.realm(name)
        if realm is None:
            raise ClientError(Code.BAD_INPUT, "the fleet file names no such realm")
        async with self._dialling[name]:
            live = self._links.get(name)
            if live is None or not live.open:
                if live is not None:
                    await live.close()
                live = self._links[name] = await self._connect(realm)
            return live

    async def each(
        self, act: Callable[[RealmLink], Awaitable[_R]], names: Iterable[str] | None = None
    ) -> dict[str, _R | RealmError]:
        """Do the same at all realms (or these) at once; each gives its result, or how it failed.

        What a realm refused because it came too fast has done nothing: it is tried once more after the wait that
        the realm asked for, where that is short.
        """
        chosen = list(names) if names is not None else [realm.name for realm in self.fleet.realms]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._one(act, name), name=f"realm {name}") for name in chosen]
        return {name: task.result() for name, task in zip(chosen, tasks, strict=True)}

    async def close(self) -> None:
        """Close every connection."""
        links, self._links = list(self._links.values()), {}
        for link in links:
            await link.close()

    async def _one(self, act: Callable[[RealmLink], Awaitable[_R]], name: str) -> _R | RealmError:
        try:
            return await self._patiently(act, name)
        except RealmError as error:
            return error
        except PeerError as error:
            return RealmLied(name, str(error))
        except ClientError as error:
            # Its address is one that must not be dialled.
            return RealmError(error.code, error.message, name)

    async def _patiently(self, act: Callable[[RealmLink], Awaitable[_R]], name: str) -> _R:
        try:
            return await act(await self.realm(name))
        except RealmRefused as error:
            if error.refusal != refusals.RATE or not 0 < error.wait <= PATIENCE_S:
                raise
            await self._sleep(error.wait)
        return await act(await self.realm(name))

    async def _connect(self, realm: Realm) -> RealmLink:
        address = parse_relay(realm.url, insecure=self._insecure)
        try:
            link = RealmLink(realm, await self._dial(address))
        except Offline as error:
            raise RealmUnreachable(realm.name) from error
        try:
            await link.greet(self.random)
        except BaseException:
            await link.close()
            raise
        return link


def split(results: dict[str, _R | RealmError]) -> tuple[dict[str, _R], dict[str, RealmError]]:
    """Part what `each` gave into results and failures."""
    good = {name: one for name, one in results.items() if not isinstance(one, RealmError)}
    bad = {name: one for name, one in results.items() if isinstance(one, RealmError)}
    return good, bad

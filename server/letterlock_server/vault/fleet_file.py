"""Makes a fleet file: asks running realms who they are, and pins what they prove.

The file is TOML, for people to hand on; clients pin what it says. Must not know stores or accounts.
"""

import asyncio
import contextlib
import os
import socket
import ssl
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import Final

import tomlkit
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException
from websockets.typing import Subprotocol

from letterlock.errors import PeerError
from letterlock.vault.fleet import Fleet, Realm, RealmKeys, shown_hash
from letterlock.vault.realm_secret import NONCE_BYTES, check_welcome
from letterlock.wire import vault_frames as frames
from letterlock.wire.codec import decode_from_realm, encode
from letterlock.wire.frames import MAX_FRAME
from letterlock.wire.frames import SUBPROTOCOL as RELAY_SUBPROTOCOL
from letterlock_server.config import Endpoint, UsageError

_PATIENCE_S: Final = 10.0
_ATTEMPTS: Final = 20
_APART_S: Final = 0.25
"""A realm that was started a moment before needs a few seconds until it answers."""
_WHICH: Final = "start one with letterlock vault, and give the address that it says"
_PORTS: Final = {"ws": 80, "wss": 443}


async def ask(url: str, *, insecure: bool, random: Callable[[int], bytes]) -> Realm:
    """Connect to a realm and let it prove its name and keys. Raises UsageError."""
    secure = _check_url(url, insecure)
    try:
        async with asyncio.timeout(_PATIENCE_S):
            async with await _reached(url, secure=secure) as realm:
                if realm.subprotocol == RELAY_SUBPROTOCOL:
                    raise UsageError(f"what answers at {url} is a relay, and no realm of a vault: {_WHICH}")
                return await _greet(realm, url, random(NONCE_BYTES))
    except InvalidHandshake as error:
        raise UsageError(f"what answers at {url} is not a realm ({error}): {_WHICH}") from error
    except (OSError, WebSocketException, TimeoutError) as error:
        raise UsageError(f"no realm can be reached at {url}: start it first") from error
    except PeerError as error:
        raise UsageError(f"what answers at {url} is not a realm that can be trusted: {error}") from error


async def _reached(url: str, *, secure: bool) -> ClientConnection:
    """Connect; where nothing listens, again for a few seconds. Raises what the last attempt said."""
    for _ in range(_ATTEMPTS):
        try:
            return await _connect(url, secure=secure)
        except (ssl.SSLError, socket.gaierror, TimeoutError):
            raise
        except OSError:
            await asyncio.sleep(_APART_S)
    return await _connect(url, secure=secure)


async def _connect(url: str, *, secure: bool) -> ClientConnection:
    return await connect(
        url,
        # A relay takes the second, and is known by that.
        subprotocols=[Subprotocol(frames.SUBPROTOCOL), Subprotocol(RELAY_SUBPROTOCOL)],
        compression=None,
        max_size=MAX_FRAME,
        ssl=ssl.create_default_context() if secure else None,
        proxy=True if secure else None,
    )


async def _greet(realm: ClientConnection, url: str, challenge: bytes) -> Realm:
    await realm.send(encode(frames.Greet(1, version=frames.VERSION, client="fleet", challenge=challenge)))
    data = await realm.recv(decode=False)
    answer = decode_from_realm(data if isinstance(data, bytes) else bytes(data))
    if not isinstance(answer, frames.Greeted):
        raise UsageError(f"the realm at {url} does not greet")
    keys = RealmKeys.read(answer.keys)
    check_welcome(keys, answer.realm, (challenge, answer.nonce), answer.proof)
    return Realm(answer.realm, url, keys)


def _check_url(url: str, insecure: bool) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{url} is not a realm's address: wss://host:port or ws://127.0.0.1:port") from error
    if parts.scheme not in _PORTS or not host:
        raise UsageError(f"{url} is not a realm's address: wss://host:port or ws://127.0.0.1:port")
    if parts.scheme == "ws" and not insecure and not Endpoint(host, port or _PORTS["ws"]).loopback():
        raise UsageError(f"{url} is not protected on its way: use wss://, or --insecure all the same")
    return parts.scheme == "wss"


def text(fleet: Fleet) -> str:
    """Return a fleet file's text."""
    document = tomlkit.document()
    document.add(
        tomlkit.comment(f"A vault's fleet, {shown_hash(fleet.hash)}: compare this with whoever gave it.")
    )
    document.add("threshold", tomlkit.item(fleet.threshold))
    realms = tomlkit.aot()
    for realm in fleet.realms:
        table = tomlkit.table()
        table.add("name", realm.name)
        table.add("url", realm.url)
        table.add("key", realm.keys.text())
        realms.append(table)
    document.add("realm", realms)
    return tomlkit.dumps(document)


def write(path: Path, fleet: Fleet, *, force: bool) -> None:
    """Write the file, whole or not at all. Raises UsageError where one is there and `force` does not say so."""
    if path.exists() and not force:
        raise UsageError(f"{path} is there already; --force writes over it")
    draft = path.with_name(path.name + ".new")
    try:
        draft.write_text(text(fleet), encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            draft.unlink()
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error

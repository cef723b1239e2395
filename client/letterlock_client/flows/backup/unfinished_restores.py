"""What a restore that was cut short was asked for, so that whoever comes back types none of it again.

Nothing that opens a backup is noted or given out. What was noted is checked as if somebody had typed it: a damaged
note is an error to show beside an empty form. Must not know how a restore goes on.
"""

import os
from dataclasses import replace
from pathlib import Path
from typing import Final

from letterlock.errors import MalformedError
from letterlock.ids import ACCOUNT_BYTES, AccountId, account_text, check_handle
from letterlock_client.backup_models import Freshness, RestoreRequest, UnfinishedRestore
from letterlock_client.config import Places, Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import opening
from letterlock_client.flows.backup.asking_the_vault import read_locator
from letterlock_client.flows.backup.leaving_out import chats_of
from letterlock_client.flows.backup.restoring import LATER
from letterlock_client.flows.opening import Outside
from letterlock_client.links.address import parse_relay
from letterlock_client.providers.opening import normal
from letterlock_client.storage import backup_state
from letterlock_client.storage.backup_state import Asked, RestoreJournal
from letterlock_client.storage.database import Reader

LONGEST: Final = 4096
"""Characters of a file's place that are noted."""


def asked(request: RestoreRequest, *, by_key: bool) -> Asked:
    """Note what a restore was asked for."""
    return Asked(
        handle=request.handle,
        relay=request.relay,
        insecure=request.insecure,
        fleet=_place(request.fleet),
        sheet=_place(request.sheet),
        locator=request.locator,
        by_key=by_key,
        upto=request.generation,
        accept_damaged=request.accept_damaged,
    )


def _place(path: Path | None) -> str:
    """A file's whole place; what cannot be shown, or kept as text, is not noted."""
    text = str(Path(os.path.expanduser(path)).absolute()) if path is not None else ""
    return text if text.isprintable() and len(text) <= LONGEST else ""


async def look(places: Places, unlock: Unlock, outside: Outside) -> UnfinishedRestore | None:
    """Open a profile that may have no account yet, and read it there.

    Raises codes no_profile, profile_in_use, wrong_passphrase, storage_….
    """
    here = await opening.open_bare(places, unlock, outside, None)
    try:
        return await here.place.database.read(read)
    finally:
        await here.close()


async def read(reader: Reader) -> UnfinishedRestore | None:
    """What the restore under way was asked for, or None. Raises code storage_damaged."""
    journal = await backup_state.journal(reader)
    if journal is None:
        return None
    try:
        return UnfinishedRestore(_request(journal), journal.asked.by_key, journal.started)
    except (ClientError, MalformedError) as error:
        raise ClientError(
            Code.STORAGE_DAMAGED, "what was noted about the unfinished restore cannot be read"
        ) from error


def _request(journal: RestoreJournal) -> RestoreRequest:
    noted = journal.asked
    if noted.handle:
        check_handle(noted.handle)
    if noted.relay:
        parse_relay(noted.relay, insecure=noted.insecure)
    read_locator(noted.locator)
    return RestoreRequest(
        handle=noted.handle,
        relay=noted.relay,
        provider=_shown(normal(journal.provider)),
        insecure=noted.insecure,
        fleet=_path(noted.fleet),
        locator=noted.locator,
        sheet=_path(noted.sheet),
        chats=tuple(_who(chat) for chat in chats_of(journal)),
        accept_stale=journal.freshness is Freshness.STALE,
        generation=max(noted.upto, 0),
        accept_damaged=noted.accept_damaged,
        media_later=journal.media == LATER,
    )


def _path(text: str) -> Path | None:
    return Path(_shown(text)) if text else None


def _shown(text: str) -> str:
    if not text.isprintable() or len(text) > LONGEST:
        raise MalformedError("this is no file's place")
    return text


def _who(chat: bytes) -> str:
    return account_text(AccountId(chat)) if len(chat) == ACCOUNT_BYTES else chat.hex()


def filled_in(request: RestoreRequest, found: UnfinishedRestore | None) -> RestoreRequest:
    """Put what was noted where nothing was said; of another account's restore nothing is taken."""
    noted = found.request if found is not None else None
    if noted is None or (request.handle and noted.handle and request.handle != noted.handle):
        return request
    return replace(
        request,
        handle=request.handle or noted.handle,
        relay=request.relay or noted.relay,
        provider=request.provider or noted.provider,
        insecure=request.insecure or (noted.insecure and request.relay in ("", noted.relay)),
        fleet=request.fleet or noted.fleet,
        locator=request.locator or noted.locator,
        sheet=request.sheet or noted.sheet,
        chats=request.chats or noted.chats,
        accept_stale=request.accept_stale or noted.accept_stale,
        generation=request.generation or noted.generation,
        accept_damaged=request.accept_damaged or noted.accept_damaged,
        media_later=request.media_later or noted.media_later,
    )

"""Whether another terminal has taken this account over and backs it up: then this one writes and deletes nothing more.

What a restored terminal backs up names the account's list certificate of a later epoch, signed by the root key; and
before its first backup a note beside the backup does. That proves it here, with no relay and no realm to be believed or
to be reached. Must not know how a backup is made.
"""

from collections.abc import Iterable
from contextlib import suppress
from typing import Final

from letterlock.backup.manifest import generation_of, open_manifest, prefix_of
from letterlock.backup.takeover import (
    MAX_TAKEOVER_BYTES,
    open_takeover,
    seal_takeover,
    takeover_folder,
    takeover_name,
)
from letterlock.devices.device_list import open_account
from letterlock.errors import PeerError
from letterlock_client.backup_models import Freshness
from letterlock_client.errors import PROVIDER_AWAY, ClientError, Code
from letterlock_client.flows.backup import finding
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.objects import Objects
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage.backup_state import BackupState

_FIRST_EPOCH: Final = 1
"""Of whoever registered the account."""
_MOST_NOTES: Final = 64
"""There is one, and one more for each terminal that took over and died before it had deleted the one before."""


async def require_none(
    place: Workplace, store: Objects, state: BackupState, names: Iterable[str] | None = None
) -> None:
    """Raise code device_revoked where a note or the newest generation that opens is of a later epoch than this device.

    `names` are the manifests that lie there, where that is known. Looks only at generations above our own.
    """
    here = place.own.account.devices.epoch
    if any(epoch > here for epoch in (await _noted(place, store, state.backup_key)).values()):
        raise _revoked()
    if names is None:
        names = [each.name for each in await store.list(f"{prefix_of(state.backup_key)}/manifest")]
    above = [name for name in names if (generation_of(name) or 0) > state.generation]
    for name in sorted(above, reverse=True):
        if (epoch := await _epoch(place, store, state, name)) is None:
            continue
        if epoch > here:
            raise _revoked()
        return


async def known_none(place: Workplace, store: Objects, state: BackupState) -> bool:
    """Look as `require_none` does, and raise as it does; False where the provider says nothing: nobody knows then."""
    try:
        await require_none(place, store, state)
    except ClientError as error:
        if error.code not in PROVIDER_AWAY:
            raise
        return False
    return True


def _revoked() -> ClientError:
    return ClientError(
        Code.DEVICE_REVOKED,
        "this account was restored on another terminal, which backs it up now: this one is out, and what lies"
        " there stays as it is",
    )


async def note(place: Workplace, store: Objects, key: bytes) -> None:
    """Leave word beside the backup that this device speaks for the account now; older notes go.

    Where nothing can be written there, the first backup is what tells it. A device that put out nobody leaves none.
    """
    own, here = place.own.identity, place.own.account.devices.epoch
    if here == _FIRST_EPOCH:
        return
    name = takeover_name(key, place.random(8))
    chain = (own.list_certificate, own.device_list)
    with suppress(ClientError):
        older = await _noted(place, store, key)
        if here not in older.values():
            await store.put(name, seal_takeover(key, name, chain, place.random(24)))
        for each, epoch in older.items():
            if epoch < here:
                await store.delete(each)


async def _noted(place: Workplace, store: Objects, key: bytes) -> dict[str, int]:
    """The notes that prove themselves: their epochs by name."""
    noted = {}
    # Whoever may put more there may as well take away the one that counts.
    for found in (await store.list(takeover_folder(key)))[:_MOST_NOTES]:
        try:
            raw = await store.get(found.name, 0, MAX_TAKEOVER_BYTES + 1)
            account = open_account(place.own.identity.root_public, *open_takeover(key, found.name, raw))
        except PeerError:
            continue
        except ClientError as error:
            if error.code in PROVIDER_AWAY:
                raise
            continue
        noted[found.name] = account.devices.epoch
    return noted


async def _epoch(place: Workplace, store: Objects, state: BackupState, name: str) -> int | None:
    """The epoch of whoever wrote a generation; None where that cannot be known."""
    own = place.own
    try:
        raw = await store.get(name)
        manifest = open_manifest(state.backup_key, name, raw)
        if manifest.writer == state.writer:
            return own.account.devices.epoch
        found = FoundBackup(state.backup_key, name, raw, manifest, Freshness.UNCHECKED)
        record = (await finding.owner(store, found)).identity
        account = open_account(own.identity.root_public, record.list_certificate, record.device_list)
    except PeerError:
        return None
    except ClientError as error:
        if error.code in PROVIDER_AWAY:
            raise
        return None
    return account.devices.epoch

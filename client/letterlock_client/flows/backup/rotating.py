"""Rotates the recovery secret: another one, under which the whole backup is written again; then the old is deleted.

::

    a backup of now ─> written again under the new secret ─> read back
        ─> the vault keeps the new one ─> in use here, in one transaction ─> realms told ─> the old deleted

Until the vault keeps it nobody depends on the new secret; until the old backup is deleted the old one opens that. So
whatever interrupts it, one of the two opens the backup. Must not know how realms are asked, nor what ends a rotation
that was cut short.
"""

from contextlib import suppress
from dataclasses import dataclass, field, replace

from letterlock.errors import ManifestMismatchError
from letterlock.vault.recovery_secret import RecoverySecret, key_id
from letterlock_client.backup_models import BackupPhase, Rotated
from letterlock_client.config import Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import BackupMoved
from letterlock_client.flows.backup import (
    anchoring,
    asking_the_vault,
    backing_up,
    choices,
    counting,
    finding,
    recovery_secrets,
    resealing,
    unfinished_rotations,
)
from letterlock_client.flows.backup.carrying import carried
from letterlock_client.flows.backup.ground import save
from letterlock_client.flows.backup.media import described
from letterlock_client.flows.backup.objects import WRONG_THERE, Objects, telling
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.backup.reading_back import read_back
from letterlock_client.flows.backup.resealing import Resealed
from letterlock_client.flows.backup.terms import objects, require, require_restored
from letterlock_client.flows.vault import learning
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_rows, backup_state, keyring, rotation_state
from letterlock_client.storage.backup_state import BackupState, VaultState
from letterlock_client.storage.rotation_state import Phase, Rotation


@dataclass(slots=True)
class _Rotating:
    """One rotation that runs."""

    place: Workplace
    unlock: Unlock
    password: str | None = field(repr=False)
    meter: Meter
    written: Resealed = field(default_factory=Resealed)
    realms: tuple[int, int] = (0, 0)
    """How many realms keep the new secret, of how many."""


async def rotate(place: Workplace, password: str | None, unlock: Unlock) -> Rotated:
    """Rotate, or go on with a rotation that was cut short; the caller holds the place's backup lock."""
    meter = Meter(place.clock, lambda moved: place.announcer.say([BackupMoved(moved)]))
    going = _Rotating(place, unlock, password, meter)
    await recovery_secrets.in_use(place, unlock)
    await require_restored(place)
    await _check_password(going)
    begun = await place.database.read(rotation_state.load)
    if begun is not None and begun.phase is Phase.LEAVING:
        return await _end(going)
    if begun is not None and begun.phase is Phase.COMMITTING:
        # What nobody can tell now is the same secret a second time: whichever registration holds, it opens.
        with suppress(ClientError):
            if await unfinished_rotations.finish(place, begun):
                return await _end(going)
    else:
        begun = await _write(going)
    async with place.vault_lock:
        # A password that is being changed keeps the old secret until then, and not after.
        await _commit(going, begun)
    return await _end(going)


async def _check_password(going: _Rotating) -> VaultState | None:
    """Return the vault that is to keep the new secret. Raises code bad_input for a password that does not suit."""
    vault = await learning.vault_in_use(going.place)
    if vault is None:
        if going.password is not None:
            raise ClientError(
                Code.BAD_INPUT, "these backups have no password: set one first, or rotate without"
            )
        return None
    if going.password is None:
        raise ClientError(Code.BAD_INPUT, "give the backup password, the present one or another")
    asking_the_vault.check_password(going.password, going.place.own.identity.handle)
    return vault


# Written again.


async def _write(going: _Rotating) -> Rotation:
    """Write the backup of now again under the new secret, and read it back."""
    place = going.place
    await unfinished_rotations.settle(place)
    begun = await place.database.read(rotation_state.load)
    to = await _begin(going, await require(place))
    try:
        # It says where it is written again, for whoever restores it if this terminal is lost.
        await backing_up.make(place)
    except ClientError:
        if begun is None:
            await place.transact(lambda work: rotation_state.clear(work.tx))
        raise
    state = await require(place)
    store = objects(place, state.provider)
    try:
        going.written = await resealing.reseal(place, store, state, to, going.meter)
    except ClientError as error:
        if error.code is Code.PROVIDER_FULL:
            # What was written takes the room that the next backup needs.
            await unfinished_rotations.take_back(place, to)
        raise
    await _read_back(going, store, to)
    await _forget_lost(place, going.written.lost)
    vault = await place.database.read(backup_state.load_vault)
    return replace(to, state=_state_after(going, state, to.state, vault))


async def _begin(going: _Rotating, state: BackupState) -> Rotation:
    """Make the new secret, and keep it beside the old one before anything is written under it."""
    place, unlock = going.place, going.unlock
    begun = await place.database.read(rotation_state.load)
    if begun is not None:
        if begun.state.provider == state.provider and await recovery_secrets.kept(
            place, unlock, begun.state.key_check
        ):
            return begun
        await unfinished_rotations.take_back(place, begun)
    root_seed = await keyring.open_root_seed(place.places, unlock)
    secret = RecoverySecret(place.random(32))
    await recovery_secrets.keep(place, unlock, await recovery_secrets.in_use(place, unlock), secret)
    to = replace(
        state,
        key_check=secret.key_check(),
        backup_key=secret.backup_key(),
        sealed_root=recovery_secrets.seal_root(secret, place.own.id, root_seed, place.random),
    )
    rotation = Rotation(Phase.WRITING, to, place.random(32), place.clock())
    await unfinished_rotations.keep(place, rotation)
    return rotation


async def _read_back(going: _Rotating, store: Objects, to: Rotation) -> None:
    """Read all of it as a restore would. Raises codes backup_…; then nothing has changed."""
    written = going.written
    try:
        found = await finding.find(store, to.state.backup_key, None)
        present = await read_back(store, found, going.meter)
        with telling():
            if found.raw != written.raw or present != written.present:
                raise ManifestMismatchError(written.name, "what was read back is not what was written")
    except ClientError as error:
        if error.code in WRONG_THERE:
            await unfinished_rotations.take_back(going.place, to)
        raise


async def _forget_lost(place: Workplace, lost: set[bytes]) -> None:
    """Let files that could not be brought along count as not backed up: they are sent once they are here again."""
    if not lost:
        return

    async def work(work: Work) -> None:
        rows = [
            row
            for row, descriptor in await backup_rows.files_backed_up(work.tx)
            if (content := described(descriptor)) and content.digest in lost
        ]
        await backup_rows.forget_media(work.tx, rows)

    await place.transact(work)


def _state_after(
    going: _Rotating, state: BackupState, to: BackupState, vault: VaultState | None
) -> BackupState:
    """How the profile will be backed up: on above what was written again."""
    written, totals = going.written, counting.load(state.last)
    if written.manifest is None or totals is None:
        raise ClientError(Code.FAILED, "this backup has no totals")
    generation = written.manifest.generation
    size = written.manifest.totals.object_bytes + len(written.raw)
    after = replace(
        state,
        key_check=to.key_check,
        backup_key=to.backup_key,
        sealed_root=to.sealed_root,
        generation=generation,
        manifest_name=written.name,
        manifest=written.raw,
        last=counting.save(
            counting.changed(totals, generation=generation, bytes_total=size, generations=1, alarm="")
        ),
    )
    # Of the vault as it was: the next backup says in which epoch it keeps the new secret.
    return replace(after, identity_digest=carried(going.place, after, vault).digest)


# In use.


async def _commit(going: _Rotating, to: Rotation) -> None:
    """Have the vault keep the new secret, where there is one, and use it from then on."""
    place, before = going.place, to.phase
    # Writing takes a while: a password may have been set meanwhile.
    vault = await _check_password(going)
    if vault is None:
        await unfinished_rotations.switch(place, to, None)
        return
    going.meter.phase(BackupPhase.VAULT)
    to = replace(to, phase=Phase.COMMITTING)
    await unfinished_rotations.keep(place, to)
    try:
        made = await _register(going, vault, to)
    except ClientError:
        # No realm was told to commit by this try; an earlier one may have told some.
        await unfinished_rotations.keep(place, replace(to, phase=before))
        raise
    going.realms = made.realms, made.realms_total
    await unfinished_rotations.switch(place, to, made.vault, made.pending)


async def _register(going: _Rotating, vault: VaultState, to: Rotation) -> asking_the_vault.Registered:
    secret = await recovery_secrets.kept(going.place, going.unlock, to.state.key_check)
    if secret is None:
        raise ClientError(Code.STORAGE_DAMAGED, "the key file does not hold the new key")
    return await asking_the_vault.register_again(going.place, vault, going.password or "", secret)


async def _end(going: _Rotating) -> Rotated:
    """Forget the old secret, tell the realms, and delete what the old one opens."""
    place, unlock = going.place, going.unlock
    secret = await recovery_secrets.in_use(place, unlock)
    old = await place.database.read(rotation_state.load)
    await recovery_secrets.keep(place, unlock, secret)
    state = await require(place)
    going.meter.phase(BackupPhase.ANCHORING)
    anchored = await anchoring.anchor(place, state)
    totals = counting.load(state.last)
    if totals is not None:
        after = counting.save(counting.anchored(totals, state, anchored.freshness))
        await save(place, replace(state, last=after))
    deleted = None
    with suppress(ClientError):
        # Away, or not ready: the next backup deletes it.
        deleted = await unfinished_rotations.leave(place)
    return await _told(going, state, secret, key_id(old.state.key_check) if old else "", deleted)


async def _told(
    going: _Rotating, state: BackupState, secret: RecoverySecret, before: str, deleted: int | None
) -> Rotated:
    vault = await going.place.database.read(backup_state.load_vault)
    shown = secret if state.has_recovery_key else None
    return Rotated(
        key_id_before=before,
        key_id_after=secret.key_id(),
        recovery_key=secret.secret.hex() if shown else "",
        sheet=choices.sheet_of(going.place, state, vault, shown),
        generation=state.generation,
        objects_written=going.written.objects,
        bytes_written=going.written.size,
        media_lost=len(going.written.lost),
        objects_deleted=deleted or 0,
        old_left=deleted is None,
        realms=going.realms[0],
        realms_total=going.realms[1],
    )

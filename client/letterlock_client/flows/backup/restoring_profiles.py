"""Restores a whole profile from an opened backup: makes or opens the profile, makes this terminal the account's.

On a new terminal the root key comes out of the backup and signs a new device in the next epoch; beside existing
history only messages and files come. Must not know how segments or files are read.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from letterlock.devices.device_list import VerifiedAccount
from letterlock.primitives.keys import SigningKey
from letterlock_client.backup_models import (
    BackupPhase,
    BackupProgress,
    Frequency,
    Restored,
)
from letterlock_client.config import Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import opening, reclaiming
from letterlock_client.flows.backup import (
    adopting,
    asking_the_vault,
    carrying,
    counting,
    finding,
    left_beside,
    looking_ahead,
    recovery_secrets,
    restoring,
    salvaging_later,
    salvaging_people,
    successors,
    unfinished_restores,
)
from letterlock_client.flows.backup.asking_the_vault import Door
from letterlock_client.flows.backup.carrying import Owner
from letterlock_client.flows.backup.opening_backups import Opened, Wanted
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.backup.restoring import Restoring
from letterlock_client.flows.opening import OpenProfile
from letterlock_client.flows.vault import of_profile
from letterlock_client.flows.workplace import Work, Workplace, load_own
from letterlock_client.links.address import parse_relay
from letterlock_client.storage import backup_state, beside_state, identity
from letterlock_client.storage.backup_state import BackupState, VaultState
from letterlock_client.storage.identity import OwnIdentity

Tell = Callable[[BackupProgress], None]


async def run(
    wanted: Wanted, opened: Opened, unlock: Unlock, chats: tuple[bytes, ...], tell: Tell
) -> Restored:
    """Restore into the profile, which is made where there is none."""
    here = await _open_profile(wanted, opened, unlock)
    try:
        return await _Run(wanted, opened, here, Meter(wanted.outside.clock, tell)).whole(unlock, chats)
    finally:
        await here.close()


async def _open_profile(wanted: Wanted, opened: Opened, unlock: Unlock) -> OpenProfile:
    """Open the profile without its link; a new one gets the account's root key."""
    if await asyncio.to_thread(wanted.places.exists):
        return await opening.open_bare(wanted.places, unlock, wanted.outside, None)
    record = (await finding.owner(wanted.store, opened.found)).identity
    reclaiming.check_handle(record, wanted.request.handle)
    seed = recovery_secrets.open_root(opened.secret, opened.found.account, record.root)
    reclaiming.check_root(SigningKey(seed), record, opened.found.account)
    return await opening.open_bare(wanted.places, unlock, wanted.outside, seed)


class _Run:
    """One restore into an open profile."""

    def __init__(self, wanted: Wanted, opened: Opened, here: OpenProfile, meter: Meter) -> None:
        self._wanted, self._opened, self._here, self._meter = wanted, opened, here, meter
        self._place: Workplace = here.place
        self._found = opened.found

    async def whole(self, unlock: Unlock, chats: tuple[bytes, ...]) -> Restored:
        """Messages, the account, files; with `early` everyone, the newest messages, the account."""
        place = self._place
        present = await place.database.read(identity.load)
        if present is not None and present.account != self._found.account:
            raise ClientError(
                Code.BACKUP_OTHER_ACCOUNT, "this backup belongs to another account than this profile"
            )
        if present is not None:
            # What was read, and what waited for old messages, is answered in our name.
            place.own = await place.database.read(load_own)
        media = restoring.LATER if self._wanted.request.media_later else restoring.ALL
        new = restoring.new_journal(self._found, self._wanted.provider, chats, media, place.clock())
        asked = unfinished_restores.asked(self._wanted.request, by_key=self._opened.by_key)
        journal = await restoring.begin(place, replace(new, asked=asked))
        going = restoring.open_restoring(place, self._wanted.store, self._meter, journal)
        if self._found.lost:
            await self._do_without(going)
        if self._wanted.early:
            complete = await looking_ahead.bring_newest(going)
            complete = complete and (journal.media == restoring.LATER or not going.manifest.totals.media)
        else:
            complete = True
            await looking_ahead.bring_all(going)
        if await restoring.needs_account(place, journal):
            await self._reclaim(unlock, present)
            await place.transact(restoring.note_account)
        done = await (restoring.complete(going) if complete else restoring.restored(going, complete=False))
        return replace(done, lost=self._found.lost)

    async def _do_without(self, going: Restoring) -> None:
        """Go on without what is lost: its people come from the relay."""
        request = self._wanted.request
        relay = parse_relay(request.relay, insecure=request.insecure)
        ask = partial(salvaging_people.ask_anew, dial=self._wanted.outside.dial, relay=relay)
        missing = await salvaging_people.look(self._place, going.store, self._found, going.manifest, ask)
        await self._place.transact(partial(salvaging_later.do_without, found=self._found, missing=missing))

    async def _reclaim(self, unlock: Unlock, tried: OwnIdentity | None) -> None:
        """Make this terminal the account's: keys first on disk, then at the realms, then at the relay.

        `tried` is what an earlier try kept here, and may have told some of them.
        """
        place, outside, request = self._place, self._wanted.outside, self._wanted.request
        self._meter.phase(BackupPhase.ACCOUNT)
        owner = await finding.owner(self._wanted.store, self._found)
        record = owner.identity
        self._opened = self._with_door(owner)
        reclaiming.check_handle(record, request.handle)
        seed = recovery_secrets.open_root(self._opened.secret, self._found.account, record.root)
        root = SigningKey(seed)
        reclaiming.check_root(root, record, self._found.account)
        relay = parse_relay(request.relay, insecure=request.insecure)
        at_relay = await reclaiming.known_at_relay(outside.dial, relay, self._found.account)
        seen = [reclaiming.known_here(tried)] if tried else []
        seen += [at_relay] if at_relay else []
        # An earlier try, here or on a terminal that is gone as well, may have told the realms and nobody else.
        seen += [reclaiming.known(each) for each in await self._known_at_realms()]
        made = reclaiming.make_identity(root, record, seen, outside.random, outside.clock())
        made = replace(made, relay=relay.url, insecure=request.insecure)
        await reclaiming.save(place, made)
        await self._keep_backing_up(unlock, owner)
        # Realms first: from now on only this device speaks for the account to them.
        await self._announce(made)
        await self._here.begin(place.own)
        await self._here.register()
        await successors.note(place, self._wanted.store, self._found.key)

    async def _keep_backing_up(self, unlock: Unlock, owner: Owner) -> None:
        """Let backups go on above what was restored, under the same recovery secret."""
        place, found = self._place, self._found
        secret = self._opened.secret
        await recovery_secrets.keep(place, unlock, secret)
        state = BackupState(
            key_check=secret.key_check(),
            backup_key=found.key,
            sealed_root=owner.identity.root,
            provider=self._wanted.provider,
            frequency=Frequency.DAILY,
            include_media=True,
            include_videos=True,
            has_recovery_key=self._opened.by_key,
            turned_on=place.clock(),
            writer=place.random(16),
            watermark=found.manifest.watermark,
            generation=found.manifest.generation,
            manifest_name=found.name,
            manifest=found.raw,
            last=counting.save(self._totals()),
        )
        state = carrying.as_chosen(state, owner.choices)
        beside = left_beside.beside_of(state, owner.choices.turn if owner.choices else None)

        async def save(work: Work) -> None:
            await backup_state.save(work.tx, state)
            await backup_state.note_brought_back(work.tx, state.key_check)
            if beside is not None:
                await beside_state.save(work.tx, beside)

        await place.transact(save)
        if (door := self._opened.door) is not None:
            await self._adopt(door, owner)

    def _totals(self) -> counting.Totals:
        """What was restored, and how far the realms are: where an older backup was taken, the next passes theirs."""
        found, recovered = self._found, self._opened.recovered
        anchored = recovered.anchor[0] if recovered and recovered.anchor else 0
        totals = counting.of_manifest(found.manifest, found.freshness)
        return counting.changed(totals, anchor_generation=anchored, lost=found.lost)

    # What the realms hear of it. With the 64 digits alone a restore goes on without them.

    async def _known_at_realms(self) -> list[VerifiedAccount]:
        return [] if self._opened.door is None else await self._opened.door.known_lists()

    def _with_door(self, owner: Owner) -> Opened:
        """Go to the realms that the backup says, where nobody named others; a password's realms stay."""
        opened, request = self._opened, self._wanted.request
        locator = asking_the_vault.read_locator(request.locator)
        blank = Door(self._wanted.outside, b"", self._found.account, locator, request.insecure)
        named = not opened.by_key or request.fleet is not None
        return replace(opened, door=adopting.door_to(opened.door, blank, owner.choices, named=named))

    async def _adopt(self, door: Door, owner: Owner) -> None:
        recovered = self._opened.recovered
        known = door.known_ledgers(self._found.manifest)
        vault = await adopting.vault_of(door, self._opened.secret, owner.choices)
        if recovered is not None:
            known = recovered.heads(known)
            if vault is None or vault.unasked:
                locator = asking_the_vault.read_locator(self._wanted.request.locator)
                vault = VaultState(door.fleet, recovered.epoch, locator)
        # Keeping another secret, or none: then these backups have no password, until one is set.
        if vault is not None:
            await of_profile.adopt(self._place, vault, known)

    async def _announce(self, made: OwnIdentity) -> None:
        if self._opened.door is None:
            return
        try:
            await self._opened.door.announce(made)
        except ClientError:
            if self._opened.recovered is not None:
                raise

"""Finds a backup with nothing but its key, chooses the generation to restore, and says what is in it.

Must not know where the key came from, nor what a restore does.
"""

from dataclasses import dataclass, field

from letterlock.backup.generations import Anchor, Generation, choose
from letterlock.backup.manifest import (
    Manifest,
    generation_of,
    manifest_hash,
    open_manifest,
    prefix_of,
    segment_name,
)
from letterlock.backup.records import IdentityRecord, SettingRecord
from letterlock.backup.segments import open_segment
from letterlock.errors import BackupError, StaleGenerationError, WrongSecretError
from letterlock.ids import AccountId, ConversationId, account_text
from letterlock_client.backup_models import Freshness
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup.carrying import Owner, owner_in
from letterlock_client.flows.backup.objects import Objects, telling, told
from letterlock_client.restore_preview import PreviewChat, RestorePreview


@dataclass(frozen=True, slots=True)
class FoundBackup:
    """One generation of a backup that opened."""

    key: bytes = field(repr=False)
    name: str
    raw: bytes = field(repr=False)
    manifest: Manifest
    freshness: Freshness
    lost: int = 0
    """How many records at most are missing, where only what is whole of it was taken."""

    @property
    def account(self) -> AccountId:
        """Whose it is."""
        return AccountId(self.manifest.account)


async def find(
    store: Objects, key: bytes, anchor: Anchor | None, *, accept_stale: bool = False, upto: int = 0
) -> FoundBackup:
    """Choose the newest generation that the anchor confirms, or without one the newest.

    A newest one that does not open is an error, not a reason to take an older: `accept_stale` says that an older
    one will do. With `upto` later ones than that number are left out, whoever confirms them.
    Raises codes nothing_found, bad_input, backup_…, provider_….
    """
    names = [each.name for each in await store.list(f"{prefix_of(key)}/manifest")]
    numbers = {name: number for name in names if (number := generation_of(name)) is not None}
    if not numbers:
        raise told(WrongSecretError())
    names = sorted((name for name, number in numbers.items() if not upto or number <= upto), reverse=True)
    if not names:
        raise ClientError(Code.BAD_INPUT, f"no backup is left there up to number {upto}")
    present: list[Generation] = []
    bodies: dict[str, bytes] = {}
    failed: ClientError | None = None
    for name in names:
        if (
            present
            and anchor is None
            and not accept_stale
            and generation_of(name) != generation_of(present[0].name)
        ):
            # Without an anchor only the newest counts; of one generation there may be several.
            break
        try:
            raw = await store.get(name)
            manifest = open_manifest(key, name, raw)
        except BackupError as error:
            failed = failed or told(error)
        except ClientError as error:
            if error.code is not Code.BACKUP_MISSING:
                raise
            failed = failed or error
        else:
            bodies[name] = raw
            present.append(Generation(name, manifest_hash(raw), manifest))
        if failed is not None and not accept_stale:
            raise failed
    if not present:
        raise failed or told(WrongSecretError())
    chosen, freshness = _choose(present, anchor, accept_stale=accept_stale)
    return FoundBackup(key, chosen.name, bodies[chosen.name], chosen.manifest, freshness)


def _choose(
    present: list[Generation], anchor: Anchor | None, *, accept_stale: bool
) -> tuple[Generation, Freshness]:
    try:
        chosen = choose(present, anchor)
    except StaleGenerationError as error:
        if not accept_stale:
            raise told(error) from error
        return choose(present, None), Freshness.STALE
    except BackupError as error:
        raise told(error) from error
    return chosen, Freshness.UNCHECKED if anchor is None else Freshness.VERIFIED


async def owner(store: Objects, found: FoundBackup) -> Owner:
    """Read who the owner is and how backups were set up, in the newest segment that says. Raises codes backup_…."""
    for ref in reversed(found.manifest.segments):
        name = segment_name(found.key, ref.id)
        body = await store.get(name)
        with telling():
            records = [
                each
                for batch in open_segment(ref, name, body)
                for each in batch
                if isinstance(each, IdentityRecord | SettingRecord)
            ]
        if (said := owner_in(records)) is not None:
            return said
    raise ClientError(Code.BACKUP_MISMATCH, "this backup does not say whose it is: it is not whole")


def preview(found: FoundBackup, handle: str) -> RestorePreview:
    """Say what a restore would bring back."""
    manifest = found.manifest
    totals = manifest.totals
    return RestorePreview(
        account=found.account,
        handle=handle or account_text(found.account),
        generation=manifest.generation,
        at=manifest.at,
        bytes_total=totals.object_bytes,
        messages=totals.messages,
        media=totals.media,
        media_bytes=totals.media_bytes,
        chats=tuple(
            PreviewChat(ConversationId(each.id), each.title, each.messages, each.media, each.last_at)
            for each in manifest.chats
        ),
        freshness=found.freshness,
        lost=found.lost,
        nothing_whole=found.lost > 0 and not manifest.segments,
        conversations=manifest.totals.conversations,
    )

"""Finds what is whole of a backup that somebody damaged, so that the rest of it can be restored or written anew.

Reads every segment of the newest generation, and of older ones those that may stand in for a lost one. Must not know
what becomes of it.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from letterlock.backup.generations import Generation
from letterlock.backup.manifest import (
    generation_of,
    manifest_hash,
    open_manifest,
    prefix_of,
    seal_manifest,
    segment_name,
)
from letterlock.backup.salvage import ancestors, salvage, stand_ins
from letterlock.backup.segments import SegmentRef
from letterlock.encoding import pack
from letterlock.errors import BackupError
from letterlock.primitives.derivation import sha256
from letterlock_client.errors import ClientError
from letterlock_client.flows.backup.finding import FoundBackup
from letterlock_client.flows.backup.objects import WRONG_THERE, Objects

_AT_ONCE: Final = 2


async def salvaged(store: Objects, found: FoundBackup) -> FoundBackup:
    """Return the backup without what is lost of it; the same one where nothing is. Raises codes provider_…."""
    segments = found.manifest.segments
    whole = await whole_ones(store, found.key, segments)
    lost = [ref for ref in segments if ref.id not in whole]
    if not lost:
        return found
    newest = Generation(found.name, manifest_hash(found.raw), found.manifest)
    older = ancestors(newest, await _older(store, found))
    parts = {part.id: part for ref in lost for part in stand_ins(ref, older)}
    whole |= await whole_ones(store, found.key, parts.values())
    left = salvage(newest, older, whole)
    # What goes on after a crash must find the same: the nonce follows from what it seals, and is never used for else.
    nonce = sha256(pack(newest.hash, *(ref.id for ref in left.manifest.segments)))[:24]
    raw = seal_manifest(found.key, found.name, left.manifest, nonce)
    return replace(found, raw=raw, manifest=left.manifest, lost=left.lost)


async def whole_ones(store: Objects, key: bytes, refs: Iterable[SegmentRef]) -> set[bytes]:
    """The ids of the segments that lie there as they were written. Raises codes provider_…."""
    limit = asyncio.Semaphore(_AT_ONCE)

    async def one(ref: SegmentRef) -> bytes | None:
        async with limit:
            try:
                body = await store.get(segment_name(key, ref.id), 0, ref.size + 1)
            except ClientError as error:
                if error.code not in WRONG_THERE:
                    raise
                return None
            return ref.id if await asyncio.to_thread(sha256, body) == ref.digest else None

    return {each for each in await asyncio.gather(*(one(ref) for ref in refs)) if each is not None}


async def _older(store: Objects, found: FoundBackup) -> list[Generation]:
    """The older generations that open."""
    present = []
    for each in await store.list(f"{prefix_of(found.key)}/manifest"):
        number = generation_of(each.name)
        if number is None or number >= found.manifest.generation:
            continue
        try:
            raw = await store.get(each.name)
            manifest = open_manifest(found.key, each.name, raw)
        except BackupError:
            continue
        except ClientError as error:
            if error.code not in WRONG_THERE:
                raise
            continue
        present.append(Generation(each.name, manifest_hash(raw), manifest))
    return present

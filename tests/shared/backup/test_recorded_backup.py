"""A backup that an older release wrote is read for ever."""

from letterlock.backup.manifest import manifest_hash, media_name, open_manifest, segment_name
from letterlock.backup.media import media_id, open_media
from letterlock.backup.segments import open_segment, open_tail, tail_range
from tests.shared.backup.recording import ALICE, DIGEST, PICTURE, PLAIN, RECORDS, load, record


def test_every_object_of_a_recorded_backup_still_opens() -> None:
    recording = load()
    key = bytes.fromhex(recording["key"])
    objects = {name: bytes.fromhex(data) for name, data in recording["objects"].items()}
    name = recording["manifest"]
    manifest = open_manifest(key, name, objects[name], account=ALICE)
    assert manifest_hash(objects[name]).hex() == recording["hash"]
    assert (manifest.generation, manifest.watermark, manifest.purged) == (3, 11, 3)
    assert manifest.chats[0].title == "bob"
    (ref,) = manifest.segments
    place = segment_name(key, ref.id)
    assert [each for batch in open_segment(ref, place, objects[place]) for each in batch] == [
        *RECORDS,
        *PLAIN,
    ]
    start, length = tail_range(ref)
    (media,) = open_tail(ref, place, objects[place][start : start + length]).media
    assert media == media_id(manifest.media_master, DIGEST)
    sealed = objects[media_name(key, media)]
    assert open_media(manifest.media_master, DIGEST, len(PICTURE), "media", sealed) == PICTURE


def test_this_release_still_writes_the_recorded_names_sizes_and_media() -> None:
    recording, again = load(), record()
    assert {name: len(data) for name, data in again["objects"].items()} == {
        name: len(data) for name, data in recording["objects"].items()
    }
    media = next(name for name in again["objects"] if "/media/" in name)
    assert again["objects"][media] == recording["objects"][media]


def test_the_same_history_in_two_accounts_has_nothing_comparable_at_the_provider() -> None:
    ours, theirs = record()["objects"], record(bytes(32), bytes(32), "other ")["objects"]
    assert not {part for name in ours for part in name.split("/") if len(part) > 8} & {
        part for name in theirs for part in name.split("/")
    }
    pieces = [
        bytes.fromhex(data)[at : at + 8]
        for objects in (ours, theirs)
        for data in objects.values()
        for at in range(4, len(data) // 2 - 8, 8)
    ]
    assert len(set(pieces)) == len(pieces)

"""What media objects promise: they stream both ways, name their damage, and tell nobody that two are the same file."""

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.backup.media import (
    MEDIA_CHUNK_BYTES,
    MIN_MEDIA_BYTES,
    MediaOpener,
    MediaSealer,
    first_master,
    media_id,
    open_media,
    seal_media,
    sealed_size,
)
from letterlock.errors import (
    BackupError,
    DamagedChunkError,
    ManifestMismatchError,
    MisuseError,
    TruncatedError,
)

MASTER, SALT = bytes(range(32)), bytes(16)
NAME = "media/x"


def digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


def sealed(content: bytes, *, master: bytes = MASTER, salt: bytes = SALT) -> bytes:
    return seal_media(master, digest(content), len(content), salt, [content])


def opened(content: bytes, data: bytes) -> bytes:
    return open_media(MASTER, digest(content), len(content), NAME, data)


@settings(max_examples=20)
@given(st.data())
def test_a_file_streams_in_and_out_in_any_pieces(data: st.DataObject) -> None:
    edges = [0, 1, MIN_MEDIA_BYTES, MEDIA_CHUNK_BYTES - 1, MEDIA_CHUNK_BYTES, MEDIA_CHUNK_BYTES + 1, 700_001]
    size = data.draw(st.sampled_from(edges) | st.integers(0, 9000))
    content = (hashlib.sha512(size.to_bytes(4)).digest() * (size // 64 + 1))[:size]
    sealer = MediaSealer(MASTER, digest(content), size, SALT)
    step = data.draw(st.integers(1, 300_000)) if size > 20_000 else data.draw(st.integers(50, 5000))
    parts = [sealer.take(content[at : at + step]) for at in range(0, size, step)]
    whole = b"".join([*parts, sealer.finish()])
    pieces = (content[at : at + step] for at in range(0, size, step))
    assert whole == seal_media(MASTER, digest(content), size, SALT, pieces)
    assert len(whole) == sealed_size(size)
    opener = MediaOpener(MASTER, digest(content), size, NAME)
    step = data.draw(st.integers(100, 300_000)) if size <= 20_000 else 200_003
    out = [opener.take(whole[at : at + step]) for at in range(0, len(whole), step)]
    opener.finish()
    assert b"".join(out) == content


def test_every_flip_truncation_and_extension_of_a_media_object_is_named() -> None:
    content = b"a small picture"
    data = sealed(content)
    for at in range(len(data)):
        with pytest.raises(DamagedChunkError) as damaged:
            opened(content, data[:at] + bytes([data[at] ^ (1 << at % 8)]) + data[at + 1 :])
        assert damaged.value.index == 0
    for size in range(0, len(data), 5):
        with pytest.raises(TruncatedError):
            opened(content, data[:size])
    with pytest.raises(ManifestMismatchError):
        opened(content, data + b"\0")


def test_damage_in_a_long_object_is_named_by_its_chunk_and_all_before_it_is_good() -> None:
    content = bytes(range(256)) * 4000
    data = bytearray(sealed(content))
    data[16 + 2 * (MEDIA_CHUNK_BYTES + 16) + 9] ^= 4
    opener = MediaOpener(MASTER, digest(content), len(content), NAME)
    good = opener.take(bytes(data[: 16 + 2 * (MEDIA_CHUNK_BYTES + 16)]))
    assert good == content[: 2 * MEDIA_CHUNK_BYTES]
    with pytest.raises(DamagedChunkError) as damaged:
        opener.take(bytes(data[16 + 2 * (MEDIA_CHUNK_BYTES + 16) :]))
    assert damaged.value.index == 2
    with pytest.raises(TruncatedError):
        opener.finish()


def test_another_file_in_its_place_or_another_size_is_refused() -> None:
    content, other = b"one", b"two"
    with pytest.raises(BackupError):
        opened(content, sealed(other))
    with pytest.raises(BackupError):
        open_media(MASTER, digest(content), 2, NAME, sealed(content))
    with pytest.raises(BackupError):
        open_media(bytes(32), digest(content), 3, NAME, sealed(content))


def test_a_file_of_another_size_than_it_was_said_to_have_is_never_finished() -> None:
    for size, content in ((4, b"one"), (3, b"on")):
        sealer = MediaSealer(MASTER, digest(b"one"), size, SALT)
        sealer.take(content)
        with pytest.raises(MisuseError):
            sealer.finish()
        with pytest.raises(MisuseError):
            seal_media(MASTER, digest(b"one"), size, SALT, [content])
    with pytest.raises(MisuseError):
        MediaSealer(MASTER, digest(b"one"), 3, SALT).take(b"more")


def test_another_file_under_the_name_of_one_is_refused_by_whoever_opens_it() -> None:
    with pytest.raises(ManifestMismatchError):
        open_media(MASTER, digest(b"one"), 3, NAME, seal_media(MASTER, digest(b"one"), 3, SALT, [b"two"]))


def test_the_same_file_in_two_accounts_or_sealed_twice_has_nothing_in_common() -> None:
    content = b"\0" * 5000
    first, second = sealed(content), sealed(content, master=bytes(32))
    again = sealed(content, salt=bytes([1]) * 16)
    for one, other in ((first, second), (first, again)):
        same = sum(a == b for a, b in zip(one[16:], other[16:], strict=True))
        assert same < len(one) / 64
    assert media_id(MASTER, digest(content)) != media_id(bytes(32), digest(content))


def test_a_backup_that_is_begun_again_has_the_same_media_master_key_and_no_other_backup_has_it() -> None:
    key, other = bytes(range(32)), bytes(32)
    assert first_master(key) == first_master(key)
    assert len({first_master(key), first_master(other), key, other}) == 4
    assert len(first_master(key)) == len(MASTER)
    with pytest.raises(MisuseError):
        first_master(b"short")


def test_sizes_tell_only_a_class_and_add_little() -> None:
    assert sealed_size(0) == sealed_size(4096) == 4096 + 16 + 16
    assert len({sealed_size(size) for size in range(1 << 20, (1 << 20) + 30_000)}) == 2
    for size in (100_000, 5_000_000, 500_000_000):
        assert sealed_size(size) < size * 1.04
    with pytest.raises(MisuseError):
        sealed_size(2**40 + 1)
    with pytest.raises(MisuseError):
        media_id(MASTER, b"short")

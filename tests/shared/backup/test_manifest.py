"""What a manifest promises: it opens under its key and its name only, and every wrong byte has a name of its own."""

import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.backup import manifest as module
from letterlock.backup.manifest import (
    MAX_CHAIN,
    ChatCount,
    LedgerHead,
    Manifest,
    follow,
    generation_of,
    manifest_hash,
    manifest_name,
    media_name,
    open_manifest,
    prefix_of,
    seal_manifest,
    segment_name,
)
from letterlock.encoding import pack
from letterlock.errors import (
    BackupError,
    DamagedChunkError,
    ManifestMismatchError,
    MissingObjectError,
    MisuseError,
    NewerFormatError,
    OtherAccountError,
    StaleGenerationError,
    TruncatedError,
    WrongSecretError,
)
from letterlock.primitives.compression import compress
from letterlock.primitives.derivation import Label
from letterlock.primitives.padding import pad
from letterlock.primitives.sealing import seal_with_key_commitment
from tests.shared.backup.manifests import ACCOUNT, KEY, manifest, segment

NONCE = bytes(range(24))
NAME = manifest_name(KEY, 1, bytes(8))


def sealed(value: Manifest) -> bytes:
    return seal_manifest(KEY, NAME, value, NONCE)


FULL = manifest(
    chain=(bytes([1]) * 32, bytes([2]) * 32),
    segments=(segment(0), segment(1)),
    chats=(ChatCount(bytes(20), "bob", 5, 1, 77),),
    ledger=(LedgerHead("realm one", 4, bytes(32)),),
)


@settings(max_examples=30)
@given(
    st.lists(st.integers(0, 1000), unique=True, max_size=20).map(sorted),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
)
def test_a_manifest_reads_back(numbers: list[int], title: str) -> None:
    value = msgspec.structs.replace(
        FULL, segments=tuple(map(segment, numbers)), chats=(ChatCount(bytes(20), title, 5, 1, 77),)
    )
    assert open_manifest(KEY, NAME, sealed(value), account=ACCOUNT) == value


def test_every_flip_truncation_and_extension_of_a_manifest_is_named() -> None:
    raw = sealed(FULL)
    for at in range(len(raw)):
        spoilt = raw[:at] + bytes([raw[at] ^ (1 << at % 8)]) + raw[at + 1 :]
        with pytest.raises(NewerFormatError if at == 3 and spoilt[3] > 1 else DamagedChunkError):
            open_manifest(KEY, NAME, spoilt)
    for size in range(len(raw)):
        with pytest.raises((TruncatedError, DamagedChunkError) if size > 200 else TruncatedError):
            open_manifest(KEY, NAME, raw[:size])
    for more in (1, 3, 16):
        with pytest.raises(ManifestMismatchError):
            open_manifest(KEY, NAME, raw + bytes(more))


def test_the_beginning_of_another_file_is_damage_and_not_a_newer_format() -> None:
    for raw in (b"PK\3\4" + bytes(600), b"LL", b"LLB\0" + bytes(584), b"x"):
        with pytest.raises(TruncatedError if raw == b"LL" else DamagedChunkError):
            open_manifest(KEY, NAME, raw)


def test_a_newer_format_is_said_and_not_called_damage() -> None:
    with pytest.raises(NewerFormatError, match="Update"):
        open_manifest(KEY, NAME, b"LLB\2" + bytes(600))


def test_a_manifest_of_another_name_key_or_account_is_refused() -> None:
    raw = sealed(FULL)
    with pytest.raises(DamagedChunkError):
        open_manifest(KEY, manifest_name(KEY, 2, bytes(8)), raw)
    with pytest.raises(WrongSecretError, match="key"):
        open_manifest(bytes(32), NAME, raw)
    with pytest.raises(OtherAccountError):
        open_manifest(KEY, NAME, raw, account=bytes([1]) * 20)


def forged(inside: bytes, name: str = NAME) -> None:
    """Open what the holder of the key made wrong: always a mismatch."""
    body = seal_with_key_commitment(
        module._sealing_key(KEY), NONCE, inside, pack(Label.BACKUP_MANIFEST, b"LLB\1", name)
    )
    with pytest.raises(ManifestMismatchError):
        open_manifest(KEY, name, b"LLB\1" + body)


def framed(packed: bytes, size: int | None = None) -> bytes:
    return pad((len(packed) if size is None else size).to_bytes(4) + compress(packed))


def test_what_the_holder_of_the_key_made_wrong_is_refused_and_bounded() -> None:
    good = msgspec.msgpack.encode(FULL)
    forged(framed(good), manifest_name(KEY, 2, bytes(8)))
    forged(framed(good)[:-1] + b"\1")
    forged(framed(good, len(good) + 1))
    forged(framed(good + b"\0"))
    forged(framed(b"\x91" * 100_000))
    forged(framed(bytes(1 << 24), 1 << 24))
    forged(framed(bytes(1 << 25), 1 << 25))
    forged(framed(bytes(1 << 25), 1000))
    forged(pad(b""))
    for wrong in (
        {"segments": (segment(1), segment(0))},
        {"segments": (segment(1), segment(1))},
        {"segments": (segment(1, low=9, high=3),)},
        {"segments": (segment(1, high=10**7),)},
        {"chain": (bytes(32), bytes(32))},
        {"purged": 10**7},
    ):
        forged(framed(msgspec.msgpack.encode(manifest(**wrong))))
        with pytest.raises(MisuseError):
            sealed(manifest(**wrong))


def test_a_huge_object_is_refused_before_it_is_opened() -> None:
    with pytest.raises(ManifestMismatchError, match="larger"):
        open_manifest(KEY, NAME, b"LLB\1" + bytes(2 * module.MAX_MANIFEST_BYTES + 200))


def test_names_follow_from_the_key_and_sort_by_generation() -> None:
    prefix = prefix_of(KEY)
    assert len(prefix) == 32
    assert prefix != prefix_of(bytes(32))
    names = [manifest_name(KEY, generation, bytes(8)) for generation in (1, 9, 10, 255, 256, 2**53 - 1)]
    assert names == sorted(names)
    assert [generation_of(name) for name in names] == [1, 9, 10, 255, 256, 2**53 - 1]
    assert segment_name(KEY, bytes(16)) == f"{prefix}/segment/{'0' * 32}"
    assert media_name(KEY, bytes(32)) == f"{prefix}/media/{'0' * 64}"
    for other in (segment_name(KEY, bytes(16)), "x", names[0].upper(), names[0] + "0", ""):
        assert generation_of(other) is None
    for generation, random in ((0, bytes(8)), (1, b""), (2**53, bytes(8))):
        with pytest.raises(MisuseError):
            manifest_name(KEY, generation, random)
    with pytest.raises(MisuseError):
        media_name(KEY, b"short")
    with pytest.raises(MisuseError):
        prefix_of(b"short")


def test_a_chain_begins_with_what_the_vault_confirmed_and_is_bounded() -> None:
    hashes = [hashlib.sha256(bytes([n, m])).digest() for n in range(2) for m in range(200)]
    before = manifest(chain=tuple(hashes[:3]))
    assert follow(before, hashes[3], None) == tuple(hashes[:4])
    assert follow(before, hashes[3], hashes[1]) == tuple(hashes[1:4])
    assert follow(before, hashes[3], hashes[3]) == (hashes[3],)
    assert follow(before, hashes[3], hashes[9]) == tuple(hashes[:4])
    full = manifest(chain=tuple(hashes[:MAX_CHAIN]))
    assert follow(full, hashes[MAX_CHAIN], None) == tuple(hashes[1 : MAX_CHAIN + 1])


def test_the_hash_is_of_the_object_as_it_lies_there() -> None:
    assert manifest_hash(sealed(FULL)) == hashlib.sha256(sealed(FULL)).digest()


def test_nothing_of_a_manifest_is_printed_and_errors_are_sentences() -> None:
    assert repr(FULL) == "<Manifest>"
    errors = (
        WrongSecretError(),
        DamagedChunkError("x", 2),
        TruncatedError("x"),
        MissingObjectError("x"),
        ManifestMismatchError("x", "it is longer"),
        StaleGenerationError(3, 1000, 5),
        OtherAccountError(),
        NewerFormatError(),
    )
    assert len({str(error) for error in errors}) == len(errors)
    for error in errors:
        assert isinstance(error, BackupError)
        assert str(error).endswith(".")

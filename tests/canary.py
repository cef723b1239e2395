"""Looks for what nobody else may have, in every form in which it could lie in a file, a log or on a wire."""

import base64
import re
from collections.abc import Iterable, Iterator, Mapping

import zstandard

from letterlock_client.config import NO_PASSPHRASE, Places
from letterlock_client.storage import identity, keyring
from letterlock_client.storage.database import Database


def spellings(raw: bytes) -> set[bytes]:
    """How some bytes could lie there."""
    b32 = base64.b32encode(raw).rstrip(b"=")
    return {raw, raw.hex().encode(), raw.hex().upper().encode(), b32, b32.lower(), *_in_base64(raw)}


def spellings_of(text: str) -> set[bytes]:
    """How a text could."""
    return spellings(text.encode()) | spellings(text.encode("utf-16-le"))


def _in_base64(raw: bytes) -> Iterable[bytes]:
    """Wherever in a longer text it begins: the characters that its neighbours have a part in are left out."""
    for before in range(3):
        whole = base64.b64encode(bytes(before) + raw).rstrip(b"=")
        first = -(-before * 8 // 6)
        own = whole[first : (before + len(raw)) * 8 // 6]
        yield own
        yield own.translate(bytes.maketrans(b"+/", b"-_"))


def _unpacked(held: bytes) -> Iterator[bytes]:
    """What is only compressed is as good as open."""
    for frame in re.finditer(re.escape(zstandard.FRAME_HEADER), held):
        opener = zstandard.ZstdDecompressor(max_window_size=2**23).decompressobj()
        try:
            yield opener.decompress(held[frame.start() :])
        except zstandard.ZstdError:
            continue


def found(hidden: Mapping[str, set[bytes]], places: Mapping[str, bytes]) -> list[tuple[str, str]]:
    """Name what lies somewhere, and where."""
    seen = {place: b"\0".join([held, *_unpacked(held)]) for place, held in places.items()}
    return [
        (name, place)
        for name, forms in hidden.items()
        for place, held in seen.items()
        if any(form in held for form in forms)
    ]


async def private_keys(places: Places) -> list[bytes]:
    """The private keys in a profile that nobody has open, read with the key that its key file holds open."""
    root = await keyring.open_root_seed(places, NO_PASSPHRASE)
    key = await keyring.open_database_key(places, NO_PASSPHRASE)
    async with await Database.open(places.database, key, publish=lambda _: None) as database:
        own = await database.read(identity.load)
        assert own is not None
        return [root, key, own.list_seed, own.identity_seed, own.agreement_private, own.sealing_private]

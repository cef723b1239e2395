"""Public keys that no honest seed makes, and that every signed object must refuse."""

from nacl.bindings import crypto_core_ed25519_add

PRIME = 2**255 - 19

# A point of order 8 (its coordinates stand in the curve's cofactor subgroup).
_ORDER_EIGHT = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")


def bad_signing_keys(good: bytes) -> dict[str, bytes]:
    """Ed25519 keys near a good one that must not be used."""
    return {
        "empty": b"",
        "short": good[:-1],
        "long": good + b"\0",
        "zero": bytes(32),
        "identity": b"\x01" + bytes(31),
        "order eight": _ORDER_EIGHT,
        "torsioned": crypto_core_ed25519_add(good, _ORDER_EIGHT),
        "not canonical": (PRIME + 1).to_bytes(32, "little"),
        "off the curve": b"\x02" + bytes(31),
        "all ones": b"\xff" * 32,
    }


def bad_agreement_keys(good: bytes) -> dict[str, bytes]:
    """X25519 keys near a good one that must not be used."""
    value = int.from_bytes(good, "little")
    return {
        "empty": b"",
        "short": good[:-1],
        "long": good + b"\0",
        "zero": bytes(32),
        "one": b"\x01" + bytes(31),
        "order eight": bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
        "other order eight": bytes.fromhex(
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"
        ),
        "minus one": (PRIME - 1).to_bytes(32, "little"),
        "the prime": PRIME.to_bytes(32, "little"),
        "prime and one": (PRIME + 1).to_bytes(32, "little"),
        "not canonical": (PRIME + 9).to_bytes(32, "little"),
        "high bit set": (value | 1 << 255).to_bytes(32, "little"),
        "all ones": b"\xff" * 32,
    }

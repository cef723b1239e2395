"""Makes and reads `tests/recorded/session-1.json`: what a device of this release holds, and what it is sent.

`python -m tests.shared.messaging.recording` writes it again. All keys follow from names; the ML-KEM
encapsulation, which cannot be chosen, is kept from the file, so writing twice gives the same bytes.
"""

import json
import sys
from pathlib import Path
from typing import Any

from letterlock.devices.account import account_id, open_list_certificate
from letterlock.devices.bundle import PrekeyKind
from letterlock.devices.device_list import open_device_certificate
from letterlock.ids import DeviceId
from letterlock.messaging.prekeys import OwnPrekey
from letterlock.messaging.session import OwnDevice, Session
from letterlock.primitives.kem import Encapsulation, encapsulate
from letterlock.primitives.keys import AgreementKey, SigningKey
from tests.shared.messaging.parties import NOW, Party, party, stream

FILE = Path(__file__).parents[2] / "recorded" / "session-1.json"


def load() -> dict[str, Any]:
    """Read the recording."""
    recording: dict[str, Any] = json.loads(FILE.read_text())
    return recording


def record(encapsulation: Encapsulation | None) -> dict[str, Any]:
    """Play one conversation and write down what bob holds, before and after, and what alice sends."""
    alice, bob = party("recorded alice", 3, NOW), party("recorded bob", 5, NOW)
    bundle = bob.bundle()
    prekeys = [one.to_bytes().hex() for one in bob.prekeys.values()]
    encapsulation = encapsulation or encapsulate(bundle.kem.key)
    alice.begin(bob, bundle, encapsulation=encapsulation)
    first = alice.seal(b"a first message")
    bob.open(alice, first)
    replies = [bob.seal(b"a reply")]
    alice.open(bob, replies[0])
    late, heard = alice.seal(b"a late message"), alice.seal(b"an ordinary message")
    bob.open(alice, heard)
    assert alice.session is not None
    assert bob.session is not None
    sessions = {"alice": alice.session.to_bytes().hex(), "bob": bob.session.to_bytes().hex()}
    ordinary = alice.seal(b"another ordinary message")
    return {
        "now": NOW,
        "encapsulation": {"ciphertext": encapsulation.ciphertext.hex(), "shared": encapsulation.shared.hex()},
        "alice": written(alice),
        "bob": written(bob),
        "prekeys of bob": prekeys,
        "first": first.hex(),
        "first reply": replies[0].hex(),
        "late": late.hex(),
        "ordinary": ordinary.hex(),
        "sessions": sessions,
    }


def written(one: Party) -> dict[str, Any]:
    """What it takes to be this device, and for others to know it."""
    root = SigningKey(stream(one.name)(32))
    return {
        "device": one.own.device,
        "root key": root.public.hex(),
        "identity": one.own.identity.seed.hex(),
        "agreement": one.own.agreement.private.hex(),
        "list certificate": one.list_certificate.hex(),
        "certificate": one.certificate.raw.hex(),
    }


def read(name: str, recording: dict[str, Any]) -> Party:
    """Make the device that was written down, with its session and no prekeys."""
    device = {
        key: value if isinstance(value, int) else bytes.fromhex(value)
        for key, value in recording[name].items()
    }
    lists = open_list_certificate(device["list certificate"], device["root key"])
    own = OwnDevice(
        account_id(device["root key"]),
        DeviceId(device["device"]),
        SigningKey(device["identity"]),
        AgreementKey(device["agreement"]),
    )
    one = Party(
        name,
        own,
        device["list certificate"],
        open_device_certificate(device["certificate"], lists),
        stream(name),
    )
    one.session = Session.from_bytes(bytes.fromhex(recording["sessions"][name]))
    return one


def read_prekeys(recording: dict[str, Any]) -> dict[tuple[PrekeyKind, int], OwnPrekey]:
    """Read bob's private prekeys."""
    prekeys = [OwnPrekey.from_bytes(bytes.fromhex(raw)) for raw in recording["prekeys of bob"]]
    return {(one.kind, one.key_id): one for one in prekeys}


def recorded_encapsulation(recording: dict[str, Any]) -> Encapsulation:
    """Read the encapsulation that alice began with."""
    kept = recording["encapsulation"]
    return Encapsulation(bytes.fromhex(kept["ciphertext"]), bytes.fromhex(kept["shared"]))


def main() -> None:
    encapsulation = recorded_encapsulation(load()) if FILE.exists() else None
    FILE.write_text(json.dumps(record(encapsulation), indent=1) + "\n")
    sys.stdout.write(f"{FILE.name} written\n")


if __name__ == "__main__":
    main()

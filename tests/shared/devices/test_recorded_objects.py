"""What was signed once is read for ever, and the same keys and fields sign the same bytes on every system."""

import json
from pathlib import Path

import pytest

from letterlock.devices.account import open_handle_entry, sign_handle
from letterlock.devices.bundle import PrekeyKind, open_prekey, sign_prekey
from letterlock.devices.device_list import SenderChain, open_account
from letterlock.devices.invite import Invite, invite_link
from letterlock.devices.login import login_transcript
from letterlock.ids import DeviceId
from tests.shared.devices.people import ALICE, NOW, seed

RECORDED: dict[str, str] = json.loads(
    (Path(__file__).parents[2] / "recorded" / "devices.json").read_text(encoding="utf-8")
)


def _prekey(kind: PrekeyKind) -> bytes:
    return sign_prekey(
        ALICE.identity(),
        kind=kind,
        key_id=7,
        account=ALICE.account,
        device=DeviceId(1),
        created=NOW,
        key=ALICE.kem().public if kind >= PrekeyKind.KEM_LAST_RESORT else ALICE.agreement().public,
    )


def present() -> dict[str, str]:
    """Every object as today's code makes it, in hex (the invite link as text)."""
    objects = {
        "account": ALICE.account,
        "list_certificate": ALICE.list_certificate,
        "device_certificate": ALICE.device_raw(),
        "device_list": ALICE.list_raw(3, 1, 2, highest=4),
        "list_digest": ALICE.verified(3, 1, 2, highest=4).devices.view.digest,
        "handle_entry": sign_handle(
            ALICE.list_key, account=ALICE.account, handle="alice", epoch=1, created=NOW
        ),
        **{f"prekey_{kind.name.lower()}": _prekey(kind) for kind in PrekeyKind},
        "sender_chain": SenderChain(
            root_key=ALICE.root.public,
            list_certificate=ALICE.list_certificate,
            device_certificate=ALICE.device_raw(),
        ).pack(),
        "login_transcript": login_transcript(
            relay="relay.example:443",
            tls_certificate_hash=seed("tls"),
            server_nonce=seed("server"),
            client_nonce=seed("client"),
            account=ALICE.account,
            device=DeviceId(1),
        ),
    }
    link = invite_link(Invite(account=ALICE.account, handle="alice", relay="[::1]:8765"))
    return {**{name: raw.hex() for name, raw in objects.items()}, "invite_link": link}


@pytest.mark.parametrize("name", sorted(present()))
def test_an_object_has_the_recorded_bytes(name: str) -> None:
    assert present()[name] == RECORDED[name]


def test_every_recorded_object_still_opens() -> None:
    raw = {name: bytes.fromhex(text) for name, text in RECORDED.items() if name != "invite_link"}
    account = open_account(ALICE.root.public, raw["list_certificate"], raw["device_list"])
    sender = SenderChain.open(raw["sender_chain"])
    assert sender.account == account.account == raw["account"]
    assert account.devices.device(1) == sender.device
    assert open_handle_entry(raw["handle_entry"], account.certificate).handle == "alice"
    for kind in PrekeyKind:
        assert open_prekey(raw[f"prekey_{kind.name.lower()}"], sender.device, (kind,)).key_id == 7

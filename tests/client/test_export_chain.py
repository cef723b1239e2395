"""A record shows whether anything was changed since it was written, and by whose device it was."""

import base64
import json
from collections.abc import Callable

import pytest

from letterlock.devices.account import account_id, certify_list_key
from letterlock.devices.device_list import SenderChain, certify_device
from letterlock.ids import DeviceId
from letterlock.primitives.keys import SigningKey, agreement_public
from letterlock_client.exports.chain import ChangedError, Recorder, Signer, check

ROOT, LIST, DEVICE = (SigningKey(bytes([number]) * 32) for number in (1, 2, 3))


def signer(key: SigningKey = DEVICE) -> Signer:
    account = account_id(ROOT.public)
    certificate = certify_device(
        LIST,
        account=account,
        device=DeviceId(4),
        epoch=1,
        identity_key=DEVICE.public,
        agreement_key=agreement_public(b"a" * 32),
        sealing_key=agreement_public(b"s" * 32),
        created=5,
    )
    proof = SenderChain(
        root_key=ROOT.public,
        list_certificate=certify_list_key(ROOT, list_key=LIST.public, epoch=1, created=5),
        device_certificate=certificate,
    )
    return Signer(account, 4, key, proof.pack())


def record(key: SigningKey = DEVICE) -> list[bytes]:
    recorder = Recorder(signer(key))
    texts = ["hi", 'so: "chain": "x"', "\u2028 é"]
    lines = [recorder.begin({"from": "alice"})]
    lines += [recorder.entry({"type": "message", "text": text}) for text in texts]
    return [*lines, recorder.end({"messages": len(texts)})]


def test_a_record_as_it_was_written_holds_and_names_its_account() -> None:
    checked = check(record())
    assert (checked.account, checked.device, checked.lines) == (account_id(ROOT.public), 4, 5)
    assert checked.about["from"] == "alice"
    assert checked.head == json.loads(record()[-1])["chain"]


def swap(lines: list[bytes]) -> list[bytes]:
    return [lines[0], lines[2], lines[1], *lines[3:]]


def rewrite_whole(lines: list[bytes]) -> list[bytes]:
    """Somebody without the device's key writes a chain of their own, and keeps the old signature."""
    entries = [json.loads(line)["entry"] for line in lines]
    recorder = Recorder(Signer(signer().account, 4, SigningKey(b"x" * 32), signer().proof))
    del entries[0]["device_proof"], entries[0]["type"], entries[0]["version"]
    entries[1]["text"] = "no"
    forged = [recorder.begin(entries[0]), *(recorder.entry(entry) for entry in entries[1:-1])]
    last = recorder.end({"messages": 3})
    old = json.loads(lines[-1])["signature"].encode()
    return [*forged, last[: last.index(b'"signature": "')] + b'"signature": "' + old + b'"}\n']


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda lines: [lines[0], lines[1].replace(b"hi", b"ho"), *lines[2:]], 2),
        (lambda lines: [*lines[:2], *lines[3:]], 3),
        (swap, 2),
        (lambda lines: lines[:-1], 5),
        (lambda lines: [*lines, lines[-1]], 6),
        (lambda lines: [*lines[:-1], lines[-1].replace(b'", "signature"', b'" , "signature"')], 5),
        (lambda lines: [lines[0], b"[]\n", *lines[1:]], 2),
        (rewrite_whole, 5),
        (lambda lines: [], 1),
    ],
)
def test_any_change_is_found_and_its_line_named(
    change: Callable[[list[bytes]], list[bytes]], line: int
) -> None:
    with pytest.raises(ChangedError) as caught:
        check(change(record()))
    assert caught.value.line == line


def test_every_changed_byte_is_found() -> None:
    whole = b"".join(record())
    for at in range(0, len(whole), 3):
        changed = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        with pytest.raises(ChangedError):
            check(changed.splitlines(keepends=True))


def test_another_devices_signature_does_not_count() -> None:
    with pytest.raises(ChangedError, match="signature does not hold"):
        check(record(SigningKey(b"n" * 32)))


def test_the_account_follows_from_the_proof_and_from_nothing_else() -> None:
    lines = record()
    first = json.loads(lines[0])["entry"]
    assert base64.b64decode(first["device_proof"]) == signer().proof

"""After a whole conversation the relay holds no plaintext, no private key, and no link from mail to its sender."""

import contextlib
import json
import os
import sqlite3
from pathlib import Path

from letterlock.ids import parse_account
from letterlock_client.config import Home
from letterlock_client.workshop.processes import Person, RelayProcess
from tests.canary import found, private_keys, spellings, spellings_of

CANARIES = (
    "canary in a text",
    "canary in a reply",
    "canary edited",
    "canary caption",
    "canary-file.txt",
    "🦜canary",
)


async def converse(alice: Person, bob: Person, folder: Path) -> bytes:
    """Say something of every kind; return the bytes of the file that was sent."""
    sent = (await alice.run("send", "bob", CANARIES[0])).last["message"]
    await bob.run("receive", "--accept-requests")
    reply = (await bob.run("reply", sent, CANARIES[1])).last["message"]
    await bob.run("react", sent, CANARIES[5])
    await alice.run("receive")
    await alice.run("edit", sent, CANARIES[2])
    file = folder / CANARIES[4]
    file.write_bytes(os.urandom(2000))
    attached = (await alice.run("send", "bob", CANARIES[3], "--attach", str(file))).last["message"]
    await bob.run("receive")
    await bob.run("download", attached, "--output", str(folder / "fetched"))
    await bob.run("delete", reply, "--for-everyone")
    await alice.run("send", "bob", CANARIES[0])
    return file.read_bytes()


async def test_the_relay_holds_no_plaintext_no_private_key_and_no_sender(
    relay: RelayProcess, people: tuple[Person, Person], tmp_path: Path
) -> None:
    file = await converse(*people, tmp_path)
    account = await own_account(people[0])
    await relay.stop()
    hidden = {canary: spellings_of(canary) for canary in CANARIES} | {"the file": spellings(file[:40])}
    for person in people:
        keys = await private_keys(Home.at(person.folder).profile(person.name))
        hidden |= {f"{person.name}'s key {number}": spellings(key) for number, key in enumerate(keys)}
    assert not found(hidden, {"disk": relay.disk(), "wire": relay.seen.read_bytes()})
    no_stored_envelope_names(relay, account)
    no_delivery_and_no_log_line_names(relay, account)


def no_stored_envelope_names(relay: RelayProcess, sender: str) -> None:
    """Look for the sender's id, handle and public keys in what waits for somebody else."""
    with contextlib.closing(sqlite3.connect(f"file:{relay.store}?mode=ro", uri=True)) as database:
        rows = database.execute("SELECT envelope, body FROM envelopes").fetchall()
        keys = [row[0] for row in database.execute("SELECT root_key FROM accounts")]
        keys += [row[0] for row in database.execute("SELECT identity_key FROM devices")]
    assert rows, "the last message waits"
    names = spellings(parse_account(sender)) | {each for key in keys for each in spellings(key)} | {b"alice"}
    assert not any(name in cell for row in rows for cell in row for name in names)


def no_delivery_and_no_log_line_names(relay: RelayProcess, sender: str) -> None:
    """Look for the sender in what was handed to others, and in the log."""
    names = spellings(parse_account(sender))
    others = [
        json.dumps(frame).encode()
        for frame in relay.frames()
        if frame.get("kind") == "Deliver" and not frame["device"].startswith(sender)
    ]
    assert others
    assert not any(name in line for line in others for name in names | {b"alice"})
    assert not any(name in relay.log.read_bytes() for name in names)


async def own_account(person: Person) -> str:
    """The account id in somebody's own invite link."""
    link = str((await person.run("invite")).last["invite"])
    return next(part.split("=", 1)[1] for part in link.split("?", 1)[1].split("&") if part.startswith("id="))

"""Two people, each before a terminal of their own, from the first screen on: what they see is all that is looked at."""

import os
import re
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from letterlock_client.workshop.processes import RelayProcess
from tests.end_to_end.conftest import vault_of_three
from tests.tmux import Seat, Tmux, needs_tmux

pytestmark = needs_tmux
PASSPHRASE = "correct horse"
PASSWORD = "violet harbour 71 lanterns"
NUMBERS = re.compile(r"\d{5}(?: +\d{5}){3}")
"""A row of the safety number."""


@pytest.fixture
def seats(tmp_path: Path) -> Iterator[tuple[Seat, Seat]]:
    tmux = Tmux(tmp_path / "tmux")
    try:
        yield Seat(tmux, "alice"), Seat(tmux, "bob")
    finally:
        tmux.end()


def register(seat: Seat, relay: str) -> None:
    seat.sees("Welcome to Letterlock")
    seat.types(seat.name)
    seat.moves_on()
    seat.types(relay)
    seat.moves_on()
    seat.moves_on()
    seat.types(PASSPHRASE, "•" * len(PASSPHRASE))
    seat.moves_on()
    seat.types(PASSPHRASE, "•" * len(PASSPHRASE))
    seat.sees_no_more("once more")
    seat.presses("Enter")


def meet(alice: Seat, bob: Seat) -> None:
    alice.presses("C-n")
    alice.sees("Write to somebody new")
    alice.types("bob")
    alice.presses("Enter")
    alice.sees("bob · not verified", "Message…")
    alice.types("see you at noon")
    alice.presses("Enter")
    alice.sees("Message…", "✓")
    bob.sees("1 request")
    bob.presses("Enter")
    bob.sees("1 message, ", "enter or a accepts")
    bob.presses("Enter")
    bob.sees("alice · not verified", "see you at noon", "Message…")
    alice.sees("read")


def chat(alice: Seat, bob: Seat) -> None:
    bob.types("at the old bridge")
    bob.presses("Enter")
    alice.sees("at the old bridge")
    alice.presses("Up")
    alice.sees("Editing your message")
    alice.types(", or one", "see you at noon, or one")
    alice.presses("Enter")
    bob.sees("see you at noon, or one", "edited")


def verify(alice: Seat, bob: Seat) -> list[str]:
    """Return the safety number, in rows as it is shown."""
    for seat in (alice, bob):
        seat.presses("f4")
        seat.sees("Compare these numbers", "They are the same")
    rows = alice.finds(NUMBERS, 3)
    bob.sees(*rows)
    bob.presses("Escape")
    bob.sees_no_more("escape closes")
    digits = "".join("".join(rows).split())
    alice.types(digits, digits[-5:])
    alice.presses("Enter")
    alice.sees("Not verified after all")
    alice.presses("Escape")
    alice.sees_no_more("escape closes")
    alice.sees("● bob · ✓ verified", "Message…")
    return rows


def names(seat: Seat, path: Path) -> None:
    """Type a path, of which a field may show only the end."""
    seat.types(str(path), str(path)[-16:])


def turn_backups_on(bob: Seat, bucket: Path, fleet: Path, sheet: Path) -> None:
    """Settings › Chats › Chat backup › End-to-end encrypted backup, with a password, to the first backup's end."""
    bob.presses("f2")
    bob.sees("Settings", "Chats")
    bob.types("encrypted", "encrypted")
    bob.presses("Enter")
    bob.sees("End-to-end encrypted backup", "Turn on…")
    bob.presses("Enter")
    bob.sees("what shall open your backup")
    bob.presses("Enter")
    bob.sees("Where shall backups go?")
    names(bob, bucket)
    bob.presses("Enter")
    bob.sees("Choose a backup password")
    bob.types(PASSWORD, "•" * len(PASSWORD))
    bob.sees("An attacker with 20 guesses")
    bob.moves_on()
    bob.types(PASSWORD, "•" * len(PASSWORD))
    bob.presses("Enter")
    bob.sees("The vault that guards your password")
    names(bob, fleet)
    bob.presses("Enter")
    bob.sees("2 of 3 realms", "Trust this vault")
    bob.presses("Enter")
    bob.sees("The passphrase of this device")
    bob.types(PASSPHRASE, "•" * len(PASSPHRASE))
    bob.presses("Enter")
    bob.sees("LETTERLOCK RECOVERY SHEET", "Vault locator", "Save to this file")
    bob.moves_on()
    names(bob, sheet)
    bob.presses("Enter")
    bob.sees("Saved")
    bob.presses("Tab", "Tab", "Enter")
    bob.sees("Backups are on", "All 3 realms of the vault have it")
    bob.presses("Enter")
    bob.sees("backup just now")


def ask_for_the_backup(bob: Seat, fleet: Path, sheet: Path) -> None:
    """Say where it is, and give the password."""
    bob.sees("Restore from a backup", "It opens with")
    for _ in range(2):
        bob.moves_on()
    # The choice of password or key has no cursor of its own.
    bob.presses("Tab")
    bob.moves_on()
    names(bob, sheet)
    bob.moves_on()
    names(bob, fleet)
    bob.presses("Enter")
    give_the_password(bob)


def give_the_password(bob: Seat) -> None:
    bob.sees("Your backup password", "tries")
    bob.types(PASSWORD, "•" * len(PASSWORD))
    bob.presses("Enter")
    bob.sees("This backup was found", "alice")


def restore_until_the_relay(bob: Seat, fleet: Path, sheet: Path, relay: RelayProcess) -> None:
    """From the first screen, with the sheet and the password; killed when the messages are back, the account not."""
    bob.sees("Welcome to Letterlock")
    bob.presses("BTab")
    bob.presses("Enter")
    ask_for_the_backup(bob, fleet, sheet)
    bob.presses("Tab", "Enter")
    bob.sees("A passphrase for this device")
    bob.types(PASSPHRASE, "•" * len(PASSPHRASE))
    bob.moves_on()
    bob.types(PASSPHRASE, "•" * len(PASSPHRASE))
    assert relay.pid is not None
    os.kill(relay.pid, signal.SIGSTOP)
    try:
        bob.presses("Enter")
        bob.sees("Restoring", "bringing the account back")
        bob.kill()
    finally:
        os.kill(relay.pid, signal.SIGCONT)


def go_on_restoring(bob: Seat) -> None:
    """What is here already stays; the rest comes. Only the password has to be typed again."""
    unlock(bob)
    bob.sees("a restore or a registration was not", "Go on with the restore of @bob")
    bob.presses("Enter")
    bob.sees("This is how the restore was begun", "bob")
    bob.presses("BTab", "Enter")
    give_the_password(bob)
    bob.presses("Tab", "Enter")
    bob.sees("The passphrase of this device")
    bob.types(PASSPHRASE, "•" * len(PASSPHRASE))
    bob.presses("Enter")
    bob.sees("Your chats are back", "contacts see no change of key")
    bob.presses("Enter")
    bob.sees("connected ·", "bob at ws", "alice")


def unlock(seat: Seat) -> None:
    seat.sees("Your messages are locked")
    seat.types(PASSPHRASE, "•" * len(PASSPHRASE))
    seat.presses("Enter")


async def test_two_people_meet_chat_verify_back_up_lose_a_terminal_and_chat_on(
    relay: RelayProcess, seats: tuple[Seat, Seat], tmp_path: Path
) -> None:
    alice, bob = seats
    for seat in seats:
        seat.open(tmp_path / seat.name, "default")
    for seat in seats:
        register(seat, relay.url)
    for seat in seats:
        seat.sees(f"connected · {seat.name}")
    meet(alice, bob)
    chat(alice, bob)
    rows = verify(alice, bob)
    alice.kill()
    bob.types("are you still there?")
    bob.presses("Enter")
    alice.open(tmp_path / "alice", "default")
    unlock(alice)
    alice.sees("connected · alice", "are you still there?")
    alice.presses("Enter")
    alice.sees("● bob · ✓ verified", "see you at noon, or one", "at the old bridge")
    async with vault_of_three(tmp_path) as (_, fleet):
        turn_backups_on(bob, tmp_path / "bucket", fleet, tmp_path / "sheet.txt")
        bob.kill()
        shutil.rmtree(tmp_path / "bob")
        bob.open(tmp_path / "bob", "default")
        restore_until_the_relay(bob, fleet, tmp_path / "sheet.txt", relay)
        bob.open(tmp_path / "bob", "default")
        go_on_restoring(bob)
        alice.types("is it you, on a new terminal?")
        alice.presses("Enter")
        bob.sees("is it you")
        bob.presses("Enter")
        bob.sees("see you at noon, or one", "are you still there?", "is it you, on a new terminal?")
        bob.types("it is")
        bob.presses("Enter")
        alice.sees("it is", "● bob · ✓ verified")
        bob.presses("f4")
        bob.sees(*rows)

"""Two people, each before a terminal of their own, from the first screen on: what they see is all that is looked at."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from letterlock_client.workshop.processes import RelayProcess
from tests.tmux import Seat, Tmux, needs_tmux

pytestmark = needs_tmux
PASSPHRASE = "correct horse"
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


def verify(alice: Seat, bob: Seat) -> None:
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


async def test_two_people_meet_chat_and_verify_and_a_killed_client_has_lost_nothing(
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
    verify(alice, bob)
    alice.kill()
    bob.types("are you still there?")
    bob.presses("Enter")
    alice.open(tmp_path / "alice", "default")
    alice.sees("Your messages are locked")
    alice.types(PASSPHRASE, "•" * len(PASSPHRASE))
    alice.presses("Enter")
    alice.sees("connected · alice", "are you still there?")
    alice.presses("Enter")
    alice.sees("● bob · ✓ verified", "see you at noon, or one", "at the old bridge")

"""The ratchet beside its rivals: 200 bytes sealed and opened, and whole sessions set up, per CPU second.

Ours goes through the whole session layer, to bytes and back, with every check. Vodozemac hands its message
objects over without making bytes of them, and doubleratchet's coroutines are driven without an event loop,
so both run at their best. Rounds alternate between the two sides; medians of the rounds are shown.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from letterlock.devices.bundle import open_bundle
from letterlock.messaging.chain import LONGEST_CHAIN
from letterlock.messaging.session import Session, open_message, seal
from scripts.benchmarks import ratchet_rivals as rivals
from scripts.benchmarks.row import Row
from tests.shared.messaging.parties import NOW, Party, acquainted, couple

PLAINTEXT = os.urandom(200)
Work = Callable[[int], float]
"""Does something so many times and returns the CPU seconds that it took."""


@dataclass(frozen=True)
class Duel:
    """One thing done by both sides; `times` per round."""

    name: str
    rival: str
    ours: Work
    theirs: Work
    times: int
    least: float | None
    note: str = ""


def rows(quick: bool) -> Iterator[Row]:
    """Measure everything; `quick` runs three short rounds instead of nine."""
    for duel in duels():
        yield fight(duel, rounds=3 if quick else 9, times=max(duel.times // 4, 10) if quick else duel.times)
    yield Row(
        "session set-up with PQXDH",
        "1/CPU s",
        ours=None,
        theirs=None,
        rival="libsignal (Node)",
        ratio=None,
        goal=">= 1.3",
        met=None,
        note="not run: no Node binding of libsignal here",
    )


def duels() -> Iterator[Duel]:
    """What is measured, against whom, and the ratio that is aimed at."""
    no_kem = "theirs without ML-KEM"
    yield Duel("one-way", "vodozemac", one_way(), rivals.olm_one_way(PLAINTEXT), 4000, 0.75)
    yield Duel("one-way", "doubleratchet", one_way(), rivals.plain_one_way(PLAINTEXT), 1000, 4)
    yield Duel("ping-pong", "vodozemac", ping_pong(), rivals.olm_ping_pong(PLAINTEXT), 1000, 0.7)
    yield Duel("ping-pong", "doubleratchet", ping_pong(), rivals.plain_ping_pong(PLAINTEXT), 400, 1.7)
    yield Duel(
        "one-way, state sealed each side", "vodozemac", sealed(), rivals.olm_pickled(PLAINTEXT), 2000, 1
    )
    yield Duel("session set-up", "vodozemac", set_up, rivals.olm_set_up(PLAINTEXT), 40, None, no_kem)
    yield Duel(
        "session set-up", "x3dh, doubleratchet", set_up, rivals.plain_set_up(PLAINTEXT), 40, None, no_kem
    )


def fight(duel: Duel, *, rounds: int, times: int) -> Row:
    """Let both sides work in turn, and compare."""
    duel.ours(times)
    duel.theirs(times)
    measured = [(times / duel.ours(times), times / duel.theirs(times)) for _ in range(rounds)]
    ratio = median(ours / theirs for ours, theirs in measured)
    return Row(
        duel.name,
        "1/CPU s",
        ours=median(ours for ours, _ in measured),
        theirs=median(theirs for _, theirs in measured),
        rival=duel.rival,
        ratio=ratio,
        goal="" if duel.least is None else f">= {duel.least:g}",
        met=None if duel.least is None else ratio >= duel.least,
        note=duel.note,
    )


class Conversation:
    """Two of our devices; every message goes from one to the other as bytes."""

    def __init__(self) -> None:
        self.alice, self.bob = acquainted()
        self.alice.random = self.bob.random = os.urandom
        self.one_way = 0

    def send(self, sender: Party, recipient: Party) -> tuple[Session, Session]:
        assert sender.session is not None
        sender.session, message = seal(sender.session, PLAINTEXT, random=os.urandom, now=NOW)
        opened = open_message(
            recipient.own, sender.certificate, recipient.session, message, prekeys=None, now=NOW
        )
        assert opened.plaintext == PLAINTEXT
        recipient.session = opened.session
        return sender.session, opened.session

    def send_on(self) -> tuple[Session, Session]:
        # A chain ends after so many messages without an answer; an answer now and then is the normal case.
        self.one_way += 1
        if self.one_way % (LONGEST_CHAIN // 2) == 0:
            self.send(self.bob, self.alice)
        return self.send(self.alice, self.bob)


def one_way() -> Work:
    both = Conversation()

    def work(times: int) -> float:
        start = time.process_time()
        for _ in range(times):
            both.send_on()
        return time.process_time() - start

    return work


def ping_pong() -> Work:
    both = Conversation()

    def work(times: int) -> float:
        start = time.process_time()
        for _ in range(times // 2):
            both.send(both.alice, both.bob)
            both.send(both.bob, both.alice)
        return time.process_time() - start

    return work


def sealed() -> Work:
    both = Conversation()
    key = AESGCM(os.urandom(32))

    def work(times: int) -> float:
        start = time.process_time()
        for _ in range(times):
            for session in both.send_on():
                key.encrypt(os.urandom(12), session.to_bytes(), None)
        return time.process_time() - start

    return work


def set_up(times: int) -> float:
    """Check a bundle, begin, seal the first message, open it. Making the prekeys is not measured."""
    alice, bob = couple()
    bundles = [bob.bundle() for _ in range(times)]
    start = time.process_time()
    for bundle in bundles:
        alice.session = bob.session = None
        assert bundle.one_time is not None
        raws = (bundle.signed.raw, bundle.one_time.raw, bundle.kem.raw)
        alice.begin(bob, open_bundle(bob.certificate, *raws))
        assert bob.open(alice, alice.seal(PLAINTEXT)) == PLAINTEXT
    return time.process_time() - start

"""A realm's decisions in any order, against a model of what they promise: no store, no socket, no luck."""

import secrets
from collections.abc import Callable
from functools import cache
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from letterlock.devices.device_list import VerifiedAccount
from letterlock.vault.fleet import Fleet
from letterlock.vault.fleet import Realm as Member
from letterlock.vault.ledger import Event, open_entry, open_ledger
from letterlock.vault.realm_secret import RealmSecret
from letterlock.vault.record import door_key, open_record
from letterlock.vault.statement import Statement
from letterlock.wire import vault_refusals as refusals
from letterlock_server.stores.vault_interfaces import Change, Record, Standing, T
from letterlock_server.vault.policy import Doors, Entrance, Policy
from letterlock_server.vault.realm import Now, Realm, Refuse, Spent
from tests.server.vault.running import dealt_for, person
from tests.shared.devices.people import ALICE, NOW
from tests.shared.vault.realms import LOCATOR

GUESSES = 6
SECRET = RealmSecret(bytes(32))
FLEET = Fleet((Member("realm-1", "ws://127.0.0.1:1", SECRET.public),), 1)
KEY = door_key(LOCATOR, "realm-1", ALICE.account)


@cache
def registration(epoch: int) -> tuple[Statement, Record]:
    made = dealt_for(FLEET, epoch=epoch)
    opened = open_record(SECRET, "realm-1", made.records["realm-1"], made.statement)
    record = Record(
        epoch=epoch,
        statement=made.statement.raw,
        door_hash=opened.door_hash,
        receipts=(),
        box=opened.pack(),
        key=secrets.token_bytes(64),
    )
    return made.statement, record


@cache
def account() -> VerifiedAccount:
    return person().account


def attempt(decide: Callable[[], Change[T]]) -> Change[T] | str:
    """A change, or the code of the refusal."""
    try:
        return decide()
    except Refuse as refused:
        return refused.code


class Deciding(RuleBasedStateMachine):
    """One account at one realm. Guesses fly, are proved or dropped; registrations come; time passes."""

    @initialize()
    def begin(self) -> None:
        self.realm = Realm("realm-1", SECRET, Policy(guesses=GUESSES, back_off=(0, 1)))
        self.running = 0
        self.standing: Standing = self.realm.learn_list(None, account()).standing
        self.ledger: list[bytes] = []
        self.receipts: dict[int, bytes] = {}
        self.flying: list[Spent] = []
        self.evaluated = 0
        self.highest = 0

    def now(self) -> Now:
        return Now(NOW, self.running)

    def keep(self, change: Change[Any]) -> None:
        self.standing = change.standing
        self.ledger += change.entries

    @rule(door=st.sampled_from([b"", KEY]), epoch=st.integers(1, 4))
    def guess(self, door: bytes, epoch: int) -> None:
        before = self.realm.status(self.standing, door, self.now())
        change = attempt(lambda: self.realm.start_guess(self.standing, epoch, door, self.now()))
        if isinstance(change, str):
            assert change == before.state or before.epoch != epoch
            return
        assert before.state == refusals.READY
        assert before.left == change.answer.left + 1
        self.keep(change)
        self.flying.append(change.answer)
        self.evaluated += 1

    @rule(which=st.integers(0, 9))
    def prove(self, which: int) -> None:
        if not self.flying:
            return
        spent = self.flying.pop(which % len(self.flying))
        change = attempt(lambda: self.realm.finish_guess(self.standing, spent, self.now()))
        if isinstance(change, str):
            assert self.standing.record is None or self.standing.record.epoch != spent.epoch
            return
        self.keep(change)
        self.evaluated = 0

    @rule()
    def drop_all(self) -> None:
        """Every connection goes: the realm restarts."""
        self.flying.clear()
        used_up = self.standing.record is not None and self.evaluated == GUESSES
        change = self.realm.end_guess(self.standing, self.now())
        assert change.answer == used_up
        self.keep(change)
        if used_up:
            assert self.standing.record is None
            assert open_entry(self.standing.tombstone, SECRET.public).event is Event.DESTROYED
            self.evaluated = 0

    @rule(epoch=st.integers(1, 4))
    def prepare(self, epoch: int) -> None:
        statement, record = registration(epoch)
        same = self.standing.prepared is not None and self.standing.prepared.epoch == epoch
        change = attempt(lambda: self.realm.prepare(self.standing, statement, record, self.now()))
        if isinstance(change, str):
            assert change == refusals.STALE
            assert epoch <= self.highest
            return
        assert same or epoch > self.highest
        answered = self.standing.record
        self.keep(change)
        assert self.standing.record == answered
        self.highest = max(self.highest, epoch)
        self.receipts[epoch] = change.answer

    @rule(epoch=st.integers(1, 4))
    def commit(self, epoch: int) -> None:
        receipts = (self.receipts[epoch],) if epoch in self.receipts else ()
        already = self.standing.record is not None and self.standing.record.epoch == epoch
        change = attempt(lambda: self.realm.commit(self.standing, epoch, receipts, self.now()))
        if isinstance(change, str):
            assert change == refusals.STALE
            return
        self.keep(change)
        assert self.standing.record is not None
        assert self.standing.record.epoch == epoch
        if not already:
            self.evaluated = 0

    @rule(ms=st.integers(0, 1500))
    def wait(self, ms: int) -> None:
        self.running += ms

    @invariant()
    def never_more_than_the_bound(self) -> None:
        if not hasattr(self, "standing"):
            return
        assert self.evaluated <= GUESSES
        if self.standing.record is not None:
            assert self.standing.by_handle.spent + self.standing.by_locator.spent == self.evaluated
        assert self.standing.highest_epoch == self.highest

    @invariant()
    def the_strangers_door_never_destroys(self) -> None:
        if not hasattr(self, "standing") or self.standing.record is None:
            return
        view = self.realm.policy.view(self.doors(), Entrance.HANDLE, self.running)
        assert view.left == 0 or self.evaluated + view.left < GUESSES

    def doors(self) -> Doors:
        return Doors(self.standing.by_handle, self.standing.by_locator)

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            entries = open_ledger(self.ledger, SECRET.public, "realm-1", ALICE.account, first=1)
            assert len(entries) == self.standing.entries
            guesses = sum(one.event is Event.GUESSED for one in entries)
            refills = sum(one.event in (Event.RECOVERED, Event.REGISTERED) for one in entries)
            assert guesses <= GUESSES * refills


Deciding.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestDeciding = Deciding.TestCase

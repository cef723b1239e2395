"""What the arithmetic of guesses promises: a bound that holds whatever happens, and waits that no clock cuts short."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from letterlock_server.limits import Rule
from letterlock_server.stores.vault_interfaces import Door
from letterlock_server.vault.policy import Doors, Entrance, Policy

POLICY = Policy()
DAY = 86_400_000
BOTH = st.sampled_from(list(Entrance))


def spend(policy: Policy, doors: Doors, entrance: Entrance, times: int, now: int = 0) -> Doors:
    for _ in range(times):
        doors = policy.spend(doors, entrance, now)
    return doors


class Guessing(RuleBasedStateMachine):
    """Guesses through both doors, waits, refills: as a realm lets them happen."""

    @initialize(guesses=st.integers(1, 12), back_off=st.lists(st.integers(0, 5), max_size=12))
    def begin(self, guesses: int, back_off: list[int]) -> None:
        self.policy = Policy(guesses=guesses, back_off=tuple(back_off))
        self.doors = Doors()
        self.now = 0
        self.evaluated = 0
        self.by_handle = 0
        self.last: dict[Entrance, int] = {}

    @rule(entrance=BOTH)
    def guess(self, entrance: Entrance) -> None:
        view = self.policy.view(self.doors, entrance, self.now)
        if not view.left or view.wait_ms:
            return
        count = self.doors.at(entrance).spent
        if count and self.policy.back_off:
            due = self.policy.back_off[min(count, len(self.policy.back_off)) - 1] * 1000
            assert self.now - self.last[entrance] >= due
        self.doors = self.policy.spend(self.doors, entrance, self.now)
        self.last[entrance] = self.now
        self.evaluated += 1
        self.by_handle += entrance is Entrance.HANDLE

    @rule(ms=st.integers(0, 6000))
    def wait(self, ms: int) -> None:
        self.now += ms

    @precondition(lambda self: self.evaluated)
    @rule()
    def refill(self) -> None:
        """A right proof: the only thing that gives guesses back."""
        self.doors = Doors()
        self.evaluated = self.by_handle = 0

    @invariant()
    def never_more_than_the_bound(self) -> None:
        if not hasattr(self, "policy"):
            return
        assert self.evaluated <= self.policy.guesses
        assert self.by_handle <= self.policy.guesses // 2
        assert self.doors.spent() == self.evaluated
        assert self.policy.used_up(self.doors) == (self.evaluated == self.policy.guesses)
        for entrance in Entrance:
            assert (
                self.policy.view(self.doors, entrance, self.now).left <= self.policy.guesses - self.evaluated
            )


Guessing.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestGuessing = Guessing.TestCase


def test_a_stranger_has_half_of_the_guesses_and_an_owner_all() -> None:
    assert POLICY.view(Doors(), Entrance.HANDLE, 0).left == 5
    assert POLICY.view(Doors(), Entrance.LOCATOR, 0).left == 10


def test_a_door_that_strangers_closed_leaves_the_owner_the_rest() -> None:
    doors = spend(POLICY, Doors(), Entrance.HANDLE, 5)
    assert POLICY.view(doors, Entrance.HANDLE, 10 * DAY).left == 0
    assert POLICY.view(doors, Entrance.LOCATOR, 0).left == 5
    assert not POLICY.used_up(doors)


@given(st.integers(1, 20), st.integers(0, 20))
def test_a_stranger_never_gets_the_last_guess(guesses: int, owners: int) -> None:
    policy = Policy(guesses=guesses, back_off=())
    doors = spend(policy, Doors(), Entrance.LOCATOR, min(owners, guesses))
    while policy.view(doors, Entrance.HANDLE, 0).left:
        doors = policy.spend(doors, Entrance.HANDLE, 0)
        assert not policy.used_up(doors)


def test_the_doors_wait_apart() -> None:
    doors = spend(POLICY, Doors(), Entrance.HANDLE, 4)
    assert POLICY.view(doors, Entrance.HANDLE, 0).wait_ms == 60_000
    assert POLICY.view(doors, Entrance.LOCATOR, 0).wait_ms == 0


def test_the_waits_are_those_of_the_list_and_the_last_one_holds_for_all_that_follow() -> None:
    waits = [
        POLICY.view(spend(POLICY, Doors(), Entrance.LOCATOR, spent), Entrance.LOCATOR, 0).wait_ms // 1000
        for spent in range(10)
    ]
    assert waits == [0, 0, 0, 0, 60, 300, 3600, 86_400, 86_400, 86_400]
    short = Policy(guesses=5, back_off=(7,))
    doors = spend(short, Doors(), Entrance.LOCATOR, 3)
    assert short.view(doors, Entrance.LOCATOR, 0).wait_ms == 7000


@given(st.integers(0, 10 * DAY), st.integers(0, 10 * DAY))
def test_a_clock_behind_the_last_guess_waits_once_and_no_longer(at: int, now: int) -> None:
    view = POLICY.view(Doors(by_locator=Door(5, at)), Entrance.LOCATOR, now)
    assert 0 <= view.wait_ms <= 300_000
    if now <= at:
        assert view.wait_ms == 300_000


@given(st.integers(0, 100 * DAY))
def test_no_time_that_passes_refills_anything(days: int) -> None:
    doors = spend(POLICY, Doors(), Entrance.LOCATOR, 9)
    assert POLICY.view(doors, Entrance.LOCATOR, days).left == 1


# What owners add.

HOUR = 3_600_000


def added(policy: Policy, times: int, *, until: int = 0, now: int = 0) -> int:
    for _ in range(times):
        until = policy.add(until, now)
    return until


def test_an_owner_who_backs_up_every_hour_and_changes_passwords_never_waits() -> None:
    until = 0
    for hour in range(24 * 30):
        for _ in range(5 if hour % 24 == 9 else 1):
            assert POLICY.adding_waits(until, hour * HOUR) == 0
            until = POLICY.add(until, hour * HOUR)


def test_who_adds_without_end_is_held_to_the_burst_and_then_to_the_interval() -> None:
    policy = Policy(additions=Rule(3, 1000))
    until = added(policy, 3)
    assert policy.adding_waits(until, 0) == 1000
    assert policy.adding_waits(until, 999) == 1
    assert policy.adding_waits(until, 1000) == 0
    until = policy.add(until, 1000)
    assert policy.adding_waits(until, 1000) == 1000
    assert policy.adding_waits(until, 1_000_000) == 0


def test_additions_keep_nobody_from_recovering_and_recoveries_end_as_well() -> None:
    policy = Policy(additions=Rule(3, 1000))
    until = added(policy, 3)
    assert policy.recovering_waits(until, 0) == 0
    until = added(policy, 3, until=until)
    assert policy.recovering_waits(until, 0) == 1000


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_no_clock_that_went_back_holds_an_owner_for_longer_than_all_that_can_be_owed(
    until: int, now: int
) -> None:
    whole = round(POLICY.additions.burst * POLICY.additions.interval_ms)
    assert POLICY.adding_waits(until, now) <= whole + POLICY.additions.interval_ms
    assert POLICY.add(until, now) <= now + 2 * whole + POLICY.additions.interval_ms

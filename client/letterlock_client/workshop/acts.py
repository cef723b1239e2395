"""What there is to see on the stage, as a list of acts, and how far a visitor has come.

Pure: facts go in, the next thing to do comes out. Acts can be played in any order; what happened already is not
asked for again. Must not know widgets, messengers or processes.
"""

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Final


class Fact(Enum):
    """Something that happened on the stage."""

    WROTE = auto()
    ACCEPTED = auto()
    ANSWERED = auto()
    KILLED = auto()
    WAITING = auto()
    """Something was written while no relay ran."""
    RECOVERED = auto()
    """What waited has reached the relay."""
    VERIFIED = auto()
    BACKED_UP = auto()
    """Bob's backup is on, and the first one complete."""
    GREW = auto()
    """More was said and backed up."""
    LOST = auto()
    """Nothing is left of Bob's terminal."""
    GUESSED = auto()
    """A wrong password was tried."""
    RESTORED = auto()
    WENT_ON = auto()
    """Somebody wrote after that."""
    DOOR_CLOSED = auto()
    """A stranger has used up his guesses."""
    DESTROYED = auto()
    """So has somebody with the recovery sheet, and the record is gone."""
    BY_DIGITS = auto()
    """Lost again, and restored without the vault."""


BEHIND: Final = frozenset(
    {
        Fact.BACKED_UP,
        Fact.GREW,
        Fact.LOST,
        Fact.GUESSED,
        Fact.RESTORED,
        Fact.DOOR_CLOSED,
        Fact.DESTROYED,
        Fact.BY_DIGITS,
    }
)
"""What happens behind the scenes, at the provider and the vault: `f9` does it."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do; done once its fact is there. Steps with one title are one act."""

    fact: Fact
    title: str
    text: str


STEPS: Final = (
    Step(
        Fact.WROTE,
        "Alice writes first",
        "You are Alice: type a message to Bob and press enter. In the middle stands all that the relay gets of it.",
    ),
    Step(
        Fact.ACCEPTED,
        "Bob accepts",
        "A first message is only a request: Alice is told nothing yet. f7 goes to Bob, enter accepts.",
    ),
    Step(
        Fact.ANSWERED,
        "Bob answers",
        "Now you are Bob: type an answer. Every message has its own key, and every answer renews the secrets.",
    ),
    Step(
        Fact.KILLED,
        "the relay dies",
        "f8 kills the relay with SIGKILL, in the middle of whatever it does. Nothing may get lost.",
    ),
    Step(
        Fact.WAITING,
        "the relay dies",
        "The relay is dead. Write on, on either side: what you write waits, sealed, on its writer's disk.",
    ),
    Step(
        Fact.RECOVERED,
        "the relay dies",
        "f8 starts the relay again, on what it had on disk. All that waited arrives, once and in order.",
    ),
    Step(
        Fact.VERIFIED,
        "they compare",
        "f4 shows the safety number. If both see the same 60 digits, nobody stands between them; f9 again says so.",
    ),
    Step(
        Fact.BACKED_UP,
        "Bob backs up",
        "f9 starts a vault of three realms, kills one for good, and turns on Bob's backup: a password, and 64 digits.",
    ),
    Step(
        Fact.GREW,
        "Bob backs up",
        "f9 lets Alice write more, and Bob back up again. Watch the provider: only what is new is written.",
    ),
    Step(
        Fact.LOST,
        "a terminal is lost",
        "f9 deletes all that Bob's terminal had. What is left are sealed objects, and shares at the realms.",
    ),
    Step(
        Fact.GUESSED,
        "a terminal is lost",
        "f9 tries a wrong password on a new terminal. Each realm counts the guess before it answers.",
    ),
    Step(
        Fact.RESTORED,
        "a terminal is lost",
        "f9 enters the right one: everything comes back, the guesses are refilled, and the lost terminal is out.",
    ),
    Step(
        Fact.WENT_ON,
        "they go on",
        "Write on, on either side. f4 shows the same 60 digits as before: Alice was shown no change of keys.",
    ),
    Step(
        Fact.DOOR_CLOSED,
        "others try",
        "A stranger knows no more than Bob's handle. f9 lets him guess until his door closes; nothing is destroyed.",
    ),
    Step(
        Fact.DESTROYED,
        "others try",
        "Somebody has Bob's recovery sheet. f9 lets him guess at the other door until the realms destroy the record.",
    ),
    Step(
        Fact.BY_DIGITS,
        "64 digits",
        "No password opens it now. f9 loses Bob's terminal once more, and restores it with the 64 digits alone.",
    ),
)

TITLES: Final = tuple(dict.fromkeys(step.title for step in STEPS))

WORKING: Final = "Working. All of it is real, so it takes some seconds."
DEAD: Final = "The relay is dead. f8 starts it again, on what it had on disk."
OVER: Final = "That was the story. The stage is yours; ctrl+q leaves, and everything on it is deleted."


@dataclass(frozen=True, slots=True)
class Playbill:
    """How far a visitor has come."""

    done: frozenset[Fact] = frozenset()
    relay_runs: bool = True
    busy: bool = False
    """Whether something is being done in the visitor's place."""

    def happened(self, fact: Fact) -> "Playbill":
        """Return the playbill after this."""
        return replace(self, done=self.done | {fact})

    def relay(self, *, runs: bool) -> "Playbill":
        """Return the playbill now that the relay runs, or does not."""
        return replace(self, relay_runs=runs)

    @property
    def step(self) -> Step | None:
        """What to do next; None once all is done."""
        return next((step for step in STEPS if step.fact not in self.done), None)

    def working(self, *, busy: bool) -> "Playbill":
        """Return the playbill now that something is being done, or is not any more."""
        return replace(self, busy=busy)

    @property
    def behind(self) -> bool:
        """Whether what comes next is seen at the provider and the vault."""
        return self.step is not None and self.step.fact in BEHIND

    @property
    def text(self) -> str:
        """What to do next, in words."""
        if self.busy:
            return WORKING
        step = self.step
        if not self.relay_runs and (step is None or step.fact not in (Fact.WAITING, Fact.RECOVERED)):
            return DEAD
        return step.text if step is not None else OVER

    def state_of(self, title: str) -> str:
        """Return how an act stands: done, now or later."""
        if self.step is not None and self.step.title == title:
            return "now"
        return (
            "later" if any(step.title == title and step.fact not in self.done for step in STEPS) else "done"
        )

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
        "f4 shows the safety number. If Alice and Bob see the same 60 digits, nobody stands between them.",
    ),
)

TITLES: Final = tuple(dict.fromkeys(step.title for step in STEPS))

DEAD: Final = "The relay is dead. f8 starts it again, on what it had on disk."
OVER: Final = "That was the story. The stage is yours; ctrl+q leaves, and everything on it is deleted."


@dataclass(frozen=True, slots=True)
class Playbill:
    """How far a visitor has come."""

    done: frozenset[Fact] = frozenset()
    relay_runs: bool = True

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

    @property
    def text(self) -> str:
        """What to do next, in words."""
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

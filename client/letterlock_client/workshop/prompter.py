"""Plays a step of the story in the visitor's place: the same calls that the keys make.

Must not know widgets.
"""

from typing import TYPE_CHECKING, Final

from letterlock_client.workshop.acts import Fact

if TYPE_CHECKING:
    from letterlock_client.workshop.cast import Cast

FIRST: Final = "Hello Bob! Can the relay read this?"
ANSWER: Final = "It cannot. It sees who, whom, when and a size."
MEANWHILE: Final = (
    "The relay is dead, and I write on.",
    "So do I. It waits on my disk.",
)


class Prompter:
    """Knows everybody's lines."""

    def __init__(self, cast: "Cast") -> None:
        self._cast = cast

    async def play(self, fact: Fact) -> None:
        """Make this fact come true, where it takes words. Raises ClientError."""
        alice, bob = self._cast.alice, self._cast.bob
        if fact is Fact.WROTE:
            await alice.send_text(self._cast.chat, FIRST)
        elif fact is Fact.ACCEPTED:
            for request in await bob.requests():
                await bob.accept(request.id)
        elif fact is Fact.ANSWERED:
            await bob.send_text(await bob.find(alice.profile.handle), ANSWER)
        elif fact is Fact.WAITING:
            await alice.send_text(self._cast.chat, MEANWHILE[0])
            await bob.send_text(await bob.find(alice.profile.handle), MEANWHILE[1])

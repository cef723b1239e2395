"""Plays a step of the story in the visitor's place: the same calls that the keys make.

Must not know widgets.
"""

import asyncio
from typing import TYPE_CHECKING, Final

from letterlock_client.events import MessageAdded
from letterlock_client.workshop.acts import Fact

if TYPE_CHECKING:
    from letterlock_client.workshop.cast import Cast

ARRIVES_S: Final = 20.0
FIRST: Final = "Hello Bob! Can the relay read this?"
ANSWER: Final = "It cannot. It sees who, whom, when and a size."
MEANWHILE: Final = (
    "The relay is dead, and I write on.",
    "So do I. It waits on my disk.",
)
MORE: Final = "Said after the first backup."
ON: Final = "I am back. Is anything different for you?"


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
        elif fact is Fact.WENT_ON:
            await bob.send_text(await bob.find(alice.profile.handle), ON)

    async def play_behind(self, fact: Fact) -> None:
        """Make come true what happens at the provider and the vault. Raises ClientError."""
        cast, keepers = self._cast, self._cast.keepers
        match fact:
            case Fact.BACKED_UP:
                await keepers.begin(cast.bob, await cast.bob.find(cast.alice.profile.handle))
            case Fact.GREW:
                await self._say_more()
                await keepers.back_up(cast.bob)
            case Fact.LOST:
                await keepers.lose(cast.bob)
            case Fact.GUESSED:
                await keepers.guess_wrong()
            case Fact.RESTORED:
                cast.bob = await keepers.restore()
            case Fact.DOOR_CLOSED:
                await keepers.close_the_stranger_s_door()
            case Fact.DESTROYED:
                await keepers.destroy_the_record()
            case Fact.BY_DIGITS:
                await keepers.back_up(cast.bob)
                await keepers.lose(cast.bob)
                cast.bob = await keepers.restore(by_digits=True)
            case _:
                pass

    async def _say_more(self) -> None:
        """Alice writes, and Bob has read it before he backs up."""
        stream = self._cast.bob.events()
        await self._cast.alice.send_text(self._cast.chat, MORE)
        async with asyncio.timeout(ARRIVES_S):
            async for event in stream:
                if isinstance(event, MessageAdded) and event.message.text == MORE:
                    return

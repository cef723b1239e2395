"""Asking something that takes time: the call runs in the background, its answer comes back as a message.

A worker never touches a widget: it posts what there is to do with the answer. Must not know what is asked.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from textual import on
from textual.message import Message as TextualMessage
from textual.widget import Widget

from letterlock_client.errors import ClientError
from letterlock_client.ui.background import start

T = TypeVar("T")


@dataclass
class Answered(TextualMessage):
    """A call came back; `do` is what its asker wants done with that."""

    do: Callable[[], object]


class Asking(Widget):
    """A widget or screen that asks. Subclasses say in `say` what went wrong."""

    def say(self, text: str) -> None:
        """Tell the person a sentence; an empty one takes back what was told."""

    def ask(
        self,
        call: Callable[[], Awaitable[T]],
        then: Callable[[T], object],
        failed: Callable[[ClientError], None] | None = None,
    ) -> None:
        """Await `call()` in the background and do `then` with its answer, or `failed` with its error."""
        start(self, self._await, call, then, failed or self._say_error, group="asking")

    async def _await(
        self,
        call: Callable[[], Awaitable[Any]],
        then: Callable[[Any], object],
        failed: Callable[[ClientError], None],
    ) -> None:
        try:
            answer = await call()
        except ClientError as error:
            self.post_message(Answered(partial(failed, error)))
        else:
            self.post_message(Answered(partial(then, answer)))

    def _say_error(self, error: ClientError) -> None:
        self.say(error.sentence)

    @on(Answered)
    def _answered(self, event: Answered) -> None:
        event.stop()
        event.do()

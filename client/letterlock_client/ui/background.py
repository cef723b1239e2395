"""Starting work that goes on while the interface answers.

Must not know what the work is.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from textual.dom import DOMNode


def start(
    node: DOMNode,
    work: Callable[..., Awaitable[object]],
    *arguments: Any,
    group: str = "default",
    exclusive: bool = False,
) -> None:
    """Await `work(*arguments)` in the background for as long as `node` is on a screen.

    With `exclusive`, work of the same group that is not done is cancelled first.
    """

    async def run() -> None:
        await work(*arguments)

    # The callable, not its coroutine: work that is replaced before it began was then never made.
    node.run_worker(run, group=group, exclusive=exclusive)  # type: ignore[arg-type]

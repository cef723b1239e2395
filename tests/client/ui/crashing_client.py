"""Run by tests in a terminal of its own: the interface on the fake messenger, and one that crashes on ctrl+b.

Arguments: a file to write what was sent to.
"""

import sys
from pathlib import Path
from typing import ClassVar

from textual.binding import Binding, BindingType

from letterlock_client.ui.app import LetterlockApp
from letterlock_client.ui.doors import Doors, Registration, Start
from letterlock_client.ui.terminal import know_alt_enter
from tests.client.ui.fake_messenger import FakeMessenger, lively


class Crashing(LetterlockApp):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+b", "crash", "Crash", priority=True)]

    def action_crash(self) -> None:
        passphrase = "correct horse battery staple"
        raise ValueError(f"failed with {passphrase}")


def main() -> None:
    fake = lively()
    report = Path(sys.argv[1])

    async def give(passphrase: str) -> FakeMessenger:
        return fake

    async def register(registration: Registration) -> FakeMessenger:
        return fake

    know_alt_enter()
    app = Crashing(Doors(Start.OPEN, give, register), clock=fake.clock)  # type: ignore[arg-type]
    app.run()
    report.write_text(repr([text for _, text, _ in fake.asked("send_text")]))
    raise SystemExit(app.return_code or 0)


if __name__ == "__main__":
    main()

"""What every flow about backups is made of: a screen that is asked, a work that is watched, an answer that is read.

Must not know which flows there are.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from textual.app import App
from textual.content import Content
from textual.screen import Screen

from letterlock_client.ui.backup_wording import many
from letterlock_client.ui.screens.backup.notice import NoticeScreen
from letterlock_client.ui.screens.backup.sheet import SheetScreen
from letterlock_client.ui.screens.backup.work import Work, WorkScreen
from letterlock_client.ui.screens.choose import Choice, ChooseScreen
from letterlock_client.ui.surroundings import Surroundings

if TYPE_CHECKING:
    from letterlock_client.backups import Backups

T = TypeVar("T")


class Steps:
    """The steps of the flows of one open profile."""

    def __init__(
        self,
        app: App[Any],
        backups: "Backups",
        around: Surroundings,
        back_up: Callable[[], None],
        *,
        locked: bool,
    ) -> None:
        self.app = app
        self.back_up = back_up
        self.backups = backups
        self.around = around
        self.locked = locked

    async def ask(self, screen: Screen[T]) -> T | None:
        """Show a screen; return what it was left with."""
        return await self.app.push_screen_wait(screen)

    async def work(self, work: Work[T]) -> T | None:
        """Have a work done; None where it was left before."""
        return await self.ask(WorkScreen(work, self.around, locked=self.locked))

    async def tell(self, heading: str, *texts: str | Content) -> None:
        """Show what came of it."""
        await self.ask(NoticeScreen(heading, *texts))

    async def keep_sheet(self, sheet: str, key: str) -> None:
        """Show the recovery sheet until somebody says to keep it, or to do without."""
        while not await self.ask(SheetScreen(sheet, key)):
            choices = [
                Choice(False, "Show the sheet again"),
                Choice(True, "Close it: I can show it again later"),
            ]
            if await self.ask(ChooseScreen("You have not said that you keep the sheet.", choices)):
                return


def realms_line(realms: int, total: int) -> str:
    """Say how many realms of how many have what they were told."""
    if realms == total:
        return f"All {many(total, 'realm')} of the vault have it."
    return (
        f"{realms} of {many(total, 'realm')} have it; that is enough. The others are told as soon as they "
        "answer: repair pending."
    )

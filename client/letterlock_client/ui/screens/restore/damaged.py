"""What is put to somebody whose restore meets damage: look for what is whole, and go on without the rest or not."""

from collections.abc import Awaitable, Callable
from typing import Final

from letterlock_client.restore_preview import RestorePreview
from letterlock_client.ui.backup_wording import many
from letterlock_client.ui.screens.backup.work import Work

REST: Final = (
    "If the folder is still being copied, wait. Else what is damaged comes from older backups where they still hold "
    "it, and is left out where they do not."
)
LOST: Final = (
    "Some of this backup is damaged and will be missing: {} at most, such as a message or a reaction. What lies in the "
    "folder stays there; the next backup is whole again, without them."
)


def looking(damage: str, look: Callable[[], Awaitable[RestorePreview]]) -> Work[RestorePreview]:
    """The step that says what is damaged and offers to look for the rest."""
    return Work(
        "Part of this backup is damaged",
        damage,
        "Look for what is whole",
        "Reading all of it",
        lambda _: look(),
        guarded=False,
        facts=(REST,),
    )


def leaving_out(lost: int, leave_out: Callable[[], Awaitable[None]]) -> Work[bool]:
    """The step that says how much would be missing, and goes on all the same; True where it does."""

    async def go_on() -> bool:
        await leave_out()
        return True

    return Work(
        "The rest can come without it",
        LOST.format(many(lost, "change")),
        "Go on without it",
        "Going on",
        lambda _: go_on(),
        guarded=False,
    )

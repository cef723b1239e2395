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
NOTHING: Final = (
    "Nothing can be brought back from this folder: every part of this backup is damaged or missing there, and no older "
    "backup there holds any of it."
)
ELSEWHERE: Final = (
    "Copy the folder again from where it was whole, or choose another copy of it on the next screen: a second disk, or "
    "what the folder's service keeps of earlier days. A terminal that still has your chats can make a new backup."
)
ENDS: Final = (
    "No more comes from this folder: every part of this backup is damaged or missing there, and no older backup holds "
    "any of it. If there is another copy, go back and restore again from there. Else the restore ends with what is "
    "here, and backups are made again."
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


def leaving_out(found: RestorePreview, leave_out: Callable[[], Awaitable[None]]) -> Work[bool]:
    """The step that says how much would be missing, and goes on all the same; True where it does."""

    async def go_on() -> bool:
        await leave_out()
        return True

    nothing = found.nothing_whole
    return Work(
        "Nothing more can be brought back" if nothing else "The rest can come without it",
        ENDS if nothing else LOST.format(many(found.lost, "change")),
        "End the restore" if nothing else "Go on without it",
        "Going on",
        lambda _: go_on(),
        guarded=False,
    )

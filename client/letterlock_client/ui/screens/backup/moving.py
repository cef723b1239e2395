"""What is put to somebody who chooses another folder: carry the backup over, or begin anew there with what is here."""

from collections.abc import Awaitable, Callable
from typing import Final

from letterlock_client.backup_models import BackupStatus
from letterlock_client.left_behind import LeftBehind
from letterlock_client.ui.backup_wording import many, provider_words
from letterlock_client.ui.screens.backup.work import Work
from letterlock_client.ui.wording import size

CARRIED: Final = (
    "The newest backup is carried over to {} as it is: nothing is sealed again, and the next backup sends only what is "
    "new. What lies in the folder so far stays there, for your password or key to open; delete it yourself."
)
ONLY_THERE: Final = "Only in the backup so far, and not on this device: {}. They come along."
ANEW: Final = (
    "If the folder so far is gone or broken, the backup can begin anew in {}, with all that is on this device. Chats "
    "that were never restored here stay behind."
)
LEFT: Final = "Only in the backup so far: {}. They stay in its folder, and are in no backup from then on."
ENDS: Final = (
    "A restore is not complete: at most {} and their files have still to come from the folder that it reads from. If "
    "that is gone or broken, the restore ends with what is here, and they are left behind; else it has to finish first."
)


def carrying(
    provider: str, left: LeftBehind, move: Callable[[], Awaitable[BackupStatus]]
) -> Work[BackupStatus]:
    """The step that carries everything over."""
    return Work(
        "Carry the backup over",
        CARRIED.format(provider_words(provider)),
        "Carry it over",
        "Carrying it over",
        lambda _: move(),
        guarded=False,
        facts=_only(ONLY_THERE, left),
    )


def beginning(
    provider: str, left: LeftBehind, move: Callable[[], Awaitable[BackupStatus]]
) -> Work[BackupStatus]:
    """The step for whoever cannot, or will not, carry it over."""
    return Work(
        "Or begin anew there",
        ANEW.format(provider_words(provider)),
        "Begin anew",
        "Looking at the folder",
        lambda _: move(),
        guarded=False,
        facts=(*_only(LEFT, left), *_ends(left)),
    )


def _only(text: str, left: LeftBehind) -> tuple[str, ...]:
    """What of chats, messages and files is not here; nothing where all is."""
    parts = []
    if left.chats:
        parts.append(many(left.conversations, "chat") if left.conversations else "chats")
    if left.messages:
        parts[-1] += f" with at most {many(left.messages, 'message')}"
    if left.files:
        parts.append(f"{many(left.files, 'file')} ({size(left.bytes)})")
    return (text.format(" and ".join(parts)),) if parts else ()


def _ends(left: LeftBehind) -> tuple[str, ...]:
    """What becomes of a restore that is not complete."""
    return (ENDS.format(many(left.waiting, "message")),) if left.waiting else ()

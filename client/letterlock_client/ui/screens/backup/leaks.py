"""The leak checklist: what each party still learns about a backup, and what it cannot."""

from typing import Final

from textual.content import Content

from letterlock_client.ui.backup_wording import PARTIES
from letterlock_client.ui.screens.backup.notice import NoticeScreen

_VAULT_CANNOT: Final = (
    "Cannot learn the password or open anything. Realms that are stolen together, as many as must answer, would "
    "allow guessing without a limit: a long password still holds then."
)
_THIEF_CANNOT: Final = (
    "Cannot change the backup password, show the 64 digits or take over the account: these ask for the "
    "passphrase of this device each time. A profile without a passphrase lacks this."
)

LEARNS: Final = (
    (
        "Whoever keeps the folder",
        "learns that there is a backup, when it changes, how many objects it has and about how large they are.",
        "Cannot learn whose it is, what is in it, or with whom you write. May keep old copies that you deleted.",
    ),
    (
        "The vault",
        "learns your account's id and address, each try at the password, and the number of the newest backup.",
        _VAULT_CANNOT,
    ),
    (
        "The relay",
        "learns nothing of the backup. After a restore it sees that your account has a new device.",
        "Cannot learn where the backup is.",
    ),
    (
        "A thief of this device, unlocked",
        "reads what you can read here, and what the backup holds.",
        _THIEF_CANNOT,
    ),
    (
        "Nobody",
        "can bring the backup back without your password or the 64 digits.",
        "There is no other way in, not even for those who wrote this program.",
    ),
)


def leaks_screen() -> NoticeScreen:
    """Return the list as a screen."""
    texts = [
        Content.assemble(
            Content.styled(who, "bold"), f" {learns}\n", Content.styled(cannot, "$foreground 65%")
        )
        for who, learns, cannot in LEARNS
    ]
    return NoticeScreen("Who could still learn what", PARTIES, *texts, large=True)

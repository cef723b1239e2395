"""Tries a backup password at the vault, and spends no guess on one that was wrong before.

Must not know what is done with what the vault gives back.
"""

from contextlib import suppress

from letterlock.errors import MalformedError
from letterlock.vault import password as passwords
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup.asking_the_vault import Door
from letterlock_client.flows.vault.recovering import Recovered
from letterlock_client.links.vault_failures import WrongPassword
from letterlock_client.storage.wrong_passwords import WrongPasswords


async def recover(door: Door, wrong: WrongPasswords, password: str) -> Recovered:
    """Spend a guess, unless it is known that it would be lost. Raises code bad_input, and what the vault answers."""
    try:
        prepared = passwords.prepare(password)
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, str(error)) from error
    await _spend_none_twice(door, wrong, prepared)
    try:
        recovered = await door.recover(password)
    except ClientError as error:
        if error.code is Code.WRONG_PASSWORD:
            with suppress(ClientError):
                # Where that was the last guess there is no registration any more: the next try is told so.
                if epoch := (await door.view()).epoch:
                    await wrong.note(door.account, epoch, prepared)
        raise
    await wrong.forget(door.account)
    return recovered


async def _spend_none_twice(door: Door, wrong: WrongPasswords, prepared: bytes) -> None:
    """Refuse what was wrong before, as long as no other password was set. Raises code wrong_password."""
    wrong_in = await wrong.epochs(door.account, prepared)
    if not wrong_in:
        return
    view = await door.view()
    if view.epoch in wrong_in:
        raise WrongPassword(view.attempts_left, view.wait_seconds, known=True)

"""backup restore: into a new profile, or beside what is here; what was asked of one that was cut short is known.

Secrets come from files or from a prompt, never from an argument.
"""

from argparse import Namespace
from pathlib import Path
from typing import Final

from letterlock_client.backup_models import RestoreRequest, UnfinishedRestore
from letterlock_client.backup_shapes import restored_line, restored_shape
from letterlock_client.commands.backup import secret_from, tell_progress
from letterlock_client.commands.session import UsageError, ask, new_unlock, profile_name, unlock_for
from letterlock_client.config import Home, Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.output import DONE, Output
from letterlock_client.restoration import Restoration
from letterlock_client.sanitize import name_of

FILES: Final = "--password-file or --recovery-key-file"
"""What names a secret where nobody is there to be asked."""


async def restore(given: Namespace, output: Output) -> int:
    """Bring a backup back."""
    home, name = Home.find(), profile_name(given)
    if given.recovery_key_file and given.password_file:
        raise UsageError("give --password-file or --recovery-key-file, not both")
    exists = home.profile(name).exists()
    missing = missing_options(given)
    if missing and not exists:
        raise UsageError(f"a restore needs --{missing[0]}, or a --sheet that has it")
    how = unlock_for(given, home, name) if exists else new_unlock(given)
    found = await begun_before(home, name, how, missing) if missing else None
    restoration = await Restoration.begin(home, name, Restoration.filled_in(asked_for(given), found))
    try:
        secret, by_password = secret_to_open(given, restoration.digits, found)
        preview = await restoration.open(secret, password=by_password)
        output.progress(
            {"phase": "found", "generation": preview.generation, "messages": preview.messages},
            f"Found: {preview.messages:,} messages.",
        )
        done = await restoration.run(how, progress=lambda moved: tell_progress(moved, output))
    finally:
        await restoration.close()
    home.remember_profile(name)
    output.result(restored_shape(done), restored_line(done))
    return DONE


def missing_options(given: Namespace) -> list[str]:
    """What was not said, and no recovery sheet can say."""
    options = ("handle", "relay", "provider")
    return [] if given.sheet else [option for option in options if not getattr(given, option)]


async def begun_before(home: Home, name: str, how: Unlock, missing: list[str]) -> UnfinishedRestore:
    """What the restore that was cut short here was asked for. Raises UsageError where there is none."""
    try:
        found = await Restoration.unfinished(home, name, how)
    except ClientError as error:
        if error.code is not Code.STORAGE_DAMAGED:
            raise
        options = ", ".join(f"--{option}" for option in missing)
        raise ClientError(
            error.code,
            f"{error.message.removesuffix('.')}; what is here is kept: say it again with {options}",
        ) from error
    if found is None:
        raise UsageError(f"a restore needs --{missing[0]}, or a --sheet that has it; none was cut short here")
    return found


def asked_for(given: Namespace) -> RestoreRequest:
    """The restore as the command line has it."""
    return RestoreRequest(
        handle=given.handle or "",
        relay=given.relay or "",
        provider=given.provider,
        insecure=given.insecure,
        fleet=Path(given.fleet) if given.fleet else None,
        locator=given.locator or "",
        sheet=Path(given.sheet) if given.sheet else None,
        chats=tuple(given.chat or ()),
        accept_stale=given.accept_stale,
        generation=older_than(given),
        accept_damaged=given.accept_damaged,
        media_later=given.media is False,
    )


def older_than(given: Namespace) -> int:
    """The newest generation that is wanted; 0 is any. Raises UsageError."""
    if given.generation is not None and given.generation < 1:
        raise UsageError("--generation takes the number of a backup, from 1")
    return given.generation or 0


def secret_to_open(
    given: Namespace, on_sheet: str, found: UnfinishedRestore | None
) -> tuple[str, bool | None]:
    """What opens the backup, and whether it is a password; None where nobody said. A named file beats the sheet."""
    if given.password_file:
        return secret_from(given.password_file), True
    if given.recovery_key_file:
        return secret_from(given.recovery_key_file), False
    if on_sheet:
        return on_sheet, False
    if found is None:
        return ask("Password or 64 digits: ", FILES), None
    what = "64 digits" if found.by_key else "Backup password"
    return ask(f"Going on with the restore of {name_of(found.request.handle)}. {what}: ", FILES), None

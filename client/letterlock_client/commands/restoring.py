"""backup restore: into a new profile, or beside what is here; what was asked of one that was cut short is known.

Secrets come from files or from a prompt, never from an argument.
"""

import time
from argparse import Namespace
from pathlib import Path
from typing import Final

from letterlock_client.backup_models import Restored, RestoreRequest, UnfinishedRestore
from letterlock_client.backup_shapes import restored_line, restored_shape
from letterlock_client.commands.backup import secret_from, tell_progress
from letterlock_client.commands.session import UsageError, ask, can_ask, new_unlock, profile_name, unlock_for
from letterlock_client.config import Home, Unlock
from letterlock_client.errors import DAMAGE, ClientError, Code
from letterlock_client.output import DONE, Output
from letterlock_client.restoration import Restoration
from letterlock_client.sanitize import name_of
from letterlock_client.vault_shapes import vault_shape

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
        secret = secret_given(given, restoration.digits)
        by_password = bool(given.password_file) if secret else None
        secret = secret or await secret_typed(restoration, found, output)
        preview = await restoration.open(secret, password=by_password)
        output.progress(
            {"phase": "found", "generation": preview.generation, "messages": preview.messages},
            f"Found: {preview.messages:,} messages.",
        )
        done = await bring_back(restoration, how, output)
    finally:
        await restoration.close()
    home.remember_profile(name)
    output.result(restored_shape(done), restored_line(done))
    return DONE


async def bring_back(restoration: Restoration, how: Unlock, output: Output) -> Restored:
    """Restore; where it is damaged or the relay is away, say what to do. Raises what `Restoration.run` does."""
    try:
        return await restoration.run(how, progress=lambda moved: tell_progress(moved, output))
    except ClientError as error:
        if error.code in DAMAGE:
            then = "with --accept-damaged what is whole of it is restored"
        elif error.code is Code.OFFLINE:
            then = "what has come is kept, and the same command goes on"
        else:
            raise
        raise ClientError(error.code, f"{error.message.removesuffix('.')}; {then}", **error.facts) from error


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


def secret_given(given: Namespace, on_sheet: str) -> str:
    """What opens the backup, where a file or the recovery sheet has it; else empty. A named file beats the sheet."""
    named = given.password_file or given.recovery_key_file
    return secret_from(named) if named else on_sheet


async def secret_typed(restoration: Restoration, found: UnfinishedRestore | None, output: Output) -> str:
    """Ask the person for what opens the backup, after saying what a wrong password would cost. Raises UsageError."""
    by_key = found is not None and found.by_key
    if can_ask() and not by_key:
        await tell_tries(restoration, output)
    if found is None:
        return ask("Password or 64 digits: ", FILES)
    what = "64 digits" if by_key else "Backup password"
    return ask(f"Going on with the restore of {name_of(found.request.handle)}. {what}: ", FILES)


async def tell_tries(restoration: Restoration, output: Output) -> None:
    """Say how the realms stand, which costs no try; whoever has the 64 digits needs none of them."""
    # Only who is asked for a password waits for the words of it.
    from letterlock_client.ui.backup_wording import realm_line, tries_line

    try:
        vault = await restoration.vault()
    except ClientError as error:
        if error.code is not Code.NO_VAULT:
            fields: dict[str, object] = {"type": "vault", "code": error.code.value, "message": error.message}
            output.beforehand(fields, f"The vault could not be asked: {error.message.removesuffix('.')}.")
        return
    now = time.time_ns() // 1_000_000
    lines = [*(realm_line(realm, now) for realm in vault.realms), tries_line(vault)]
    output.beforehand(vault_shape(vault), "\n".join(lines))

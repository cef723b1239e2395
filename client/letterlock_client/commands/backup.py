"""backup on, now, status, verify, rehearse, restore, password, key, sheet, rotate, off, history, set.

Secrets come from files or from a prompt, never from an argument.
"""

import asyncio
from argparse import Namespace
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from letterlock_client import one_work
from letterlock_client.backup_models import (
    BackupChoice,
    BackupProgress,
    BackupStatus,
    Frequency,
)
from letterlock_client.backup_shapes import (
    made_line,
    made_shape,
    off_line,
    off_shape,
    progress_line,
    progress_shape,
    rehearsed_line,
    rehearsed_shape,
    rotated_line,
    rotated_shape,
    status_line,
    status_shape,
    verified_line,
    verified_shape,
)
from letterlock_client.commands.session import (
    UsageError,
    ask,
    can_ask,
    online,
    profile_name,
    run_command,
    run_with_messenger,
    unlock_for,
    unreadable,
)
from letterlock_client.config import Home, Unlock, file_failed
from letterlock_client.errors import (
    PROVIDER_AWAY,
    ClientError,
    Code,
    backups_off,
    backups_on,
    behind_a_colon,
)
from letterlock_client.events import Alarm, BackupMoved
from letterlock_client.left_behind import LeftBehind
from letterlock_client.messenger import EventStream, Messenger
from letterlock_client.output import DONE, FAILED, Output
from letterlock_client.shapes import many
from letterlock_client.vault_shapes import NOTHING_NOTED, attempt_line, attempt_shape

MAX_SECRET: Final = 4096

T = TypeVar("T")
Work = Callable[[Messenger, Namespace, Output], Awaitable[int]]


def run(verb: str, given: Namespace, output: Output) -> int:
    """Run one of the backup's verbs; return its exit status."""
    del verb
    one_work.begin()
    if given.action == "restore":
        from letterlock_client.commands.restoring import restore

        return run_command(lambda: restore(given, output), output)
    works: dict[str, Work] = {
        "on": turn_on,
        "now": back_up,
        "status": status,
        "set": choose,
        "verify": verify,
        "rehearse": rehearse,
        "password": change_password,
        "key": show_key,
        "sheet": show_sheet,
        "rotate": rotate,
        "off": turn_off,
        "history": history,
    }
    return run_with_messenger(works[given.action], given, output)


async def turn_on(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Turn backups on: a password, the 64 digits, or both. Backs nothing up yet."""
    if not given.provider:
        raise UsageError("say where backups go: --provider folder:DIR")
    password = None
    if given.password_file:
        password = worth_it(messenger, secret_from(given.password_file), output)
    elif not given.recovery_key:
        if given.json or not can_ask():
            raise UsageError("give --password-file, --recovery-key, or both")
        # Nobody types a password twice to hear that none was wanted.
        if (await messenger.backups.status()).on:
            raise backups_on()
        password = new_password(messenger, output)
    choice = BackupChoice(
        provider=given.provider,
        password=password,
        recovery_key=given.recovery_key,
        fleet=Path(given.fleet) if given.fleet else None,
    )
    if password is not None:
        await online(messenger)
    made = await messenger.backups.turn_on(choice, unlock(given))
    await set_choices(messenger, given)
    fields: dict[str, object] = {"key_id": made.key_id}
    if made.recovery_key:
        fields["recovery_key"] = made.recovery_key
    if made.realms_total:
        fields |= {"realms": made.realms, "realms_total": made.realms_total}
    away = made.realms_total - made.realms
    told = (
        f"The password is set at {made.realms} of {made.realms_total} realms; the rest hears of it later.\n"
    )
    text = f"{made.sheet}\n{told if away else ''}Backups are on. Make the first one: letterlock backup now"
    output.result(fields, text)
    return DONE


async def back_up(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Back up what changed, telling how far it is."""
    made = await with_progress(messenger, output, messenger.backups.back_up(mend=given.mend))
    output.result(made_shape(made), made_line(made))
    return DONE


async def status(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Say how backups stand."""
    del given
    return tell_status(await messenger.backups.status(), output)


def tell_status(found: BackupStatus, output: Output) -> int:
    """Print how backups stand."""
    output.result(status_shape(found), status_line(found))
    return DONE


async def choose(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Change how often, what and where to is backed up."""
    if given.provider:
        left = await messenger.backups.left_behind()
        if left.words or left.waiting:
            fields: dict[str, object] = {"type": "progress", "phase": "only_there", **left.facts}
            output.beforehand(fields, only_there(left, anew=given.anew))
        await with_progress(messenger, output, move(messenger, given))
    return tell_status(await set_choices(messenger, given), output)


async def move(messenger: Messenger, given: Namespace) -> BackupStatus:
    """Use another place; connect where that takes the relay. Raises as `Backups.move`."""
    try:
        return await messenger.backups.move(given.provider, anew=given.anew)
    except ClientError as error:
        if error.code is not Code.OFFLINE or not await online(messenger):
            raise
    return await messenger.backups.move(given.provider, anew=given.anew)


def only_there(left: LeftBehind, *, anew: bool) -> str:
    """Say what only the backup has, and what becomes of it."""
    said = []
    if left.words:
        then = "stay where they are" if anew else "are carried over"
        said.append(f"Only in the backup so far: {left.words}; they {then}.")
    if left.waiting:
        then = "it ends without them where they cannot be read" if anew else "it goes on from the new place"
        said.append(f"A restore has still to bring at most {many(left.waiting, 'message')}; {then}.")
    return " ".join(said)


async def set_choices(messenger: Messenger, given: Namespace) -> BackupStatus:
    """Apply the options about how often and what."""
    return await messenger.backups.choose(
        frequency=Frequency(given.frequency) if given.frequency else None,
        include_media=given.media,
        include_videos=given.videos,
    )


async def verify(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Read the whole backup and write nothing; exit 1 where something is wrong."""
    del given
    found = await with_progress(messenger, output, messenger.backups.verify())
    output.result(verified_shape(found), verified_line(found))
    return FAILED if found.problems else DONE


async def rehearse(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Restore into a scratch database and compare; exit 1 where it differs."""
    del given
    found = await with_progress(messenger, output, messenger.backups.rehearse())
    output.result(rehearsed_shape(found), rehearsed_line(found))
    return FAILED if found.differences else DONE


async def change_password(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Set a new password; no object of the backup is written again."""
    if not given.password_file and not (await messenger.backups.status()).on:
        raise backups_off()
    if given.password_file:
        password = worth_it(messenger, secret_from(given.password_file), output)
    else:
        password = new_password(messenger, output)
    await online(messenger)
    fleet = Path(given.fleet) if given.fleet else None
    done = await messenger.backups.change_password(password, unlock(given), fleet)
    fields: dict[str, object] = {
        "key_id_before": done.key_id_before,
        "key_id_after": done.key_id_after,
        "objects_rewritten": done.objects_rewritten,
        "realms": done.realms,
        "realms_total": done.realms_total,
    }
    text = (
        f"The password is changed at {done.realms} of {done.realms_total} realms. Key {done.key_id_before} before,"
        f" {done.key_id_after} after; objects rewritten: {done.objects_rewritten}."
    )
    output.result(fields, text)
    return DONE


async def show_key(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Show the 64 digits."""
    digits = await messenger.backups.recovery_key(unlock(given))
    output.result({"recovery_key": digits}, " ".join(digits[at : at + 4] for at in range(0, 64, 4)))
    return DONE


async def show_sheet(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Show the recovery sheet, or write it to a file."""
    text = await messenger.backups.sheet(unlock(given), given.with_key)
    if not given.output:
        output.result({"sheet": text}, text)
        return DONE
    path = Path(given.output)
    try:
        await asyncio.to_thread(write_new, path, text)
    except OSError as error:
        raise file_failed(path, error) from error
    output.result({"path": str(path)}, str(path))
    return DONE


def write_new(path: Path, text: str) -> None:
    """Write a file that only its owner reads, and that takes no other's place. Raises OSError."""
    path.touch(mode=0o600, exist_ok=False)
    path.write_text(text, encoding="utf-8")


async def rotate(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Take another key, write the whole backup again under it, and delete what the old one opens."""
    password = None
    if given.password_file:
        password = worth_it(messenger, secret_from(given.password_file), output)
    elif (await messenger.backups.status()).has_password:
        password = new_password(messenger, output, "Backup password, the present one or another: ")
    if password is not None:
        await online(messenger)
    done = await with_progress(messenger, output, messenger.backups.rotate(password, unlock(given)))
    output.result(rotated_shape(done), f"{done.sheet}\n{rotated_line(done)}")
    return DONE


async def turn_off(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Turn backups off: delete them at the provider, and the vault's record."""
    await online(messenger)
    try:
        done = await messenger.backups.turn_off(unlock(given), leave=given.leave)
    except ClientError as error:
        if error.code not in PROVIDER_AWAY:
            raise
        then = "with --leave backups are turned off all the same, and what lies there is told"
        raise ClientError(error.code, f"{error.message.removesuffix('.')}; {then}", **error.facts) from error
    output.result(off_shape(done), off_line(done))
    return DONE


async def history(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Print what the realms have noted, the oldest first; exit 1 where one of them lied."""
    del given
    stream = messenger.events()
    attempts = await messenger.backups.history()
    stream.close()
    for attempt in attempts:
        output.result(attempt_shape(attempt), attempt_line(attempt))
    if not attempts and not output.as_json:
        output.result({}, NOTHING_NOTED)
    lies = [event async for event in stream if isinstance(event, Alarm) and event.code == Code.REALM_LIED]
    for lie in lies:
        output.result({"type": "alarm", "code": lie.code}, f"Alarm: {lie.text}")
    return FAILED if lies else DONE


def tell_progress(moved: BackupProgress, output: Output) -> None:
    """Print how far it is."""
    output.progress(progress_shape(moved), progress_line(moved))


async def with_progress(messenger: Messenger, output: Output, work: Awaitable[T]) -> T:
    """Do it, and print how far it is meanwhile."""
    stream = messenger.events()
    telling = asyncio.create_task(tell_moves(stream, output))
    try:
        return await work
    finally:
        stream.close()
        await telling


async def tell_moves(stream: EventStream, output: Output) -> None:
    """Print progress until the stream ends, and what a person must hear of meanwhile."""
    async for event in stream:
        if isinstance(event, BackupMoved):
            tell_progress(event.progress, output)
        elif isinstance(event, Alarm):
            output.result({"type": "alarm", "code": event.code}, f"Alarm: {event.text}")


def unlock(given: Namespace) -> Unlock:
    """Find out the local passphrase once more: what follows needs more than an open terminal."""
    return unlock_for(given, Home.find(), profile_name(given))


def worth_it(messenger: Messenger, password: str, output: Output) -> str:
    """Return the password, having said what it is worth. Raises code bad_input where the vault does not take it."""
    worth = messenger.backups.judge(password)
    if not worth.acceptable:
        raise ClientError(Code.BAD_INPUT, behind_a_colon(worth.sentence))
    if not output.as_json:
        output.beforehand({}, worth.sentence)
    return password


def new_password(messenger: Messenger, output: Output, prompt: str = "New backup password: ") -> str:
    """Ask twice for the backup password from now on, and say what it is worth. Raises UsageError, code bad_input."""
    first = worth_it(messenger, ask(prompt, "--password-file"), output)
    if ask("The same again: ", "--password-file") != first:
        raise UsageError("the two passwords differ; nothing was changed")
    return first


def secret_from(path: str) -> str:
    """Read a secret from a file. Raises UsageError, code bad_input."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(MAX_SECRET + 1)
        text = raw.decode().strip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"the file with the secret, {path}, cannot be read: {unreadable(error)}") from error
    if not text or len(raw) > MAX_SECRET:
        raise ClientError(Code.BAD_INPUT, "the file with the secret must hold 1 to 4096 bytes of text")
    return text

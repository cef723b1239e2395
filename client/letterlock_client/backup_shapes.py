"""The JSON shapes of what the backup commands print, and the same for people. Public: documented and tested."""

from collections.abc import Sequence
from typing import Final

from letterlock.ids import message_text
from letterlock_client import shapes
from letterlock_client.backup_models import (
    BackupMade,
    BackupPhase,
    BackupProgress,
    BackupStatus,
    Freshness,
    LastBackup,
    Rehearsed,
    Restored,
    Rotated,
    TurnedOff,
    Verified,
    WrongFile,
)
from letterlock_client.sanitize import line_of
from letterlock_client.shapes import many

FRESHNESS: Final = {
    Freshness.VERIFIED: "the vault confirms that it is the newest",
    Freshness.UNANCHORED: "whole, but too few realms confirm that it is the newest",
    Freshness.UNCHECKED: "nobody was asked whether it is the newest",
    Freshness.STALE: "the vault knows of a newer one",
}
REMEMBERED: Final = {
    **FRESHNESS,
    Freshness.VERIFIED: "the vault has confirmed that it is the newest",
    Freshness.UNANCHORED: "whole, but too few realms have confirmed that it is the newest",
}
"""The same on the device that made it, later: it remembers, and asks nobody again."""
STOPPED: Final = "Stopped. The last backup stays as it was."
STOPPED_FIRST: Final = "Stopped. There is no backup yet; the next one goes on with the files that lie there."
OFF: Final = {
    "": "Backups are off: letterlock backup on",
    "gradual": "Backups are off: they arrive gradually, and are not there for this account yet.",
    "needs_version": "Backups are off: they need the latest version of Letterlock, update it.",
}
"""By the reason why the feature is not on, if it is not."""
PHASES: Final = {
    BackupPhase.VAULT: "asking the vault",
    BackupPhase.FINDING: "looking for what is there",
    BackupPhase.PEOPLE: "contacts",
    BackupPhase.MESSAGES: "messages",
    BackupPhase.MEDIA: "files",
    BackupPhase.MANIFEST: "manifest",
    BackupPhase.CHECKING: "checking what was written",
    BackupPhase.ANCHORING: "telling the realms",
    BackupPhase.ACCOUNT: "making this terminal the account's",
}


ASKED_AGAIN: Final = "Asked again while the client runs, or at once with letterlock backup off."
OLD_GONE: Final = "The old key opens nothing any more."
OLD_LEFT: Final = (
    "What the old key opens is there still: the next backup that meets enough realms deletes it."
)
MEND: Final = "What is here of it can be written again."
ELSEWHERE: Final = (
    "Where the folder itself fails, choose another one: all that is here is written there anew."
)
"""What to do where something of a backup is damaged or gone."""
UNREADABLE: Final = (
    "Nothing that may be their own is cleared away until enough newer ones are there, or the backup is mended: that"
    " takes them away."
)
LEFT: Final = "Not deleted, because it could not be reached: delete it yourself if it turns up, what lies in"
OPENED_BY_NOTHING: Final = (
    "nothing yet but this terminal: set a password, or show the 64 digits and keep them"
)
UNASKED: Final = (
    "That there is a password is what the backup says: no realm could be asked yet. Back up now to ask."
)
DIGITS_UNSURE: Final = (
    "64 digits that were written down before this device was restored, if there are any, open it too, until the key "
    "is rotated."
)
ROTATIONS: Final = {
    "writing": "A rotation of the key was begun: letterlock backup rotate goes on; in a week a backup takes it back.",
    "committing": "A rotation of the key was cut short while the vault was told: backup now or backup rotate ends it.",
    "leaving": OLD_LEFT,
}
_SHOWN_NAMES: Final = 10
FILES_LOST: Final = "Files that were whole neither here nor in the backup, and are not in it any more"


def when(milliseconds: int) -> str:
    """Show a time as RFC 3339 in UTC, to the millisecond; empty for 0."""
    return shapes.when(milliseconds) if milliseconds else ""


def _in_chats(found: Verified | Rehearsed | Restored) -> str:
    return f"{many(found.messages, 'message')} in {many(found.conversations, 'chat')}"


def status_shape(status: BackupStatus) -> dict[str, object]:
    """How backups stand."""
    shape: dict[str, object] = {
        "on": status.on,
        "available": status.feature.available,
        "reason": status.feature.reason,
        "restoring": status.restoring,
        "deletions_pending": list(status.deletions_pending),
    }
    if not status.on:
        return shape
    return shape | {
        "key_id": status.key_id,
        "password": status.has_password,
        "vault_unasked": status.vault_unasked,
        "recovery_key": status.has_recovery_key,
        "digits_unsure": status.digits_unsure,
        "provider": status.provider,
        "frequency": status.frequency.value,
        "media": status.include_media,
        "videos": status.include_videos,
        "generations": status.generations,
        "unreadable": list(status.unreadable),
        "next_at": when(status.next_at),
        "running": status.running,
        "repairs_pending": status.repairs_pending,
        "rotation": status.rotation,
        "fleet": status.fleet_hash,
        "realms": status.realms,
        "threshold": status.threshold,
        "last": last_shape(status.last) if status.last else None,
    }


def last_shape(last: LastBackup) -> dict[str, object]:
    """The newest complete backup."""
    return {
        "at": when(last.at),
        "generation": last.generation,
        "messages": last.messages,
        "media": last.media,
        "bytes_total": last.bytes_total,
        "freshness": last.freshness.value,
        "alarm": last.alarm,
        "lost": last.lost,
    }


def less_lost(last: LastBackup) -> str:
    """What of a restored backup was damaged, to stand behind what it holds; empty where nothing was."""
    return f", less at most {many(last.lost, 'damaged change')}" if last.lost else ""


def status_line(status: BackupStatus) -> str:
    """How backups stand, for people."""
    lines = []
    if status.restoring:
        lines.append(
            "A restore is not complete: it goes on while the client runs, or at once with letterlock backup restore."
        )
    if status.deletions_pending:
        lines.append(f"{still_keeping(status.deletions_pending)} {ASKED_AGAIN}")
    if not status.on:
        return "\n".join([*lines, OFF.get(status.feature.reason, OFF[""])])
    opens = [
        name
        for name, has in (("password", status.has_password), ("64 digits", status.has_recovery_key))
        if has
    ]
    lines += [
        f"Backups are on, key {status.key_id}, opened by {' or '.join(opens) or OPENED_BY_NOTHING}.",
        *([UNASKED] if status.vault_unasked else []),
        *([DIGITS_UNSURE] if status.digits_unsure else []),
        f"Provider: {status.provider}. Every backup: {status.frequency.value}.",
    ]
    if status.last is None:
        lines.append("There is no backup yet: letterlock backup now")
    else:
        last = status.last
        lines.append(
            f"Last: generation {last.generation}, {when(last.at)}, {many(last.messages, 'message')},"
            f" {many(last.media, 'file')}{less_lost(last)},"
            f" {last.bytes_total:,} bytes; {REMEMBERED[last.freshness]}."
        )
        if last.alarm:
            lines.append(f"Alarm: {last.alarm}")
    if status.unreadable:
        numbers = ", ".join(map(str, status.unreadable))
        lines.append(
            f"Damaged older backups that do not open: {numbers}. {UNREADABLE} letterlock backup now --mend"
        )
    if status.repairs_pending:
        lines.append(f"Realms that have still to hear of the last password: {status.repairs_pending}.")
    if status.rotation:
        lines.append(ROTATIONS[status.rotation])
    return "\n".join(lines)


def off_shape(done: TurnedOff) -> dict[str, object]:
    """What turning backups off removed."""
    return {
        "objects_deleted": done.objects_deleted,
        "realms_deleted": done.realms_deleted,
        "realms_total": done.realms_total,
        "deletions_pending": list(done.deletions_pending),
        "left": list(done.left),
    }


def off_line(done: TurnedOff) -> str:
    """What turning backups off removed, for people."""
    lines = [f"Backups are off. Deleted at the provider: {many(done.objects_deleted, 'object')}."]
    if done.realms_total:
        lines.append(f"Deleted at the vault: {done.realms_deleted} of {many(done.realms_total, 'realm')}.")
    if done.deletions_pending:
        lines.append(f"{still_keeping(done.deletions_pending)} {ASKED_AGAIN}")
    return "\n".join([*lines, *(f"{LEFT} {where}" for where in done.left)])


def still_keeping(realms: Sequence[str]) -> str:
    """Say which realms keep a record of backups that were turned off."""
    one = len(realms) == 1
    whose = "its record" if one else "their records"
    return f"{', '.join(realms)} did not delete {whose} of the former backup password."


def made_shape(made: BackupMade) -> dict[str, object]:
    """What one backup did."""
    shape: dict[str, object] = {
        "generation": made.generation,
        "messages": made.messages,
        "media": made.media,
        "segments_written": made.segments_written,
        "media_written": made.media_written,
        "bytes_written": made.bytes_written,
        "bytes_total": made.bytes_total,
        "freshness": made.freshness.value,
        "realms_confirmed": made.realms_confirmed,
        "alarm": made.alarm,
    }
    return shape | ({"damaged": made.damaged} if made.damaged else {})


def made_line(made: BackupMade) -> str:
    """What one backup did, for people."""
    text = (
        f"Generation {made.generation}: {many(made.messages, 'message')}, {many(made.media, 'file')},"
        f" {made.bytes_total:,} bytes; written now: {made.bytes_written:,} bytes; {FRESHNESS[made.freshness]}."
    )
    if made.damaged:
        text += f"\nDamaged there, and written again from here: {many(made.damaged, 'object')}."
    return f"{text}\nAlarm: {made.alarm}" if made.alarm else text


def rotated_shape(done: Rotated) -> dict[str, object]:
    """What a rotation of the key came to."""
    shape: dict[str, object] = {"key_id_before": done.key_id_before, "key_id_after": done.key_id_after}
    if done.recovery_key:
        shape["recovery_key"] = done.recovery_key
    shape |= {
        "generation": done.generation,
        "objects_written": done.objects_written,
        "bytes_written": done.bytes_written,
        "media_lost": done.media_lost,
        "objects_deleted": done.objects_deleted,
        "old_left": done.old_left,
    }
    return shape | ({"realms": done.realms, "realms_total": done.realms_total} if done.realms_total else {})


def rotated_line(done: Rotated) -> str:
    """What a rotation of the key came to, for people."""
    lines = [
        f"The key is rotated: {done.key_id_before} before, {done.key_id_after} after.",
        f"Written again: {done.objects_written:,} objects, {done.bytes_written:,} bytes.",
    ]
    if done.realms_total:
        lines.append(f"The vault keeps the new key at {done.realms} of {done.realms_total} realms.")
    if done.media_lost:
        lines.append(f"{FILES_LOST}: {done.media_lost:,}.")
    lines.append(OLD_LEFT if done.old_left else f"{OLD_GONE} Deleted: {done.objects_deleted:,} objects.")
    return "\n".join(lines)


def verified_shape(found: Verified) -> dict[str, object]:
    """What reading a whole backup found."""
    return {
        "generation": found.generation,
        "messages": found.messages,
        "conversations": found.conversations,
        "media": found.media,
        "objects": found.objects,
        "bytes_read": found.bytes_read,
        "freshness": found.freshness.value,
        "problems": list(found.problems),
    }


def verified_line(found: Verified) -> str:
    """What reading a whole backup found, for people."""
    head = (
        f"Generation {found.generation}: {_in_chats(found)} and"
        f" {many(found.media, 'file')}, read from {many(found.objects, 'object')}, {found.bytes_read:,} bytes;"
        f" {REMEMBERED[found.freshness]}; no realm was asked now."
    )
    mending = [
        f"{MEND} letterlock backup now --mend",
        f"{ELSEWHERE} letterlock backup set --provider folder:DIR",
    ]
    return "\n".join([head, *found.problems, *(mending if found.problems else [])])


def rehearsed_shape(found: Rehearsed) -> dict[str, object]:
    """How a scratch restore compares with what is here."""
    return {
        "generation": found.generation,
        "messages": found.messages,
        "conversations": found.conversations,
        "media": found.media,
        "differences": list(found.differences),
    }


def rehearsed_line(found: Rehearsed) -> str:
    """How a scratch restore compares with what is here, for people."""
    head = f"Generation {found.generation} restores {_in_chats(found)} and {many(found.media, 'file')}."
    return "\n".join([head, *(found.differences or ("It is the same as what is here.",))])


def restored_shape(done: Restored) -> dict[str, object]:
    """What a restore brought back."""
    shape: dict[str, object] = {
        "messages": done.messages,
        "conversations": done.conversations,
        "media": done.media,
        "generation": done.generation,
        "freshness": done.freshness.value,
        "epoch": done.epoch,
        "media_wrong": done.media_wrong,
        "media_unread": done.media_unread,
        "wrong": [
            {"message": message_text(each.message), "name": each.name, "error": each.error}
            for each in done.wrong
        ],
    }
    return shape | ({"lost": done.lost} if done.lost else {})


def restored_line(done: Restored) -> str:
    """What a restore brought back, for people."""
    brought = f"{_in_chats(done)} and {many(done.media, 'file')}"
    lines = [f"Restored generation {done.generation}: {brought}; {FRESHNESS[done.freshness]}."]
    if done.media_wrong:
        lines.append(wrong_files(done))
    if done.lost:
        lines.append(f"Damaged at the provider: at most {many(done.lost, 'change')} did not come.")
    return "\n".join(lines)


def wrong_files(done: Restored) -> str:
    """Say how many files of a backup did not come back, and name some; their messages go on offering them."""
    said = []
    if spoilt := done.media_wrong - done.media_unread:
        named = _named(spoilt, [each for each in done.wrong if not each.unread])
        said.append(f"Damaged or missing at the provider, and not back: {named}.")
    if done.media_unread:
        named = _named(done.media_unread, [each for each in done.wrong if each.unread])
        said.append(
            f"Could not be read at the provider, and not back: {named}. Look at its disk and at who may read there,"
            " then fetch what is missing from its message."
        )
    return " ".join(said)


def _named(count: int, wrong: Sequence[WrongFile]) -> str:
    names = [line_of(each.name, 60) or "without a name" for each in wrong[:_SHOWN_NAMES]]
    if count > len(names):
        names.append(f"and {count - len(names):,} more")
    return f"{many(count, 'file')}: {', '.join(names)}" if wrong else many(count, "file")


def progress_shape(moved: BackupProgress) -> dict[str, object]:
    """How far a backup or restore is."""
    return {
        "phase": moved.phase.value,
        "done": moved.done,
        "total": moved.total,
        "bytes_done": moved.bytes_done,
        "bytes_total": moved.bytes_total,
        "rate": round(moved.rate),
        "seconds_left": round(moved.seconds_left),
    }


def progress_line(moved: BackupProgress) -> str:
    """How far a backup or restore is, for people."""
    of = f" of {moved.total:,}" if moved.total else ""
    count = f": {moved.done:,}{of}" if moved.done or moved.total else ""
    size = f", {moved.bytes_done:,} bytes" if count and (moved.bytes_done or moved.bytes_total) else ""
    return f"{PHASES[moved.phase]}{count}{size}"

"""How backups, vaults and restores are put into words, the same on every screen.

Names and addresses of realms and providers come out sanitised. Must not know widgets or the messenger.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from letterlock_client.backup_models import (
    Attempt,
    BackupPhase,
    BackupProgress,
    BackupStatus,
    FeatureView,
    Frequency,
    Freshness,
    LastBackup,
    RealmState,
    RealmView,
    Restored,
    VaultView,
)
from letterlock_client.backup_shapes import less_lost, wrong_files
from letterlock_client.sanitize import line_of, name_of
from letterlock_client.ui.icons import Icons
from letterlock_client.ui.wording import clock_time, day_name, size

PARTIES: Final = (
    "Three parties take part, and none of them has enough to read your backup: the folder holds only "
    "ciphertext, the vault holds shares that allow a few guesses, the relay holds nothing."
)

FREQUENCIES: Final = {
    Frequency.OFF: "only when I ask",
    Frequency.DAILY: "every day",
    Frequency.WEEKLY: "every week",
    Frequency.MONTHLY: "every month",
}

FRESHNESS: Final = {
    Freshness.VERIFIED: "confirmed by the vault",
    Freshness.UNANCHORED: "not yet confirmed by enough realms",
    Freshness.UNCHECKED: "not confirmed: no vault was asked",
    Freshness.STALE: "no: the vault knows of a newer one",
}
REMEMBERED: Final = {
    **FRESHNESS,
    Freshness.VERIFIED: "the vault has confirmed it; it was not asked again now",
    Freshness.UNANCHORED: "too few realms have confirmed it",
}
"""The same of a backup that this device made and reads again: no realm is asked for that."""

PHASES: Final = {
    BackupPhase.VAULT: "asking the vault",
    BackupPhase.FINDING: "finding the backup",
    BackupPhase.PEOPLE: "contacts",
    BackupPhase.MESSAGES: "messages",
    BackupPhase.MEDIA: "files",
    BackupPhase.MANIFEST: "table of contents",
    BackupPhase.CHECKING: "checking",
    BackupPhase.ANCHORING: "telling the vault",
    BackupPhase.ACCOUNT: "bringing the account back",
}

ROTATIONS: Final = {
    "writing": "begun: rotate again to go on; after a week a backup takes it back",
    "committing": "cut short while the vault was told: the next backup ends it",
    "leaving": "done, but what the old key opens is there still; a backup deletes it",
}

REALMS: Final = {
    RealmState.READY: "ready",
    RealmState.NEVER_REGISTERED: "knows no backup of this account",
    RealmState.DESTROYED: "destroyed its record",
    RealmState.DOOR_CLOSED: "takes no more tries by handle alone: use the recovery sheet",
    RealmState.WAIT: "asks you to wait",
    RealmState.UNREACHABLE: "cannot be reached",
    RealmState.LIED: "gave an answer that does not check: do not trust it",
    RealmState.WRONG_KEY: "is not the realm it should be: its key is another one",
    RealmState.UNFINISHED: "holds a change that was not finished",
}

FEATURES: Final = {
    "gradual": (
        "End-to-end encrypted backup arrives gradually, and has not reached this account yet. "
        "There is nothing to do: it appears here by itself."
    ),
    "needs_version": "End-to-end encrypted backup needs the latest version of Letterlock. Update, then come back.",
}

KINDS: Final = {
    "registered": ("password set", "password set {n} times"),
    "guess_failed": ("1 failed try", "{n} failed tries"),
    "recovered": ("opened with the right password", "opened {n} times with the right password"),
    "anchored": ("backup confirmed", "{n} backups confirmed"),
    "door_closed": ("closed the door for tries by handle", "closed the door for tries by handle"),
    "destroyed": ("record destroyed", "record destroyed"),
    "deleted": ("record deleted", "record deleted"),
}

DOORS: Final = {"handle": "by handle alone", "locator": "with the recovery sheet or an own device"}

TOGETHER_MS: Final = 30 * 60_000
"""Entries of one kind that lie no further apart are told as one."""


def why_not(feature: FeatureView) -> str:
    """Return why the feature is not there for this account; empty where it is."""
    if feature.available:
        return ""
    return FEATURES.get(feature.reason, "End-to-end encrypted backup is not available for this account.")


def number(count: int) -> str:
    """Return a number with thin groups of three, such as 1 042."""
    return f"{count:,}".replace(",", "\N{NO-BREAK SPACE}")


def many(count: int, one: str, more: str = "") -> str:
    """Return a number and its noun, such as 1 message or 1 042 messages."""
    return f"{number(count)} {one if count == 1 else more or f'{one}s'}"


def when(at: int, now: int) -> str:
    """Return a day and time, such as today 14:02, yesterday 21:14, Monday 23 November 14:02."""
    day = day_name(at, now)
    return f"{day.lower() if day in ('Today', 'Yesterday') else day} {clock_time(at)}"


def ago(at: int, now: int) -> str:
    """Return how long ago something was: just now, 5 min ago, 2 h ago, 3 d ago."""
    minutes = max(0, now - at) // 60_000
    if minutes < 1:
        return "just now"
    if minutes < 60:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // 1_440} d ago"


def due(at: int, now: int) -> str:
    """Return when the next backup is due: now, in 5 min, in 2 h, in 3 d; empty for 0."""
    if not at:
        return "when you ask for it"
    minutes = (at - now) // 60_000
    if minutes < 1:
        return "now"
    if minutes < 60:
        return f"in {minutes} min"
    return f"in {round(minutes / 60)} h" if minutes < 48 * 60 else f"in {round(minutes / 1_440)} d"


def seconds(count: float) -> str:
    """Return a time that is left, such as 8 s, 2 min, 1 h 5 min."""
    whole = max(0, round(count))
    if whole < 90:
        return f"{whole} s"
    minutes = round(whole / 60)
    if minutes < 60:
        return f"{minutes} min"
    rest = f" {minutes % 60} min" if minutes % 60 else ""
    return f"{minutes // 60} h{rest}"


def part_done(progress: BackupProgress) -> float | None:
    """Return how much of the present phase is done, 0 to 1; None where that is not known."""
    if progress.bytes_total > 0:
        return min(1.0, progress.bytes_done / progress.bytes_total)
    return min(1.0, progress.done / progress.total) if progress.total > 0 else None


def progress_line(progress: BackupProgress, icons: Icons) -> str:
    """Return phase, counts, rate and time left in one line."""
    parts = [PHASES[progress.phase]]
    if progress.total:
        parts.append(f"{number(progress.done)} of {number(progress.total)}")
    elif progress.done:
        parts.append(number(progress.done))
    if progress.bytes_total:
        parts.append(f"{size(progress.bytes_done)} of {size(progress.bytes_total)}")
    elif progress.bytes_done:
        parts.append(size(progress.bytes_done))
    if progress.rate >= 1:
        parts.append(f"{size(round(progress.rate))}/s")
    if progress.seconds_left >= 0.5:
        parts.append(f"{seconds(progress.seconds_left)} left")
    return f" {icons.dot} ".join(parts)


def bar(part: float | None, cells: int, icons: Icons) -> str:
    """Return a bar of so many cells; an unknown part is all to do."""
    done = round((part or 0.0) * cells)
    return icons.progress_done * done + icons.progress_left * (cells - done)


def status_words(status: BackupStatus, now: int) -> str:
    """Return how backups stand, for the status bar; empty where they are off."""
    if status.restoring:
        return "restoring" if status.restoring_now else "restore not finished (f3)"
    if not status.on:
        return ""
    return f"backup {ago(status.last.at, now)}" if status.last is not None else "no backup yet"


def working_words(progress: BackupProgress) -> str:
    """Return how far a backup is, for the status bar."""
    part = part_done(progress)
    return f"backup: {PHASES[progress.phase]}" + (f" {round(part * 100)} %" if part is not None else "")


def restoring_words(progress: BackupProgress) -> str:
    """Return how far a restore beside chatting is, for the status bar."""
    part = part_done(progress)
    return f"restoring {PHASES[progress.phase]}" + (f" {round(part * 100)} %" if part is not None else "")


def restored_words(done: Restored) -> str:
    """Return what a restore brought back."""
    files = f" and {many(done.media, 'file')}" if done.media else ""
    return f"{many(done.messages, 'message')} in {many(done.conversations, 'chat')}{files}"


def restored_sentence(done: Restored) -> str:
    """Return what came back when a restore is complete, and which files did not: of all chats, or of those chosen."""
    wrong = f" {wrong_files(done)}" if done.media_wrong else ""
    return f"The restore is complete: {restored_words(done)}.{wrong}"


def holdings(last: LastBackup) -> str:
    """Return what a backup holds and how large it is."""
    files = f", {many(last.media, 'file')}" if last.media else ""
    return f"{many(last.messages, 'message')}{files}{less_lost(last)}, {size(last.bytes_total)}"


def provider_words(provider: str) -> str:
    """Return a provider for people: a folder by its path."""
    return line_of(provider.removeprefix("folder:"), 200) or "none chosen"


def realm_line(realm: RealmView, now: int, waited: float = 0.0) -> str:
    """Return one realm and its state, such as north: ready, 10 tries left, `waited` seconds after its answer."""
    state = REALMS[realm.state]
    wait = realm.wait_seconds - waited
    if realm.state is RealmState.WAIT and wait > 0:
        state = f"asks you to wait {seconds(wait)}"
    elif realm.state in (RealmState.READY, RealmState.WAIT):
        state = f"ready, {many(realm.attempts_left, 'try', 'tries')} left"
    elif realm.state is RealmState.DESTROYED and realm.at:
        state = f"{state}, {when(realm.at, now)}"
    reason = f" ({line_of(realm.reason, 120)})" if realm.reason else ""
    return f"{name_of(realm.name)}: {state}{reason}"


def false_realms(vault: VaultView) -> list[str]:
    """Return the names of the realms for which something else answers than their fleet file says."""
    false = (RealmState.WRONG_KEY, RealmState.LIED)
    return [name_of(one.name, 16) for one in vault.realms if one.state in false]


def why_not_this_vault(vault: VaultView) -> str:
    """Return why a password cannot be put behind these realms, and what to do; empty where it can."""
    if false := false_realms(vault):
        return (
            f"What answers for {', '.join(false)} is not what this file says: its keys are others. Do not trust it "
            "before whoever runs your vault has told you why."
        )
    away = [name_of(one.name, 16) for one in vault.realms if one.state is RealmState.UNREACHABLE]
    if len(vault.realms) - len(away) >= vault.threshold:
        return ""
    return (
        f"{vault.threshold} of {many(len(vault.realms), 'realm')} must answer, and {', '.join(away)} cannot be "
        "reached. Try again, or ask whoever runs your vault whether the file is the newest."
    )


def tries_line(vault: VaultView, waited: float = 0.0) -> str:
    """Return what a wrong password would cost now, before one is entered."""
    left = f"{many(vault.attempts_left, 'try', 'tries')} left over all realms"
    wait = vault.wait_seconds - waited
    door = "" if vault.with_locator else " by handle alone; the recovery sheet allows more"
    if vault.attempts_left <= 0:
        return f"No tries are left{door}."
    if wait > 0:
        return f"{left}{door}. The next one is possible in {seconds(wait)}; waiting costs nothing."
    return f"{left}{door}."


def attempt_lines(attempts: Iterable[Attempt], now: int) -> list[str]:
    """Return a vault's ledger for people, the newest first: what lies together is told as one.

    One try is written down by every realm that is asked, so a group counts what its busiest realm saw.
    """
    groups: list[list[Attempt]] = []
    for one in sorted(attempts, key=lambda each: (-each.at, each.kind, each.door, each.realm)):
        group = next((each for each in groups if _together(each[-1], one)), None)
        if group is not None:
            group.append(one)
        else:
            groups.append([one])
    return [_group_line(group, now) for group in groups]


def _together(one: Attempt, other: Attempt) -> bool:
    return (one.kind, one.door) == (other.kind, other.door) and one.at - other.at <= TOGETHER_MS


def _group_line(group: Sequence[Attempt], now: int) -> str:
    realms = [one.realm for one in group]
    count = max(realms.count(realm) for realm in realms)
    first = group[0]
    single, plural = KINDS.get(first.kind, (line_of(first.kind, 40), line_of(first.kind, 40)))
    what = single if count == 1 else plural.format(n=number(count))
    door = (
        f", {DOORS[first.door]}"
        if first.door in DOORS and first.kind in ("guess_failed", "recovered")
        else ""
    )
    names = ", ".join(name_of(realm) for realm in dict.fromkeys(sorted(realms)))
    return f"{what} {when(first.at, now)}{door} ({names})"


def key_lines(key: str) -> list[str]:
    """Return the 64 digits in sixteen groups of four, four to a line."""
    digits = "".join(key.split())
    groups = [line_of(digits[start : start + 4], 8) for start in range(0, min(len(digits), 64), 4)]
    return ["  ".join(groups[start : start + 4]) for start in range(0, len(groups), 4)]

"""Backups and a restore in memory for the interface's tests: the facades' contract, a fixed vault, no files."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from letterlock.ids import AccountId, ConversationId
from letterlock.vault.recovery_key import encode, grid
from letterlock_client.backup_models import (
    Attempt,
    BackupChoice,
    BackupMade,
    BackupPhase,
    BackupProgress,
    BackupStatus,
    FeatureView,
    Frequency,
    Freshness,
    LastBackup,
    PasswordChanged,
    RealmState,
    RealmView,
    Rehearsed,
    Restored,
    RestoreRequest,
    Rotated,
    TurnedOff,
    TurnedOn,
    UnfinishedRestore,
    VaultView,
    Verified,
)
from letterlock_client.config import Unlock
from letterlock_client.errors import ClientError, Code, wrong_passphrase
from letterlock_client.events import BackupFinished, BackupMoved, BackupsSwitched, Event, RestoreFinished
from letterlock_client.flows.backup.recovery_sheet import Sheet, write
from letterlock_client.left_behind import LeftBehind
from letterlock_client.restore_preview import PreviewChat, RestorePreview

START = 1_795_443_000_000
HOUR = 3_600_000
DAY = 24 * HOUR
KEY = "0123456789abcdef" * 4
SECRET = bytes.fromhex(KEY)
KEY_ID = "9f3a 11c0 77de 04b2"
NEW_KEY, NEW_KEY_ID = "fedcba9876543210" * 4, "51d0 3e8b aa20 c917"
FLEET = "5c1e 90aa 37f4 8812"
FLEET_FILE = Path(__file__).with_name("fleet.toml")
SHEET = "LETTERLOCK RECOVERY SHEET\n\nHandle    alice\nVault     5c1e 90aa 37f4 8812\nLocator   k3v9-2m7q-xx4t-9d1p\n"
WITH_DIGITS = write(
    Sheet(
        "alice",
        "k3v9 2m7q",
        "wss://relay.example",
        "folder:/media/disk/letterlock",
        KEY_ID,
        digits=encode(SECRET),
    ),
    tuple(grid(SECRET)),
)
PASSPHRASE = "right passphrase"


@dataclass(frozen=True)
class FakeVerdict:
    sentence: str
    acceptable: bool


def realms(**changes: object) -> tuple[RealmView, ...]:
    names = ("north", "south", "west")
    views = [RealmView(name, f"wss://{name}.example", RealmState.READY, 10, 0) for name in names]
    return tuple(replace(view, **changes) for view in views)  # type: ignore[arg-type]


def vault(**changes: object) -> VaultView:
    view = VaultView(FLEET, 2, realms(), 10, 0, with_locator=True)
    return replace(view, **changes)  # type: ignore[arg-type]


def turned_on(**changes: object) -> BackupStatus:
    last = LastBackup(START - 2 * HOUR, 12, 1_042, 31, 18_432_000, Freshness.VERIFIED)
    status = BackupStatus(
        on=True,
        feature=FeatureView(True, ""),
        key_id=KEY_ID,
        has_password=True,
        has_recovery_key=True,
        provider="folder:/media/disk/letterlock",
        frequency=Frequency.DAILY,
        last=last,
        generations=5,
        next_at=START + 22 * HOUR,
        fleet_hash=FLEET,
        realms=3,
        threshold=2,
    )
    return replace(status, **changes)  # type: ignore[arg-type]


def turned_off(**changes: object) -> BackupStatus:
    return replace(BackupStatus(False, FeatureView(True, "")), **changes)  # type: ignore[arg-type]


class Calls:
    """What was asked, what fails, what waits."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.failures: dict[str, ClientError] = {}
        self.gates: dict[str, asyncio.Event] = {}

    async def _call(self, verb: str, *arguments: object) -> None:
        self.calls.append((verb, *arguments))
        await asyncio.sleep(0)
        if verb in self.gates:
            await self.gates[verb].wait()
        if verb in self.failures:
            raise self.failures[verb]

    def asked(self, verb: str) -> list[tuple[object, ...]]:
        return [call[1:] for call in self.calls if call[0] == verb]


class FakeBackups(Calls):
    """Every verb of the real one. `tell` passes events on to whoever listens to the messenger."""

    def __init__(self, tell: Callable[[Event], None]) -> None:
        super().__init__()
        self.tell = tell
        self.now = turned_off()
        self.view = vault()
        self.begun: UnfinishedRestore | None = None
        self.attempts: list[Attempt] = []
        self.problems: tuple[str, ...] = ()
        self.differences: tuple[str, ...] = ()
        self.old_left = False
        self.only_there = LeftBehind(0, 0)
        self.lost = 17
        """How much of a backup whose restore waits is damaged there."""
        self.nothing_whole = False
        self.slow_realms: tuple[str, ...] = ()
        """Realms that are away when backups are turned off, and answer when they are asked again."""
        self._backing_up: asyncio.Task[None] | None = None

    def come_so_far(self, done: int, total: int = 400, phase: BackupPhase = BackupPhase.MESSAGES) -> None:
        self.tell(BackupMoved(BackupProgress(phase, done, total, done * 1_000, total * 1_000, 50_000.0, 4.0)))

    async def status(self) -> BackupStatus:
        await self._call("status")
        return self.now

    async def turn_on(self, choice: BackupChoice, unlock: Unlock) -> TurnedOn:
        await self._call("turn_on", choice, unlock)
        self._check(unlock)
        self.now = turned_on(
            last=None,
            generations=0,
            provider=choice.provider,
            frequency=Frequency.OFF,
            next_at=0,
            has_password=choice.password is not None,
            has_recovery_key=choice.recovery_key,
        )
        self.tell(BackupsSwitched(on=True))
        shared = 3 if choice.password is not None else 0
        return TurnedOn(KEY_ID, KEY if choice.recovery_key else "", SHEET, shared, shared)

    def _check(self, unlock: Unlock) -> None:
        if unlock.passphrase not in (None, PASSPHRASE):
            raise wrong_passphrase()

    async def back_up(self, *, mend: bool = False) -> BackupMade:
        self.now = replace(self.now, running=True)
        try:
            await self._call("mend" if mend else "back_up")
        except ClientError as error:
            self.now = replace(self.now, running=False)
            self.tell(BackupFinished(None, error.message))
            raise
        made = BackupMade(13, 1_050, 31, 1, 0, 9_000, 18_441_000, Freshness.VERIFIED, 3)
        made = replace(made, damaged=2 if mend else 0)
        last = LastBackup(START, 13, 1_050, 31, 18_441_000, Freshness.VERIFIED)
        self.now = replace(self.now, running=False, last=last)
        self.tell(BackupFinished(made))
        return made

    async def cancel(self) -> None:
        await self._call("cancel")
        self.now = replace(self.now, running=False)
        self.tell(BackupFinished(None))

    async def verify(self) -> Verified:
        await self._call("verify")
        return Verified(12, 1_042, 7, 31, 58, 18_432_000, Freshness.VERIFIED, self.problems)

    async def rehearse(self) -> Rehearsed:
        await self._call("rehearse")
        return Rehearsed(12, 1_042, 7, 31, self.differences)

    async def change_password(
        self, password: str, unlock: Unlock, fleet: Path | None = None
    ) -> PasswordChanged:
        await self._call("change_password", password, unlock, *([fleet] if fleet else []))
        self._check(unlock)
        return PasswordChanged(KEY_ID, KEY_ID, 0, 2, 3)

    async def rotate(self, password: str | None, unlock: Unlock) -> Rotated:
        await self._call("rotate", password, unlock)
        self._check(unlock)
        digits = NEW_KEY if self.now.has_recovery_key else ""
        realms = 2 if password is not None else 0
        self.now = replace(self.now, key_id=NEW_KEY_ID)
        return Rotated(
            key_id_before=KEY_ID,
            key_id_after=NEW_KEY_ID,
            recovery_key=digits,
            sheet=SHEET,
            generation=13,
            objects_written=58,
            bytes_written=18_432_000,
            media_lost=0,
            objects_deleted=57,
            old_left=self.old_left,
            realms=realms,
            realms_total=3 if realms else 0,
        )

    async def recovery_key(self, unlock: Unlock) -> str:
        await self._call("recovery_key", unlock)
        self._check(unlock)
        return KEY

    async def sheet(self, unlock: Unlock, with_key: bool) -> str:
        await self._call("sheet", unlock, with_key)
        self._check(unlock)
        return WITH_DIGITS if with_key else SHEET

    async def turn_off(self, unlock: Unlock, *, leave: bool = False) -> TurnedOff:
        await self._call("turn_off_all_the_same" if leave else "turn_off", unlock)
        self._check(unlock)
        was_on, self.now = self.now.on, turned_off(deletions_pending=self.slow_realms)
        self.tell(BackupsSwitched(on=False))
        waiting = self.slow_realms
        self.slow_realms = ()
        left = ("folder:/media/disk/letterlock/1f2e",) if leave else ()
        deleted = 58 if was_on and not leave else 0
        return TurnedOff(deleted, (all_of := 3 if was_on else 1) - len(waiting), all_of, waiting, left)

    async def history(self) -> list[Attempt]:
        await self._call("history")
        return self.attempts

    async def choose(
        self,
        *,
        frequency: Frequency | None = None,
        include_media: bool | None = None,
        include_videos: bool | None = None,
    ) -> BackupStatus:
        chosen = {
            "frequency": frequency,
            "include_media": include_media,
            "include_videos": include_videos,
        }
        await self._call("choose", {name: value for name, value in chosen.items() if value is not None})
        self.now = replace(self.now, **{name: value for name, value in chosen.items() if value is not None})  # type: ignore[arg-type]
        return self.now

    async def vault(self) -> VaultView:
        await self._call("vault")
        return self.view

    async def look_at(self, fleet: Path) -> VaultView:
        await self._call("look_at", fleet)
        return self.view

    async def left_behind(self) -> LeftBehind:
        await self._call("left_behind")
        return self.only_there

    async def move(self, provider: str, *, anew: bool = False) -> BackupStatus:
        await self._call("begin_anew" if anew else "move", provider)
        self.now = replace(self.now, provider=provider)
        return self.now

    async def unfinished(self) -> UnfinishedRestore | None:
        await self._call("unfinished")
        return self.begun

    def go_on_restoring(self) -> None:
        self.calls.append(("go_on_restoring",))
        self.now = replace(self.now, restoring_now=self.now.restoring)

    async def stop_restoring(self) -> None:
        await self._call("stop_restoring")
        self.now = replace(self.now, restoring_now=False)
        self.tell(RestoreFinished(None))

    async def what_is_whole(self) -> RestorePreview:
        await self._call("what_is_whole")
        return preview(lost=self.lost, nothing_whole=self.nothing_whole)

    async def leave_out_damaged(self) -> None:
        await self._call("leave_out_damaged")
        self.now = replace(self.now, restoring_now=True, restore_damage="")

    def judge(self, password: str) -> FakeVerdict:
        if len(password) < 8:
            return FakeVerdict("At least 8 characters.", False)
        return FakeVerdict("An attacker with 20 guesses has 1 chance in 40 000 000.", True)


CHATS = (
    PreviewChat(ConversationId(b"bob".ljust(20, b"\0")), "bob", 800, 30, START - DAY),
    PreviewChat(ConversationId(b"carol".ljust(20, b"\0")), "carol", 200, 1, START - 2 * DAY),
    PreviewChat(ConversationId(b"dave".ljust(20, b"\0")), "dave", 42, 0, START - 9 * DAY),
)


def preview(**changes: object) -> RestorePreview:
    found = RestorePreview(
        account=AccountId(b"me".ljust(20, b"\1")),
        handle="alice",
        generation=12,
        at=START - DAY,
        bytes_total=18_432_000,
        messages=1_042,
        media=31,
        media_bytes=12_000_000,
        chats=CHATS,
        freshness=Freshness.VERIFIED,
        conversations=len(CHATS),
    )
    return replace(found, **changes)  # type: ignore[arg-type]


class FakeRestoration(Calls):
    """One restore; `secret` opens it."""

    def __init__(self, request: RestoreRequest) -> None:
        super().__init__()
        self.request = request
        self.secret = "correct horse"
        self.view = vault()
        self.found = preview()
        self.nothing_whole = False
        self.wrong: ClientError | None = None
        self.closed = self.files_later = self.early = False
        self.complete = True
        self.older: tuple[str, ...] = ()
        """Chats that the preview does not list."""
        self.restored = Restored(1_042, 3, 31, 12, self.found.freshness, 2)
        self.moved: Callable[[BackupProgress], None] = lambda _: None

    async def vault(self) -> VaultView:
        await self._call("vault")
        return self.view

    async def open(self, secret: str, *, password: bool | None = None) -> RestorePreview:
        assert password is not None, "a screen knows what it asks for"
        await self._call("open", secret)
        if secret != self.secret and self.wrong is not None:
            raise self.wrong
        return self.found

    async def find_chat(self, who: str) -> PreviewChat:
        await self._call("find_chat", who)
        if who not in self.older:
            raise ClientError(Code.UNKNOWN_CONVERSATION, f"there is no chat with {who} in this backup")
        return PreviewChat(ConversationId(who.encode().ljust(20, b"\0")), who, 0, 0, 0)

    async def what_is_whole(self) -> RestorePreview:
        await self._call("what is whole")
        self.found = replace(self.found, lost=17, nothing_whole=self.nothing_whole)
        return self.found

    async def run(
        self,
        unlock: Unlock,
        chats: tuple[str, ...] = (),
        *,
        files_later: bool = False,
        early: bool = False,
        progress: Callable[[BackupProgress], None] = lambda _: None,
    ) -> Restored:
        self.moved, self.files_later, self.early = progress, files_later, early
        await self._call("run", unlock, chats)
        if not self.complete:
            return Restored(500, 3, 0, 12, self.found.freshness, 2, complete=False)
        return replace(self.restored, freshness=self.found.freshness)

    async def close(self) -> None:
        self.closed = True

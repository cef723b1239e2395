"""Who keeps Bob's backup on the stage: a folder as its provider, and a vault of three realms, one of them dead.

Real processes and real calls of the client; each of Bob's acts is one. Must not know widgets or the playbill.
"""

import asyncio
import os
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from letterlock.ids import ConversationId
from letterlock_client.backup_models import BackupChoice, RealmState, RestoreRequest, VaultView
from letterlock_client.config import NO_PASSPHRASE, Home
from letterlock_client.errors import ClientError, Code
from letterlock_client.workshop.processes import RealmProcess, run_command
from letterlock_client.workshop.watched_relay import Guard

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger
    from letterlock_client.restoration import Restoration

NAMES: Final = ("north", "east", "south")
GUESSES: Final = 4
"""How many wrong passwords these realms stand; the default is 10."""
FILE_BYTES: Final = 200_000
PASSWORD: Final = "correct horse battery staple"  # noqa: S105
_WRONG: Final = "not the right password {}"
_NOTES: Final = 50
_HEAD_BYTES: Final = 24


@dataclass(frozen=True, slots=True)
class SeenObject:
    """What the provider has of one object."""

    name: str
    size: int
    head: str
    """Its first bytes in hex."""


@dataclass(frozen=True, slots=True)
class SeenRealm:
    """What one realm has, and how many guesses are left at its two doors; -1 is that it does not answer."""

    name: str
    state: RealmState
    with_sheet: int
    with_handle: int
    disk: int
    """Bytes of its sealed store."""


@dataclass(frozen=True, slots=True)
class Sight:
    """All that can be seen behind the scenes."""

    objects: tuple[SeenObject, ...] = ()
    realms: tuple[SeenRealm, ...] = ()
    notes: tuple[str, ...] = ()
    """What happened, the newest last."""


@dataclass
class Keepers:
    """The provider, the vault, and what Bob wrote down. `close` ends the processes."""

    guard: Guard
    relay_url: str
    sight: Sight = field(default_factory=Sight)
    _realms: list[RealmProcess] = field(default_factory=list)
    _lives: int = 1
    _digits: str = field(default="", repr=False)

    @property
    def _provider(self) -> Path:
        return self.guard.folder / "provider"

    @property
    def _fleet(self) -> Path:
        return self.guard.folder / "fleet.toml"

    @property
    def _sheet(self) -> Path:
        return self.guard.folder / "sheet.txt"

    @property
    def _home(self) -> Path:
        """Where Bob's present terminal keeps everything."""
        return self.guard.folder / ("bob" if self._lives == 1 else f"bob-{self._lives}")

    # Bob's acts.

    async def begin(self, bob: "Messenger", chat: ConversationId) -> None:
        """Start the vault, kill a realm, turn on Bob's backup and make the first one. Raises ClientError.

        Before that he sends a file into the chat, so that there is something to keep.
        """
        await bob.send_file(chat, await asyncio.to_thread(self._some_file))
        if not self._realms:
            await self._start_realms()
        if (await bob.backups.status()).on:
            await bob.backups.turn_off(NO_PASSPHRASE)
        choice = BackupChoice(f"folder:{self._provider}", PASSWORD, recovery_key=True, fleet=self._fleet)
        turned = await bob.backups.turn_on(choice, NO_PASSPHRASE)
        self._digits = turned.recovery_key
        await asyncio.to_thread(self._sheet.write_text, turned.sheet, "utf-8")
        self._note(f"registered at {turned.realms} of {turned.realms_total} realms, key {turned.key_id}")
        await self.back_up(bob)

    async def _start_realms(self) -> None:
        self._provider.mkdir(exist_ok=True)
        for name in NAMES:
            place = self.guard.folder / name
            place.mkdir(exist_ok=True)
            self._realms.append(RealmProcess(name, place, GUESSES))
        try:
            await asyncio.gather(*(realm.start() for realm in self._realms))
        except (RuntimeError, TimeoutError) as error:
            raise ClientError(Code.FAILED, f"the vault could not be started: {error}") from error
        for realm in self._realms:
            self.guard.watch(realm.name, realm.pid)
        words = [word for realm in self._realms for word in ("--realm", realm.url)]
        made = await run_command(
            "vault",
            "fleet",
            *words,
            "--threshold",
            "2",
            "-o",
            str(self._fleet),
            "--json",
            home=self.guard.folder,
        )
        if made.status:
            raise ClientError(
                Code.FAILED, f"the fleet file could not be written: {made.error.get('message')}"
            )
        await self._realms[-1].kill()
        self.guard.watch(NAMES[-1], None)

    def _some_file(self) -> Path:
        path = self.guard.folder / "map of the coast.dat"
        path.write_bytes(os.urandom(FILE_BYTES))
        return path

    async def back_up(self, bob: "Messenger") -> None:
        """Back up what is new. Raises ClientError."""
        made = await bob.backups.back_up()
        self._note(
            f"generation {made.generation}: {made.messages} messages, {made.bytes_written:,} bytes written"
        )
        await self.look()

    async def lose(self, bob: "Messenger") -> None:
        """Delete all that Bob's terminal has."""
        await bob.close()
        await asyncio.to_thread(shutil.rmtree, self._home)
        self._note("Bob's terminal is gone, with every key on it")
        await self.look()

    async def guess_wrong(self) -> None:
        """Try one wrong password with the recovery sheet. Raises ClientError where it is not taken for wrong."""
        error = await self._guess("once", sheet=True)
        if error.code is not Code.WRONG_PASSWORD:
            raise error
        await self.look()

    async def restore(self, *, by_digits: bool = False) -> "Messenger":
        """Restore on a new terminal, by password or by the 64 digits; return its messenger. Raises ClientError."""
        from letterlock_client.messenger import Messenger

        self._lives += 1
        restoration = await self._begin(self._home, sheet=not by_digits)
        try:
            await restoration.open(self._digits if by_digits else PASSWORD)
            restored = await restoration.run(NO_PASSPHRASE)
        except BaseException:
            self._lives -= 1
            raise
        finally:
            await restoration.close()
        self._note(
            f"{'the 64 digits' if by_digits else 'the right password'}: {restored.messages} messages are back,"
            f" freshness {restored.freshness.value}, epoch {restored.epoch}"
        )
        await self.look()
        bob = await Messenger.open(Home.at(self._home), "bob", NO_PASSPHRASE)
        bob.connect()
        return bob

    # What others do.

    async def close_the_stranger_s_door(self) -> None:
        """Guess with nothing but the handle until the door closes. Raises ClientError where it does not."""
        await self._guess_until(Code.VAULT_DOOR_CLOSED, sheet=False)

    async def destroy_the_record(self) -> None:
        """Guess with the sheet until nothing is left to guess at, then try the right password."""
        await self._guess_until(Code.VAULT_DESTROYED, sheet=True)
        restoration = await self._begin(self.guard.folder / "thief", sheet=True)
        try:
            await restoration.open(PASSWORD)
        except ClientError as error:
            if error.code is not Code.VAULT_DESTROYED:
                raise
            self._note("now even the right password opens nothing")
        finally:
            await restoration.close()
        await self.look()

    async def _guess_until(self, end: Code, *, sheet: bool) -> None:
        error = ClientError(Code.FAILED, "no guess was made")
        for number in range(2 * GUESSES):
            error = await self._guess(str(number), sheet=sheet)
            await self.look()
            if error.code is end:
                return
            if error.code is not Code.WRONG_PASSWORD:
                break
        raise error

    async def _guess(self, what: str, *, sheet: bool) -> ClientError:
        restoration = await self._begin(self.guard.folder / "thief", sheet=sheet)
        try:
            await restoration.open(_WRONG.format(what))
        except ClientError as error:
            self._note(f"{'with the sheet' if sheet else 'by the handle'}: {error.message}")
            return error
        finally:
            await restoration.close()
        return ClientError(Code.FAILED, "a wrong password opened the backup")

    async def _begin(self, home: Path, *, sheet: bool) -> "Restoration":
        from letterlock_client.restoration import Restoration

        request = RestoreRequest(
            "bob",
            self.relay_url,
            f"folder:{self._provider}",
            fleet=self._fleet,
            sheet=self._sheet if sheet else None,
        )
        return await Restoration.begin(Home.at(home), "bob", request)

    # What can be seen.

    async def look(self) -> None:
        """Look again at what the provider and the realms have."""
        objects = await asyncio.to_thread(_objects, self._provider)
        sheet, handle = [await self._view(sheet=sheet) for sheet in (True, False)]
        self.sight = replace(self.sight, objects=objects, realms=self._seen(sheet, handle))

    async def _view(self, *, sheet: bool) -> VaultView | None:
        restoration = await self._begin(self.guard.folder / "thief", sheet=sheet)
        try:
            return await restoration.vault()
        except ClientError:
            return None
        finally:
            await restoration.close()

    def _seen(self, sheet: VaultView | None, handle: VaultView | None) -> tuple[SeenRealm, ...]:
        if sheet is None or handle is None:
            return self.sight.realms
        strangers = {realm.name: realm.attempts_left for realm in handle.realms}
        disks = {realm.name: len(realm.disk()) for realm in self._realms}
        return tuple(
            SeenRealm(
                realm.name,
                realm.state,
                realm.attempts_left,
                strangers.get(realm.name, 0),
                disks.get(realm.name, 0),
            )
            for realm in sheet.realms
        )

    def _note(self, text: str) -> None:
        self.sight = replace(self.sight, notes=(*self.sight.notes, text)[-_NOTES:])

    async def close(self) -> None:
        """End every process."""
        for realm in self._realms:
            await realm.kill()
            self.guard.watch(realm.name, None)


def _objects(provider: Path) -> tuple[SeenObject, ...]:
    found = []
    for path in sorted(each for each in provider.rglob("*") if each.is_file()):
        with path.open("rb") as file:
            head = file.read(_HEAD_BYTES).hex()
        found.append(SeenObject("/".join(path.parts[-2:]), path.stat().st_size, head))
    return tuple(found)

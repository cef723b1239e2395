"""The second half of the story: a backup that only its owner can open, a lost terminal, and who cannot get in.

A vault of three realms as processes, one of them dead throughout; a folder as the provider; everything done by the
commands that people type. Must not know how any of it works inside.
"""

import asyncio
import secrets
import shutil
from pathlib import Path
from typing import Final

from letterlock_client.backup_shapes import when
from letterlock_client.workshop.processes import Outcome, Person, RealmProcess, RelayProcess, run_command
from letterlock_client.workshop.telling import Telling, texts

GUESSES: Final = 4
"""How many wrong passwords the demo's realms stand; the default is 10."""
PASSWORD: Final = "correct horse battery staple"  # noqa: S105
WRONG: Final = "not the right password {}"
AFTER_ONE: Final = "said after the first backup"
THIEF: Final = "send me money"


class BackupStory:
    """Bob backs up, loses his terminal, and comes back; others try to get in."""

    def __init__(
        self, telling: Telling, folder: Path, relay: RelayProcess, people: tuple[Person, Person]
    ) -> None:
        self._tell = telling
        self._folder = folder / "backup"
        self._folder.mkdir()
        self._relay = relay
        self._alice, self._bob = people
        self._provider = self._folder / "provider"
        self._provider.mkdir()
        self._fleet = self._folder / "fleet.toml"
        self._sheet = self._folder / "sheet.txt"
        self._digits = self._folder / "digits.txt"
        self._realms = [self._realm(name) for name in ("north", "east", "south")]
        self._number = ""
        self._lost = Person("bob", self._folder / "lost")

    def _realm(self, name: str) -> RealmProcess:
        place = self._folder / name
        place.mkdir()
        return RealmProcess(name, place, GUESSES)

    async def tell(self) -> None:
        """Tell every act."""
        try:
            for act in (
                self.a_vault_starts,
                self.bob_turns_on_backup,
                self.only_what_is_new_is_written,
                self.nobody_alone_can_read_it,
                self.bobs_terminal_is_lost,
                self.the_right_password_brings_it_back,
                self.they_go_on,
                self.the_lost_terminal_is_out,
                self.the_digits_open_it_too,
                self.a_stranger_closes_one_door,
                self.wrong_passwords_destroy_the_record,
            ):
                await act()
        finally:
            for realm in self._realms:
                await realm.stop()

    async def a_vault_starts(self) -> None:
        """Three realms, and the file that pins their keys."""
        self._tell.act("A vault of three realms starts")
        await asyncio.gather(*(realm.start() for realm in self._realms))
        words = [word for realm in self._realms for word in ("--realm", realm.url)]
        words += ["--threshold", "2", "-o", str(self._fleet), "--json"]
        made = await run_command("vault", "fleet", *words, home=self._folder)
        self._tell.check("the fleet file pins three keys", self._fleet.exists() and made.status == 0, made)
        await self._realms[2].kill()
        self._tell.show("two of three are enough: the third is killed now, and stays dead throughout")

    async def bob_turns_on_backup(self) -> None:
        """By password and by 64 digits, and the first backup."""
        self._tell.act("Bob turns on end-to-end encrypted backup")
        turned = await self._bob.run(
            "backup", "on", "--password-file", self._secret(PASSWORD), "--recovery-key",
            "--provider", f"folder:{self._provider}", "--fleet", str(self._fleet),
        )  # fmt: skip
        digits = str(turned.last.get("recovery_key", ""))
        self._digits.write_text(digits)
        bare = digits.replace(" ", "").replace("-", "")
        self._tell.check("he has a password and 64 digits", turned.status == 0 and len(bare) == 64, turned)
        self._tell.show(f"key {turned.last.get('key_id')}, known by its first digits, opens everything")
        sheet = await self._bob.run("backup", "sheet", "--output", str(self._sheet))
        self._tell.check("his recovery sheet is written", self._sheet.exists(), sheet)
        made = await self._bob.run("backup", "now")
        self._tell.check("the first backup is complete", made.last.get("generation") == 1, made)
        self._tell.show(
            f"{made.last.get('messages')} messages, {made.last.get('bytes_written')} bytes written"
        )
        self._first = made.last

    async def only_what_is_new_is_written(self) -> None:
        """More talk; the next backup writes that alone."""
        self._tell.act("The next backup writes only what is new")
        await self._alice.run("send", "bob", AFTER_ONE)
        await self._bob.run("receive")
        made = await self._bob.run("backup", "now")
        written, before = int(made.last.get("bytes_written", 0)), int(self._first.get("bytes_written", 0))
        self._tell.check("the second backup is complete", made.last.get("generation") == 2, made)
        self._tell.check(f"it wrote {written} bytes; the first one {before}", 0 < written < before / 4, made)
        again = await self._bob.run("backup", "now")
        self._tell.check(
            "with nothing new nothing is written", again.last.get("segments_written") == 0, again
        )

    async def nobody_alone_can_read_it(self) -> None:
        """The provider's folder and each realm's disk, searched."""
        self._tell.act("Nobody alone can read it")
        bucket = b"".join(each.read_bytes() for each in self._provider.rglob("*") if each.is_file())
        disks = [realm.disk() for realm in self._realms]
        bare = self._digits.read_text().replace(" ", "").replace("-", "")
        sought = {
            f"“{AFTER_ONE}”": AFTER_ONE.encode(),
            "the name alice": b"alice",
            "the password": PASSWORD.encode(),
            "the 64 digits": bare.encode(),
            "the secret they stand for": bytes.fromhex(bare),
        }
        for name, plain in sought.items():
            nowhere = bool(plain and bucket and all(disks)) and not any(
                plain in one for one in (bucket, *disks)
            )
            self._tell.check(f"no trace of {name} at the provider or on a realm's disk", nowhere)

    async def bobs_terminal_is_lost(self) -> None:
        """The folder is deleted; a wrong password costs a guess."""
        self._tell.act("Bob's terminal is lost")
        mine = await self._bob.run("verify", "alice")
        self._number = str(mine.last.get("safety_number", ""))
        # Whoever has the terminal has it running and unlocked, with all that it stored.
        shutil.copytree(self._bob.folder, self._lost.folder)
        shutil.rmtree(self._bob.folder)
        self._tell.check("nothing is left of his profile", not self._bob.folder.exists())
        wrong = await self._restore(self._bob, password=WRONG.format("a"))
        self._tell.check("a wrong password is known as such", code(wrong) == "wrong_password", wrong)
        self._tell.check("the guesses left are told", wrong.error.get("attempts_left", -1) >= 0, wrong)
        self._tell.show(f"{wrong.error.get('attempts_left')} guesses left")

    async def the_right_password_brings_it_back(self) -> None:
        """Everything, its freshness verified, in a new epoch."""
        self._tell.act("The right password brings it back")
        back = await self._restore(self._bob, password=PASSWORD)
        self._tell.check("the backup is restored", back.status == 0, back)
        self._tell.check(
            "it is the newest one, as the realms confirm", back.last.get("freshness") == "verified", back
        )
        self._tell.check("his account has a new list key, of epoch 2", back.last.get("epoch") == 2, back)
        history = await self._bob.run("history", "alice", "--limit", "100")
        said = [str(line.get("text")) for line in history.lines]
        self._tell.check("what was said last is there", AFTER_ONE in said, history)
        self._tell.check("every message is there", len(said) == back.last.get("messages"), (len(said), back))

    async def they_go_on(self) -> None:
        """The same safety number, no alarm, and new mail both ways."""
        self._tell.act("They go on talking")
        mine, hers = await self._bob.run("verify", "alice"), await self._alice.run("verify", "bob")
        same = mine.last.get("safety_number") == hers.last.get("safety_number") == self._number
        self._tell.check("the safety number is the same as before", same and bool(self._number), (mine, hers))
        await self._alice.run("send", "bob", "are you back?")
        heard = await self._bob.run("receive")
        self._tell.check("Bob's new terminal reads Alice", texts(heard)[-1:] == ["are you back?"], heard)
        answer = await self._bob.run("send", "alice", "I am")
        self._tell.check("and answers", answer.last.get("accepted") is True, answer)
        told = await self._alice.run("receive")
        self._tell.check("Alice reads it", texts(told) == ["I am"], told)
        alarms = [line for line in told.lines if line["type"] in ("key-change", "alarm")]
        self._tell.check("and is shown no change of keys", not alarms, told)
        still = await self._alice.run("verify", "bob")
        self._tell.check("Bob is still verified", still.last.get("verified") is True, still)

    async def the_lost_terminal_is_out(self) -> None:
        """A copy of everything that it stored, used by somebody else."""
        self._tell.act("Whoever has the lost terminal is out")
        sent = await self._lost.run("send", "alice", THIEF)
        self._tell.check("the relay takes nothing from it", sent.last.get("accepted") is not True, sent)
        told = await self._lost.run("receive")
        refused = told.error.get("refusal") == "bad_login"
        self._tell.check("refuses its login, and gives it nothing", refused and not texts(told), told)
        heard = await self._alice.run("receive")
        self._tell.check("Alice hears nothing of it", THIEF not in texts(heard), heard)

    async def the_digits_open_it_too(self) -> None:
        """Without any password or realm."""
        self._tell.act("The 64 digits open it without a vault")
        await self._bob.run("backup", "now")
        shutil.rmtree(self._bob.folder)
        words = ("--recovery-key-file", str(self._digits))
        back = await self._bob.run("backup", "restore", *self._place(), *words)
        self._tell.check("the digits alone restore everything", back.status == 0, back)
        self._tell.check(
            "whether it is the newest is unchecked", back.last.get("freshness") == "unchecked", back
        )
        await self._alice.run("send", "bob", "and again?")
        heard = await self._bob.run("receive")
        self._tell.check("and the chat goes on", texts(heard)[-1:] == ["and again?"], heard)

    async def a_stranger_closes_one_door(self) -> None:
        """Somebody who knows only the handle."""
        self._tell.act("A stranger knows only Bob's handle")
        stranger = Person("stranger", self._folder / "stranger")
        tries = [
            await self._restore(stranger, password=WRONG.format(f"n{number}"), sheet=False)
            for number in range(3)
        ]
        codes = [code(one) for one in tries]
        self._tell.check(
            "a few wrong guesses close the stranger's door", codes[-1] == "vault_door_closed", tries
        )
        keeper = Person("keeper", self._folder / "keeper")
        opened = await self._restore(keeper, password=WRONG.format("b"))
        self._tell.check(
            "whoever holds the recovery sheet may still try", code(opened) == "wrong_password", opened
        )

    async def wrong_passwords_destroy_the_record(self) -> None:
        """With the locator, until nothing is left to guess at."""
        self._tell.act("Wrong passwords with the sheet destroy the record")
        keeper = Person("keeper", self._folder / "keeper")
        tried: list[Outcome] = []
        while len(tried) < GUESSES and code(tried[-1] if tried else None) != "vault_destroyed":
            tried.append(await self._restore(keeper, password=WRONG.format(len(tried))))
        self._tell.check("at the limit the record is destroyed", code(tried[-1]) == "vault_destroyed", tried)
        right = await self._restore(keeper, password=PASSWORD)
        self._tell.check("now even the right password opens nothing", code(right) == "vault_destroyed", right)
        at, reason = int(right.error.get("at", 0)), str(right.error.get("reason", ""))
        self._tell.check("its tombstone says when and why", at > 0 and reason == "too many guesses", right)
        self._tell.show(f"{right.error.get('message', '')}; destroyed {when(at)}, {reason}")

    async def _restore(self, who: Person, *, password: str, sheet: bool = True) -> Outcome:
        words = [*self._place(), "--password-file", self._secret(password), "--fleet", str(self._fleet)]
        if sheet:
            words += ["--sheet", str(self._sheet)]
        return await who.run("backup", "restore", *words)

    def _place(self) -> tuple[str, ...]:
        return ("--handle", "bob", "--relay", self._relay.url, "--provider", f"folder:{self._provider}")

    def _secret(self, text: str) -> str:
        file = self._folder / f"password-{secrets.token_hex(4)}"
        file.touch(mode=0o600)
        file.write_text(text)
        return str(file)


def code(outcome: Outcome | None) -> str:
    """Why a command failed, or nothing."""
    return str(outcome.error.get("error", "")) if outcome is not None else ""

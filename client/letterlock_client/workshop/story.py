"""The whole story, told and checked: `letterlock demo --headless`.

Real processes throughout: a relay, and commands as people type them. Every statement of the transcript
is checked when it is made; one that does not hold is said so, and the exit status is 1.
"""

import asyncio
import random
import sqlite3
import tempfile
from pathlib import Path
from typing import Final

from letterlock_client.output import DONE, FAILED, Output
from letterlock_client.workshop.backup_story import BackupStory
from letterlock_client.workshop.processes import Person, RelayProcess
from letterlock_client.workshop.telling import Telling, digest, texts

SENDS: Final = 8
"""How many messages each side sends while the relay is being killed."""
KILLS: Final = 3
SECRET: Final = "the canary sings at noon"  # noqa: S105


class Story(Telling):
    """One run of the story, in a folder of its own."""

    def __init__(self, folder: Path, output: Output) -> None:
        super().__init__(output)
        self.folder = folder
        (folder / "relay").mkdir()
        self.relay = RelayProcess(folder / "relay")
        self.alice = Person("alice", folder / "alice")
        self.bob = Person("bob", folder / "bob")

    async def tell(self) -> int:
        """Tell every act; return the exit status."""
        try:
            for act in (
                self.two_people_register,
                self.a_first_contact_waits,
                self.they_talk,
                self.mail_waits_for_who_is_away,
                self.a_file_travels_sealed,
                self.the_relay_is_killed_while_they_send,
                self.they_compare_their_number,
            ):
                await act()
            await BackupStory(self, self.folder, self.relay, (self.alice, self.bob)).tell()
            await self.what_the_relay_holds()
        finally:
            await self.relay.stop()
        return DONE if self.end() else FAILED

    async def two_people_register(self) -> None:
        """A relay starts; Alice and Bob make their accounts."""
        self.act("A relay starts, and two people register")
        await self.relay.start()
        self.show(f"relay: {self.relay.url}, store {self.relay.store.name}")
        made = [
            await each.run("register", each.name, "--relay", self.relay.url)
            for each in (self.alice, self.bob)
        ]
        for person, outcome in zip((self.alice, self.bob), made, strict=True):
            self.check(f"{person.name} has an account", outcome.status == 0, outcome.error)
            self.show(f"{person.name} is {outcome.last.get('account', '?')}")
        again = await Person("mallory", self.folder / "mallory").run(
            "register", "alice", "--relay", self.relay.url
        )
        self.check("nobody else can take the handle alice", again.error.get("error") == "handle_taken", again)

    async def a_first_contact_waits(self) -> None:
        """Alice writes first; Bob sees a request without text until he accepts."""
        self.act("First contact is a request")
        sent = await self.alice.run("send", "bob", SECRET)
        self.check("Alice's message is on the relay's disk", sent.last.get("accepted") is True, sent)
        first = await self.bob.run("receive")
        kinds = [line["type"] for line in first.lines]
        self.check("Bob sees a request, and no text", "request" in kinds and "message" not in kinds, first)
        accepted = await self.bob.run("accept", "alice")
        self.check("Bob accepts", accepted.status == 0, accepted.error)
        read = await self.bob.run("receive")
        self.check("now he reads it", texts(read) == [SECRET], read)

    async def they_talk(self) -> None:
        """A reply, a reaction, an edit."""
        self.act("They talk")
        original = (await self.bob.run("history", "alice")).last
        await self.bob.run("reply", original["id"], "at noon, then")
        await self.bob.run("react", original["id"], "👍")
        heard = await self.alice.run("receive")
        self.check("Alice reads the reply", texts(heard) == ["at noon, then"], heard)
        reply = next((line for line in heard.lines if line["type"] == "message"), {})
        self.check("it names the message it answers", reply.get("reply_to") == original["id"], reply)
        reacted = [line for line in heard.lines if line["type"] == "reaction"]
        self.check("and the reaction came", [each["emoji"] for each in reacted] == ["👍"], heard)
        mine = await self.alice.run("history", "bob", "--limit", "10")
        states = [line["delivery"] for line in mine.lines if line["mine"]]
        self.check("her own message is marked as delivered", states == ["delivered"], mine)
        await self.alice.run("edit", original["id"], f"{SECRET}, at the fountain")
        await self.bob.run("receive")
        now = next(
            each for each in (await self.bob.run("history", "alice")).lines if each["id"] == original["id"]
        )
        self.check("an edit arrives as an edit", now["text"].endswith("fountain") and now["edits"] == 1, now)

    async def mail_waits_for_who_is_away(self) -> None:
        """Three messages while Bob runs nothing."""
        self.act("Mail waits for who is away")
        wanted = [f"while you were away, {number}" for number in (1, 2, 3)]
        for text in wanted:
            await self.alice.run("send", "bob", text)
        read = await self.bob.run("receive")
        self.check("Bob reads all three, in order", texts(read) == wanted, read)
        again = await self.bob.run("receive")
        self.check("and only once", texts(again) == [], again)

    async def a_file_travels_sealed(self) -> None:
        """An attachment, uploaded sealed, fetched and compared."""
        self.act("A file travels sealed")
        content = random.Random(7).randbytes(600_000)  # noqa: S311
        file = self.folder / "picture.bin"
        file.write_bytes(content)
        sent = await self.alice.run("send", "bob", "look at this", "--attach", str(file))
        self.check("Alice's file is at the relay, sealed", sent.last.get("accepted") is True, sent)
        read = await self.bob.run("receive")
        self.check("Bob has its message", texts(read) == ["look at this"], read)
        target = self.folder / "fetched.bin"
        fetched = await self.bob.run("download", sent.last["message"], "--output", str(target))
        same = target.exists() and digest(target.read_bytes()) == digest(content)
        self.check("the file he fetched is hers, byte for byte", same, fetched)
        blobs = self.relay.disk()
        self.check("no 32 bytes of it lie at the relay", not any(
            content[at : at + 32] in blobs for at in range(0, len(content), 50_000)
        ))  # fmt: skip

    async def the_relay_is_killed_while_they_send(self) -> None:
        """SIGKILL during sends on both sides; nothing is lost, nothing is doubled."""
        self.act("The relay is killed while they send")
        stop = asyncio.Event()
        killer = asyncio.create_task(self.kill_again_and_again(stop))
        statuses = await asyncio.gather(self.send_many(self.alice, "bob"), self.send_many(self.bob, "alice"))
        stop.set()
        kills = await killer
        flat = [status for each in statuses for status in each]
        self.show(f"{kills} kills; {flat.count(0)} accepted at once, {flat.count(75)} kept for later")
        self.check("the relay was killed with SIGKILL during the sends", kills >= 1)
        self.check("every send was accepted or kept", set(flat) <= {0, 75}, statuses)
        read: dict[str, list[str]] = {"alice": [], "bob": []}
        for _ in range(3):
            for person in (self.alice, self.bob):
                read[person.name] += texts(await person.run("receive"))
        for reader, sender in (("bob", "alice"), ("alice", "bob")):
            wanted = [f"{sender} {number}" for number in range(SENDS)]
            self.check(
                f"{reader} read every message of {sender} exactly once, in order",
                read[reader] == wanted,
                read,
            )

    async def send_many(self, person: Person, who: str) -> list[int]:
        """Send one message after the other; return the exit statuses."""
        return [(await person.run("send", who, f"{person.name} {number}")).status for number in range(SENDS)]

    async def kill_again_and_again(self, stop: asyncio.Event) -> int:
        """Kill and restart the relay a few times while the sends go on; return how often."""
        kills = 0
        while not stop.is_set() and kills < KILLS:
            await asyncio.sleep(random.uniform(0.4, 1.6))  # noqa: S311
            await self.relay.kill()
            kills += 1
            await asyncio.sleep(random.uniform(0.1, 0.6))  # noqa: S311
            await self.relay.start()
        return kills

    async def they_compare_their_number(self) -> None:
        """Both sides compute the same 60 digits."""
        self.act("They compare their safety number")
        hers = await self.alice.run("verify", "bob")
        his = await self.bob.run("verify", "alice")
        digits = hers.last.get("safety_number", "")
        self.show(" ".join(digits[at : at + 5] for at in range(0, 60, 5)))
        self.check("both terminals show the same 60 digits", digits == his.last.get("safety_number") != "")
        done = await self.alice.run("verify", "bob", "--confirm", digits)
        self.check("Alice marks Bob as verified", done.last.get("verified") is True, done)
        wrong = await self.bob.run("verify", "alice", "--confirm", "0" * 60)
        self.check("wrong digits are refused", wrong.error.get("error") == "wrong_number", wrong)

    async def what_the_relay_holds(self) -> None:
        """The relay's disk, searched and shown."""
        self.act("What the relay holds")
        await self.alice.run("send", "bob", SECRET)
        seen = [frame for frame in self.relay.frames() if frame.get("kind") == "Submit"]
        self.check(
            "the relay saw sealed bytes pass", bool(seen) and all(frame.get("sealed") for frame in seen)
        )
        if seen:
            self.show(f"one of them: {str(seen[-1]['sealed'])[:64]}…")
        status = await self.relay.stop()
        self.check("it stops cleanly on SIGTERM", status == 0, status)
        for table, count, sample in await asyncio.to_thread(tables, self.relay.store):
            self.show(f"{table}: {count} rows; {sample}")
        disk, passed = self.relay.disk(), self.relay.seen.read_bytes()
        for plain in (SECRET, "at noon, then", "while you were away", "look at this", "picture.bin"):
            nowhere = plain.encode() not in disk and plain.encode().hex().encode() not in passed
            self.check(f"nothing of “{plain}” lies in its database, write-ahead log, log or traffic", nowhere)


def tables(store: Path) -> list[tuple[str, int, str]]:
    """Each table of the relay's database with its row count and the beginning of a row."""
    with sqlite3.connect(f"file:{store}?mode=ro", uri=True) as database:
        names = [str(row[0]) for row in database.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name"
        )]  # fmt: skip
        found = []
        for name in names:
            (count,) = database.execute(f'SELECT count(*) FROM "{name}"').fetchone()  # noqa: S608
            row = database.execute(f'SELECT * FROM "{name}" LIMIT 1').fetchone()  # noqa: S608
            found.append((name, int(count), shown(row) if row else "empty"))
    database.close()
    return found


def shown(row: tuple[object, ...]) -> str:
    """A row as a person can look at it: bytes as the beginning of their hex."""
    cells = [f"{each[:12].hex()}…({len(each)} B)" if isinstance(each, bytes) else str(each) for each in row]
    return " | ".join(cells)[:96]


async def tell_story(output: Output) -> int:
    """Tell the whole story in a temporary folder; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="letterlock-demo-") as folder:
        return await Story(Path(folder), output).tell()

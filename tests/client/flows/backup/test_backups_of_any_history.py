"""Any history, backed up at any moments, restores as it is: a model-free comparison of two databases."""

import asyncio
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from letterlock.ids import AccountId, ConversationId, MessageId
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock_client.backup_models import Frequency
from letterlock_client.config import NO_PASSPHRASE, Home
from letterlock_client.flows import onboarding
from letterlock_client.flows.announcing import Announcer
from letterlock_client.flows.backup import backing_up, finding, looking_ahead, restoring
from letterlock_client.flows.backup.objects import Objects
from letterlock_client.flows.backup.progress import Meter
from letterlock_client.flows.backup.recovery_secrets import seal_root
from letterlock_client.flows.backup.terms import require
from letterlock_client.flows.onboarding import Application
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.models import Delivery, Message, MessageKind
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.storage import backup_rows, backup_state, contacts, conversations, keyring, messages
from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.database import Database
from tests.client.storage.chat import contact
from tests.simulator import RELAY_URL, Chance, Clock

PEERS = [AccountId(bytes([number]) * 20) for number in (1, 2)]
SECRET = RecoverySecret(b"R" * 32)

NUMBERS = st.integers(0, 7)
STEPS = st.one_of(
    st.tuples(st.just("say"), NUMBERS, st.sampled_from(["", "short", "ü" * 300, "a\0b"])),
    st.tuples(st.just("edit"), NUMBERS, st.text("ab\0", max_size=3)),
    st.tuples(st.just("react"), NUMBERS, st.sampled_from(["", "👍", "!"])),
    st.tuples(st.just("remove"), NUMBERS, st.just("")),
    st.tuples(st.just("blank"), NUMBERS, st.just("")),
    st.tuples(st.just("forget chat"), st.integers(0, 1), st.just("")),
    st.tuples(st.just("timer"), st.integers(0, 1), st.just("")),
    st.tuples(st.just("back up"), st.just(0), st.just("")),
    st.tuples(st.just("merge"), st.just(0), st.just("")),
    st.tuples(st.just("wait"), st.integers(1, 9), st.just("")),
)


class Terminal:
    """A profile's database and workplace, without a relay."""

    def __init__(self, folder: Path, name: str, shelf: MemoryProvider, clock: Clock) -> None:
        self.places = Home.at(folder).profile(name)
        self.shelf, self.clock = shelf, clock
        self.random = Chance(name)

    async def __aenter__(self) -> "Terminal":
        await asyncio.to_thread(self.places.make)
        key = await keyring.create(self.places, NO_PASSPHRASE, root_seed=b"s" * 32, random=self.random)
        self.database = await Database.open(self.places.database, key)
        self.place = Workplace(self.database, self.places, Announcer(), self.clock, self.random)
        self.place.open_provider = lambda _text, **_more: self.shelf
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.database.close()

    async def live(self) -> None:
        """Have an account, contacts, and backups."""
        await onboarding.begin(self.place, b"s" * 32, Application("alice", RELAY_URL, False, ""))
        state = BackupState(
            key_check=SECRET.key_check(),
            backup_key=SECRET.backup_key(),
            sealed_root=seal_root(SECRET, self.place.own.id, b"s" * 32, self.random),
            provider="folder:/memory",
            frequency=Frequency.OFF,
            include_media=True,
            include_videos=True,
            has_recovery_key=True,
            turned_on=1,
            writer=self.random(16),
        )

        async def work(work: Work) -> None:
            await backup_state.save(work.tx, state)
            for number, peer in enumerate(PEERS):
                await contacts.save(work.tx, contact(peer, f"peer{number}"))
                await conversations.ensure(work.tx, ConversationId(peer), now=1)

        await self.place.transact(work)

    async def restore(self, *, beside: bool = False) -> None:
        store = Objects(self.shelf, self.place.sleep)
        found = await finding.find(store, SECRET.backup_key(), None)
        wanted = restoring.new_journal(found, "folder:/memory", (), restoring.LATER, self.clock())
        journal = await restoring.begin(self.place, wanted)
        going = restoring.open_restoring(self.place, store, Meter(self.clock, lambda _moved: None), journal)
        if beside:
            going = replace(going, beside=True)
            await looking_ahead.bring_everyone(going)
        await restoring.restore_messages(going)
        await restoring.complete(going)

    async def picture(self) -> dict[str, bytes]:
        top = await self.database.read(backup_rows.top)
        return await self.database.read(
            lambda reader: reader.run(partial(backup_rows.picture, watermark=top, now=self.clock()))
        )

    async def step(self, what: str, number: int, text: str) -> None:
        peer = PEERS[number % 2]
        target = MessageId(bytes([number + 1]) * 16)
        match what:
            case "back up":
                await backing_up.back_up(self.place)
            case "merge":
                if (await require(self.place)).generation:
                    await self.restore()
            case "wait":
                self.clock.move(days=number)
            case _:
                await self.place.transact(
                    partial(self._change, what=what, peer=peer, target=target, text=text)
                )

    async def _change(self, work: Work, what: str, peer: AccountId, target: MessageId, text: str) -> None:
        match what:
            case "say":
                await contacts.save(work.tx, contact(peer, f"peer{PEERS.index(peer)}"))
                await conversations.ensure(work.tx, ConversationId(peer), work.now)
                said = Message(
                    id=target,
                    conversation=ConversationId(peer),
                    author=peer,
                    mine=False,
                    kind=MessageKind.TEXT,
                    text=text,
                    sent_at=work.now,
                    received_at=work.now,
                    delivery=Delivery.NONE,
                )
                await messages.add(work.tx, said, unread=bool(text))
            case "edit":
                await messages.edit(work.tx, target, text, work.now)
            case "react":
                await messages.react(work.tx, target, peer, text, work.now)
            case "remove":
                await messages.remove(work.tx, target)
            case "blank":
                await messages.blank(work.tx, target)
            case "timer":
                await conversations.set_timer(work.tx, ConversationId(peer), 604_800, work.now)
            case "forget chat":
                await conversations.delete(work.tx, ConversationId(peer))


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=14))
def test_any_history_restores_as_it_is(steps: list[tuple[str, int, str]]) -> None:
    async def whole() -> None:
        with tempfile.TemporaryDirectory() as folder:
            clock, shelf = Clock(), MemoryProvider()
            async with (
                Terminal(Path(folder), "first", shelf, clock) as first,
                Terminal(Path(folder), "second", shelf, clock) as second,
                Terminal(Path(folder), "third", shelf, clock) as third,
            ):
                await first.live()
                for step in steps:
                    await first.step(*step)
                before = await first.picture()
                await first.step("back up", 0, "")
                assert await first.picture() == before
                await second.restore()
                assert await second.picture() == before
                await third.restore(beside=True)
                assert await third.picture() == before
                await first.step("merge", 0, "")
                assert await first.picture() == before

    asyncio.run(whole())


async def test_two_devices_that_write_at_once_damage_nothing_and_one_wins(tmp_path: Path) -> None:
    clock, shelf = Clock(), MemoryProvider()
    async with (
        Terminal(tmp_path, "first", shelf, clock) as first,
        Terminal(tmp_path, "second", shelf, clock) as second,
        Terminal(tmp_path, "third", shelf, clock) as third,
    ):
        await first.live()
        await second.live()
        for number in range(6):
            await first.step("say", number, f"first {number}")
            await second.step("say", number, f"second {number}")
            before = dict(shelf.objects)
            await asyncio.gather(first.step("back up", 0, ""), second.step("back up", 0, ""))
            assert before.items() <= shelf.objects.items()
        await third.restore()
        assert await third.picture() in (await first.picture(), await second.picture())

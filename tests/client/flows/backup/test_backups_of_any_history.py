"""Any history, backed up at any moments, restores as it is: a comparison of two databases, table by table."""

import asyncio
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import hypothesis
import msgspec
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from letterlock.ids import AccountId, BlobId, ConversationId, MessageId
from letterlock.messaging import content as contents
from letterlock.messaging.attachments import plan
from letterlock.primitives.derivation import sha256
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
from letterlock_client.flows.files.sealed_files import place_of
from letterlock_client.flows.onboarding import Application
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.models import (
    Attachment,
    Delivery,
    Listed,
    Message,
    MessageKind,
    Settings,
    Standing,
    TransferState,
)
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.storage import (
    attachments,
    backup_state,
    contacts,
    conversations,
    keyring,
    messages,
    settings,
)
from letterlock_client.storage.attachments import StoredAttachment
from letterlock_client.storage.backup_state import BackupState
from letterlock_client.storage.database import Database
from tests.client.flows.backup.plain_reading import History, is_fleeting, read_history, seal_file
from tests.client.storage.chat import contact
from tests.simulator import RELAY_URL, Chance, Clock

PEERS = [AccountId(bytes([number]) * 20) for number in (1, 2)]
SECRET = RecoverySecret(b"R" * 32)

SAYINGS = ("say", "reply", "own", "own file", "file", "once", "brief", "fading", "unknown")
"""Messages of every sort: "once" and "brief" may not come back, "fading" ones as long as they last."""
OWN = (
    (Delivery.ACCEPTED, ""),
    (Delivery.DELIVERED, ""),
    (Delivery.READ, ""),
    (Delivery.FAILED, "the relay refused it"),
)

NUMBERS = st.integers(0, 7)
STEPS = st.one_of(
    st.tuples(st.sampled_from(SAYINGS), NUMBERS, st.sampled_from(["", "short", "ü" * 300, "a\0b"])),
    st.tuples(st.just("edit"), NUMBERS, st.text("ab\0", max_size=3)),
    st.tuples(st.just("react"), NUMBERS, st.sampled_from(["", "👍", "!"])),
    st.tuples(st.just("remove"), NUMBERS, st.just("")),
    st.tuples(st.just("blank"), NUMBERS, st.just("")),
    st.tuples(st.just("forget chat"), st.integers(0, 1), st.just("")),
    st.tuples(st.sampled_from(["timer", "mute", "list"]), st.integers(0, 1), st.just("")),
    st.tuples(st.sampled_from(["draft", "person"]), st.integers(0, 1), st.sampled_from(["", "a\0b", "no"])),
    st.tuples(st.just("settings"), st.integers(0, 1), st.just("")),
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

    async def restore(self, *, beside: bool = False, key: bytes | None = None) -> None:
        store = Objects(self.shelf, self.place.sleep)
        found = await finding.find(store, key or SECRET.backup_key(), None)
        wanted = restoring.new_journal(found, "folder:/memory", (), restoring.ALL, self.clock())
        journal = await restoring.begin(self.place, wanted)
        going = restoring.open_restoring(self.place, store, Meter(self.clock, lambda _moved: None), journal)
        if beside:
            going = replace(going, beside=True)
            await looking_ahead.bring_everyone(going)
        await restoring.restore_messages(going)
        await restoring.complete(going)

    async def history(self) -> History:
        return await read_history(self.database, self.places)

    async def restored(self) -> History:
        """What is here of what may come back; that nothing else came is looked at too."""
        found = await self.history()
        now = self.clock()
        assert not [
            each
            for each in found.messages
            if each["view_once"] or 0 < each["timer_s"] < 86_400 or 0 < each["expires_at"] <= now
        ]
        return found.shall_come_back(now)

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
            case _ if what in SAYINGS:
                if await contacts.get(work.tx, peer) is None:
                    await contacts.save(work.tx, contact(peer, f"peer{PEERS.index(peer)}"))
                await conversations.ensure(work.tx, ConversationId(peer), work.now)
                await self._say(work, what, peer, target, text)
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
            case "mute":
                await conversations.set_muted(work.tx, ConversationId(peer), True, work.now + 5)
            case "list":
                await conversations.set_listed(work.tx, ConversationId(peer), Listed.PINNED)
            case "draft":
                await conversations.set_draft(work.tx, ConversationId(peer), text)
            case "settings":
                await settings.save(work.tx, Settings(typing=peer == PEERS[0]))
            case "person":
                await self._learn(work, peer, text)
            case "forget chat":
                await conversations.delete(work.tx, ConversationId(peer))

    async def _learn(self, work: Work, peer: AccountId, warning: str) -> None:
        """Take note of a newer device list of somebody, a warning, and that the owner compared numbers."""
        known = await contacts.get(work.tx, peer)
        assert known is not None
        newer = replace(
            known,
            handle_entry=b"newer entry",
            list_certificate=b"newer certificate",
            device_list=b"newer list",
            list_version=known.list_version + 1,
            list_digest=b"e" * 32,
            standing=Standing.BLOCKED if warning else Standing.ACCEPTED,
            verified=True,
            key_changed_at=work.now,
            warning=warning,
            known=False,
        )
        await contacts.save(work.tx, newer)

    async def _say(self, work: Work, what: str, peer: AccountId, target: MessageId, text: str) -> None:
        mine = what.startswith("own")
        delivery, failure = OWN[target[0] % 4] if mine else (Delivery.NONE, "")
        timer_s = {"brief": 3600, "fading": 604_800}.get(what, 0)
        said = Message(
            id=target,
            conversation=ConversationId(peer),
            author=work.place.own.id if mine else peer,
            mine=mine,
            kind={"unknown": MessageKind.UNKNOWN}.get(what, MessageKind.TEXT),
            text=text,
            sent_at=work.now,
            received_at=work.now + target[0],
            delivery=delivery,
            failure=failure,
            reply_to=MessageId(bytes([target[0] % 8 + 1]) * 16) if what == "reply" else None,
            view_once=what == "once",
            timer_s=timer_s,
            # The short one was not read yet, so its time does not run.
            expires_at=work.now + timer_s * 1000 if what == "fading" else 0,
        )
        if not await messages.add(work.tx, said, unread=bool(text) and not mine):
            return
        if what == "unknown":
            await settings.set_fact(work.tx, f"unknown:{target.hex()}", text.encode() or b"raw")
        elif what in ("file", "own file", "once"):
            await self._attach(work, target, text)

    async def _attach(self, work: Work, message: MessageId, text: str) -> None:
        content, key, path = (text or "bytes").encode() * 50, self.random(32), place_of(message)
        await asyncio.to_thread(seal_file, self.place.sealed_path(path), key, content)
        said = contents.Attachment(
            kind=contents.AttachmentKind.IMAGE,
            blob=BlobId(message),
            key=key,
            digest=sha256(content),
            size=len(content),
            sealed_size=plan(len(content)).sealed_size,
        )
        shown = Attachment(
            said.blob, "sea.png", "image/png", said.size, TransferState.HERE, 3, 4, 5, b"preview"
        )
        file = StoredAttachment(
            message, shown, msgspec.msgpack.encode(said), path, upload=False, blob_expires=work.now + 9
        )
        await attachments.add(work.tx, file)


async def comes_back(steps: list[tuple[str, int, str]], folder: Path) -> tuple[History, History]:
    """Live so, back up, and restore in every way; return what was here at the end, and what came back."""
    clock, shelf = Clock(), MemoryProvider()
    async with (
        Terminal(folder, "first", shelf, clock) as first,
        Terminal(folder, "second", shelf, clock) as second,
        Terminal(folder, "third", shelf, clock) as third,
    ):
        await first.live()
        for step in steps:
            await first.step(*step)
        before = await first.history()
        wanted = before.shall_come_back(clock())
        await first.step("back up", 0, "")
        assert await first.history() == before
        await second.restore()
        assert await second.restored() == wanted
        await third.restore(beside=True)
        assert await third.restored() == wanted
        await first.step("merge", 0, "")
        assert (await first.history()).shall_come_back(clock()) == wanted
        return before, await second.history()


@hypothesis.settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(STEPS, max_size=14))
def test_any_history_restores_as_it_is(steps: list[tuple[str, int, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(comes_back(steps, Path(folder)))


FULL = [
    *((what, number % 8, f"said as {what}") for number, what in enumerate(SAYINGS[:6])),
    ("file", 6, ""),
    ("fading", 7, "fading"),
    ("brief", 8, "soon gone"),
    *(
        (what, number, text)
        for what, text in (("draft", "a draft"), ("person", "forked"))
        for number in (0, 1)
    ),
    *((what, 0, "") for what in ("timer", "mute", "list", "settings")),
    ("react", 0, "👍"),
    ("edit", 2, "mended"),
]


async def test_every_field_of_a_full_history_comes_back(tmp_path: Path) -> None:
    """Each field has, somewhere in it, what is not its default; so that one of them is lost is seen for sure."""
    before, after = await comes_back([*FULL, ("wait", 1, ""), ("react", 1, "!")], tmp_path / "one")
    fleeting = {each["id"] for each in before.messages if is_fleeting(each, 0)}
    assert len(fleeting) == 2, "a view-once one, and one that lives for an hour"
    assert fleeting.isdisjoint(each["id"] for each in after.messages)
    more = [("unknown", 1, "newer"), ("say", 2, "x"), ("blank", 2, "")]
    other, _ = await comes_back(more, tmp_path / "two")
    values = before.shall_come_back(0).fields()
    for name, found in other.shall_come_back(0).fields().items():
        values[name] |= found
    never = {"messages.view_once", "messages.viewed"}
    empty = {name for name, found in values.items() if not any(found)}
    assert empty == never
    assert before.settings


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
        assert await third.history() in (await first.history(), await second.history())

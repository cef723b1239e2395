"""Identity, sessions, prekeys, contacts, outbox, originals, what was seen, news and settings: each as promised."""

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from letterlock.ids import AccountId, DeviceId, EnvelopeId
from letterlock_client.models import NewsKind, Settings, Standing
from letterlock_client.storage import contacts, feed, identity, outbox, prekeys, seen, sessions, settings
from letterlock_client.storage.database import Database, Reader, Transaction
from letterlock_client.storage.identity import OwnIdentity
from letterlock_client.storage.outbox import Original, Outgoing, SentTo
from letterlock_client.storage.prekeys import StoredPrekey
from tests.client.storage.chat import BOB, CHAT, KEY, ME, contact, message

ONE = DeviceId(1)
TWO = DeviceId(2)


def outgoing(number: int, account: AccountId = BOB, **more: object) -> Outgoing:
    values: dict[str, object] = {
        "envelope": EnvelopeId(number.to_bytes(16)),
        "account": account,
        "list_epoch": 1,
        "list_version": 2,
        "sealed": ((ONE, b"one" * 1000), (TWO, b"")),
        "kind": "text",
        "created": number,
    }
    return Outgoing(**(values | more))  # type: ignore[arg-type]


class TestIdentity:
    OWN = OwnIdentity(
        account=ME,
        handle="me",
        relay="wss://relay",
        insecure=True,
        device=ONE,
        root_public=b"p",
        list_certificate=b"c",
        device_list=b"l",
        handle_entry=b"h",
        list_seed=b"1",
        identity_seed=b"2",
        agreement_private=b"3",
        sealing_private=b"first",
    )

    async def test_it_comes_back_as_saved_and_there_is_one(self, database: Database) -> None:
        assert await database.read(identity.load) is None
        await database.write(lambda tx: identity.save(tx, self.OWN, 1))
        done = replace(self.OWN, registered=True, invite="x")
        await database.write(lambda tx: identity.save(tx, done, 2))
        assert await database.read(identity.load) == done

    async def test_older_sealing_keys_stay_until_long_after_their_successor(self, database: Database) -> None:
        for at, private in ((10, b"first"), (20, b"second"), (30, b"third")):
            own = replace(self.OWN, sealing_private=private)
            await database.write(lambda tx, own=own, at=at: identity.save(tx, own, at))

        async def kept() -> list[bytes]:
            return [key.private for key in await database.read(identity.sealing_keys)]

        assert await kept() == [b"third", b"second", b"first"]
        assert await database.write(lambda tx: identity.drop_sealing_keys(tx, 20)) == 0
        assert await database.write(lambda tx: identity.drop_sealing_keys(tx, 21)) == 1
        assert await kept() == [b"third", b"second"]
        assert await database.write(lambda tx: identity.drop_sealing_keys(tx, 10**9)) == 1
        assert await kept() == [b"third"]


class TestSessions:
    async def test_each_device_has_one_session(self, database: Database) -> None:
        async def work(tx: Transaction) -> None:
            await sessions.save(tx, BOB, ONE, b"a", 1)
            await sessions.save(tx, BOB, ONE, b"b", 2)
            await sessions.save(tx, BOB, TWO, b"c", 2)
            await sessions.save(tx, ME, ONE, b"d", 2)

        await database.write(work)
        assert await database.read(lambda r: sessions.load(r, BOB, ONE)) == b"b"
        assert await database.read(lambda r: sessions.load_all(r, BOB)) == {ONE: b"b", TWO: b"c"}
        assert await database.write(lambda tx: sessions.delete(tx, BOB, ONE)) == 1
        assert await database.write(lambda tx: sessions.delete(tx, BOB)) == 1
        assert await database.read(lambda r: sessions.load(r, BOB, TWO)) is None
        assert await database.read(lambda r: sessions.load(r, ME, ONE)) == b"d"

    async def test_retries_are_counted_by_device_and_time(self, database: Database) -> None:
        async def work(tx: Transaction) -> None:
            for at in (1, 5, 9):
                await sessions.note_retry(tx, BOB, ONE, at)
            await sessions.note_retry(tx, BOB, TWO, 9)

        await database.write(work)
        assert await database.read(lambda r: sessions.retries_since(r, BOB, ONE, 5, 9)) == 2
        # Those that lie ahead were noted under a wrong clock.
        assert await database.read(lambda r: sessions.retries_since(r, BOB, ONE, 0, 6)) == 2
        assert await database.write(lambda tx: sessions.forget_retries(tx, 9)) == 2
        assert await database.read(lambda r: sessions.retries_since(r, BOB, ONE, 0, 9)) == 1


class TestPrekeys:
    async def test_no_id_is_given_twice_even_after_deletion(self, database: Database) -> None:
        async def work(tx: Transaction) -> list[int]:
            first = await prekeys.next_id(tx, 1, 3)
            await prekeys.add(tx, [StoredPrekey(1, first + n, b"s", 1) for n in range(3)])
            await prekeys.delete(tx, [(1, first + n) for n in range(3)])
            return [
                first,
                await prekeys.next_id(tx, 1),
                await prekeys.next_id(tx, 2),
                await prekeys.next_id(tx, 1),
            ]

        assert await database.write(work) == [1, 4, 1, 5]

    async def test_published_counted_newest_and_used(self, database: Database) -> None:
        keys = [StoredPrekey(2, number, b"%d" % number, number) for number in range(1, 5)]
        await database.write(lambda tx: prekeys.add(tx, keys))
        await database.write(lambda tx: prekeys.mark_published(tx, 2, [1, 2]))
        assert await database.read(lambda r: prekeys.unpublished(r, 2)) == keys[2:]
        assert await database.read(lambda r: prekeys.newest(r, 2)) == keys[3]
        assert await database.read(lambda r: prekeys.get(r, 2, 1)) == replace(keys[0], published=True)
        await database.write(lambda tx: prekeys.delete(tx, [(2, 1)]))
        assert await database.read(lambda r: prekeys.get(r, 2, 1)) is None
        assert await database.read(lambda r: prekeys.count(r, 2)) == 3
        assert await database.read(lambda r: prekeys.newest(r, 9)) is None

    async def test_old_ones_go_but_never_the_newest_of_a_kind(self, database: Database) -> None:
        keys = [StoredPrekey(kind, number, b"s", number) for kind in (1, 2) for number in (1, 2, 3)]
        await database.write(lambda tx: prekeys.add(tx, keys))
        assert await database.write(lambda tx: prekeys.delete_older(tx, 10**9)) == 4
        assert [await database.read(lambda r, k=k: prekeys.count(r, k)) for k in (1, 2)] == [1, 1]

    async def test_a_first_contact_is_known_until_forgotten(self, database: Database) -> None:
        await database.write(lambda tx: prekeys.remember_first_contact(tx, b"d", 5))
        await database.write(lambda tx: prekeys.remember_first_contact(tx, b"d", 9))
        assert await database.read(lambda r: prekeys.first_contact_seen(r, b"d"))
        assert not await database.read(lambda r: prekeys.first_contact_seen(r, b"e"))
        assert await database.write(lambda tx: prekeys.forget_first_contacts(tx, 6)) == 1
        assert not await database.read(lambda r: prekeys.first_contact_seen(r, b"d"))


class TestContacts:
    async def test_they_come_back_as_saved(self, database: Database) -> None:
        changed = replace(contact(), verified=True, warning="w", known=False, standing=Standing.BLOCKED)
        await database.write(lambda tx: contacts.save(tx, changed))
        assert await database.read(lambda r: contacts.get(r, BOB)) == changed
        assert await database.read(lambda r: contacts.get(r, ME)) is None
        assert changed.shown().standing is Standing.BLOCKED

    async def test_two_with_one_handle_are_both_named(self, database: Database) -> None:
        await database.write(lambda tx: contacts.save(tx, contact(ME, "bob")))
        found = await database.read(lambda r: contacts.by_handle(r, "bob"))
        assert {each.account for each in found} == {BOB, ME}
        assert await database.read(lambda r: contacts.by_handle(r, "b%")) == []

    async def test_a_deleted_one_takes_its_chat_along(self, database: Database) -> None:
        await database.write(lambda tx: contacts.delete(tx, BOB))
        assert await database.read(contacts.every) == []
        assert await database.read(lambda r: r.value("SELECT count(*) FROM conversation")) == 0


ACCOUNTS = st.sampled_from([AccountId(bytes([number]) * 20) for number in range(3)])


class Outbox(RuleBasedStateMachine):
    """Only the first envelope for each recipient is ever ready, in order, whatever comes and goes."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = tempfile.TemporaryDirectory()
        self.database = self.runner.run(Database.open(Path(self.folder.name) / "m.db", KEY))
        self.model: list[tuple[int, AccountId, int]] = []
        self.number = 0

    def teardown(self) -> None:
        self.runner.run(self.database.close())
        self.runner.close()
        self.folder.cleanup()

    @rule(account=ACCOUNTS)
    def add(self, account: AccountId) -> None:
        self.number += 1
        self.runner.run(self.database.write(lambda tx: outbox.add(tx, outgoing(self.number, account))))
        self.model.append((self.number, account, 0))

    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        if self.model:
            entry = data.draw(st.sampled_from(self.model))
            envelope = EnvelopeId(entry[0].to_bytes(16))
            assert self.runner.run(self.database.write(lambda tx: outbox.delete(tx, envelope)))
            self.model.remove(entry)

    @rule(data=st.data(), until=st.integers(1, 9))
    def wait(self, data: st.DataObject, until: int) -> None:
        if self.model:
            index = data.draw(st.integers(0, len(self.model) - 1))
            number, account, _ = self.model[index]
            envelope = EnvelopeId(number.to_bytes(16))
            self.runner.run(self.database.write(lambda tx: outbox.attempted(tx, envelope, not_before=until)))
            self.model[index] = (number, account, until)

    @rule(data=st.data())
    def seal_again(self, data: st.DataObject) -> None:
        if self.model:
            index = data.draw(st.integers(0, len(self.model) - 1))
            number, account, _ = self.model[index]
            self.number += 1
            fresh = outgoing(self.number, account, list_version=3)
            old = EnvelopeId(number.to_bytes(16))
            assert self.runner.run(self.database.write(lambda tx: outbox.replace_sealed(tx, old, fresh)))
            self.model[index] = (self.number, account, 0)

    @invariant()
    def ready_is_the_model(self) -> None:
        for now in (0, 5, 9):
            heads = {account: (number, until) for number, account, until in reversed(self.model)}
            expected = sorted(
                (number for number, until in heads.values() if until <= now),
                key=lambda number: [each[0] for each in self.model].index(number),
            )
            ready = self.runner.run(self.database.read(lambda r, now=now: outbox.next_ready(r, now)))
            assert [int.from_bytes(each.envelope) for each in ready] == expected

    @invariant()
    def waiting_is_the_model(self) -> None:
        waiting = self.runner.run(self.database.read(outbox.waiting))
        assert [int.from_bytes(each.envelope) for each in waiting] == [each[0] for each in self.model]
        assert self.runner.run(self.database.read(outbox.count)) == len(self.model)


TestOutboxOrder = Outbox.TestCase
TestOutboxOrder.settings = hypothesis_settings(max_examples=20, stateful_step_count=20, deadline=None)


class TestOutbox:
    async def test_a_resend_is_the_same_bytes(self, database: Database) -> None:
        value = outgoing(1, message=message(1).id, original=message(1).id)
        position = await database.write(lambda tx: outbox.add(tx, value))
        found = await database.read(lambda r: outbox.get(r, value.envelope))
        assert found == replace(value, position=position)
        assert await database.write(lambda tx: outbox.attempted(tx, value.envelope, not_before=7)) == 1
        again = await database.read(lambda r: outbox.get(r, value.envelope))
        assert again == replace(value, position=position, attempts=1, not_before=7)

    async def test_a_try_that_was_put_off_under_a_clock_that_was_ahead_is_not_waited_for(
        self, database: Database
    ) -> None:
        value = outgoing(1)
        await database.write(lambda tx: outbox.add(tx, value))
        until = 10**12
        await database.write(lambda tx: outbox.attempted(tx, value.envelope, not_before=until))
        first = until - outbox.LONGEST_WAIT_MS
        for now, ready in ((first - 1, 1), (first, 0), (until - 1, 0), (until, 1)):
            found = await database.read(lambda r, now=now: outbox.next_ready(r, now))  # type: ignore[misc]
            assert len(found) == ready

    async def test_one_not_sealed_yet_is_kept_too(self, database: Database) -> None:
        value = outgoing(1, sealed=())
        await database.write(lambda tx: outbox.add(tx, value))
        found = await database.read(lambda r: outbox.get(r, value.envelope))
        assert found is not None
        assert found.sealed == ()

    async def test_giving_up_names_what_it_was(self, database: Database) -> None:
        async def work(tx: Transaction) -> list[Outgoing]:
            for number, account in ((1, BOB), (2, ME), (3, BOB)):
                await outbox.add(tx, outgoing(number, account, message=message(number).id))
            return await outbox.delete_for(tx, BOB)

        assert [each.created for each in await database.write(work)] == [1, 3]
        assert await database.write(lambda tx: outbox.delete_message(tx, message(2).id)) == 1
        assert await database.read(outbox.count) == 0
        assert not await database.write(lambda tx: outbox.delete(tx, EnvelopeId(bytes(16))))
        assert await database.write(lambda tx: outbox.attempted(tx, EnvelopeId(bytes(16)))) == 0


class TestOriginals:
    KEPT = Original(message(1).id, BOB, b"payload", "text", 100)

    async def test_one_second_try_a_device_until_it_changes(self, database: Database) -> None:
        devices = [SentTo(ONE, b"1"), SentTo(TWO, b"2")]
        await database.write(lambda tx: outbox.keep_original(tx, self.KEPT, devices))
        assert await database.read(lambda r: outbox.original(r, message(1).id)) == self.KEPT
        assert await database.write(lambda tx: outbox.mark_resent(tx, message(1).id, ONE))
        assert not await database.write(lambda tx: outbox.mark_resent(tx, message(1).id, ONE))
        assert not await database.write(lambda tx: outbox.mark_resent(tx, message(1).id, DeviceId(3)))
        again = [SentTo(ONE, b"1"), SentTo(TWO, b"changed")]
        await database.write(lambda tx: outbox.keep_original(tx, self.KEPT, again))
        kept = await database.read(lambda r: outbox.sent_to(r, message(1).id))
        assert kept == [SentTo(ONE, b"1", resent=True), SentTo(TWO, b"changed")]

    async def test_delivered_or_old_ones_are_forgotten_with_their_devices(self, database: Database) -> None:
        async def work(tx: Transaction) -> None:
            for number in range(1, 5):
                kept = replace(self.KEPT, message=message(number).id, created=number)
                await outbox.keep_original(tx, kept, [SentTo(ONE, b"1")])
            await outbox.delivered(tx, message(4).id)

        await database.write(work)
        found = await database.read(lambda r: outbox.undelivered(r, BOB, 2))
        assert [each.created for each in found] == [2, 3]
        assert await database.write(lambda tx: outbox.forget_originals(tx, 3)) == 2
        assert await database.read(lambda r: r.value("SELECT count(*) FROM original_device")) == 1


async def test_an_envelope_is_new_once(database: Database) -> None:
    envelope = EnvelopeId(b"e" * 16)
    assert await database.write(lambda tx: seen.add(tx, envelope, 5))
    assert not await database.write(lambda tx: seen.add(tx, envelope, 6))
    assert await database.read(lambda r: seen.contains(r, envelope))
    assert await database.write(lambda tx: seen.forget(tx, 6)) == 1
    assert not await database.read(lambda r: seen.contains(r, envelope))


class TestNews:
    async def test_each_is_printed_once_and_in_order(self, database: Database) -> None:
        async def work(tx: Transaction) -> None:
            await feed.add(tx, NewsKind.MESSAGE, 1, conversation=CHAT, message=message(1).id)
            await feed.add(tx, NewsKind.ALARM, 2, detail="forked")
            await feed.add(tx, NewsKind.REQUEST, 3, conversation=CHAT)

        await database.write(work)
        first = await database.read(lambda r: feed.unprinted(r, 2))
        assert [(each.kind, each.detail, each.message) for each in first] == [
            (NewsKind.MESSAGE, "", message(1).id),
            (NewsKind.ALARM, "forked", None),
        ]
        await database.write(lambda tx: feed.mark_printed(tx, first[-1].sequence))
        rest = await database.read(feed.unprinted)
        assert [each.kind for each in rest] == [NewsKind.REQUEST]
        await database.write(lambda tx: feed.forget(tx, CHAT, NewsKind.MESSAGE))
        assert await database.read(feed.unprinted) == rest
        await database.write(lambda tx: feed.forget(tx, CHAT))
        assert await database.read(feed.unprinted) == []

    async def test_news_that_nobody_prints_stay_bounded(
        self, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(feed, "MAX_NEWS", 10)
        for at in range(25):
            await database.write(lambda tx, at=at: feed.add(tx, NewsKind.RECEIPT, at))
        assert [each.at for each in await database.read(feed.unprinted)] == list(range(15, 25))


async def test_settings_and_facts_outlive_a_restart(path: Path) -> None:
    chosen = Settings(read_receipts=False, default_timer_s=60)
    async with await Database.open(path, KEY) as database:
        assert await database.read(settings.load) == Settings()
        await database.write(lambda tx: settings.save(tx, chosen))
        await database.write(lambda tx: settings.set_fact(tx, "a", b"1"))
        await database.write(lambda tx: settings.set_fact(tx, "b", b"2"))
        await database.write(lambda tx: settings.set_fact(tx, "b", None))

    async def facts(reader: Reader) -> list[bytes | None]:
        return [await settings.fact(reader, name) for name in ("a", "b")]

    async with await Database.open(path, KEY) as database:
        assert await database.read(settings.load) == chosen
        assert await database.read(facts) == [b"1", None]

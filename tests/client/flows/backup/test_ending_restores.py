"""A restore whose place is gone for ever ends where backups begin anew, with what is here."""

import asyncio
from pathlib import Path

import pytest

from letterlock.ids import AccountId, ConversationId, account_text
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows import contacts as contacting
from letterlock_client.flows.backup import looking_ahead
from letterlock_client.flows.contacts import Found
from letterlock_client.flows.workplace import Work
from letterlock_client.left_behind import LeftBehind
from letterlock_client.messenger import Messenger
from letterlock_client.models import Standing, TransferState
from letterlock_client.providers.interface import Provider, ProviderInfo, RefusedError
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.storage import late_changes
from letterlock_client.storage.database import Reader
from tests.client.flows.backup.backup_scene import (
    PROVIDER,
    Shelf,
    Slow,
    flipped,
    much_for_carol,
    pair,
    restore,
    shelf,
    spoil,
    texts,
    turn_on,
)
from tests.client.flows.backup.test_moving_crashes import OTHER, DeadError, Life, Mortal, filled
from tests.client.providers.faulty import FaultyProvider
from tests.town import WAIT_S, Pair, eventually

__all__ = ["pair", "shelf"]


async def begun(
    pair: Pair, shelf: Shelf, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Messenger, str]:
    """A new terminal with the newest segment alone, whose restore goes on beside chatting."""
    monkeypatch.setattr(looking_ahead, "ENOUGH", 1)
    alice, digits = await filled(pair, folder)
    await alice.close()
    await restore(pair.town, digits, early=True)
    shelf.others[OTHER] = MemoryProvider()
    return await pair.town.open("second", connect=False), digits


async def kept_for_later(reader: Reader) -> list[int]:
    tables = ("restore", "restore_done", "late_change", "late_read", "late_gone")
    return [int(await reader.value(f"SELECT count(*) FROM {table}")) for table in tables]


class Unread(FaultyProvider):
    """A folder that lists what it has, and gives nothing out."""

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        raise RefusedError(f"{name} cannot be read")


def gone(shelf: Shelf) -> Provider:
    shelf.memory.objects.clear()
    return shelf.memory


@pytest.mark.parametrize("fault", ["gone", "unread"])
async def test_it_ends_with_what_is_here_and_the_next_backup_has_all_of_that(
    pair: Pair, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    alice, digits = await begun(pair, shelf, tmp_path, monkeypatch)
    said = await texts(alice, pair.to_bob)
    assert len(said) < 9
    shelf.seen = gone(shelf) if fault == "gone" else Unread(shelf.memory)
    with pytest.raises(ClientError) as told:
        await alice.backups.move(OTHER)
    assert "begin anew (--anew), which ends it with what is here" in told.value.message
    assert (await alice.backups.status()).restoring
    left = await alice.backups.left_behind()
    assert left.waiting >= 10 - len(said)
    status = await alice.backups.move(OTHER, anew=True)
    assert (status.provider, status.restoring, status.last) == (OTHER, False, None)
    assert await alice._place.database.read(kept_for_later) == [0] * 5
    assert await alice.backups.left_behind() == LeftBehind(0, 0)
    assert await texts(alice, pair.to_bob) == said
    await alice.send_text(pair.to_bob, "from here on")
    await alice.backups.back_up()
    assert (await alice.backups.verify()).problems == ()
    assert (await alice.backups.rehearse()).differences == ()
    said = await texts(alice, pair.to_bob)
    await alice.close()
    assert (await restore(pair.town, digits, "third", provider=OTHER)).messages == len(said)
    third = await pair.town.open("third", connect=False)
    assert await texts(third, pair.to_bob) == said


async def test_a_chat_of_which_it_brought_no_message_says_so_once_it_ends(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(looking_ahead, "ENOUGH", 1)
    digits = await turn_on(pair.alice)
    to_carol = await much_for_carol(pair)
    await pair.alice.backups.back_up()
    await pair.alice.send_text(pair.to_bob, "newest")
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await restore(pair.town, digits, early=True)
    shelf.others[OTHER] = MemoryProvider()
    gone(shelf)
    alice = await pair.town.open("second", connect=False)
    # It may still come.
    assert not (await alice.conversation(to_carol)).lost
    await alice.backups.move(OTHER, anew=True)
    assert [chat.title for chat in await alice.conversations() if chat.lost] == ["carol"]


async def test_who_dies_while_it_ends_has_it_unfinished_or_ended(
    pair: Pair, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, digits = await begun(pair, shelf, tmp_path, monkeypatch)
    said = await texts(alice, pair.to_bob)
    other = shelf.others[OTHER]
    gone(shelf)
    deaths = 0
    while (status := await alice.backups.status()).provider != OTHER:
        assert (status.provider, status.restoring) == (PROVIDER, True)
        unfinished = await alice.backups.unfinished()
        assert unfinished is not None
        assert unfinished.request.provider == PROVIDER
        life = Life(deaths)
        shelf.seen, shelf.others[OTHER] = Mortal(shelf.memory, life), Mortal(other, life)
        try:
            await alice.backups.move(OTHER, anew=True)
        except DeadError:
            deaths += 1
            await alice.close()
            alice = await pair.town.open("second", connect=False)
    assert deaths >= 8
    assert not status.restoring
    shelf.seen, shelf.others[OTHER] = MemoryProvider(), other
    assert await texts(alice, pair.to_bob) == said
    await alice.backups.back_up()
    await alice.close()
    assert (await restore(pair.town, digits, "third", provider=OTHER)).messages == len(said)


@pytest.mark.parametrize("whole", ["all", "one segment"])
async def test_where_anything_can_be_read_it_is_let_finish_first(
    pair: Pair, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: str
) -> None:
    alice, _ = await begun(pair, shelf, tmp_path, monkeypatch)
    said = await texts(alice, pair.to_bob)
    if whole == "one segment":
        spoil(shelf, max(name for name in shelf.memory.objects if "/segment/" in name), flipped)
    with pytest.raises(ClientError) as told:
        await alice.backups.move(OTHER, anew=True)
    assert told.value.code is Code.RESTORE_UNFINISHED
    status = await alice.backups.status()
    assert (status.provider, status.restoring) == (PROVIDER, True)
    assert await texts(alice, pair.to_bob) == said


async def test_what_was_kept_for_messages_that_do_not_come_goes(
    pair: Pair, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, _ = await begun(pair, shelf, tmp_path, monkeypatch)
    newest = (await alice.history(pair.to_bob, 1))[0]
    late = late_changes.LateChange(newest.id, AccountId(pair.to_bob), b"payload")

    async def keep(work: Work) -> None:
        await late_changes.keep(work.tx, late)
        await late_changes.note_read(work.tx, pair.to_bob, newest.id)

    await alice._place.transact(keep)
    assert await alice._place.database.read(kept_for_later) != [0] * 5
    gone(shelf)
    await alice.backups.move(OTHER, anew=True)
    assert await alice._place.database.read(kept_for_later) == [0] * 5


class Ending(FaultyProvider):
    """A folder that goes for ever when one object is read the second time: the first is the look for people."""

    def __init__(self, inner: Provider, name: str) -> None:
        super().__init__(inner)
        self._name = name
        self._looks = 0

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        self._looks += name == self._name
        if self._looks > 1:
            raise DeadError
        return await super().get(name, start, length)


async def cut_short(pair: Pair, shelf: Shelf) -> ConversationId:
    """A profile into which a restore brought Carol's newest message, and then its folder was gone; return her chat."""
    digits = await turn_on(pair.alice)
    await pair.alice.backups.back_up()
    before = set(shelf.memory.objects)
    to_carol = await much_for_carol(pair)
    await pair.alice.backups.back_up()
    (middle,) = [name for name in shelf.memory.objects.keys() - before if "/segment/" in name]
    await pair.alice.send_text(to_carol, "later")
    await pair.alice.backups.back_up()
    await pair.alice.close()
    await restore(pair.town, digits, generation=1)
    shelf.seen = Ending(shelf.memory, middle)
    with pytest.raises(DeadError):
        await restore(pair.town, digits)
    shelf.seen, shelf.others[OTHER] = shelf.memory, MemoryProvider()
    gone(shelf)
    return to_carol


async def test_who_opens_a_profile_whose_restore_was_cut_short_can_write_to_everyone(
    pair: Pair, shelf: Shelf
) -> None:
    to_carol = await cut_short(pair, shelf)
    alice = await pair.town.open("second", connect=False)
    assert await texts(alice, to_carol) == ["later"]
    assert await alice.find("carol") == to_carol
    await alice.send_text(to_carol, "still here")
    assert not (await alice.backups.move(OTHER, anew=True)).restoring
    assert await texts(alice, to_carol) == ["later", "still here"]


async def without_keys(alice: Messenger, chat: ConversationId) -> None:
    """As an earlier release left it: messages had come, and no contact."""

    async def work(work: Work) -> None:
        await work.tx.execute("DELETE FROM restore_done WHERE name = 'everyone'")
        await work.tx.execute("UPDATE conversation SET created = 0, change_seq = -1 WHERE peer = ?", chat)
        await work.tx.execute(
            "UPDATE contact SET handle = '', handle_entry = x'', root_key = x'', list_certificate = x'',"
            " device_list = x'', list_epoch = 0, list_version = 0, list_digest = x'' WHERE account = ?",
            chat,
        )
        await work.tx.execute("UPDATE contact SET change_seq = -1 WHERE account = ?", chat)

    await alice._place.transact(work)


async def test_a_chat_without_keys_ends_with_those_that_the_relay_has(pair: Pair, shelf: Shelf) -> None:
    to_carol = await cut_short(pair, shelf)
    alice = await pair.town.open("second", connect=False)
    await without_keys(alice, to_carol)
    with pytest.raises(ClientError) as told:
        await alice.backups.move(OTHER, anew=True)
    assert told.value.code is Code.OFFLINE
    assert "of some chats there are only messages" in told.value.message
    assert (await alice.backups.status()).restoring
    alice.connect()
    assert await alice.connected(WAIT_S)
    assert not (await alice.backups.move(OTHER, anew=True)).restoring
    assert await texts(alice, to_carol) == ["later"]
    assert await alice.find("carol") == to_carol
    await alice.backups.back_up()
    assert (await alice.backups.rehearse()).differences == ()


async def test_a_chat_whose_contact_the_relay_denies_stays_all_the_same(
    pair: Pair, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    to_carol = await cut_short(pair, shelf)
    alice = await pair.town.open("second")
    assert await alice.connected(WAIT_S)
    await without_keys(alice, to_carol)

    async def deny(*_: object) -> Found:
        raise ClientError(Code.UNKNOWN_CONTACT, "nobody here goes by that")

    with monkeypatch.context() as patch:
        patch.setattr(contacting, "fetch", deny)
        assert not (await alice.backups.move(OTHER, anew=True)).restoring
    assert await texts(alice, to_carol) == ["later"]
    await alice.backups.back_up()
    assert await texts(alice, to_carol) == ["later"]
    # Nothing of it is another's: once the relay tells the keys, all is as it was.
    assert await alice.find(account_text(AccountId(to_carol))) == to_carol
    await alice.send_text(to_carol, "still here")
    assert await alice.flushed(WAIT_S)
    await alice.backups.back_up()
    assert (await alice.backups.rehearse()).differences == ()


async def test_whoever_is_looked_up_or_writes_gets_the_keys_that_a_chat_lacks(
    pair: Pair, shelf: Shelf
) -> None:
    to_carol = await cut_short(pair, shelf)
    alice = await pair.town.open("second", connect=False)
    await without_keys(alice, to_carol)
    assert "carol" not in [one.handle for one in await alice.contacts()]
    with pytest.raises(ClientError) as told:
        await alice.send_text(to_carol, "hello")
    assert "a restore has brought only messages of this chat so far" in told.value.message
    assert account_text(AccountId(to_carol)) in told.value.message
    alice.connect()
    assert await alice.connected(WAIT_S)
    assert await alice.find("carol") == to_carol
    await alice.send_text(to_carol, "hello")


@pytest.mark.parametrize("wrote", [True, False])
async def test_of_those_without_keys_who_was_never_written_to_asks_like_a_stranger(
    pair: Pair, shelf: Shelf, wrote: bool
) -> None:
    await cut_short(pair, shelf)
    alice = await pair.town.open("second")
    assert await alice.connected(WAIT_S)
    await without_keys(alice, to_bob := pair.to_bob)

    async def whose(work: Work) -> None:
        await work.tx.execute("UPDATE message SET mine = ?", wrote)

    await alice._place.transact(whose)
    assert await texts(alice, to_bob)
    await pair.bob.send_text(pair.to_alice, "who is there?")

    async def came() -> bool:
        return to_bob in [one.account for one in await alice.contacts()]

    await eventually(came)
    (contact,) = [one for one in await alice.contacts() if one.account == to_bob]
    assert contact.standing is (Standing.ACCEPTED if wrote else Standing.REQUESTED)
    if wrote:
        await alice.send_text(to_bob, "it is me")
    else:
        # Nobody has to read what a stranger writes.
        with pytest.raises(ClientError, match="this request waits for an answer"):
            await texts(alice, to_bob)


async def test_files_that_did_not_come_are_asked_of_the_relay_alone(
    pair: Pair, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, digits = await filled(pair, tmp_path)
    await alice.close()
    await restore(pair.town, digits, early=True)
    shelf.others[OTHER] = MemoryProvider()
    alice = await pair.town.open("second")
    gone(shelf)
    await alice.backups.move(OTHER, anew=True)
    (one,) = [each for each in await alice.history(pair.to_bob, 100) if each.attachment is not None]
    assert one.attachment is not None
    assert one.attachment.state is TransferState.REMOTE
    await alice.backups.back_up()
    assert (await alice.backups.verify()).media == 0
    await alice.download(one.id)
    shown = (await alice.message(one.id)).attachment
    assert shown is not None
    assert shown.state is TransferState.HERE
    assert (await alice.backups.back_up()).media_written == 1


class Held(MemoryProvider):
    """A place that does not answer."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()

    async def info(self) -> ProviderInfo:
        self.asked.set()
        await asyncio.Event().wait()
        raise AssertionError


async def test_a_beginning_that_is_called_off_lets_the_restore_go_on(
    pair: Pair, shelf: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, _ = await begun(pair, shelf, tmp_path, monkeypatch)
    segments = [name for name in shelf.memory.objects if "/segment/" in name]
    shelf.seen, shelf.others[OTHER] = Slow(shelf.memory, segments, free=0), (held := Held())
    alice.backups.go_on_restoring()
    moving = asyncio.create_task(alice.backups.move(OTHER, anew=True))
    await held.asked.wait()
    assert not alice.backups._tasks.restores
    moving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await moving
    assert alice.backups._tasks.restores

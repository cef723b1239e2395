"""Every word of line mode does what the help says, and what cannot be done there says where it can."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from letterlock.ids import message_text
from letterlock_client.errors import ClientError
from letterlock_client.flows.backup import backing_up
from letterlock_client.models import Standing
from letterlock_client.plain.talk import Talk
from letterlock_client.providers.interface import FullError
from letterlock_client.providers.memory import MemoryProvider
from letterlock_client.shapes import local_time
from tests.client.flows.backup.backup_scene import Shelf, Stuck, shelf, turn_on
from tests.town import Pair, Town, eventually, pair, town

__all__ = ["pair", "shelf", "town"]

Said = pytest.CaptureFixture[str]


@pytest.fixture
async def both(shelf: Shelf, town: Town) -> Pair:
    return await town.befriend()


async def answer(talk: Talk, said: Said, line: str) -> str:
    said.readouterr()
    await talk.obey(line)
    return said.readouterr().out


async def test_the_help_names_every_word_and_each_word_answers_without_a_chat(
    pair: Pair, capsys: Said
) -> None:
    talk = Talk(pair.alice)
    listed = [
        line.split()[0].rstrip(":")
        for line in (await answer(talk, capsys, "/help")).splitlines()
        if line[0] == "/"
    ]
    assert {"/search", "/verify", "/backup", "/timer", "/info", "/export", "/unblock", "/storage"} <= set(
        listed
    )
    for word in listed:
        if word not in (
            "/quit",
            "/help",
            "/backup",
            "/storage",
            "/invite",
        ):
            assert await answer(talk, capsys, word), word
    assert not talk.over
    await talk.obey("/quit")
    assert talk.over


async def test_messages_are_found_looked_into_and_people_come_and_go(
    pair: Pair, capsys: Said, tmp_path: Path
) -> None:
    talk = Talk(pair.alice)
    sent = await pair.alice.send_text(pair.to_bob, "the lantern by the harbour")
    await pair.settle()
    assert "lantern by the harbour" in await answer(talk, capsys, "/search lant harb")
    told = await answer(talk, capsys, f"/info {message_text(sent.id)}")
    assert "for 1 device;" in told
    assert told.count("Delivered") == 2
    assert f"Delivered {local_time((await pair.alice.message(sent.id)).delivered_at)}: " in told
    assert "Read" not in told
    assert "ratchet step" in told
    assert "bob, not verified" in await answer(talk, capsys, "/contacts")
    assert "id=" in await answer(talk, capsys, "/invite")
    await answer(talk, capsys, "/block bob")
    assert (await pair.alice.conversation(pair.to_bob)).contact.standing is Standing.BLOCKED
    assert "blocked" in await answer(talk, capsys, "/contacts")
    await answer(talk, capsys, "/unblock bob")
    assert (await pair.alice.conversation(pair.to_bob)).contact.standing is Standing.ACCEPTED
    assert "0 files" in await answer(talk, capsys, "/storage")
    plan = tmp_path / "plan.txt"
    plan.write_bytes(bytes(20_000))
    await pair.alice.send_file(pair.to_bob, plan)
    await pair.settle()
    told = (await answer(talk, capsys, "/storage")).splitlines()
    assert [line.split("  ")[-1] for line in told[:2]] == ["others, 1 file", "bob, 1 file"]


async def test_backups_are_made_and_checked_while_lines_go_on(both: Pair, capsys: Said) -> None:
    talk = Talk(both.alice)
    assert "off" in (await answer(talk, capsys, "/backup")).lower()
    assert "letterlock backup on" in await answer(talk, capsys, "/backup on")
    assert "letterlock backup rotate" in await answer(talk, capsys, "/backup rotate")
    await turn_on(both.alice)
    assert "No vault has noted anything" in await answer(talk, capsys, "/backup history")
    assert "Nothing runs" in await answer(talk, capsys, "/backup stop")
    listening = asyncio.create_task(talk.listen())
    for word, wanted in (("now", "2 messages"), ("verify", "2 messages"), ("rehearse", "2 messages")):
        heard = await answer(talk, capsys, f"/backup {word}")

        async def done(wanted: str = wanted) -> bool:
            nonlocal heard
            heard += capsys.readouterr().out
            return wanted in heard

        await eventually(done)
    assert "folder:/memory" in await answer(talk, capsys, "/backup")
    assert "type /backup, or now" in (await answer(talk, capsys, "/backup everything")).lower()
    await talk.stop()
    listening.cancel()


async def test_a_backup_in_line_mode_can_be_stopped(both: Pair, shelf: Shelf, capsys: Said) -> None:
    talk = Talk(both.alice)
    listening = asyncio.create_task(talk.listen())
    await turn_on(both.alice)
    shelf.seen = stuck = Stuck()
    await talk.obey("/backup now")
    await stuck.asked.wait()
    await talk.obey("/backup verify")
    assert "Something still goes on" in capsys.readouterr().out
    await talk.obey("/backup stop")
    await talk.stop()
    await hears(capsys, "Stopped. There is no backup yet")
    listening.cancel()


async def test_a_backup_that_begins_by_itself_says_in_line_mode_how_it_ended(
    both: Pair, shelf: Shelf, capsys: Said
) -> None:
    talk = Talk(both.alice)
    listening = asyncio.create_task(talk.listen())
    await turn_on(both.alice)
    await backing_up.back_up(both.alice._place)
    await hears(capsys, "Generation 1: 2 messages")
    shelf.seen = FullOne()
    await both.alice.save_draft(both.to_bob, "a draft")
    with pytest.raises(ClientError):
        await backing_up.back_up(both.alice._place)
    await hears(capsys, "Make room there.")
    listening.cancel()


class FullOne(MemoryProvider):
    """A provider without room."""

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        del name, data
        raise FullError("make room there")


async def hears(capsys: Said, wanted: str) -> None:
    heard = ""

    async def said() -> bool:
        nonlocal heard
        heard += capsys.readouterr().out
        return wanted in heard

    await eventually(said)


async def test_what_changes_about_a_message_is_said_once_and_nothing_else(pair: Pair, capsys: Said) -> None:
    talk = Talk(pair.alice)
    first = await pair.bob.send_text(pair.to_alice, "at nine")
    await pair.settle()
    await answer(talk, capsys, "/to bob")
    listening = asyncio.create_task(talk.listen())
    try:
        await pair.bob.edit(first.id, "at ten")
        await pair.bob.react(first.id, "\N{THUMBS UP SIGN}")
        second = await pair.bob.send_text(pair.to_alice, "or later", reply_to=first.id)
        await pair.bob.send_once(pair.to_alice, "the code")
        await pair.bob.delete(second.id, for_everyone=True)
        said = ""

        async def all_told() -> bool:
            nonlocal said
            said += capsys.readouterr().out
            return "(deleted)" in said

        await pair.settle()
        await eventually(all_told)
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
    name = message_text(first.id)[:8]
    lines = said.splitlines()
    assert sum("bob: at ten (edited)" in line and line.startswith("Changed: ") for line in lines) >= 1
    assert sum("(edited) (\N{THUMBS UP SIGN} from bob)" in line for line in lines) == 1
    assert sum(f"or later (answers {name})" in line for line in lines) == 1
    assert sum("(view once: /save opens it)" in line for line in lines) == 1
    assert sum(line.startswith("Changed: ") for line in lines) == 3


async def test_where_there_is_nothing_that_is_said(town: Town, capsys: Said) -> None:
    talk = Talk(await town.register("alice"))
    for line, words in (
        ("/chats", "No chats yet"),
        ("/requests", "Nobody waits"),
        ("/contacts", "You know nobody yet"),
        ("/search hello", "Nothing found"),
    ):
        assert words in await answer(talk, capsys, line)

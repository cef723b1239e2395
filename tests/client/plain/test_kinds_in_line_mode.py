"""Line mode knows every kind of message: earlier texts, forwarding, timers."""

from pathlib import Path

import pytest

from letterlock.ids import message_text
from letterlock_client.models import Listed
from letterlock_client.plain.talk import Talk
from tests.town import Pair, pair, town

__all__ = ["pair", "town"]


async def test_lines_change_forward_and_time_messages(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    told = await pair.alice.send_text(pair.to_bob, "at nine")
    talk = Talk(pair.alice)
    await talk.obey("/to bob")
    name = message_text(told.id)
    await talk.obey(f"/edits {name}")
    await talk.obey(f"/edit {name} at ten")
    await talk.obey(f"/edits {name}")
    shown = capsys.readouterr().out
    assert "never changed" in shown
    assert shown.rstrip().endswith("at nine")
    await talk.obey(f"/react {name} :tada:")
    assert [one.emoji for one in (await pair.alice.message(told.id)).reactions] == ["🎉"]
    await talk.obey(f"/forward {name} bob")
    await talk.obey("/timer soon")
    await talk.obey("/timer 8h")
    assert "Give a time like" in capsys.readouterr().out
    assert (await pair.alice.conversation(pair.to_bob)).timer_s == 28_800
    await pair.settle()
    texts = [message.text for message in await pair.bob.history(pair.to_alice, 9)]
    assert texts.count("at ten") == 2


async def test_a_line_sends_a_file_with_a_caption_and_one_to_be_seen_once(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "two words.txt"
    file.write_bytes(b"noted")
    talk = Talk(pair.alice)
    await talk.obey(f"/attach {file}")
    await talk.obey("/to bob")
    await talk.obey(f"/attach '{file}' have a look")
    await talk.obey(f"/view-once {file}")
    await talk.obey("/mute")
    assert "Say first to whom" in capsys.readouterr().out
    await pair.settle()
    first, second = await pair.bob.history(pair.to_alice, 2)
    assert (first.text, first.view_once, second.view_once) == ("have a look", False, True)
    assert (await pair.alice.conversation(pair.to_bob)).muted
    await talk.obey(f"/export {tmp_path / 'bob.txt'}")
    assert "have a look" in (tmp_path / "bob.txt").read_text()
    await talk.obey("/archive")
    assert (await pair.alice.conversation(pair.to_bob)).listed is Listed.ARCHIVED
    await talk.obey("/pin")
    assert (await pair.alice.conversation(pair.to_bob)).listed is Listed.PINNED
    await talk.obey("/pin")
    assert (await pair.alice.conversation(pair.to_bob)).listed is Listed.USUAL

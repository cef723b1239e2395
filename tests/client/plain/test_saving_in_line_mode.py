"""Line mode saves a message's file where it is told to, and says where that was."""

from pathlib import Path

import pytest

from letterlock.ids import message_text
from letterlock_client.plain.talk import Talk
from tests.town import Pair, pair, town

__all__ = ["pair", "town"]


@pytest.mark.parametrize("view_once", [False, True])
async def test_a_file_is_saved_where_the_line_says(
    pair: Pair, tmp_path: Path, capsys: pytest.CaptureFixture[str], view_once: bool
) -> None:
    source = tmp_path / "note.txt"
    source.write_bytes(b"noted")
    sent = await pair.alice.send_file(pair.to_bob, source, view_once=view_once)
    await pair.settle()
    talk = Talk(pair.bob)
    await talk.obey(f"/save {message_text(sent.id)} {tmp_path / 'with spaces'}")
    assert (tmp_path / "with spaces").read_bytes() == b"noted"
    assert f"Saved as {tmp_path / 'with spaces'}." in capsys.readouterr().out
    await talk.obey(f"/save {message_text(sent.id)} {tmp_path / 'with spaces'}")
    assert "Saved" not in capsys.readouterr().out


async def test_without_a_place_a_file_is_saved_here(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "note.txt").write_bytes(b"noted")
    (tmp_path / "here").mkdir()
    sent = await pair.alice.send_file(pair.to_bob, tmp_path / "note.txt")
    await pair.settle()
    monkeypatch.chdir(tmp_path / "here")
    await Talk(pair.bob).obey(f"/save {message_text(sent.id)}")
    assert (tmp_path / "here" / "note.txt").read_bytes() == b"noted"


async def test_a_text_to_be_read_once_is_said_once(pair: Pair, capsys: pytest.CaptureFixture[str]) -> None:
    sent = await pair.alice.send_once(pair.to_bob, "the door code is 4711")
    await pair.settle()
    talk = Talk(pair.bob)
    await talk.obey(f"/save {message_text(sent.id)}")
    assert "the door code is 4711" in capsys.readouterr().out
    await talk.obey(f"/save {message_text(sent.id)}")
    assert "4711" not in capsys.readouterr().out

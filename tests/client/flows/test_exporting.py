"""A chat leaves the profile as a record, a page or text: whole, without what was meant to disappear."""

import hashlib
import json
from pathlib import Path

import pytest

from letterlock.ids import ConversationId, message_text
from letterlock_client.errors import ClientError, Code
from letterlock_client.exports.chain import check
from letterlock_client.flows.exporting import Format, Wish, wish_of
from tests.town import Pair

PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c63f8cfc0f01f00050001ff89993d1d0000000049454e44ae426082"
)


@pytest.fixture
async def told(pair: Pair, tmp_path: Path) -> Pair:
    picture = tmp_path / "pixel.png"
    picture.write_bytes(PIXEL)
    await pair.alice.send_file(pair.to_bob, picture, caption="a picture")
    await pair.alice.send_text(pair.to_bob, '<script>alert(1)</script> \x1b[31m"chain": "')
    await pair.alice.set_timer(pair.to_bob, 3600)
    await pair.alice.send_text(pair.to_bob, "gone in an hour")
    await pair.settle()
    return pair


def wish(pair: Pair, target: Path, kind: Format, *, media: bool = True) -> Wish:
    return Wish(pair.to_bob, target, kind, media)


async def test_a_record_holds_every_lasting_message_and_can_be_checked(told: Pair, tmp_path: Path) -> None:
    written = await told.alice.export(wish(told, tmp_path / "bob.jsonl", Format.JSONL))
    with written.path.open("rb") as lines:
        checked = check(lines)
    assert (checked.account, checked.head) == (told.alice.profile.account, written.head)
    entries = [json.loads(line)["entry"] for line in written.path.read_bytes().splitlines()]
    texts = [one["text"] for one in entries if one["type"] == "message"]
    assert texts[:3] == ["hello", "hello yourself", "a picture"]
    assert "gone in an hour" not in texts
    assert (entries[-1]["messages"], entries[-1]["left_out"]) == (written.messages, written.left_out)
    assert written.left_out == 1
    file = next(one["file"] for one in entries if "file" in one)
    assert file["sha256"] == hashlib.sha256(PIXEL).hexdigest()
    assert (tmp_path / file["path"]).read_bytes() == PIXEL


async def test_a_page_stands_alone_and_runs_nothing(told: Pair, tmp_path: Path) -> None:
    written = await told.alice.export(wish(told, tmp_path / "bob.html", Format.HTML))
    page = written.path.read_text()
    assert "&lt;script&gt;" in page
    assert "<script" not in page
    assert "\x1b" not in page
    assert "default-src 'none'" in page
    assert 'src="data:image/png;base64,' in page
    assert "http" not in page.replace("http-equiv", "")
    assert written.media == 1
    assert not (tmp_path / "bob-media").exists()


async def test_an_answer_in_a_page_leads_to_what_it_answers(told: Pair, tmp_path: Path) -> None:
    await told.alice.set_timer(told.to_bob, 0)
    asked = await told.alice.send_text(told.to_bob, "which door?")
    await told.alice.send_text(told.to_bob, "that one", reply_to=asked.id)
    page = (await told.alice.export(wish(told, tmp_path / "bob.html", Format.HTML))).path.read_text()
    answer = next(line for line in page.splitlines() if "that one" in line)
    assert f'href="#{message_text(asked.id)}"' in answer
    assert f'<article id="{message_text(asked.id)}"' in page


async def test_text_reads_as_history_prints_it(told: Pair, tmp_path: Path) -> None:
    written = await told.alice.export(wish(told, tmp_path / "bob.txt", Format.TXT, media=False))
    text = written.path.read_text()
    assert "bob: hello yourself" in text
    assert "1 disappearing or view-once message is not in this export." in text
    assert "\x1b" not in text
    assert written.path.stat().st_mode & 0o777 == 0o600


async def test_nothing_that_lies_there_is_overwritten_and_nothing_half_is_left(
    told: Pair, tmp_path: Path
) -> None:
    target = tmp_path / "taken.txt"
    target.write_text("mine")
    for place in (target, tmp_path, tmp_path / "nowhere" / "x.txt"):
        with pytest.raises(ClientError) as caught:
            await told.alice.export(wish(told, place, Format.TXT))
        assert caught.value.code is Code.FILE_FAILED
    assert target.read_text() == "mine"
    assert not list(tmp_path.glob(".letterlock-*"))


async def test_what_was_just_said_is_found(told: Pair) -> None:
    found = await told.bob.search("PICT")
    assert [one.text for one in found] == ["a picture"]
    with pytest.raises(ClientError) as caught:
        await told.bob.search("?!")
    assert caught.value.code is Code.BAD_INPUT


async def test_shared_files_are_listed_newest_first_and_view_once_ones_never(
    told: Pair, tmp_path: Path
) -> None:
    other = tmp_path / "notes.txt"
    other.write_text("x")
    await told.alice.send_file(told.to_bob, other)
    await told.alice.send_file(told.to_bob, other, view_once=True)
    files = await told.alice.shared_files(told.to_bob)
    assert [one.attachment.name for one in files if one.attachment] == ["notes.txt", "pixel.png"]


def test_the_end_of_a_name_says_the_format(tmp_path: Path) -> None:
    chat = ConversationId(bytes(20))
    kinds = {end: wish_of(chat, tmp_path / f"bob{end}") for end in (".jsonl", ".HTML", ".txt")}
    assert [each.format for each in kinds.values()] == [Format.JSONL, Format.HTML, Format.TXT]
    assert [each.media for each in kinds.values()] == [True, True, False]
    with pytest.raises(ClientError) as refused:
        wish_of(chat, tmp_path / "bob")
    assert refused.value.code is Code.BAD_INPUT

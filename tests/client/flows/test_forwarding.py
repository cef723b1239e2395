"""What is forwarded is said anew: same words and bytes, other keys, and no trace of where it came from."""

import tempfile
from pathlib import Path

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.models import Message
from tests.simulator import Chance
from tests.town import Pair

CONTENT = Chance("forwarded")(200_000)


async def last(pair: Pair) -> tuple[Message, Message]:
    await pair.settle()
    return (await pair.alice.history(pair.to_bob, 1))[0], (await pair.bob.history(pair.to_alice, 1))[0]


async def test_a_text_is_said_again_without_what_it_answered(pair: Pair) -> None:
    first = await pair.alice.send_text(pair.to_bob, "question")
    told = await pair.alice.send_text(pair.to_bob, "answer", reply_to=first.id)
    await pair.settle()
    again = await pair.bob.forward(told.id, pair.to_alice)
    here, _ = await last(pair)
    assert (here.id, here.text, here.reply_to) == (again.id, "answer", None)
    assert again.id != told.id


async def test_a_file_is_fetched_and_sealed_anew(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "plan.bin"
    path.write_bytes(CONTENT)
    sent = await pair.alice.send_file(pair.to_bob, path, caption="see here")
    await pair.settle()
    await pair.bob.forward(sent.id, pair.to_alice)
    here, _ = await last(pair)
    assert here.attachment is not None
    assert sent.attachment is not None
    assert (here.text, here.attachment.name) == ("see here", "plan.bin")
    assert here.attachment.blob != sent.attachment.blob
    with tempfile.TemporaryDirectory() as folder:
        assert (await pair.alice.save(here.id, Path(folder))).read_bytes() == CONTENT


async def test_what_can_be_seen_once_is_not_forwarded(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "secret"
    path.write_bytes(b"once")
    sent = await pair.alice.send_file(pair.to_bob, path, view_once=True)
    await pair.settle()
    with pytest.raises(ClientError) as raised:
        await pair.bob.forward(sent.id, pair.to_alice)
    assert raised.value.code is Code.BAD_INPUT


async def test_a_text_too_long_for_a_message_arrives_as_a_file(pair: Pair) -> None:
    text = "äöü\n" * 30_000
    with pytest.raises(ClientError) as raised:
        await pair.alice.send_text(pair.to_bob, text)
    assert raised.value.code is Code.TOO_LARGE
    sent = await pair.alice.send_long_text(pair.to_bob, text)
    await pair.settle()
    got = await pair.bob.message(sent.id)
    assert got.attachment is not None
    assert (got.attachment.name, got.attachment.media_type) == ("message.txt", "text/plain")
    with tempfile.TemporaryDirectory() as folder:
        assert (await pair.bob.save(got.id, Path(folder))).read_text() == text

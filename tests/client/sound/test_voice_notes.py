"""What was said into a microphone arrives as a sealed voice note, and is heard as it was said."""

from array import array
from pathlib import Path

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.models import MessageKind
from letterlock_client.sound import notes
from letterlock_client.sound.devices import BYTES_A_SECOND, RATE
from tests.client.pictures.test_films import film, sound
from tests.client.sound.memory_devices import tone
from tests.town import Pair, pair, town

__all__ = ["pair", "town"]


def loudness(samples: bytes) -> float:
    values = array("h", samples)
    return sum(map(abs, values)) / max(1, len(values))


async def test_a_voice_note_arrives_with_its_waveform_and_is_heard(pair: Pair) -> None:
    said = bytes(BYTES_A_SECOND) + tone(1.0)
    await pair.alice.send_voice(pair.to_bob, said)
    await pair.settle()
    (got,) = await pair.bob.history(pair.to_alice, 1)
    assert got.kind is MessageKind.VOICE
    assert got.attachment is not None
    assert (got.attachment.duration_ms, got.attachment.media_type) == (2000, "audio/ogg")
    assert got.attachment.size < len(said) / 4
    bars = got.attachment.preview
    assert (len(bars), bars[0], bars[-1] > 200) == (notes.BARS, 0, True)
    heard = await pair.bob.hear(got.id)
    assert abs(len(heard) - len(said)) < BYTES_A_SECOND // 5
    assert loudness(heard[: BYTES_A_SECOND // 2]) * 20 < loudness(heard[-BYTES_A_SECOND // 2 :])


async def test_any_sound_that_was_sent_is_heard_and_nothing_else(pair: Pair, tmp_path: Path) -> None:
    for name, raw in (("a.wav", sound()), ("b.flac", sound("flac", "flac"))):
        (tmp_path / name).write_bytes(raw)
        sent = await pair.alice.send_file(pair.to_bob, tmp_path / name)
        assert abs(len(await pair.alice.hear(sent.id)) - 2 * BYTES_A_SECOND) < BYTES_A_SECOND // 5
    (tmp_path / "broken.mp3").write_bytes(b"ID3" + bytes(500))
    (tmp_path / "film.mp4").write_bytes(film())
    for name, words in (("broken.mp3", "cannot be decoded"), ("film.mp4", "no sound")):
        sent = await pair.alice.send_file(pair.to_bob, tmp_path / name)
        with pytest.raises(ClientError) as told:
            await pair.alice.hear(sent.id)
        assert words in told.value.message
    text = await pair.alice.send_text(pair.to_bob, "la la la")
    with pytest.raises(ClientError):
        await pair.alice.hear(text.id)


async def test_a_key_pressed_by_mistake_sends_nothing(pair: Pair) -> None:
    before = len(await pair.alice.history(pair.to_bob, 100))
    with pytest.raises(ClientError) as told:
        await pair.alice.send_voice(pair.to_bob, tone(0.1))
    assert (told.value.code, "too short" in told.value.message) == (Code.BAD_INPUT, True)
    assert len(await pair.alice.history(pair.to_bob, 100)) == before


def test_silence_has_flat_bars_and_the_loudest_is_full() -> None:
    assert notes.bars(bytes(2 * RATE)) == bytes(notes.BARS)
    assert notes.bars(b"") == bytes(notes.BARS)
    assert max(notes.bars(tone(0.5, loud=100))) == 255

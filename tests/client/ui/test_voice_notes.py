"""Voice notes are recorded, sent, drawn and heard by keys; leaving always closes the microphone."""

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.ui.doors import Tastes
from letterlock_client.ui.screens.main import MainScreen
from letterlock_client.ui.screens.record import RecordScreen
from tests.client.sound.memory_devices import MemoryDevices
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import chat_id, lively
from tests.client.ui.test_screens import Picture

BOB = chat_id("bob")


async def recording(running: Running) -> None:
    await running.press("enter", "alt+s")
    assert isinstance(running.app.screen, RecordScreen)


async def test_enter_sends_what_was_said_and_a_waveform_stands_in_the_chat(
    client: Open, picture: Picture
) -> None:
    devices, fake = MemoryDevices(), lively()
    async with client(fake, tastes=Tastes(sound=lambda: devices)) as running:
        await recording(running)
        assert "0:01" in running.text()
        picture(running.app, "record-100x30")
        await running.press("enter")
        assert fake.asked("send_voice") == [(BOB, devices.said)]
        assert devices.recordings[0].stopped
        assert "▁▁▁▁" in running.text()
        assert "▇▇▇" in running.text()


async def test_escape_throws_it_away_and_closes_the_microphone(client: Open) -> None:
    devices, fake = MemoryDevices(), lively()
    async with client(fake, tastes=Tastes(sound=lambda: devices)) as running:
        await recording(running)
        await running.press("escape")
        assert isinstance(running.app.screen, MainScreen)
        assert fake.asked("send_voice") == []
        assert devices.recordings[0].stopped


async def test_without_a_microphone_it_is_said_what_to_install(client: Open) -> None:
    def nothing() -> MemoryDevices:
        raise ClientError(Code.BAD_INPUT, "recording and playing need PortAudio")

    async with client(lively(), tastes=Tastes(sound=nothing)) as running:
        await running.press("enter", "alt+s")
        assert isinstance(running.app.screen, MainScreen)
        assert "PortAudio" in running.text()


async def test_a_microphone_that_fails_says_why_and_nothing_is_sent(client: Open) -> None:
    class Deaf(MemoryDevices):
        def record(self) -> None:  # type: ignore[override]
            raise ClientError(Code.FAILED, "no sound device can be opened")

    fake = lively()
    async with client(fake, tastes=Tastes(sound=Deaf)) as running:
        await recording(running)
        assert "No sound device can be opened." in running.text()
        await running.press("enter")
        assert fake.asked("send_voice") == []


@pytest.mark.parametrize("by_itself", [True, False])
async def test_space_plays_a_sound_and_stops_it(client: Open, by_itself: bool) -> None:
    devices, fake = MemoryDevices(), lively()
    async with client(fake, tastes=Tastes(sound=lambda: devices)) as running:
        await recording(running)
        await running.press("enter", "escape", "G", "space")
        await running.settle()
        (played,) = devices.plays
        assert (played.sound, played.stopped) == (b"sound", 0)
        if by_itself:
            played.ended()
            await running.settle()
        else:
            await running.press("space")
        assert played.stopped
        await running.press("space")
        await running.settle()
        assert len(devices.plays) == 2
    assert devices.plays[1].stopped, "leaving is silent"

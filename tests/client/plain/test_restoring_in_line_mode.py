"""Line mode goes on with a restore that is not complete, and says each of its phases once."""

import asyncio

import pytest

from letterlock_client.plain.talk import Talk
from tests.client.flows.backup.backup_scene import pair, shelf
from tests.client.flows.backup.test_chatting_while_restoring import Scene, scene, texts
from tests.town import WAIT_S, eventually, town

__all__ = ["pair", "scene", "shelf", "town"]


async def test_a_restore_goes_on_beside_lines_and_is_told(
    scene: Scene, capsys: pytest.CaptureFixture[str]
) -> None:
    alice = await scene.come_back()
    talk = Talk(alice)
    listening = asyncio.create_task(talk.listen())
    await talk.greet()
    async with asyncio.timeout(WAIT_S):
        await scene.slow.reached.wait()
    assert (await alice.backups.status()).restoring_now
    await talk.obey("/backup")
    scene.slow.let_go.set()
    said = ""

    async def told() -> bool:
        nonlocal said
        said += capsys.readouterr().out
        return f"{len(scene.said)} messages in 1 chat" in said

    await eventually(told)
    listening.cancel()
    await asyncio.gather(listening, return_exceptions=True)
    assert "it goes on while the client runs" in said
    assert said.count("restoring messages") == 1
    assert await texts(alice, scene.pair.to_bob) == scene.said

"""The clipboard's picture is sent by key and by command, and what is missing is said."""

from pathlib import Path

import pytest

from tests.client.test_clipboard import PNG, tool
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import chat_id, lively
from tests.town import eventually


async def test_the_picture_goes_to_the_open_chat_with_its_caption(
    client: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "picture").write_bytes(PNG)
    for name, value in tool(tmp_path, "xclip", f"cat {tmp_path}/picture").items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    fake = lively()
    async with client(fake) as running:
        await running.press("enter")
        await running.type("/paste the stairs")
        await running.press("enter")

        async def sent(count: int = 1) -> bool:
            return len(fake.asked("send_file")) == count

        await eventually(sent)
        chat, path = fake.asked("send_file")[0]
        assert (chat, Path(str(path)).name) == (chat_id("bob"), "clipboard.png")
        assert fake.parcels == [("the stairs", False)]
        await running.press("alt+v")
        await eventually(lambda: sent(2))


async def test_what_is_missing_is_said_and_nothing_is_sent(
    client: Open, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    fake = lively()
    async with client(fake) as running:
        await running.press("enter", "alt+v")
        assert "wl-clipboard" in running.text()
        assert fake.asked("send_file") == []

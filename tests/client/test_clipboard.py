"""The clipboard's picture comes from the system's own programs, bounded, and leaves no file behind."""

from pathlib import Path

import pytest

from letterlock_client import clipboard
from letterlock_client.errors import ClientError, Code

PNG = b"\x89PNG\r\n\x1a\n and so on"


def tool(folder: Path, name: str, body: str) -> dict[str, str]:
    """A program of the system, and an environment that finds it."""
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o700)
    (folder / "run").mkdir()
    display = "WAYLAND_DISPLAY" if name == "wl-paste" else "DISPLAY"
    return {"PATH": f"{folder}:/usr/bin:/bin", display: "0", "XDG_RUNTIME_DIR": str(folder / "run")}


async def refused(environment: dict[str, str]) -> ClientError:
    with pytest.raises(ClientError) as told:
        async with clipboard.picture(environment):
            raise AssertionError("there is none")
    return told.value


@pytest.mark.parametrize("name", ["wl-paste", "xclip"])
async def test_a_picture_is_lent_as_a_file_and_gone_afterwards(tmp_path: Path, name: str) -> None:
    (tmp_path / "picture").write_bytes(PNG)
    around = tool(tmp_path, name, f'case "$*" in *image/png*) cat {tmp_path}/picture;; esac')
    async with clipboard.picture(around) as path:
        assert path.read_bytes() == PNG
        assert path.name == "clipboard.png"
        assert path.parent.stat().st_mode & 0o777 == 0o700
        assert path.is_relative_to(tmp_path / "run")
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("body", ["exit 1", "echo some text", "true"])
async def test_a_clipboard_without_a_picture_is_said_to_have_none(tmp_path: Path, body: str) -> None:
    error = await refused(tool(tmp_path, "xclip", body))
    assert (error.code, "no picture" in error.message) == (Code.BAD_INPUT, True)


async def test_without_a_program_it_is_said_what_to_install(tmp_path: Path) -> None:
    error = await refused({"PATH": str(tmp_path), "DISPLAY": "0", "WAYLAND_DISPLAY": "0"})
    assert "install wl-clipboard" in error.message
    assert clipboard.reader({"PATH": str(tmp_path)}, "darwin") is None


async def test_too_much_and_for_ever_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clipboard, "MOST_BYTES", 1_000)
    (tmp_path / "head").write_bytes(PNG)
    around = tool(tmp_path, "xclip", f"cat {tmp_path}/head; exec cat /dev/zero")
    assert (await refused(around)).code is Code.TOO_LARGE
    monkeypatch.setattr(clipboard, "_DEADLINE_S", 0.05)
    (tmp_path / "xclip").write_text(f"#!/bin/sh\ncat {tmp_path}/head; exec sleep 60\n")
    assert "no picture" in (await refused(around)).message

"""Programs outside: the one that opens saved files, and the person's editor with its private file."""

import stat
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.ui.panes.launching import launch
from letterlock_client.ui.panes.writing_outside import write_outside


def program(folder: Path, name: str, script: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o700)
    return path


class Terminal:
    """As much of an application as an editor needs."""

    def batch_update(self) -> AbstractContextManager[None]:
        return nullcontext()

    def suspend(self) -> AbstractContextManager[None]:
        return nullcontext()


@pytest.mark.parametrize("name", ["xdg-open", "open"])
async def test_a_file_goes_to_the_program_as_one_argument(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr("sys.platform", "darwin" if name == "open" else "linux")
    program(tmp_path, name, f'printf "%s" "$#:$1" > {tmp_path}/said')
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    await launch(Path("/tmp/-rf $(id) a.pdf"))
    assert (tmp_path / "said").read_text() == "1:/tmp/-rf $(id) a.pdf"


@pytest.mark.parametrize("script", [None, "exit 3"])
async def test_a_file_that_nothing_opens_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str | None
) -> None:
    if script is not None:
        program(tmp_path, "xdg-open", script)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ClientError) as raised:
        await launch(Path("/tmp/a.pdf"))
    assert raised.value.code is Code.FILE_FAILED


async def test_an_editor_writes_in_a_private_file_that_is_gone_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f'ls -l "$2" > {tmp_path}/rights; echo "$2" > {tmp_path}/place; echo more >> "$2"'
    editor = program(tmp_path, "editor", script)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("VISUAL", f"{editor} --wait")
    assert await write_outside(Terminal(), "said\n") == "said\nmore\n"  # type: ignore[arg-type]
    place = Path((tmp_path / "place").read_text().strip())
    assert place.is_relative_to(tmp_path)
    assert not place.exists()
    assert not place.parent.exists()
    assert (tmp_path / "rights").read_text().startswith(stat.filemode(stat.S_IFREG | 0o600))


async def test_an_editor_that_fails_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", str(program(tmp_path, "editor", 'echo worse > "$1"; exit 1')))
    assert await write_outside(Terminal(), "said") == "said"  # type: ignore[arg-type]
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    with pytest.raises(ClientError) as raised:
        await write_outside(Terminal(), "said")  # type: ignore[arg-type]
    assert raised.value.code is Code.FILE_FAILED

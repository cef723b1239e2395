"""A realm's key file: made whole or not at all, and read by nobody else."""

import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from letterlock_server.vault.sealing import KeyFileError, load_or_make


@contextmanager
def no_room() -> Iterator[None]:
    """No file can grow, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_key_file_that_could_not_be_written_leaves_nothing_in_the_way_of_the_next_try(
    tmp_path: Path,
) -> None:
    path = tmp_path / "realm.key"
    with no_room(), pytest.raises(KeyFileError, match="cannot be made"):
        load_or_make(path, os.urandom)
    assert list(tmp_path.iterdir()) == []
    made, _ = load_or_make(path, os.urandom)
    assert path.stat().st_mode & 0o777 == 0o600
    again, _ = load_or_make(path, os.urandom)
    assert again.public == made.public
    assert list(tmp_path.iterdir()) == [path]


def test_a_key_file_is_never_taken_from_where_it_is_by_another_start(tmp_path: Path) -> None:
    path = tmp_path / "realm.key"
    path.write_text("somebody else's")
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a realm's key file"):
        load_or_make(path, os.urandom)
    assert path.read_text() == "somebody else's"
    path.chmod(0o644)
    with pytest.raises(KeyFileError, match="chmod 600"):
        load_or_make(path, os.urandom)


def test_a_file_that_somebody_put_where_the_key_is_to_be_drafted_gets_no_key(tmp_path: Path) -> None:
    """In a folder that others may write to: whoever holds the draft open would read the key."""
    path, draft = tmp_path / "realm.key", tmp_path / f"realm.key.{os.getpid()}.new"
    with draft.open("w+b") as theirs:
        draft.chmod(0o666)
        load_or_make(path, os.urandom)
        assert theirs.read() == b""
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody else")
def test_a_key_file_of_somebody_else_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "realm.key"
    load_or_make(path, os.urandom)
    os.chown(path, 12345, -1)
    with pytest.raises(KeyFileError, match="belongs to somebody else"):
        load_or_make(path, os.urandom)

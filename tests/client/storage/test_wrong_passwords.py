"""Backup passwords that were wrong are known again, slow to guess at, and forgotten in time."""

from pathlib import Path

from letterlock_client.storage.wrong_passwords import MOST, MOST_BYTES, WrongPasswords
from tests.shared.vault.realms import CHEAP

ALICE, BOB = b"a" * 20, b"b" * 20


def of(path: Path) -> WrongPasswords:
    return WrongPasswords(path, lambda size: bytes(range(size)), CHEAP)


async def test_what_was_wrong_is_known_to_whoever_asks_next(tmp_path: Path) -> None:
    path = tmp_path / "state" / "wrong-passwords"
    assert await of(path).epochs(ALICE, b"wrong one") == set()
    await of(path).note(ALICE, 3, b"wrong one")
    assert await of(path).epochs(ALICE, b"wrong one") == {3}
    assert await of(path).epochs(ALICE, b"another") == set()
    assert await of(path).epochs(BOB, b"wrong one") == set()
    assert path.stat().st_mode & 0o777 == 0o600
    assert b"wrong" not in path.read_bytes()
    assert "wrong one" not in repr(of(path))


async def test_the_right_one_makes_them_be_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "wrong-passwords"
    await of(path).note(ALICE, 1, b"wrong one")
    await of(path).note(BOB, 1, b"wrong two")
    await of(path).forget(ALICE)
    assert await of(path).epochs(ALICE, b"wrong one") == set()
    assert await of(path).epochs(BOB, b"wrong two") == {1}
    await of(path).forget(BOB)
    assert not path.exists()


async def test_the_oldest_leave_and_a_damaged_file_is_none(tmp_path: Path) -> None:
    path = tmp_path / "wrong-passwords"
    for number in range(MOST + 1):
        await of(path).note(ALICE, 1, b"wrong %d" % number)
    assert await of(path).epochs(ALICE, b"wrong 0") == set()
    assert await of(path).epochs(ALICE, b"wrong 1") == {1}
    assert path.stat().st_size < MOST_BYTES
    path.write_bytes(path.read_bytes()[:-1])
    assert await of(path).epochs(ALICE, b"wrong 1") == set()
    await of(path).note(ALICE, 2, b"wrong 1")
    assert await of(path).epochs(ALICE, b"wrong 1") == {2}


async def test_a_place_that_cannot_be_written_keeps_nobody_from_trying(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file in the way")
    await of(tmp_path / "state" / "wrong-passwords").note(ALICE, 1, b"wrong one")
    assert await of(tmp_path / "state" / "wrong-passwords").epochs(ALICE, b"wrong one") == set()

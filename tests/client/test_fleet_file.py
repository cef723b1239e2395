"""The fleet file: what the servers' command writes is read, and nothing else is."""

from pathlib import Path

import pytest

from letterlock.vault.fleet import Fleet
from letterlock_client.errors import ClientError, Code
from letterlock_client.fleet_file import load_fleet, parse_fleet
from letterlock_server.vault import fleet_file as written
from tests.shared.vault.realms import fleet

GOOD = written.text(fleet())


def test_what_the_command_writes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "fleet.toml"
    written.write(path, fleet(), force=False)
    assert load_fleet(path) == fleet()
    assert isinstance(parse_fleet(GOOD.encode()), Fleet)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "threshold = 2",
        "realm = 3\nthreshold = 2",
        "not toml [",
        GOOD.replace("threshold = 2", "threshold = 1"),
        GOOD.replace("threshold = 2", "threshold = true"),
        GOOD.replace("threshold = 2", "threshold = 2\nmore = 1"),
        GOOD.replace('name = "realm-2"', 'name = "realm-1"'),
        GOOD.replace('name = "realm-2"', "name = 2"),
        GOOD.replace('name = "realm-2"', 'name = "Realm 2"'),
        GOOD.replace('url = "ws://127.0.0.1:9001"', 'url = ""'),
        GOOD.replace('key = "', 'key = "00'),
        GOOD.replace("key = ", "kee = "),
        "#" * 70_000,
    ],
)
def test_anything_else_is_no_fleet_file(text: str) -> None:
    with pytest.raises(ClientError) as told:
        parse_fleet(text.encode())
    assert told.value.code is Code.BAD_CONFIG
    assert told.value.message.endswith("; ask whoever runs your vault for theirs")


def test_it_is_said_where_it_is_wrong() -> None:
    lines = GOOD.splitlines()
    with pytest.raises(ClientError, match=f"line {len(lines) + 1} is not"):
        parse_fleet(f"{GOOD.rstrip()}\nkey = \n".encode())
    with pytest.raises(ClientError, match="of its realm number 2, a realm's name has"):
        parse_fleet(GOOD.replace('name = "realm-2"', 'name = "Realm 2"').encode())


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ClientError) as told:
        load_fleet(tmp_path / "none.toml")
    assert told.value.code is Code.FILE_FAILED
    with pytest.raises(ClientError) as told:
        parse_fleet(b"\xff\xfe")
    assert told.value.code is Code.BAD_CONFIG

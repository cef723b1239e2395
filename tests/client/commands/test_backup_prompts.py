"""What the backup commands ask and say: no secret is asked for in vain, and nothing that matters is left out."""

from argparse import Namespace
from pathlib import Path

import pytest

from letterlock_client.backup_models import TurnedOn
from letterlock_client.commands import backup
from letterlock_client.commands.session import UsageError, told_passphrase
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.messenger import Messenger
from letterlock_client.output import DONE, Output
from tests.client.ui.fake_backups import turned_on
from tests.client.ui.fake_messenger import FakeMessenger


def given(**more: object) -> Namespace:
    values = {"provider": "folder:/media/stick", "recovery_key": False, "password_file": "", "fleet": ""}
    choices = {"frequency": "", "media": None, "videos": None, "json": False}
    return Namespace(**(values | choices | more))


@pytest.fixture
def unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person is there, and whoever asks that person anything fails the test."""

    def ask(prompt: str, _instead: str) -> str:
        raise AssertionError(prompt)

    monkeypatch.setattr(backup, "ask", ask)
    monkeypatch.setattr(backup, "can_ask", lambda: True)


def lent(fake: FakeMessenger) -> Messenger:
    return fake  # type: ignore[return-value]


@pytest.mark.usefixtures("unasked")
async def test_backups_that_are_on_are_said_to_be_on_before_a_password_is_asked_for() -> None:
    fake = FakeMessenger()
    fake.backups.now = turned_on()
    with pytest.raises(ClientError) as told:
        await backup.turn_on(lent(fake), given(), Output(as_json=False))
    assert told.value.code is Code.BACKUP_ON


@pytest.mark.usefixtures("unasked")
async def test_backups_that_are_off_are_said_to_be_off_before_a_password_is_asked_for() -> None:
    with pytest.raises(ClientError) as told:
        await backup.change_password(lent(FakeMessenger()), given(), Output(as_json=False))
    assert told.value.code is Code.BACKUP_OFF


async def test_where_nobody_can_be_asked_both_ways_to_open_a_backup_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(backup, "can_ask", lambda: False)
    with pytest.raises(UsageError, match="--password-file, --recovery-key, or both"):
        await backup.turn_on(lent(FakeMessenger()), given(), Output(as_json=False))


async def test_what_a_new_password_is_worth_is_said_before_it_is_typed_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before: list[str] = []

    def ask(_prompt: str, _instead: str) -> str:
        before.append(capsys.readouterr().err)
        return "correct horse battery staple"

    monkeypatch.setattr(backup, "ask", ask)
    backup.new_password(lent(FakeMessenger()), Output(as_json=False))
    assert ["20 guesses" in each for each in before] == [False, True]


async def test_a_password_that_is_too_easy_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr(backup, "ask", lambda prompt, _instead: asked.append(prompt) or "123")
    with pytest.raises(ClientError, match="at least 8 characters") as told:
        backup.new_password(lent(FakeMessenger()), Output(as_json=False))
    assert told.value.code is Code.BAD_INPUT
    assert len(asked) == 1


@pytest.mark.parametrize("as_json", [True, False])
async def test_what_a_password_of_a_file_is_worth_is_said_to_people_alone(
    capsys: pytest.CaptureFixture[str], as_json: bool
) -> None:
    backup.worth_it(lent(FakeMessenger()), "correct horse battery staple", Output(as_json=as_json))
    said = capsys.readouterr()
    assert ("20 guesses" in said.err) is not as_json
    assert said.out == ""


@pytest.mark.parametrize(("realms", "told"), [(2, True), (3, False)])
async def test_a_realm_that_was_away_is_told_of_when_backups_are_turned_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], realms: int, told: bool
) -> None:
    fake = FakeMessenger()

    async def turn_on(*_asked: object) -> TurnedOn:
        fake.backups.now = turned_on()
        return TurnedOn(key_id="0123", recovery_key="", sheet="the sheet", realms=realms, realms_total=3)

    monkeypatch.setattr(fake.backups, "turn_on", turn_on)
    monkeypatch.setattr(backup, "unlock", lambda _given: NO_PASSPHRASE)
    assert await backup.turn_on(lent(fake), given(recovery_key=True), Output(as_json=False)) == DONE
    assert ("set at 2 of 3 realms" in capsys.readouterr().out) is told


def test_a_file_with_a_secret_that_cannot_be_read_is_named_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "junk").write_bytes(b"\xff\xfe")
    for read in (backup.secret_from, lambda name: told_passphrase(Namespace(passphrase_file=name))):
        for name, why in (("none", "No such file"), ("junk", "something else than text")):
            with pytest.raises(UsageError) as told:
                read(str(tmp_path / name))
            assert str(tmp_path / name) in str(told.value)
            assert why in str(told.value)
            assert "Errno" not in str(told.value)

"""What `backup restore` says before it asks a person for a password: how many tries are left, and what they cost."""

import json
from dataclasses import replace
from typing import Any

import pytest

from letterlock_client.backup_models import RestoreRequest, UnfinishedRestore, VaultView
from letterlock_client.commands import restoring
from letterlock_client.commands.session import UsageError
from letterlock_client.config import NO_PASSPHRASE
from letterlock_client.errors import ClientError, Code
from letterlock_client.output import Output
from tests.client.ui.fake_backups import realms, vault


class Asked:
    """A restore whose vault answers so; what was printed by the time somebody is asked is kept."""

    def __init__(self, answer: VaultView | ClientError) -> None:
        self._answer = answer
        self.times = 0

    async def vault(self) -> VaultView:
        self.times += 1
        if isinstance(self._answer, ClientError):
            raise self._answer
        return self._answer


@pytest.fixture
def prompts(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """Each prompt, with what stood before it on standard error."""
    found: list[tuple[str, str]] = []

    def ask(prompt: str, _instead: str) -> str:
        found.append((capsys.readouterr().err, prompt))
        return "a secret"

    monkeypatch.setattr(restoring, "ask", ask)
    monkeypatch.setattr(restoring, "can_ask", lambda: True)
    return found


async def typed(asked: Asked, found: UnfinishedRestore | None = None, *, as_json: bool = False) -> str:
    return await restoring.secret_typed(asked, found, Output(as_json=as_json))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("view", "said"),
    [
        (vault(attempts_left=4), "4 tries left over all realms."),
        (
            vault(attempts_left=4, wait_seconds=300),
            "The next one is possible in 5 min; waiting costs nothing.",
        ),
        (vault(attempts_left=1, with_locator=False), "1 try left over all realms by handle alone"),
        (vault(attempts_left=0, realms=realms(attempts_left=0)), "No tries are left."),
    ],
)
async def test_what_a_wrong_password_costs_stands_before_the_prompt(
    prompts: list[tuple[str, str]], view: VaultView, said: str
) -> None:
    assert await typed(Asked(view)) == "a secret"
    ((before, prompt),) = prompts
    assert said in before
    assert "north: ready" in before
    assert prompt == "Password or 64 digits: "


async def test_scripts_read_it_as_an_object(
    prompts: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(restoring, "ask", lambda *_: "a secret")
    await typed(Asked(vault(attempts_left=7, wait_seconds=60)), as_json=True)
    shape: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert (shape["type"], shape["attempts_left"], shape["wait_seconds"]) == ("vault", 7, 60)
    assert shape["realms"][0] == {
        "realm": "north",
        "state": "ready",
        "attempts_left": 10,
        "wait_seconds": 0,
    }
    assert not prompts


@pytest.mark.parametrize(
    ("code", "told"), [(Code.NO_VAULT, ""), (Code.OFFLINE, "The vault could not be asked: away.\n")]
)
async def test_a_vault_that_cannot_be_asked_keeps_nobody_from_typing_the_64_digits(
    prompts: list[tuple[str, str]], code: Code, told: str
) -> None:
    assert await typed(Asked(ClientError(code, "away"))) == "a secret"
    assert prompts == [(told, "Password or 64 digits: ")]


@pytest.mark.parametrize("by_key", [True, False])
async def test_a_restore_that_goes_on_asks_the_vault_only_for_a_password(
    prompts: list[tuple[str, str]], by_key: bool
) -> None:
    asked = Asked(vault())
    begun = UnfinishedRestore(RestoreRequest("alice", "", ""), by_key, 0)
    await typed(asked, begun)
    ((before, prompt),) = prompts
    assert (asked.times, bool(before)) == ((0, False) if by_key else (1, True))
    assert ("64 digits: " if by_key else "Backup password: ") in prompt


async def test_where_nobody_can_be_asked_no_realm_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(restoring, "can_ask", lambda: False)
    monkeypatch.setattr("letterlock_client.commands.session.can_ask", lambda: False)
    asked = Asked(replace(vault()))
    with pytest.raises(UsageError):
        await typed(asked)
    assert asked.times == 0


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (Code.OFFLINE, "the same command goes on"),
        (Code.BACKUP_DAMAGED, "with --accept-damaged"),
        (Code.PROVIDER_FULL, ""),
    ],
)
async def test_a_restore_that_stops_says_what_to_do(code: Code, told: str) -> None:
    class Stopped:
        async def run(self, *_asked: object, **_more: object) -> None:
            raise ClientError(code, "it cannot be reached.", wait_seconds=3)

    with pytest.raises(ClientError) as raised:
        await restoring.bring_back(Stopped(), NO_PASSPHRASE, Output(as_json=False))  # type: ignore[arg-type]
    assert (";" in raised.value.message, told in raised.value.message) == (bool(told), True)
    assert (raised.value.code, raised.value.facts) == (code, {"wait_seconds": 3})

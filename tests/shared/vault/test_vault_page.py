"""The vault page says what the code does: limits, numbers of kinds, stages and events, the arithmetic, fixed bytes."""

import re
from pathlib import Path

import pytest

from letterlock.devices.signed import Kind
from letterlock.primitives.derivation import sha256
from letterlock.vault import (
    fleet,
    guess,
    ledger,
    password,
    receipts,
    record,
    recovery_key,
    release,
    statement,
)
from letterlock.vault.recovery_secret import RecoverySecret
from tests.shared.vault import realms

PAGE = (Path(__file__).parents[3] / "shared" / "spec" / "vault.md").read_text()
K = bytes(range(32))
WORKED = {
    "fleet hash": lambda: realms.fleet().hash,
    "K(R)": lambda: RecoverySecret(K).backup_key(),
    "key check(R)": lambda: RecoverySecret(K).key_check(),
    "SHA-256(statement)": lambda: sha256(realms.dealt().statement.raw),
}


def _rows(heading: str) -> list[list[str]]:
    section = PAGE.split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    found = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in row] for row in found]


def test_the_limits_are_the_code_s() -> None:
    shown = {row[0]: row[1] for row in _rows("Limits")}
    numbers = {
        name: [int(one.replace(" ", "")) for one in re.findall(r"\d[\d ]*", text)]
        for name, text in shown.items()
    }
    assert numbers["realms, n"] == [1, fleet.MAX_REALMS]
    assert numbers["realm's public key"] == [fleet.REALM_KEYS_BYTES]
    assert numbers["statement"] == [statement.MAX_STATEMENT]
    assert numbers["sealed record"] == [record.MAX_SEALED_RECORD]
    assert numbers["ledger entries in a release"] == [release.MAX_ENTRIES, ledger.MAX_ENTRY]
    assert numbers["locator"] == [record.LOCATOR_BYTES]
    assert numbers["password"] == [password.MIN_CHARACTERS, password.MAX_BYTES]


def test_stages_events_and_kinds_have_the_page_s_numbers() -> None:
    stages = {int(row[0]) for row in _rows("Registering, and changing the password") if row[0].isdigit()}
    assert stages == set(map(int, receipts.Stage))
    events = {int(row[0]): row[1] for row in _rows("The ledger") if row[0].isdigit()}
    assert events == {int(one): one.name.lower().replace("_", " ") for one in ledger.Event}
    kinds = {int(row[0]): row[1] for row in _rows("What an owner signs") if row[0].isdigit()}
    assert kinds == {
        int(kind): kind.name.removeprefix("VAULT_").lower() for kind in Kind if kind.name.startswith("VAULT_")
    }
    assert f"`{recovery_key.LETTERS}`" in PAGE
    assert guess.ANSWER_BYTES == 320 + 64


def test_the_arithmetic_is_right() -> None:
    rows = [row for row in _rows("Honest arithmetic") if row[0][0].isdigit()]
    assert len(rows) == 6
    for shown, bad, guesses in rows:
        threshold, count = map(int, shown.split(" of "))
        assert int(guesses) == 10 * (count - int(bad)) // (threshold - int(bad))


@pytest.mark.parametrize("name", WORKED)
def test_the_worked_values_are_what_the_code_computes(name: str) -> None:
    (expected,) = re.findall(rf"^    {re.escape(name)} +([0-9a-f]{{64}})$", PAGE, re.MULTILINE)
    assert WORKED[name]().hex() == expected


def test_the_grid_of_the_page_is_what_the_code_draws() -> None:
    shown = "\n".join(f"    {line}" for line in recovery_key.grid(K))
    assert shown in PAGE

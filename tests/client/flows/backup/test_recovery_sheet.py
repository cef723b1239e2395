"""The recovery sheet says what a new terminal needs, and reads back as it was written."""

from dataclasses import replace

import pytest

from letterlock.vault.recovery_key import encode, grid
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.backup import asking_the_vault, recovery_sheet
from letterlock_client.flows.backup.recovery_sheet import Sheet
from letterlock_client.flows.vault.judging import judge

WHOLE = Sheet(
    "alice", "abc", "ws://127.0.0.1:1", "folder:/backups", "0011 2233", "abcd efgh", "9988", "d431 3d06"
)
BARE = Sheet("alice", "abc", "ws://127.0.0.1:1", "folder:/backups", "0011 2233")


SECRET = bytes(range(100, 132))
FULL = replace(WHOLE, digits=encode(SECRET))


@pytest.mark.parametrize("sheet", [WHOLE, BARE, FULL])
def test_a_sheet_reads_back_as_it_was_written(sheet: Sheet) -> None:
    assert recovery_sheet.read(recovery_sheet.write(sheet, ("d431 3d06 k",) if sheet.digits else ())) == sheet


def test_the_digits_stand_on_it_only_where_they_were_wanted() -> None:
    assert "d431" in recovery_sheet.write(WHOLE)
    assert "64 digits" not in recovery_sheet.write(BARE)
    assert "d431" not in repr(WHOLE)


def test_the_digits_stand_in_short_lines_and_read_back_from_one_long_line_too() -> None:
    text = recovery_sheet.write(FULL, tuple(grid(SECRET)))
    with_digits = [line for line in text.splitlines() if FULL.digits[:4] in line or FULL.digits[-4:] in line]
    assert len(with_digits) == 4
    assert max(map(len, with_digits)) <= 40
    one_line = " ".join(FULL.digits.split())
    first = text.index("64 digits:")
    before = f"{text[:first]}64 digits:      {one_line}\n{text[text.index(chr(10) * 2, first) :]}"
    assert recovery_sheet.read(before) == recovery_sheet.read(text) == FULL


def test_a_sheet_says_what_else_a_password_needs() -> None:
    assert "restore --sheet FILE --fleet FLEET," in recovery_sheet.write(WHOLE)
    assert "fleet file" in recovery_sheet.write(WHOLE)
    assert "fleet" not in recovery_sheet.write(BARE)


@pytest.mark.parametrize("text", ["", "a letter", "LETTERLOCK RECOVERY SHEET\nHandle: alice\n", "x" * 70_000])
def test_anything_else_is_no_sheet(text: str) -> None:
    with pytest.raises(ClientError) as told:
        recovery_sheet.read(text)
    assert told.value.code is Code.BAD_INPUT


def test_a_password_is_judged_by_the_guesses_that_a_vault_allows() -> None:
    assert "at least 8" in judge("short").sentence
    assert not judge("password123").acceptable
    assert judge("password").sentence.startswith("Too easy: an attacker with 20 guesses finds it every time.")
    assert not judge("alicealice", ("alice",)).acceptable
    good = judge("violet harbour 71 lanterns")
    assert good.acceptable
    assert good.sentence.startswith("An attacker with 20 guesses finds it one time in ")


def test_a_locator_copied_from_paper_may_have_look_alikes() -> None:
    locator = asking_the_vault.read_locator("olol olol olol olol")
    assert asking_the_vault.locator_text(locator) == "olol olol olol olol"
    assert asking_the_vault.read_locator("0L0L-01o1 0l0l o1OL") == locator
    for text in ("olol", "8lol olol olol olol", "olol olol olol olo\N{LATIN SMALL LETTER SHARP S}"):
        with pytest.raises(ClientError, match="16 letters and digits"):
            asking_the_vault.read_locator(text)

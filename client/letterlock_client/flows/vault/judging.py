"""What a backup password is worth against the few guesses that a vault allows, said honestly.

Must not know vaults or where a password goes.
"""

import unicodedata
from dataclasses import dataclass
from typing import Final

LEAST_CHARACTERS: Final = 8
MOST_CHARACTERS: Final = 256
ATTACKERS_GUESSES: Final = 20
"""What somebody with one bad realm of three has between two refills: 10 guesses each at the other two."""
LEAST_ODDS: Final = 10_000
_LOOKED_AT: Final = 72


@dataclass(frozen=True, slots=True)
class Judgement:
    """A sentence for the person who chooses, and whether the vault takes this password."""

    sentence: str
    acceptable: bool


def judge(password: str, known: tuple[str, ...] = ()) -> Judgement:
    """Estimate how soon a password is guessed; `known` are words that everybody knows of its owner."""
    # A dictionary of many thousand words: only who chooses a password waits for it.
    from zxcvbn import zxcvbn  # type: ignore[import-untyped]

    text = unicodedata.normalize("NFKC", password)
    if len(text) < LEAST_CHARACTERS:
        return Judgement(f"A backup password has at least {LEAST_CHARACTERS} characters.", acceptable=False)
    if len(text) > MOST_CHARACTERS:
        return Judgement(f"A backup password has at most {MOST_CHARACTERS} characters.", acceptable=False)
    found = zxcvbn(text[:_LOOKED_AT], user_inputs=list(known))
    odds = int(found["guesses"]) // ATTACKERS_GUESSES
    if odds < LEAST_ODDS:
        often = f"one time in {odds:,}" if odds > 1 else "every time"
        sentence = f"Too easy: an attacker with {ATTACKERS_GUESSES} guesses finds it {often}."
        hint = str(found["feedback"]["warning"] or "")
        return Judgement(f"{sentence} {hint}".rstrip(), acceptable=False)
    shown = f"{odds:,}" if odds < 10**12 else "more than a million million"
    return Judgement(
        f"An attacker with {ATTACKERS_GUESSES} guesses finds it one time in {shown}.", acceptable=True
    )

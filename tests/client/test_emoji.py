"""Emoji by name: every one is two cells wide, comes through the sanitiser unharmed, and is found."""

import pytest

from letterlock_client.emoji import OFTEN, SHORT, named, search, table
from letterlock_client.sanitize import emoji_of, width


def test_every_emoji_keeps_its_width_and_shape() -> None:
    for name, emoji in table().items():
        assert width(emoji) == 2, name
        assert emoji_of(emoji) == emoji, name


@pytest.mark.parametrize(
    ("words", "first"), [("", "👍"), ("heart", "💗"), (":tada", "🎉"), ("thumbs d", "👎"), ("Rocket", "🚀")]
)
def test_the_best_name_comes_first(words: str, first: str) -> None:
    assert search(words, 5)[0][0] == first


def test_no_emoji_is_offered_twice_and_nothing_fits_nonsense() -> None:
    found = [emoji for emoji, _ in search("face", 200)]
    assert len(found) == len(set(found)) > 50
    assert search("no such name", 5) == []
    assert set(OFTEN) <= set(SHORT)


@pytest.mark.parametrize(
    ("text", "meant"),
    [(":heart:", "💗"), ("Heart", "💗"), ("🎉", "🎉"), ("", ""), (":", ":"), ("nothing", "nothing")],
)
def test_an_emoji_may_be_given_by_its_name(text: str, meant: str) -> None:
    assert named(text) == meant

"""What went wrong, put into words: behind a colon as it is, and as a sentence where it stands alone."""

import pytest

from letterlock.errors import NewerFormatError
from letterlock_client.errors import ClientError, Code, whole_sentence
from letterlock_client.flows.backup.objects import told


@pytest.mark.parametrize(
    ("said", "whole"),
    [
        ("the relay cannot be reached", "The relay cannot be reached."),
        ("profile Bob is open in another program", "Profile Bob is open in another program."),
        ("It is so. Do something.", "It is so. Do something."),
        ("what is this?", "What is this?"),
        ("/home/bob is not there; choose another", "/home/bob is not there; choose another."),
        ("config.toml is wrong", "config.toml is wrong."),
        ("@bob is blocked", "@bob is blocked."),
        ("", ""),
    ],
)
def test_what_stands_alone_is_a_whole_sentence_and_keeps_every_name(said: str, whole: str) -> None:
    assert whole_sentence(said) == whole
    assert whole_sentence(whole) == whole


def test_an_error_says_the_same_both_ways() -> None:
    error = ClientError(Code.OFFLINE, "the relay cannot be reached")
    assert (error.message, error.sentence) == ("the relay cannot be reached", "The relay cannot be reached.")
    newer = told(NewerFormatError())
    assert newer.sentence == newer.message

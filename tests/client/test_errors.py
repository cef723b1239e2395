"""What went wrong, put into words: behind a colon as it is, and as a sentence where it stands alone."""

import pytest

from letterlock.errors import NewerFormatError
from letterlock_client.errors import ClientError, Code, behind_a_colon, whole_sentence
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


@pytest.mark.parametrize(
    ("whole", "said"),
    [
        ("A backup password has at least 8 characters.", "a backup password has at least 8 characters"),
        ("There is none here. Check the key.", "there is none here. Check the key."),
        ("OPAQUE failed.", "OPAQUE failed"),
        ("segment/ab is cut off. Wait.", "segment/ab is cut off. Wait."),
        ("small already", "small already"),
        ("", ""),
    ],
)
def test_what_goes_on_behind_a_colon_begins_small_and_keeps_every_name(whole: str, said: str) -> None:
    assert behind_a_colon(whole) == said
    assert behind_a_colon(said) == said


def test_an_error_says_the_same_both_ways() -> None:
    error = ClientError(Code.OFFLINE, "the relay cannot be reached")
    assert (error.message, error.sentence) == ("the relay cannot be reached", "The relay cannot be reached.")
    newer = told(NewerFormatError())
    assert newer.message.startswith("this backup")
    assert newer.sentence == f"T{newer.message[1:]}"

"""A notification is asked for as this terminal understands it, and carries nothing that it could obey."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock_client.ui.notifying import MAX_BODY, MAX_TITLE, Way, sequence, way_of


@pytest.mark.parametrize(
    ("environment", "way"),
    [
        ({"TERM": "xterm-kitty"}, Way.OSC_99),
        ({"TERM": "xterm-256color", "KITTY_WINDOW_ID": "1"}, Way.OSC_99),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "WezTerm"}, Way.OSC_9),
        ({"TERM": "foot"}, Way.OSC_777),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, Way.OSC_777),
        ({"TERM": "xterm-256color"}, Way.NONE),
        ({"TERM": "xterm-kitty", "TMUX": "/tmp/x"}, Way.NONE),
        ({}, Way.NONE),
    ],
)
def test_a_terminal_is_asked_in_the_way_it_understands(environment: dict[str, str], way: Way) -> None:
    assert way_of(environment) is way


@given(st.sampled_from(Way), st.text(max_size=400), st.text(max_size=400))
def test_no_text_can_end_the_sequence_or_begin_another(way: Way, title: str, body: str) -> None:
    whole = sequence(way, title, body)
    if way is Way.NONE:
        assert whole == ""
        return
    inside = re.sub(r"\x1b\](99;i=letterlock:d=[01](:p=body)?|9|777;notify);|\x1b\\", "", whole)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", inside)
    assert inside.count(";") == (1 if way is Way.OSC_777 else 0)
    assert len(inside) <= MAX_TITLE + MAX_BODY + 8

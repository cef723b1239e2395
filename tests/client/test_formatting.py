"""Marks become spans over plain characters: linear, bounded, and nothing but what was typed."""

import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from letterlock_client.formatting import SPANS, Mark, Piece, pieces_of, true_host
from letterlock_client.sanitize import clean
from tests.client.test_sanitize import HOSTILE, is_plain


def marked(text: str, *names: str) -> list[tuple[str, Mark]]:
    return [
        (piece.text[span.start : span.stop], span.mark)
        for piece in pieces_of(text, names)
        for span in piece.spans
    ]


@pytest.mark.parametrize(
    ("typed", "shown", "marks"),
    [
        ("so *very* good", "so very good", [("very", Mark.BOLD)]),
        ("_quite_, yes", "quite, yes", [("quite", Mark.ITALIC)]),
        ("*_both_*", "both", [("both", Mark.ITALIC), ("both", Mark.BOLD)]),
        ("run `rm *_*` now", "run `rm *_*` now", [("`rm *_*`", Mark.CODE)]),
        ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name", []),
        ("* a list * of stars", "* a list * of stars", []),
        ("*over\ntwo lines*", "*over\ntwo lines*", []),
        ("**", "**", []),
        ("`open", "`open", []),
        ("[b]no[/b] <b>", "[b]no[/b] <b>", []),
    ],
)
def test_what_people_type_is_understood(typed: str, shown: str, marks: list[tuple[str, Mark]]) -> None:
    assert "\n".join(piece.text for piece in pieces_of(typed)) == shown
    assert marked(typed) == marks


def test_a_block_keeps_its_marks_and_lines() -> None:
    assert pieces_of("see\n```\nif *x*:\n    _y_\n```\nthen *go*")[:2] == [
        Piece("see"),
        Piece("if *x*:\n    _y_", block=True),
    ]
    assert marked("```*x*``` *y*") == [("y", Mark.BOLD)]
    assert pieces_of("``````")[0].block is False


def test_an_address_is_not_broken_by_its_own_marks() -> None:
    assert marked("https://example.org/a_b_c/*x*/_z_ end") == [
        ("https://example.org/a_b_c/*x*/_z_", Mark.LINK),
        ("example.org", Mark.HOST),
    ]
    (bold, link, host) = marked("*https://example.org/x*")
    assert bold == ("https://example.org/x", Mark.BOLD)
    assert (link[0], host[0]) == ("https://example.org/x", "example.org")


@pytest.mark.parametrize(
    ("address", "host"),
    [
        ("https://bank.example@evil.example/login", "evil.example"),
        ("https://xn--pple-43d.com/", "xn--pple-43d.com"),
        ("https://\u0430pple.com/", "xn--pple-43d.com"),
    ],
)
def test_an_address_that_hides_its_host_is_followed_by_the_true_one(address: str, host: str) -> None:
    (piece,) = pieces_of(f"look: {address} now")
    (warning,) = (span for span in piece.spans if span.mark is Mark.WARNING)
    assert piece.text[warning.start : warning.stop] == f" (leads to {host})"
    assert piece.text.endswith(" now")
    (link,) = (span for span in piece.spans if span.mark is Mark.LINK)
    assert piece.text[link.start : link.stop] == address


def test_an_ordinary_address_shows_its_host_and_no_warning() -> None:
    assert marked("https://example.org:8080/a?b") == [
        ("https://example.org:8080/a?b", Mark.LINK),
        ("example.org", Mark.HOST),
    ]
    assert marked("`https://example.org`") == [("`https://example.org`", Mark.CODE)]
    assert marked("javascript://x file:///etc/passwd") == []


def test_only_people_of_the_chat_are_named() -> None:
    assert marked("@bob, ask @mallory or mail a@bob", "bob") == [("@bob", Mark.MENTION)]


def test_a_host_without_a_name_is_shown_in_ascii() -> None:
    assert true_host("\udc80" * 3).isascii()


def test_marks_that_cross_stand_as_they_were_typed() -> None:
    assert marked("_*_*") == [("*", Mark.ITALIC)]
    assert marked("*a _b* c_ *d*") == [("a _b", Mark.BOLD), ("d", Mark.BOLD)]


def test_marks_within_each_other_cover_the_same_text() -> None:
    assert marked("*a _b_ c*") == [("b", Mark.ITALIC), ("a b c", Mark.BOLD)]
    assert marked("_*a*_ b") == [("a", Mark.BOLD), ("a", Mark.ITALIC)]
    assert marked("*_a_* b") == [("a", Mark.ITALIC), ("a", Mark.BOLD)]


@settings(max_examples=300, deadline=None)
@example("_*_*")
@example("_*a*_")
@given(st.lists(st.sampled_from([*"*_`@\n /ab.:]h", "https://", "```", "а"]), max_size=60).map("".join))
def test_every_span_lies_in_its_piece_and_nothing_is_lost_but_marks(text: str) -> None:
    pieces = pieces_of(clean(text), ("ab", "bob"))
    for piece in pieces:
        for span in piece.spans:
            assert 0 <= span.start < span.stop <= len(piece.text)
    shown = "".join(piece.text for piece in pieces)
    letters = [character for character in clean(text) if character not in "*_`\n"]
    kept = [character for character in shown if character not in "*_`\n"]
    if not any(span.mark is Mark.WARNING for piece in pieces for span in piece.spans):
        assert kept == letters


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from([*HOSTILE, "*", "_", "`", "```", "https://x"]), max_size=12).map(" ".join))
def test_clean_in_is_clean_out(text: str) -> None:
    assert all(is_plain(piece.text.replace("\n", "")) for piece in pieces_of(clean(text)))


@pytest.mark.parametrize(
    "unit", ["*a ", "_a_ ", "`", "`a` ", "```", "```a```", "*_", "https://a@b/ ", "@bob ", "*\n"]
)
def test_no_text_takes_more_than_linear_time(unit: str) -> None:
    def spent(count: int) -> float:
        text = unit * count
        before = time.process_time()
        pieces = pieces_of(text, ("bob",))
        assert sum(len(piece.spans) for piece in pieces) <= SPANS + SPANS
        return time.process_time() - before

    # The least of some: another program may take the processor's caches meanwhile.
    assert min(spent(40_000) for _ in range(3)) < 40 * max(spent(4_000), 0.005)

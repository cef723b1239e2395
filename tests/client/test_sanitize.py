"""Text of strangers comes out as plain characters, whatever went in."""

import time
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock_client import sanitize

HOSTILE = [
    "\x1b[2J\x1b[31mred",
    "\x1b]0;title\x07",
    "\x1b]8;;http://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "\x9b31m",
    "\x90q\x9c",
    "a\rb\x08\x08c\x7f",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200f\u061c",
    "a\u200bb\u2060c\ufeffd\u00ade",
    "tag\U000e0041\U000e007f",
    "\U0010eeee",
    "\ud800 lone \udfff",
    "Z" + "\u0300" * 500,
    "e" + "\u20dd" * 50,
    "[@click=app.quit]x[/]",
    "[link=https://evil.example]x[/link]",
    "[/",
    "[a[0]]",
    "a\x0bb\x0cc\x85d\u2028e\u2029f",
]
ANY = st.text(st.characters(codec=None), max_size=300) | st.sampled_from(HOSTILE)
FORBIDDEN_CATEGORIES = {"Cc", "Cs"}
BIDI = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C}
INVISIBLE = {0x200B, 0x200C, 0x200D, 0x2060, 0xFEFF, 0x00AD, *range(0xE0000, 0xE0080), 0x10EEEE}
FORBIDDEN = frozenset(BIDI | INVISIBLE)


def is_plain(text: str, *, allowed: str = "") -> bool:
    return all(
        character in allowed
        or (unicodedata.category(character) not in FORBIDDEN_CATEGORIES and ord(character) not in FORBIDDEN)
        for character in text
    )


@given(ANY)
def test_clean_text_holds_nothing_a_terminal_obeys(text: str) -> None:
    cleaned = sanitize.clean(text)
    assert is_plain(cleaned, allowed="\n\t")
    cleaned.encode()


@given(ANY)
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert sanitize.clean(sanitize.clean(text)) == sanitize.clean(text)


@given(ANY)
def test_names_are_one_line_of_at_most_32_cells(text: str) -> None:
    name = sanitize.name_of(text)
    assert is_plain(name)
    assert 0 < sanitize.width(name) <= 32
    assert not set(name) & set("✓✔☑✅🔒●○")


@given(ANY)
def test_lines_and_file_names_and_reactions_are_one_line(text: str) -> None:
    assert is_plain(sanitize.line_of(text))
    assert is_plain(sanitize.file_name_of(text))
    assert sanitize.width(sanitize.file_name_of(text)) <= 32
    assert "/" not in sanitize.file_name_of(text)
    assert sanitize.width(sanitize.emoji_of(text)) <= 4


@given(st.text(alphabet="e\u0301\u0302\u20dd\u0489z", max_size=200))
def test_marks_do_not_pile_up(text: str) -> None:
    run = 0
    for character in sanitize.clean(text):
        run = run + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        assert run <= sanitize.MARKS


def test_plain_writing_of_living_languages_stays_as_it_is() -> None:
    for text in (
        "naïve café",
        "Ağrı Dağı",
        "你好，世界",
        "שלום",
        "Привет",
        "สวัสดี",
        "tiếng Việt",
        "👍🏽 🎉",
        "a\tb\nc",
    ):
        assert sanitize.clean(text) == text


@pytest.mark.parametrize("text", ["x" * 1_000_000, "\n" * 100_000, "\u0300" * 1_000_000, "é\n" * 500_000])
def test_huge_texts_are_cut_before_they_cost_anything(text: str) -> None:
    started = time.process_time()
    body = sanitize.body_of(text)
    assert time.process_time() - started < 0.1
    assert body.hidden_lines > 0
    assert len(body.text) <= sanitize.BODY_CHARACTERS
    assert body.text.count("\n") < sanitize.BODY_LINES


def test_short_bodies_are_whole() -> None:
    assert sanitize.body_of("a\nb") == sanitize.Body("a\nb", 0)
    assert sanitize.body_of("\n".join("x" * 41)).hidden_lines == 1


def test_a_file_name_keeps_its_ending() -> None:
    assert sanitize.file_name_of("../../etc/passwd") == "passwd"
    assert sanitize.file_name_of("C:\\evil\\report.pdf") == "report.pdf"
    shown = sanitize.file_name_of("invoice" + " " * 5 + "x" * 200 + ".exe")
    assert shown.endswith(".exe")


def test_links_name_the_host_they_lead_to() -> None:
    text = "see https://bank.example@evil.example/login, and http://a.example. javascript:alert(1) file:///x"
    assert [link.host for link in sanitize.links_in(text)] == ["evil.example", "a.example"]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("b0b", "bob"),
        ("раураl", "paypal"),
        ("rnallory", "mallory"),
        ("a1ice", "alice"),
        ("bob.", "bob"),
        ("vvendy", "wendy"),
    ],
)
def test_look_alike_names_are_marked(name: str, other: str) -> None:
    assert sanitize.doubt_about(name, [other])


def test_mixed_alphabets_are_marked() -> None:
    assert sanitize.doubt_about("pаypal") == "mixed alphabets"
    assert sanitize.doubt_about("αlice") == "mixed alphabets"


@pytest.mark.parametrize("name", ["bob", "Боб", "太郎 Taro", "ひらがな漢字", "Ağrı", "josé"])
def test_honest_names_are_not_marked(name: str) -> None:
    assert sanitize.doubt_about(name, ["alice", name]) == ""


@given(ANY)
@settings(max_examples=60)
def test_fit_never_exceeds_its_cells(text: str) -> None:
    line = sanitize.line_of(text)
    assert sanitize.width(sanitize.fit(line, 10)) <= 10

"""Whatever somebody called a file, saving it creates one visible file in one folder."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.messaging.file_names import safe_file_name

nasty = st.text(
    st.sampled_from(
        './\\:~-_ \0\n\r\t\x1b\u202e\u200b\u2066\ufeff\U000e0041CONconNULnul1Aa.é😀"<>|?*$%;\u2215\uff0f'
    )
    | st.characters(exclude_categories=[]),
    max_size=300,
)


@given(nasty)
def test_a_safe_name_is_one_visible_name(name: str) -> None:
    safe = safe_file_name(name)
    assert 1 <= len(safe.encode()) <= 200
    assert Path(safe).name == safe
    assert safe not in {".", ".."}
    assert not set(safe) & set('/\\:*?"<>|\0')
    assert safe[0] not in ".-~ "
    assert safe[-1] not in ". "
    assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"} for c in safe)


@given(nasty)
def test_a_safe_name_stays_as_it_is(name: str) -> None:
    safe = safe_file_name(name)
    assert safe_file_name(safe) == safe


@given(nasty)
def test_a_safe_name_is_never_a_device(name: str) -> None:
    first = safe_file_name(name).partition(".")[0].strip().lower()
    assert first not in {"con", "prn", "aux", "nul", "conin$", "conout$", *(f"com{n}" for n in range(10))}


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("holiday.jpg", "holiday.jpg"),
        ("Grüße aus Köln.pdf", "Grüße aus Köln.pdf"),
        ("写真.png", "写真.png"),
        ("archive.tar.gz", "archive.tar.gz"),
        ("../../etc/passwd", "passwd"),
        ("/etc/shadow", "shadow"),
        ("C:\\Windows\\system.ini", "system.ini"),
        ("C:evil.exe", "C_evil.exe"),
        ("\\\\server\\share\\x", "x"),
        ("..", "file"),
        (".", "file"),
        ("", "file"),
        ("folder/", "file"),
        ("\0", "file"),
        (".bashrc", "bashrc"),
        ("-rf", "_rf"),
        ("~root", "_root"),
        ("CON", "_CON"),
        ("con.txt", "_con.txt"),
        ("con .txt", "_con .txt"),
        ("nul.tar.gz", "_nul.tar.gz"),
        ("COM¹", "_COM¹"),
        ("console.log", "console.log"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\x1b[2Jb\r\nc", "a[2Jbc"),
        ("report.pdf. . ", "report.pdf"),
        ("a\udcffb", "ab"),
        ("x\u2215y", "y"),
    ],
)
def test_names_become_what_one_would_expect(name: str, safe: str) -> None:
    assert safe_file_name(name) == safe


def test_a_long_name_keeps_its_extension_and_whole_characters() -> None:
    assert safe_file_name("x" * 400 + ".jpeg") == "x" * 195 + ".jpeg"
    assert safe_file_name("é" * 400 + ".txt") == "é" * 98 + ".txt"
    assert safe_file_name("x." + "y" * 400) == "x." + "y" * 198

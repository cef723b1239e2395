"""What is offered while writing, what pasted paths mean, and which day a word is."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from letterlock_client.file_paths import file_meant, file_of, paths_beginning, quoted, split_path
from letterlock_client.ui.completion import complete, path_typed, whole_emoji, with_emoji
from letterlock_client.ui.panes.slash_verbs import day_meant

TODAY = date(2026, 11, 25)  # A Wednesday.


def offered(line: str, *names: str, first: bool = True) -> list[str]:
    found = complete(line, len(line), names, first=first)
    return [offer.text for offer in found.offers] if found else []


def test_commands_are_offered_at_the_beginning_only() -> None:
    assert offered("/ti") == ["/timer "]
    assert offered("/mu") == ["/mute "]
    assert offered("/ver") == ["/verify"]
    assert offered("/timer 8") == ["8h"]
    assert "off" in offered("/timer ")
    assert offered("see /ti") == []
    assert offered("//ti") == []
    assert offered("/ti", first=False) == []


@pytest.mark.parametrize(
    ("word", "longer"), [("/back", "/back-up"), ("/edit", "/editor"), ("/view", "/view-once ")]
)
def test_enter_runs_a_whole_word_and_completes_a_part_of_one(word: str, longer: str) -> None:
    whole, part = (
        complete(word, len(word), (), first=True),
        complete(word[:-1], len(word) - 1, (), first=True),
    )
    assert whole is not None
    assert part is not None
    assert longer in offered(word)
    assert not whole.command
    assert part.command


def test_emoji_and_names_are_offered_in_the_middle_of_a_text() -> None:
    assert offered("so nice :tad")[0] == "🎉"
    assert offered("at 10:ab") == []
    assert offered(":D") == []
    assert offered("hello @bo", "bob", "alice") == ["@bob "]
    assert offered("mail@bo", "bob") == []
    assert whole_emoji("yes :rocket:") == (4, "🚀")
    assert whole_emoji("12:30:") is None
    assert whole_emoji(":no_such_thing:") is None


def test_names_of_emoji_become_emoji_outside_code_and_addresses() -> None:
    assert with_emoji(":tada: (:rocket:) :no_such: 1:100:2") == "🎉 (🚀) :no_such: 1:100:2"
    kept = "`:tada:` https://x/:tada: ```\n:tada:\n```"
    assert with_emoji(kept) == kept


def test_a_path_is_looked_for_behind_its_command_only() -> None:
    assert path_typed("/attach /tmp/x", 14) == (8, "/tmp/x")
    assert path_typed("about /attach /tmp", 18) is None


@example("it's ", "")
@example("it's\N{NO-BREAK SPACE}here", "a caption")
@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40), st.text(max_size=10))
def test_a_quoted_path_is_read_back_with_its_caption(path: str, caption: str) -> None:
    assert split_path(f"{quoted(path)} {caption}") == (path, caption.strip())


@pytest.mark.parametrize("shape", ["{}", "'{}'", '"{}"', "file://{}", "{escaped}", " {} \n"])
def test_a_pasted_path_is_understood_as_terminals_write_it(tmp_path: Path, shape: str) -> None:
    file = tmp_path / "floor plan (2).png"
    file.write_bytes(b"x")
    escaped = str(file).replace(" ", "\\ ").replace("(", "\\(").replace(")", "\\)")
    text = shape.format(str(file).replace(" ", "%20") if "file" in shape else file, escaped=escaped)
    assert file_meant(text) == file


@pytest.mark.parametrize(
    "text", ["", "hello", "/no/such/file", "file://elsewhere/etc/passwd", "~nobody-here/x", "a\nb", "/"]
)
def test_other_texts_name_no_file(text: str) -> None:
    assert file_meant(text) is None


def test_spaces_belong_to_the_path_where_such_a_file_exists(tmp_path: Path) -> None:
    file = tmp_path / "my notes.txt"
    file.write_bytes(b"x")
    assert file_of(str(file)) == (file, "")
    assert file_of(f"'{file}' have a look") == (file, "have a look")


def test_a_folder_is_listed_without_hidden_and_unprintable_names(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    for name in ("film.mp4", ".hidden", "fi\x1b[31mre", "other"):
        (tmp_path / name).write_bytes(b"")
    assert paths_beginning(f"{tmp_path}/f", 9) == [
        (f"{tmp_path}/folder", True),
        (f"{tmp_path}/film.mp4", False),
    ]
    assert paths_beginning(f"{tmp_path}/.h", 9) == [(f"{tmp_path}/.hidden", False)]
    assert paths_beginning("/no/such/folder/x", 9) == []


@pytest.mark.parametrize(
    ("word", "day"),
    [
        ("today", TODAY),
        ("Yesterday", date(2026, 11, 24)),
        ("monday", date(2026, 11, 23)),
        ("thursday", date(2026, 11, 19)),
        ("2026-01-31", date(2026, 1, 31)),
        ("31.1.2025", date(2025, 1, 31)),
        ("3.12.", date(2025, 12, 3)),
        ("29.2.", None),
        ("99.99.", None),
        ("soon", None),
    ],
)
def test_a_day_is_the_last_one_of_its_name(word: str, day: date | None) -> None:
    assert day_meant(word, TODAY) == day

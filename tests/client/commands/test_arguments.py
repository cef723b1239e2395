"""The command line reads the same wherever its options stand."""

import itertools
import json

import pytest

from letterlock_client.cli import main
from letterlock_client.commands.arguments import build_parsers, parse, server_words


@pytest.mark.parametrize(
    "words",
    [
        each
        for each in itertools.permutations(["bob", "hi there", "--json", "--profile=alice"])
        if each.index("bob") < each.index("hi there")
    ],
)
def test_options_stand_anywhere_around_the_verb(words: tuple[str, ...]) -> None:
    given = parse(["send", *words])
    assert (given.who, given.text, given.json, given.profile) == ("bob", ["hi there"], True, "alice")


def test_options_stand_before_the_verb() -> None:
    given = parse(["--profile", "alice", "--json", "send", "bob", "hi"])
    assert (given.verb, given.who, given.text, given.json, given.profile) == (
        "send",
        "bob",
        ["hi"],
        True,
        "alice",
    )


def test_a_value_between_the_words_of_a_text_belongs_to_its_option() -> None:
    given = parse(["send", "bob", "look", "--attach", "cat.png", "here"])
    assert (given.text, given.attach) == (["look", "here"], "cat.png")


@pytest.mark.parametrize("text", ["--json", "-x", "--attach", "-"])
def test_two_dashes_end_the_options(text: str) -> None:
    given = parse(["send", "bob", "--", text])
    assert (given.text, given.json, given.attach) == ([text], False, None)


def test_one_dash_is_a_word() -> None:
    assert parse(["send", "bob", "-"]).text == ["-"]


@pytest.mark.parametrize(
    "words", [["send"], ["nonsense"], ["send", "bob", "--no-such"], ["history", "bob", "--limit", "0"]]
)
def test_bad_usage_is_one_json_error_and_status_2(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["letterlock", *words, "--json"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert json.loads(printed.err)["error"] == "bad_usage"


def test_a_server_verb_keeps_every_option() -> None:
    assert server_words(["--json", "relay", "--listen", "x:1"]) == ["relay", "--json", "--listen", "x:1"]
    assert server_words(["--json", "vault", "fleet", "-o", "x"]) == ["vault", "--json", "fleet", "-o", "x"]
    assert server_words(["send", "relay", "hi"]) is None


def test_every_verb_has_a_room_and_a_help_text() -> None:
    from letterlock_client.cli import ROOMS

    _, verbs = build_parsers()
    assert set(verbs) == set(ROOMS) - {"open"}
    assert all(parser.description for parser in verbs.values())

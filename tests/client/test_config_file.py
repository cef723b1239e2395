"""What config.toml may say."""

import stat
from pathlib import Path

import pytest

from letterlock_client.config import Home
from letterlock_client.config_file import Appearance, Config, load_config, save_config
from letterlock_client.errors import ClientError, Code


def test_a_missing_file_is_all_defaults_and_looking_makes_nothing(tmp_path: Path) -> None:
    assert load_config(Home.at(tmp_path)) == Config()
    assert list(tmp_path.iterdir()) == []


class TestConfig:
    def write(self, tmp_path: Path, text: str) -> Home:
        home = Home.at(tmp_path)
        home.config.mkdir(parents=True)
        home.config_file.write_text(text, encoding="utf-8")
        return home

    def test_what_was_saved_is_loaded(self, tmp_path: Path) -> None:
        home = Home.at(tmp_path)
        wanted = Config(relay="wss://relay", appearance=Appearance(theme="nord"), keys={"quit": "ctrl+x"})
        save_config(home, wanted)
        assert load_config(home) == wanted
        save_config(home, Config())
        assert load_config(home) == Config()
        assert stat.S_IMODE(home.config_file.stat().st_mode) == 0o600

    def test_saving_keeps_the_owners_comments_and_order(self, tmp_path: Path) -> None:
        text = '# Mine.\nrelay = "a"  # Why.\n\n[keys]\nsecond = "b"\nfirst = "a"\n'
        home = self.write(tmp_path, text)
        save_config(home, load_config(home))
        assert home.config_file.read_text() == text
        save_config(home, Config(relay="z", keys={"second": "b", "first": "q"}))
        assert home.config_file.read_text() == text.replace('"a"  #', '"z"  #').replace(
            'first = "a"', 'first = "q"'
        )

    @pytest.mark.parametrize(
        ("text", "key", "near"),
        [
            ("relais = 'a'", "relais", "did you mean relay?"),
            ("[appearance]\nteme = 'a'", "appearance.teme", "did you mean appearance.theme?"),
            ("[notification]\n", "notification", "did you mean notifications?"),
            ("zzz = 1", "zzz", "known here: relay, "),
        ],
    )
    def test_an_unknown_key_names_itself_and_its_nearest_right_spelling(
        self, tmp_path: Path, text: str, key: str, near: str
    ) -> None:
        with pytest.raises(ClientError) as caught:
            load_config(self.write(tmp_path, text))
        assert caught.value.code is Code.BAD_CONFIG
        assert caught.value.facts["key"] == key
        assert near in caught.value.message

    @pytest.mark.parametrize("text", ["relay = 1", "relay = ", "appearance = 3", "[keys]\na = 1", "\x00"])
    def test_a_wrong_value_is_refused_with_the_file_named(self, tmp_path: Path, text: str) -> None:
        with pytest.raises(ClientError) as caught:
            load_config(self.write(tmp_path, text))
        assert caught.value.code is Code.BAD_CONFIG
        assert "config.toml" in caught.value.message

    def test_bytes_that_are_no_text_are_refused(self, tmp_path: Path) -> None:
        home = self.write(tmp_path, "")
        home.config_file.write_bytes(b"\xff\xfe")
        with pytest.raises(ClientError):
            load_config(home)


def test_an_error_shows_its_code_and_facts_and_no_more() -> None:
    error = ClientError(Code.TOO_LARGE, "too large", limit=5)
    assert (error.code, error.message, error.facts) == ("too_large", "too large", {"limit": 5})
    assert repr(error) == "ClientError('too_large', 'too large')"

"""The commands of the README work, as they stand there."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest

from letterlock_client.cli import main
from letterlock_client.workshop import processes
from letterlock_client.workshop.processes import Outcome, free_port, run_command
from tests.end_to_end.warm_commands import run_command as run_warm_command

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
CLIENT = (ROOT / "client/README.md").read_text()


def run(*words: str, home: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LETTERLOCK_HOME": str(home)}
    return subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240)


def test_the_headless_demo_checks_every_statement_it_makes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each kind of command begins from nothing once, so that it loads what it needs; later ones begin warm."""
    begun: set[tuple[str, ...]] = set()

    async def begin(*words: str, home: Path) -> Outcome:
        verbs = words[4:] if words[0] == "--profile" else words
        kind = (*verbs[: 1 + (verbs[0] == "backup")], *(word for word in verbs if word.startswith("--")))
        run = run_warm_command if kind in begun else run_command
        begun.add(kind)
        return await run(*words, home=home)

    monkeypatch.setattr(processes, "run_command", begin)
    status = main(["demo", "--headless"])
    told = capsys.readouterr().out
    assert status == 0, told
    assert "FAIL" not in told
    assert re.search(r"All \d\d+ statements were checked and hold\.", told)
    assert len(begun) > 15


def test_scripts_demo_hands_its_words_to_the_demo(tmp_path: Path) -> None:
    told = run("scripts/demo", "--help", home=tmp_path)
    assert told.returncode == 0, told.stderr
    assert "--headless" in told.stdout


@pytest.mark.parametrize("script", sorted(set(re.findall(r"\bscripts/([a-z-]+)", README))))
def test_every_script_that_the_readme_names_is_there_and_can_run(script: str) -> None:
    assert os.access(ROOT / "scripts" / script, os.X_OK) or (ROOT / "scripts" / script).is_dir()


def test_the_readme_names_no_verb_and_no_option_that_does_not_exist() -> None:
    from letterlock_client.commands.arguments import build_parsers, parse

    _, verbs = build_parsers()
    lines = re.findall(r"^\s*(?:\$ )?letterlock ((?:[a-z]).*)$", README + CLIENT, re.MULTILINE)
    assert lines
    for line in lines:
        words = line.split("#")[0].split()
        if words[0] in verbs:
            placed = [word.strip('"') for word in words]
            assert parse(placed).verb == words[0]


def test_scripts_chat_starts_a_relay_where_none_runs_and_opens_the_client(tmp_path: Path) -> None:
    listen = f"127.0.0.1:{free_port()}"
    environment = {**os.environ, "LETTERLOCK_HOME": str(tmp_path), "LETTERLOCK_LISTEN": listen}
    try:
        for words in (["register", "alice", "--relay", f"ws://{listen}", "--no-passphrase"], ["--plain"]):
            done = subprocess.run(
                ["scripts/chat", *words], cwd=ROOT, env=environment, input="/chats\n/quit\n",
                capture_output=True, text=True, timeout=120,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
        assert "You are alice" in done.stdout
        assert "Starting a relay" not in done.stderr, "the second call found the first one's relay"
    finally:
        os.kill(int((tmp_path / "relay.pid").read_text()), signal.SIGTERM)


@pytest.mark.parametrize("verb", ["relay", "vault"])
def test_every_server_command_in_the_readmes_is_understood_by_the_server(verb: str) -> None:
    from letterlock_server.cli import build_parser

    texts = README + (ROOT / "server/README.md").read_text()
    lines = re.findall(
        rf"^\s*(?:\$ )?letterlock ({verb} .*?)(?:\s+#.*)?$", texts.replace("\\\n", " "), re.MULTILINE
    )
    assert lines
    for line in lines:
        assert build_parser().parse_args(shlex.split(line)).verb == verb

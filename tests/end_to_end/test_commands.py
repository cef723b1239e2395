"""The scripting contract, as a script meets it: real processes, JSON lines, exit statuses."""

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pytest

from letterlock_client.workshop.processes import Person, RelayProcess

ACCOUNT = re.compile(r"[a-z2-7]{32}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


def of_type(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line for line in lines if line["type"] == kind]


async def test_register_says_who_one_is(relay: RelayProcess, tmp_path: Path) -> None:
    made = await Person("alice", tmp_path).run("register", "alice", "--relay", relay.url)
    assert made.status == 0
    assert ACCOUNT.fullmatch(made.last.pop("account"))
    assert made.last == {"handle": "alice", "device": 1}


async def test_registering_twice_is_refused(people: tuple[Person, Person], relay: RelayProcess) -> None:
    again = await people[0].run("register", "alice2", "--relay", relay.url)
    assert (again.status, again.error["error"]) == (1, "profile_exists")


async def test_a_taken_or_bad_handle_is_refused_and_another_can_be_tried(
    people: tuple[Person, Person], relay: RelayProcess, tmp_path: Path
) -> None:
    carol = Person("carol", tmp_path / "carol")
    assert (await carol.run("register", "alice", "--relay", relay.url)).error["error"] == "handle_taken"
    assert (await carol.run("register", "Carol!", "--relay", relay.url)).error["error"] == "bad_input"
    assert (await carol.run("register", "carol", "--relay", relay.url)).status == 0


async def test_a_relay_that_is_not_there_is_offline(tmp_path: Path) -> None:
    made = await Person("alice", tmp_path).run("register", "alice", "--relay", "ws://127.0.0.1:9")
    assert (made.status, made.error["error"]) == (1, "offline")


async def test_plain_ws_beyond_this_machine_is_refused(tmp_path: Path) -> None:
    made = await Person("alice", tmp_path).run("register", "alice", "--relay", "ws://relay.example:80")
    assert (made.status, made.error["error"]) == (1, "insecure_relay")


async def test_a_first_contact_is_a_request_without_text(people: tuple[Person, Person]) -> None:
    alice, bob = people
    sent = await alice.run("send", "bob", "hi")
    assert sent.status == 0
    assert sent.last["accepted"] is True
    first = await bob.run("receive")
    assert [line["type"] for line in first.lines] == ["request"]
    assert (first.last["from"], first.last["conversation"]) == ("alice", "alice")
    assert "hi" not in str(first.lines)
    assert (await bob.run("accept", "alice")).status == 0
    read = await bob.run("receive")
    message = read.last
    assert TIME.fullmatch(message.pop("sent_at"))
    assert message == {
        "type": "message",
        "id": sent.last["message"],
        "from": "alice",
        "conversation": "alice",
        "text": "hi",
        "kind": "text",
        "mine": False,
    }


async def test_accepting_requests_while_receiving_brings_the_text_at_once(
    people: tuple[Person, Person],
) -> None:
    alice, bob = people
    await alice.run("send", "bob", "hi")
    read = await bob.run("receive", "--accept-requests")
    assert [line["text"] for line in of_type(read.lines, "message")] == ["hi"]


async def test_a_message_is_printed_once(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    await alice.run("send", "bob", "once")
    assert [line["text"] for line in (await bob.run("receive")).lines] == ["once"]
    assert of_type((await bob.run("receive")).lines, "message") == []


async def test_a_blocked_person_reaches_nobody(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    assert (await bob.run("block", "alice")).last["standing"] == "blocked"
    await alice.run("send", "bob", "let me in")
    assert (await bob.run("receive")).lines == []
    assert (await bob.run("send", "alice", "no")).error["error"] == "blocked"
    assert (await bob.run("unblock", "alice")).last["standing"] == "accepted"
    await alice.run("send", "bob", "thank you")
    assert [line["text"] for line in of_type((await bob.run("receive")).lines, "message")] == ["thank you"]


async def test_reply_react_edit_and_delete_reach_the_other_side(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    sent = (await alice.run("send", "bob", "one")).last["message"]
    await bob.run("receive")
    reply = (await bob.run("reply", sent[:8], "two")).last["message"]
    assert (await bob.run("react", sent, "🎉")).last == {"message": sent, "accepted": True}
    heard = await alice.run("receive")
    assert of_type(heard.lines, "message")[0]["reply_to"] == sent
    assert of_type(heard.lines, "reaction")[0] | {"at": 0} == {
        "type": "reaction", "from": "bob", "conversation": "bob", "message": sent, "emoji": "🎉", "at": 0,
    }  # fmt: skip
    assert (await bob.run("edit", reply, "three")).status == 0
    assert (await alice.run("edit", reply, "not mine")).error["error"] == "not_yours"
    await alice.run("receive")
    shown = {line["id"]: line for line in (await alice.run("history", "bob")).lines}
    assert (shown[reply]["text"], shown[reply]["edits"]) == ("three", 1)
    assert shown[sent]["reactions"] == [{"from": "bob", "emoji": "🎉"}]
    assert (await bob.run("delete", reply, "--for-everyone")).status == 0
    await alice.run("receive")
    assert (await alice.run("history", "bob")).lines[-1]["deleted"] is True


async def test_history_is_the_last_n_oldest_first(friends: tuple[Person, Person]) -> None:
    alice, _ = friends
    for number in range(3):
        await alice.run("send", "bob", f"number {number}")
    lines = (await alice.run("history", "bob", "--limit", "2")).lines
    assert [line["text"] for line in lines] == ["number 1", "number 2"]


async def test_messages_are_found_and_a_chat_leaves_as_a_record_that_shows_any_change(
    friends: tuple[Person, Person], tmp_path: Path
) -> None:
    alice, _ = friends
    await alice.run("send", "bob", "the Quick brown fox")
    assert [line["text"] for line in (await alice.run("search", "qui", "fox")).lines] == [
        "the Quick brown fox"
    ]
    assert (await alice.run("search", "--chat", "bob", "slow")).lines == []
    record = tmp_path / "bob.jsonl"
    written = (await alice.run("export", "bob", "--output", str(record))).last
    assert written["path"] == str(record)
    checked = (await alice.run("export", "--check", str(record))).last
    assert (checked["head"], checked["lines"]) == (written["head"], written["messages"] + 2)
    record.write_bytes(record.read_bytes().replace(b"brown", b"green"))
    outcome = await alice.run("export", "--check", str(record))
    assert (outcome.status, outcome.error["error"]) == (1, "changed")
    assert (await alice.run("export", "bob")).error["error"] == "bad_input"


async def test_standard_input_can_be_the_text(friends: tuple[Person, Person]) -> None:
    import asyncio
    import sys

    alice, bob = friends
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "letterlock_client.cli", "send", "bob", "-", "--profile=alice", "--no-passphrase",
        env={**os.environ, "LETTERLOCK_HOME": str(alice.folder)},
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    await process.communicate(b"two\nlines\n")
    assert process.returncode == 0
    assert [line["text"] for line in of_type((await bob.run("receive")).lines, "message")] == ["two\nlines"]


async def test_a_file_arrives_whole_and_is_never_written_over_another(
    friends: tuple[Person, Person], tmp_path: Path
) -> None:
    alice, bob = friends
    source, target = tmp_path / "notes.txt", tmp_path / "copy.txt"
    source.write_bytes(os.urandom(300_000))
    sent = await alice.run("send", "bob", "read this", "--attach", str(source))
    assert sent.last["accepted"] is True
    message = of_type((await bob.run("receive")).lines, "message")[0]
    assert message["attachment"] | {"state": ""} == {
        "name": "notes.txt", "media_type": "text/plain", "size": 300_000, "state": "",
    }  # fmt: skip
    fetched = await bob.run("download", message["id"], "--output", str(target))
    assert fetched.last["path"] == str(target)
    assert target.read_bytes() == source.read_bytes()
    again = await bob.run("download", message["id"], "--output", str(target))
    assert (again.status, again.error["error"]) == (1, "file_failed")


async def test_a_file_is_saved_here_under_its_name_and_numbered_where_that_is_taken(
    friends: tuple[Person, Person], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = friends
    source, here = tmp_path / "notes.txt", tmp_path / "here"
    source.write_bytes(b"what I noted")
    here.mkdir()
    monkeypatch.chdir(here)
    await alice.run("send", "bob", "--attach", str(source))
    message = of_type((await bob.run("receive")).lines, "message")[0]
    for name in ("notes.txt", "notes (2).txt"):
        saved = await bob.run("download", message["id"])
        assert saved.last == {"message": message["id"], "path": str(here / name)}
        assert (here / name).read_bytes() == source.read_bytes()
        assert (here / name).stat().st_mode & 0o777 == 0o600
    own = await alice.run("download", message["id"], "--output", str(here / "mine"))
    assert own.last["path"] == str(here / "mine")


async def test_room_is_made_by_deleting_copies_and_the_file_comes_again(
    friends: tuple[Person, Person], tmp_path: Path
) -> None:
    alice, _ = friends
    source = tmp_path / "plan.pdf"
    source.write_bytes(os.urandom(20_000))
    sent = (await alice.run("send", "bob", "--attach", str(source))).last["message"]
    listed = await alice.run("files")
    assert listed.lines[0] | {"bytes": 0} == {
        "type": "file", "message": sent, "conversation": "bob", "name": "plan.pdf", "bytes": 0, "again": "relay",
    }  # fmt: skip
    storage = (await alice.run("storage")).last
    assert storage["kinds"] == [{"kind": "others", "files": 1, "bytes": listed.last["bytes"]}]
    assert storage["chats"] == [{"conversation": "bob", "files": 1, "bytes": listed.last["bytes"]}]
    assert storage["files_bytes"] >= 20_000
    assert storage["messages_bytes"] > 0
    assert (await alice.run("files", "--clear", "--larger-than", "1M")).last["files"] == 0
    assert (await alice.run("files", "--clear", "--chat", "bob")).last["files"] == 1
    assert (await alice.run("files")).last == {"files": 0, "bytes": 0, "cleared": False}
    again = await alice.run("download", sent, "--output", str(tmp_path / "again.pdf"))
    assert again.status == 0
    assert (tmp_path / "again.pdf").read_bytes() == source.read_bytes()


async def test_a_view_once_file_opens_once(friends: tuple[Person, Person], tmp_path: Path) -> None:
    alice, bob = friends
    source = tmp_path / "secret.png"
    source.write_bytes(b"\x89PNG" + os.urandom(1000))
    await alice.run("send", "bob", "--attach", str(source), "--view-once")
    message = of_type((await bob.run("receive")).lines, "message")[0]
    assert (message["view_once"], message["viewed"]) == (True, False)
    first = await bob.run("view", message["id"], "--output", str(tmp_path / "seen.png"))
    assert (tmp_path / "seen.png").read_bytes() == source.read_bytes(), first
    second = await bob.run("view", message["id"], "--output", str(tmp_path / "again.png"))
    assert second.error["error"] == "already_viewed"


async def test_a_text_to_be_read_once_is_printed_once(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    assert (await alice.run("send", "bob", "the door code is 4711", "--view-once")).status == 0
    message = of_type((await bob.run("receive")).lines, "message")[0]
    assert (message["view_once"], message["viewed"], message["text"]) == (True, False, "")
    assert (await bob.run("view", message["id"])).last["text"] == "the door code is 4711"
    assert (await bob.run("view", message["id"])).error["error"] == "already_viewed"


async def test_a_timer_travels(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    assert (await alice.run("timer", "bob", "8h")).last["timer_seconds"] == 28_800
    news = await bob.run("receive")
    assert of_type(news.lines, "timer")[0]["seconds"] == 28_800


async def test_both_sides_show_one_safety_number(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    shown = (await alice.run("verify", "bob")).last
    assert re.fullmatch(r"\d{60}", shown["safety_number"])
    assert shown == (await bob.run("verify", "alice")).last
    assert shown["verified"] is False
    wrong = await alice.run("verify", "bob", "--confirm", "1" * 60)
    assert wrong.error["error"] == "wrong_number"
    assert (await alice.run("verify", "bob", "--confirm", shown["safety_number"])).last["verified"] is True
    assert (await alice.run("contacts")).last["verified"] is True


async def test_a_send_without_a_relay_is_kept_and_goes_later(
    friends: tuple[Person, Person], relay: RelayProcess
) -> None:
    alice, bob = friends
    await relay.kill()
    kept = await alice.run("send", "bob", "later")
    assert (kept.status, kept.last["accepted"]) == (75, False)
    await relay.start()
    assert (await alice.run("receive")).status == 0
    assert [line["text"] for line in of_type((await bob.run("receive")).lines, "message")] == ["later"]


async def test_an_invite_link_is_a_who(
    friends: tuple[Person, Person], relay: RelayProcess, tmp_path: Path
) -> None:
    link = (await friends[0].run("invite")).last["invite"]
    assert link.startswith("letterlock:add?")
    carol = Person("carol", tmp_path / "carol")
    await carol.run("register", "carol", "--relay", relay.url)
    assert (await carol.run("send", link, "by invite")).last["accepted"] is True
    assert of_type((await friends[0].run("receive")).lines, "request")[0]["from"] == "carol"


async def test_an_unknown_person_profile_and_message_are_told_apart(
    friends: tuple[Person, Person], tmp_path: Path
) -> None:
    alice, _ = friends
    assert (await alice.run("send", "nobody-here", "hi")).error["error"] == "unknown_contact"
    assert (await alice.run("react", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "x")).error["error"] == "unknown_message"
    assert (await Person("ghost", tmp_path).run("contacts")).error["error"] == "no_profile"


async def test_everything_in_a_home_is_the_owners_alone(friends: tuple[Person, Person]) -> None:
    for path in friends[0].folder.rglob("*"):
        wanted = 0o700 if path.is_dir() else 0o600
        if path.is_dir() or path.name != "config.toml":
            assert stat.S_IMODE(path.stat().st_mode) & ~wanted == 0 or path.parent == friends[0].folder, path


async def test_doctor_finds_nothing_wrong(friends: tuple[Person, Person]) -> None:
    found = await friends[0].run("doctor")
    assert found.status == 0, found
    assert {"program", "profile", "relay"} <= {line["check"] for line in found.lines}


async def test_json_output_is_ascii_only(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    hostile = "\x1b]0;owned\x07 é \u202e \x9b31m"
    await alice.run("send", "bob", hostile)
    import asyncio
    import sys

    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "letterlock_client.cli", "receive", "--json", "--profile=bob", "--no-passphrase",
        env={**os.environ, "LETTERLOCK_HOME": str(bob.folder)}, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    printed, _ = await process.communicate()
    assert all(byte == 10 or 32 <= byte < 127 for byte in printed)


def plainly(person: Person, *words: str, stdout: int | IO[str]) -> subprocess.CompletedProcess[str]:
    """Run a command as this person, without --json."""
    return subprocess.run(
        [sys.executable, "-m", "letterlock_client.cli", "--profile", person.name, "--no-passphrase", *words],
        env={**os.environ, "LETTERLOCK_HOME": str(person.folder)},
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        timeout=30,
        check=False,
    )


async def test_a_file_name_of_many_lines_is_shown_as_one(
    friends: tuple[Person, Person], tmp_path: Path
) -> None:
    alice, bob = friends
    evil = tmp_path / "a\x1b[31m\nbob: pay me.txt"
    evil.write_text("data")
    assert (await alice.run("send", "bob", "--attach", str(evil))).status == 0
    assert (await bob.run("receive")).status == 0
    shown = plainly(bob, "history", "alice", "--limit", "1", stdout=subprocess.PIPE).stdout
    assert shown.count("\n") == 1
    assert "\x1b" not in shown


@pytest.mark.parametrize("words", [[], ["--relay", "ws://127.0.0.1:9"]])
def test_without_a_terminal_the_client_does_not_open(words: list[str], tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "letterlock_client.cli", *words],
        env={**os.environ, "LETTERLOCK_HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert ended.returncode == 2
    assert "--plain" in ended.stderr
    assert ended.stdout == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
async def test_a_full_disk_under_standard_output_is_an_error_of_one_line(
    relay: RelayProcess, tmp_path: Path
) -> None:
    alice = Person("alice", tmp_path / "homes")
    assert (await alice.run("register", "alice", "--relay", relay.url)).status == 0
    with Path("/dev/full").open("w") as full:
        ended = plainly(alice, "invite", stdout=full)
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1


async def test_what_was_printed_into_a_closed_output_is_printed_again(friends: tuple[Person, Person]) -> None:
    alice, bob = friends
    await alice.run("send", "bob", "can you read this?")
    ended = subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-m", "letterlock_client.cli", "receive",
         "--profile", bob.name, "--no-passphrase", "--json"],
        env={**os.environ, "LETTERLOCK_HOME": str(bob.folder)},
        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    assert json.loads(ended.stderr.splitlines()[-1])["error"] == "file_failed"
    assert [line["text"] for line in of_type((await bob.run("receive")).lines, "message")] == [
        "can you read this?"
    ]

"""The backup commands, as a script meets them: real processes, files, exit statuses."""

from pathlib import Path

from letterlock_client.workshop.processes import Person, RelayProcess


async def test_a_lost_terminal_comes_back_from_a_folder(
    friends: tuple[Person, Person], relay: RelayProcess, tmp_path: Path
) -> None:
    alice, _ = friends
    where = f"folder:{tmp_path / 'backup'}"
    assert (await alice.run("backup", "now")).error["error"] == "backup_off"
    turned = await alice.run("backup", "on", "--provider", where, "--recovery-key")
    assert set(turned.last) == {"key_id", "recovery_key"}
    assert len(turned.last["recovery_key"]) == 64
    made = await alice.run("backup", "now")
    assert (made.last["generation"], made.last["messages"], made.last["alarm"]) == (1, 2, "")
    assert all(line["type"] == "progress" for line in made.lines[:-1])
    paper = tmp_path / "sheet.txt"
    assert (await alice.run("backup", "sheet", "--with-key", "--output", str(paper))).status == 0
    assert paper.stat().st_mode & 0o777 == 0o600
    again = Person("again", tmp_path / "homes")
    restored = await again.run("backup", "restore", "--sheet", str(paper))
    assert restored.status == 0, restored
    assert restored.last == {
        "messages": 2,
        "conversations": 1,
        "media": 0,
        "generation": 1,
        "freshness": "unchecked",
        "epoch": 2,
    }
    assert [line["text"] for line in (await again.run("history", "bob")).lines] == ["hello", "hello yourself"]
    assert (await again.run("send", "bob", "from my new terminal")).last["accepted"] is True
    off = await again.run("backup", "off")
    assert off.last["objects_deleted"] >= 2
    assert not [each for each in (tmp_path / "backup").rglob("*") if each.is_file()]


async def test_what_is_wrong_with_a_restore_is_said_by_its_code(
    friends: tuple[Person, Person], relay: RelayProcess, tmp_path: Path
) -> None:
    alice, _ = friends
    where = f"folder:{tmp_path / 'backup'}"
    assert (await alice.run("backup", "on", "--provider", where)).status == 2
    turned = await alice.run("backup", "on", "--provider", where, "--recovery-key")
    assert (await alice.run("backup", "on", "--provider", where, "--recovery-key")).error[
        "error"
    ] == "backup_on"
    await alice.run("backup", "now")
    key = tmp_path / "key"
    common = ("backup", "restore", "--handle", "alice", "--relay", relay.url, "--recovery-key-file", str(key))
    again = Person("again", tmp_path / "homes")
    key.write_text("0" * 64)
    assert (await again.run(*common, "--provider", where)).error["error"] == "nothing_found"
    key.write_text(turned.last["recovery_key"])
    gone = await again.run(*common, "--provider", f"folder:{tmp_path / 'elsewhere'}")
    assert gone.error["error"] == "provider_unreachable"
    (manifest,) = (tmp_path / "backup").rglob("manifest/*")
    raw = manifest.read_bytes()
    manifest.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    assert (await again.run(*common, "--provider", where)).error["error"] == "backup_damaged"

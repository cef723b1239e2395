"""The backup commands, as a script meets them: real processes, files, exit statuses."""

import shutil
from pathlib import Path

from letterlock_client.workshop.processes import Person, RelayProcess
from tests.end_to_end.conftest import vault_of_three
from tests.end_to_end.warm_commands import run_command


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
        "media_wrong": 0,
        "media_unread": 0,
        "wrong": [],
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
    nobody_to_ask = await again.run(*common[:-2], "--provider", where)
    assert nobody_to_ask.status == 2
    assert "--recovery-key-file" in nobody_to_ask.error["message"]
    key.write_text("0" * 64)
    assert (await again.run(*common, "--provider", where)).error["error"] == "nothing_found"
    key.write_text(turned.last["recovery_key"])
    gone = await again.run(*common, "--provider", f"folder:{tmp_path / 'elsewhere'}")
    assert gone.error["error"] == "provider_unreachable"
    (manifest,) = (tmp_path / "backup").rglob("manifest/*")
    raw = manifest.read_bytes()
    manifest.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
    assert (await again.run(*common, "--provider", where)).error["error"] == "backup_damaged"


async def test_a_rotated_key_opens_and_the_old_one_does_not(
    friends: tuple[Person, Person], relay: RelayProcess, tmp_path: Path
) -> None:
    alice, _ = friends
    assert (await alice.run("backup", "rotate")).error["error"] == "backup_off"
    where, word, key = f"folder:{tmp_path / 'backup'}", tmp_path / "password", tmp_path / "key"
    word.write_text("violet harbour 71 lanterns")
    async with vault_of_three(tmp_path) as (_, fleet):
        guarded = ("--password-file", str(word))
        words = ("--provider", where, "--recovery-key", *guarded, "--fleet", str(fleet))
        turned = await alice.run("backup", "on", *words)
        await alice.run("backup", "now")
        done = await alice.run("backup", "rotate", *guarded)
        assert done.status == 0, done
        assert {line["type"] for line in done.lines[:-1]} == {"progress"}
        assert (done.last["key_id_before"], done.last["realms"]) == (turned.last["key_id"], 3)
        assert (done.last["old_left"], done.last["media_lost"], done.last["generation"]) == (False, 0, 3)
        assert done.last["objects_written"] >= 2
        assert done.last["objects_deleted"] >= 2
        status = await alice.run("backup", "status")
        assert status.last["key_id"] == done.last["key_id_after"] != turned.last["key_id"]
        assert status.last["last"]["freshness"] == "verified"
        common = ("backup", "restore", "--handle", "alice", "--relay", relay.url, "--provider", where)
        again = Person("again", tmp_path / "homes")
        key.write_text(turned.last["recovery_key"])
        refused = await again.run(*common, "--recovery-key-file", str(key))
        assert refused.error["error"] == "nothing_found"
        key.write_text(done.last["recovery_key"])
        assert (await again.run(*common, "--recovery-key-file", str(key))).last["messages"] == 2
        third = Person("third", tmp_path / "homes")
        back = await third.run(*common, *guarded, "--fleet", str(fleet))
        assert (back.last["messages"], back.last["freshness"]) == (2, "verified")


async def test_a_restore_that_was_cut_short_needs_none_of_it_said_again(
    friends: tuple[Person, Person], relay: RelayProcess, tmp_path: Path
) -> None:
    alice, _ = friends
    turned = await alice.run("backup", "on", "--provider", f"folder:{tmp_path / 'backup'}", "--recovery-key")
    await alice.run("backup", "now")
    key = tmp_path / "key"
    key.write_text(turned.last["recovery_key"])
    again = Person("again", tmp_path / "homes")
    go_on = ("backup", "restore", "--recovery-key-file", str(key))
    assert (await again.run(*go_on)).error["error"] == "bad_usage"
    where = ("--handle", "alice", "--relay", relay.url, "--provider", f"folder:{tmp_path / 'backup'}")
    await relay.stop()
    assert (await again.run(*go_on, *where)).error["error"] == "offline"
    await relay.start()
    assert (await again.run(*go_on, "--handle", "bob")).error["error"] in ("bad_usage", "bad_input")
    restored = await again.run(*go_on)
    assert (restored.status, restored.last["messages"], restored.last["epoch"]) == (0, 2, 2), restored
    assert [line["text"] for line in (await again.run("history", "bob")).lines] == ["hello", "hello yourself"]
    # It is over: nothing is known of it any more.
    assert (await again.run(*go_on)).error["error"] == "bad_usage"


async def test_a_damaged_backup_is_written_again_or_what_is_whole_of_it_restored(
    friends: tuple[Person, Person], relay: RelayProcess, tmp_path: Path
) -> None:
    alice, bob = friends
    folder, sheet = tmp_path / "backup", tmp_path / "sheet"
    await alice.run("backup", "on", "--provider", f"folder:{folder}", "--recovery-key")
    await alice.run("backup", "sheet", "--with-key", "--output", str(sheet))
    await alice.run("backup", "now")
    (first,) = folder.rglob("segment/*")
    await bob.run("send", "alice", "said since")
    await alice.run("receive")
    await alice.run("backup", "now")
    (second,) = set(folder.rglob("segment/*")) - {first}
    raw = second.read_bytes()
    second.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))

    found = await alice.run("backup", "verify")
    assert (found.status, len(found.last["problems"])) == (1, 1)
    again, third = Person("again", tmp_path / "homes"), Person("third", tmp_path / "homes")
    restore = ("backup", "restore", "--sheet", str(sheet))
    assert (await again.run(*restore)).error["error"] == "backup_damaged"
    assert (await again.run(*restore, "--generation", "0")).status == 2

    mended = await alice.run("backup", "now", "--mend")
    assert (mended.status, mended.last["damaged"], mended.last["generation"]) == (0, 1, 3)
    assert (await alice.run("backup", "verify")).last["problems"] == []
    assert "damaged" not in (await alice.run("backup", "now", "--mend")).last

    third_manifest = max(folder.rglob("manifest/*"))
    third_manifest.unlink()
    rest = await again.run(*restore, "--accept-damaged")
    assert (rest.status, rest.last["messages"], rest.last["generation"]) == (0, 2, 2), rest
    assert rest.last["lost"] >= 1
    older = await third.run(*restore, "--generation", "1")
    assert (older.status, older.last["messages"], older.last["generation"]) == (0, 2, 1), older
    assert "lost" not in older.last
    # Whoever was put out by that writes nothing more.
    await again.run("backup", "now")
    await third.run("backup", "now")
    out = await again.run("backup", "now")
    assert out.error["error"] == "device_revoked", out


async def test_a_backup_goes_to_another_folder_and_is_turned_off_though_that_is_gone(
    friends: tuple[Person, Person], tmp_path: Path
) -> None:
    alice, _ = friends
    old, new = tmp_path / "backup", tmp_path / "other"
    await alice.run("backup", "on", "--provider", f"folder:{old}", "--recovery-key")
    await alice.run("backup", "now")
    there = {each.relative_to(old): each.read_bytes() for each in old.rglob("*") if each.is_file()}
    moved = await alice.run("backup", "set", "--provider", f"folder:{new}")
    assert (moved.status, moved.last["provider"]) == (0, f"folder:{new}")
    assert {each.relative_to(new): each.read_bytes() for each in new.rglob("*") if each.is_file()} == there
    assert (await alice.run("backup", "verify")).last["problems"] == []
    shutil.rmtree(new)
    gone = await alice.run("backup", "off")
    assert gone.error["error"] == "provider_unreachable"
    assert "--leave" in gone.error["message"]
    off = await alice.run("backup", "off", "--leave")
    (left,) = off.last["left"]
    assert left.startswith(f"folder:{new}/")
    assert (await alice.run("backup", "status")).last["on"] is False


async def test_what_only_the_backup_has_is_said_before_another_folder_is_used(
    friends: tuple[Person, Person], relay: RelayProcess, tmp_path: Path
) -> None:
    alice, _ = friends
    folder, sheet, homes = tmp_path / "backup", tmp_path / "sheet", tmp_path / "homes"
    carol = Person("carol", homes)
    assert (await carol.run("register", "carol", "--relay", relay.url)).status == 0
    assert (await alice.run("send", "carol", "hello")).last["accepted"] is True
    await alice.run("backup", "on", "--provider", f"folder:{folder}", "--recovery-key")
    await alice.run("backup", "sheet", "--with-key", "--output", str(sheet))
    await alice.run("backup", "now")
    again = Person("again", homes)
    assert (await again.run("backup", "restore", "--sheet", str(sheet), "--chat", "bob")).status == 0

    async def for_people(*words: str) -> str:
        """All of standard error where nothing is changed, as people read it."""
        options = ("--profile", "again", "--no-passphrase", "backup", "set", "--provider")
        ended = await run_command(*options, *words, home=homes)
        assert ended.lines == []
        return str(ended.error["message"])

    left = "Only in the backup so far: 1 chat with at most 1 message; they"
    folder.rename(tmp_path / "unplugged")
    said = await for_people(f"folder:{tmp_path / 'other'}")
    assert said.startswith(f"{left} are carried over.\nletterlock: ")
    said = await for_people(f"folder:{sheet}/inside", "--anew")
    assert said.startswith(f"{left} stay where they are.\nletterlock: ")
    (tmp_path / "unplugged").rename(folder)
    moved = await again.run("backup", "set", "--provider", f"folder:{tmp_path / 'other'}")
    assert moved.lines[0] == {
        "type": "progress",
        "phase": "only_there",
        "files": 0,
        "bytes": 0,
        "chats_left_out": True,
        "chats": 1,
        "messages": 1,
        "waiting": 0,
    }
    assert moved.last["provider"] == f"folder:{tmp_path / 'other'}"

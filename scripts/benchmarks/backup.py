"""Backing up and restoring a long history beside restic and borg: time, growth, memory, in one run."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.benchmarks.ratio import ratio_row
from scripts.benchmarks.row import Row

FILE_BYTES = 1_000_000
NEW_MESSAGES = 1000
NEW_FILES = 5
FULL, INCREMENT, RESTORE = "full", "increment", "restore"
CHATS = "chats"
STEPS = {FULL: "full backup", INCREMENT: "increment, its process", RESTORE: "restore, its process"}
RIVALS = ("restic, file", "restic, lines", "borg, file", "borg, lines")
"""Each program on the messages as one SQLite file, and as lines of JSON."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process took."""

    wall: float
    cpu: float
    peak_mb: float
    output: bytes = b""


@dataclass(frozen=True, slots=True)
class Course:
    """One program's full backup, increment and restore, and how large its repository was after each backup."""

    spent: Mapping[str, Spent]
    sizes: Mapping[str, int]

    @property
    def growth(self) -> int:
        """Bytes that the increment added."""
        return self.sizes[INCREMENT] - self.sizes[FULL]


def rows(quick: bool) -> Iterator[Row]:
    """Measure 1 000 000 messages and 500 MB of files (`quick`: a tenth)."""
    messages, files = (100_000, 50) if quick else (1_000_000, 500)
    courses = measure(messages, files)
    small = measure(messages // 10, files // 10, rivals=False)[""]
    ours, rivals = courses.pop(""), courses
    yield from compared(ours, rivals)
    yield flat(ours, small)
    yield from limits(ours, rivals)


def measure(messages: int, files: int, *, rivals: bool = True) -> dict[str, Course]:
    """Back up, grow, back up, restore; ours is under the empty name."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        history = History(root)
        history.grow(messages, files)
        programs = [("", Ours(root))]
        if rivals:
            programs += [(each.name, each) for each in found_rivals(root)]  # type: ignore[misc]
        spent: dict[str, dict[str, Spent]] = {name: {} for name, _ in programs}
        sizes: dict[str, dict[str, int]] = {name: {} for name, _ in programs}
        for step in (FULL, INCREMENT):
            if step == INCREMENT:
                history.grow(NEW_MESSAGES, NEW_FILES)
            for name, program in programs:
                spent[name][step] = program.back_up()
                sizes[name][step] = size_of(program.place)
        for name, program in programs:
            spent[name][RESTORE] = program.restore()
        spent[""][CHATS] = programs[0][1].open_chats()
        return {name: Course(spent[name], sizes[name]) for name, _ in programs}


def compared(ours: Course, rivals: Mapping[str, Course]) -> Iterator[Row]:
    """Ours over each rival, step by step; a rival that is not installed is not run."""
    for name in RIVALS:
        theirs = rivals.get(name)
        restic = name.startswith("restic")
        goals = {FULL: 1.0, RESTORE: 3.0} | ({INCREMENT: 0.5} if name == "restic, lines" else {})
        for step in (FULL, INCREMENT, RESTORE):
            wall = theirs.spent[step].wall if theirs else None
            most = goals.get(step) if restic else None
            yield ratio_row((STEPS[step], "s", name), (ours.spent[step].wall, wall), most=most)
        full, before = ours.spent[FULL], theirs.spent[FULL] if theirs else None
        pairs = (
            ("full backup, processor", "s", full.cpu, before and before.cpu, 0.6),
            ("peak memory", "MB", full.peak_mb, before and before.peak_mb, 1.3),
            ("repository", "MB", ours.sizes[FULL] / 1e6, theirs and theirs.sizes[FULL] / 1e6, 1.0),
        )
        for what, unit, mine, other, most in pairs:
            yield ratio_row((what, unit, name), (mine, other), most=most if restic else None)


def flat(ours: Course, small: Course) -> Row:
    """The same new messages and files on a history ten times as long."""
    return ratio_row(
        ("increment's own time, history x 10", "s", "ours, a tenth"),
        (inside(ours, INCREMENT), inside(small, INCREMENT)),
        most=1.3,
    )


def limits(ours: Course, rivals: Mapping[str, Course]) -> Iterator[Row]:
    """What has a limit of its own."""
    limit = 1.03 * NEW_FILES * FILE_BYTES + 120 * NEW_MESSAGES + 64 * 1024
    yield Row(
        "growth by 1 000 messages, 5 MB", "MB", ours.growth / 1e6, limit / 1e6, "limit", ours.growth / limit,
        "<= 1", ours.growth <= limit,
        ", ".join(f"{name} {course.growth / 1e6:.2f}" for name, course in rivals.items()),
    )  # fmt: skip
    opened = inside(ours, CHATS)
    yield Row(
        "a restore until people can chat",
        "s",
        opened,
        None,
        "",
        None,
        "< 1 s",
        opened < 1,
        "without the relay",
    )


def inside(course: Course, step: str) -> float:
    """Seconds of a backup without the start of its process."""
    return float(json.loads(course.spent[step].output)["seconds"])


class History:
    """The same history for everyone, made by a process of its own: its memory must not count as a rival's."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._messages = self._files = 0

    def grow(self, messages: int, files: int) -> None:
        """Add so many messages and files."""
        ends = (self._messages + messages, self._files + files)
        numbers = (self._messages, ends[0], self._files, ends[1])
        subprocess.run(
            [sys.executable, "-m", "scripts.benchmarks.backup_history", str(self._root), *map(str, numbers)],
            check=True,
        )
        self._messages, self._files = ends


class Ours:
    """Letterlock, on a profile."""

    def __init__(self, root: Path) -> None:
        self.place = root / "ours"
        self._home, self._new = root / "profile", root / "restored"

    def back_up(self) -> Spent:
        """One backup, with the start of its process."""
        return self._run("back_up", self._home, self.place)

    def restore(self) -> Spent:
        """One restore into a new profile."""
        return self._run("restore", self._home, self.place, self._new)

    def open_chats(self) -> Spent:
        """As much of a restore as somebody needs to chat."""
        return self._run("open_chats", self._home, self.place, self._new.with_name("opened"))

    def _run(self, *words: str | Path) -> Spent:
        # What is installed is compiled; a machine that keeps no bytecode would compile all of it at every start.
        return run(
            [sys.executable, "-m", "scripts.benchmarks.backup_subject", *map(str, words)],
            PYTHONDONTWRITEBYTECODE="",
        )


class Rival:
    """A program that backs up folders: the files, and the messages in one form."""

    def __init__(self, root: Path, name: str, sources: Sequence[Path]) -> None:
        self.name = name
        slug = name.replace(", ", "-")
        self.place, self._target = root / slug, root / f"{slug}-restored"
        self._sources = [str(each) for each in sources]
        self._cache = root / f"{slug}-cache"

    def _run(self, words: Sequence[str], **more: str) -> Spent:
        return run(words, self._target, HOME=str(self._cache), XDG_CACHE_HOME=str(self._cache), **more)


class Restic(Rival):
    """restic, to a folder."""

    def back_up(self) -> Spent:
        """One snapshot."""
        if not self.place.exists():
            self._restic("init")
        return self._restic("backup", *self._sources)

    def restore(self) -> Spent:
        """All of the newest snapshot."""
        return self._restic("restore", "latest", "--target", str(self._target))

    def _restic(self, *words: str) -> Spent:
        return self._run(["restic", "-q", "-r", str(self.place), *words], RESTIC_PASSWORD="bench")


class Borg(Rival):
    """borg, to a folder."""

    def __init__(self, root: Path, name: str, sources: Sequence[Path]) -> None:
        super().__init__(root, name, sources)
        self._made = 0

    def back_up(self) -> Spent:
        """One archive."""
        if not self._made:
            self._borg("init", "-e", "repokey-blake2", str(self.place))
        self._made += 1
        return self._borg("create", f"{self.place}::{self._made}", *self._sources)

    def restore(self) -> Spent:
        """All of the newest archive."""
        return self._borg("extract", f"{self.place}::{self._made}")

    def _borg(self, *words: str) -> Spent:
        return self._run(["borg", *words], BORG_PASSPHRASE="bench", BORG_RELOCATED_REPO_ACCESS_IS_OK="yes")


def found_rivals(root: Path) -> list[Restic | Borg]:
    """Those that are installed, each on the SQLite file and on lines of JSON."""
    found: list[Restic | Borg] = []
    for program, kind in (("restic", Restic), ("borg", Borg)):
        if shutil.which(program):
            found += [
                kind(root, f"{program}, file", (root / "sqlite", root / "files")),
                kind(root, f"{program}, lines", (root / "lines", root / "files")),
            ]
    return found


def run(words: Sequence[str], folder: Path | None = None, **environment: str) -> Spent:
    """Run a program to its end. Raises RuntimeError where it fails."""
    if folder is not None:
        folder.mkdir(exist_ok=True)
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        # Nobody waits for what others have left to be written: only some of them flush what they write.
        os.sync()
        began = time.perf_counter()
        process = subprocess.Popen(
            words, cwd=folder, stdout=output, stderr=errors, env={**os.environ, **environment}
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        if process.returncode:
            raise RuntimeError(f"{words[0]} failed: {errors.read().decode(errors='replace')[-2000:]}")
        peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
        return Spent(wall, usage.ru_utime + usage.ru_stime, peak, output.read())


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())

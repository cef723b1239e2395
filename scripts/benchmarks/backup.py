"""Backing up and restoring a long history beside restic and borg: time, growth, memory, in one run."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median_low
from typing import Final, Protocol

from scripts.benchmarks.ratio import ratio_row
from scripts.benchmarks.row import Row

FILE_BYTES = 1_000_000
NEW_MESSAGES = 1000
NEW_FILES = 5
ROUNDS: Final = 3
"""How often each step is run by each program in turn; the middle counts. One run alone is off by a fifth at times."""
FULL, INCREMENT, RESTORE = "full", "increment", "restore"
NOTHING, CHATS = "nothing", "chats"
"""Steps that only ours takes: a backup with nothing new, and as much of a restore as somebody needs to chat."""
STEPS = {FULL: "full backup", INCREMENT: "increment, its process", RESTORE: "restore, its process"}
RIVALS = ("restic, file", "restic, lines", "borg, file", "borg, lines")
"""Each program on the messages as one SQLite file, and as lines of JSON."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process took."""

    wall: float
    cpu: float
    peak_mb: float
    inside: float = 0.0
    """Seconds without the start of its process, where it says so."""


@dataclass(frozen=True, slots=True)
class Course:
    """One program's full backups, increments and restores, the middle of each, and the bytes that each added."""

    spent: Mapping[str, Spent]
    added: Mapping[str, int]


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
    """Back up, grow, back up, restore, each in rounds; ours is under the empty name."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        history = History(root)
        history.grow(messages, files)
        ours = Ours(root)
        programs: list[Program] = [ours, *(found_rivals(root) if rivals else ())]
        logs = {each.name: Log() for each in programs}
        for step in (FULL, INCREMENT):
            for _ in range(ROUNDS):
                if step == INCREMENT:
                    history.grow(NEW_MESSAGES, NEW_FILES)
                for program in programs:
                    if step == FULL:
                        program.begin_anew()
                    before = size_of(program.place)
                    logs[program.name].note(step, program.back_up(), size_of(program.place) - before)
        for _ in range(ROUNDS):
            logs[ours.name].note(NOTHING, ours.back_up())
            for program in programs:
                logs[program.name].note(RESTORE, program.restore())
        logs[ours.name].note(CHATS, ours.open_chats())
        return {name: log.course() for name, log in logs.items()}


class Log:
    """What one program took and added, round by round."""

    def __init__(self) -> None:
        self._spent: dict[str, list[Spent]] = {}
        self._added: dict[str, list[int]] = {}

    def note(self, step: str, spent: Spent, added: int = 0) -> None:
        """Note one round."""
        self._spent.setdefault(step, []).append(spent)
        self._added.setdefault(step, []).append(added)

    def course(self) -> Course:
        """The middle of each."""
        return Course(
            {step: middle(rounds) for step, rounds in self._spent.items()},
            {step: median_low(rounds) for step, rounds in self._added.items()},
        )


def middle(rounds: Sequence[Spent]) -> Spent:
    """The middle of each number."""
    return Spent(
        median_low(each.wall for each in rounds),
        median_low(each.cpu for each in rounds),
        median_low(each.peak_mb for each in rounds),
        median_low(each.inside for each in rounds),
    )


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
        pairs: tuple[tuple[str, str, Callable[[Course], float], float], ...] = (
            ("full backup, processor", "s", lambda course: course.spent[FULL].cpu, 0.6),
            ("peak memory", "MB", lambda course: course.spent[FULL].peak_mb, 1.3),
            ("repository", "MB", lambda course: course.added[FULL] / 1e6, 1.0),
        )
        for what, unit, of, goal in pairs:
            both = (of(ours), of(theirs) if theirs else None)
            yield ratio_row((what, unit, name), both, most=goal if restic else None)


def flat(ours: Course, small: Course) -> Row:
    """The same new messages and files on a history ten times as long."""
    return ratio_row(
        ("increment's own time, history x 10", "s", "ours, a tenth"),
        (ours.spent[INCREMENT].inside, small.spent[INCREMENT].inside),
        most=1.3,
    )


def limits(ours: Course, rivals: Mapping[str, Course]) -> Iterator[Row]:
    """What has a limit of its own."""
    limit = 1.03 * NEW_FILES * FILE_BYTES + 120 * NEW_MESSAGES + 64 * 1024
    growth = ours.added[INCREMENT]
    yield Row(
        "growth by 1 000 messages, 5 MB", "MB", growth / 1e6, limit / 1e6, "limit", growth / limit,
        "<= 1", growth <= limit,
        ", ".join(f"{name} {course.added[INCREMENT] / 1e6:.2f}" for name, course in rivals.items()),
    )  # fmt: skip
    for step, what, limit_s, goal, beside in (
        (NOTHING, "a backup with nothing new, its work", 0.1, "< 0.1 s", ""),
        (CHATS, "a restore until people can chat", 1.0, "< 1 s", "without the relay"),
    ):
        took = ours.spent[step].inside
        yield Row(what, "s", took, None, "", None, goal, took < limit_s, beside)


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


class Program(Protocol):
    """What backs up and restores."""

    name: str
    place: Path

    def begin_anew(self) -> None:
        """Forget all backups."""

    def back_up(self) -> Spent:
        """Make one backup."""

    def restore(self) -> Spent:
        """Bring all of the newest backup back to an empty place."""


class Ours:
    """Letterlock, on a profile."""

    name = ""

    def __init__(self, root: Path) -> None:
        self.place = root / "ours"
        self._home, self._new = root / "profile", root / "restored"
        self._pristine = root / "pristine"

    def begin_anew(self) -> None:
        """Take the profile as it was before it knew of backups."""
        if self._pristine.exists():
            empty(self.place, self._home)
        else:
            self._home.rename(self._pristine)
        shutil.copytree(self._pristine, self._home)

    def back_up(self) -> Spent:
        """One backup, with the start of its process."""
        return self._run("back_up", self._home, self.place)

    def restore(self) -> Spent:
        """One restore into a new profile."""
        empty(self._new)
        return self._run("restore", self._home, self.place, self._new)

    def open_chats(self) -> Spent:
        """As much of a restore as somebody needs to chat."""
        return self._run("open_chats", self._home, self.place, self._new.with_name("opened"))

    def _run(self, *words: str | Path) -> Spent:
        # What is installed is compiled; a machine that keeps no bytecode would compile all of it at every start.
        spent, output = run(
            [sys.executable, "-m", "scripts.benchmarks.backup_subject", *map(str, words)],
            PYTHONDONTWRITEBYTECODE="",
        )
        return replace(spent, inside=float(json.loads(output)["seconds"]))


class Rival:
    """A program that backs up folders: the files, and the messages in one form."""

    def __init__(self, root: Path, name: str, sources: Sequence[Path]) -> None:
        self.name = name
        slug = name.replace(", ", "-")
        self.place, self._target = root / slug, root / f"{slug}-restored"
        self._sources = [str(each) for each in sources]
        self._cache = root / f"{slug}-cache"

    def begin_anew(self) -> None:
        """Forget the repository, and what is kept of it elsewhere."""
        empty(self.place, self._cache)

    def _run(self, words: Sequence[str], **more: str) -> Spent:
        spent, _ = run(words, self._target, HOME=str(self._cache), XDG_CACHE_HOME=str(self._cache), **more)
        return spent


class Restic(Rival):
    """restic, to a folder."""

    def back_up(self) -> Spent:
        """One snapshot."""
        if not self.place.exists():
            self._restic("init")
        return self._restic("backup", *self._sources)

    def restore(self) -> Spent:
        """All of the newest snapshot."""
        empty(self._target)
        return self._restic("restore", "latest", "--target", str(self._target))

    def _restic(self, *words: str) -> Spent:
        return self._run(["restic", "-q", "-r", str(self.place), *words], RESTIC_PASSWORD="bench")


class Borg(Rival):
    """borg, to a folder."""

    def __init__(self, root: Path, name: str, sources: Sequence[Path]) -> None:
        super().__init__(root, name, sources)
        self._made = 0

    def begin_anew(self) -> None:
        """Forget the repository, and how many archives it had."""
        super().begin_anew()
        self._made = 0

    def back_up(self) -> Spent:
        """One archive."""
        if not self._made:
            self._borg("init", "-e", "repokey-blake2", str(self.place))
        self._made += 1
        return self._borg("create", f"{self.place}::{self._made}", *self._sources)

    def restore(self) -> Spent:
        """All of the newest archive."""
        empty(self._target)
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


def run(words: Sequence[str], folder: Path | None = None, **environment: str) -> tuple[Spent, bytes]:
    """Run a program to its end; return what it took, and said. Raises RuntimeError where it fails."""
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
        return Spent(wall, usage.ru_utime + usage.ru_stime, peak), output.read()


def empty(*folders: Path) -> None:
    """Remove folders, and all that is in them."""
    for each in folders:
        if each.exists():
            shutil.rmtree(each)


def size_of(folder: Path) -> int:
    """Bytes of all files below a folder."""
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())

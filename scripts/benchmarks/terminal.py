"""The interface beside bare Textual: first paint, appending, scrolling, keys, resizing, memory."""

import asyncio
import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios
import time
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from scripts.benchmarks.backup import History
from scripts.benchmarks.backup_subject import PROFILE
from scripts.benchmarks.ratio import ratio_row
from scripts.benchmarks.row import Row
from scripts.benchmarks.terminal_minimal import MARK
from scripts.benchmarks.terminal_subject import BareApp, client, message

ROOT = Path(__file__).parents[2]
SIZE = (120, 36)
MILLION = 1_000_000
SUBJECTS = (("terminal_subject", str(MILLION)), ("terminal_minimal",))

Step = Callable[[int], None]


def rows(quick: bool) -> Iterator[Row]:
    """Measure with a million messages in every case; `quick` takes fewer rounds."""
    rounds = 3 if quick else 7
    steps = 60 if quick else 200
    yield first_paint(rounds)
    yield first_list(rounds, MILLION // 10 if quick else MILLION)
    bare = asyncio.run(measure_bare(steps))
    for count in (1_000, MILLION):
        ours = asyncio.run(measure_client(count, steps))
        name = f"{count:,} messages"
        yield ratio_row(
            (f"append, {name}", "ms CPU", "bare line API"), (ours["append"], bare["append"]), most=2
        )
        yield ratio_row(
            (f"scroll a page, {name}", "ms CPU", "bare line API"), (ours["scroll"], bare["scroll"]), most=2
        )
        yield goal_row(f"a key in the composer, {name}", "ms CPU", ours["key"], 20)
        yield goal_row(f"resize, {name}", "ms CPU", ours["resize"], 150)
    yield goal_row("memory of a loaded message", "bytes", loaded_bytes(), 1024)


def goal_row(name: str, unit: str, ours: float, most: float) -> Row:
    return Row(name, unit, ours, None, "", None, f"<= {most:g} {unit}", ours <= most)


def first_paint(rounds: int) -> Row:
    with TemporaryDirectory() as compiled:
        ours, theirs = (
            paints(rounds, [f"scripts.benchmarks.{module}", *words], MARK, compiled)
            for module, *words in SUBJECTS
        )
    mine, least = median(wall for wall, _ in ours), median(wall for wall, _ in theirs)
    spent = median(cpu for _, cpu in ours), median(cpu for _, cpu in theirs)
    note = (
        "real terminal, from the start of Python to the newest message, no database; "
        f"CPU {spent[0]:.0f} and {spent[1]:.0f} ms"
    )
    return Row(
        f"first paint, {MILLION:,} messages",
        "ms",
        mine,
        least,
        "minimal Textual app",
        mine / least,
        "< 700 ms",
        mine < 700,
        note,
    )


def first_list(rounds: int, messages: int) -> Row:
    """Start the program as its owner does, over a database of so many messages."""
    with TemporaryDirectory() as folder, TemporaryDirectory() as compiled:
        History(Path(folder)).grow(messages, 0)
        words = ["letterlock_client.cli", "--profile", PROFILE]
        spent = paints(rounds, words, "peer0", compiled, LETTERLOCK_HOME=f"{folder}/profile")
    mine, cpu = median(wall for wall, _ in spent), median(cpu for _, cpu in spent)
    name = f"start to the list of chats, {messages:,} messages"
    note = f"the program itself over its encrypted database; CPU {cpu:.0f} ms"
    return Row(name, "ms", mine, None, "", None, "< 700 ms", mine < 700, note)


def paints(
    rounds: int, words: list[str], mark: str, compiled: str, **environment: str
) -> list[tuple[float, float]]:
    """Paint so often, as after the first start: modules are compiled once, not at every start."""
    return [paint(words, mark, compiled, **environment) for _ in range(rounds + 1)][1:]


def paint(words: list[str], mark: str, compiled: str, **more: str) -> tuple[float, float]:
    """Milliseconds until this text is there: of the wall clock, and of CPU."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", SIZE[1], SIZE[0], 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
    environment |= {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": "", **more}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *words],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=ROOT,
        env=environment,
        start_new_session=True,
    )
    os.close(slave)
    seen = b""
    while mark.encode() not in seen and time.perf_counter() - started < 30:
        if select.select([master], [], [], 0.1)[0]:
            seen += os.read(master, 65536)
    took = (time.perf_counter() - started) * 1000
    process.kill()
    _, process.returncode, usage = os.wait4(process.pid, 0)
    os.close(master)
    if mark.encode() not in seen:
        took = float("inf")
    return took, (usage.ru_utime + usage.ru_stime) * 1000


async def cpu_each(steps: int, step: Step, pause: Callable[[], Awaitable[None]]) -> float:
    """Milliseconds of CPU for a step and everything it makes the application do."""
    costs = []
    for number in range(steps):
        started = time.process_time()
        step(number)
        await pause()
        costs.append((time.process_time() - started) * 1000)
    return median(costs)


async def measure_bare(steps: int) -> dict[str, float]:
    app = BareApp(MILLION)
    async with app.run_test(size=SIZE) as pilot:
        await pilot.pause()
        log = app.log_view

        def scroll(number: int) -> None:
            pages = -1 if number % 20 < 10 else 1
            log.scroll_relative(y=pages * (SIZE[1] - 6), animate=False, immediate=True)

        append = await cpu_each(steps, lambda number: log.append(f"line {number}"), pilot.pause)
        return {"append": append, "scroll": await cpu_each(steps, scroll, pilot.pause)}


async def measure_client(count: int, steps: int) -> dict[str, float]:
    app, fake = client(count)
    async with app.run_test(size=SIZE) as pilot:
        for _ in range(4):
            await pilot.pause()
        pane = app.screen.query("ClientPane").first()
        await pane.open_chat(fake.chat)  # type: ignore[attr-defined]
        for _ in range(4):
            await pilot.pause()
        view = pane.view  # type: ignore[attr-defined]

        def append(number: int) -> None:
            at = fake.clock.now + number
            view.message_added(message(fake.chat, count + 1 + number, at, f"line {number}"))

        found = {"append": await cpu_each(steps, append, pilot.pause)}
        found["scroll"] = await cpu_each(
            steps, lambda number: view.log_view.action_page(-1 if number % 20 < 10 else 1), pilot.pause
        )
        costs = []
        for number in range(steps // 2):
            started = time.process_time()
            await pilot.press("abcdefgh"[number % 8])
            costs.append((time.process_time() - started) * 1000)
        found["key"] = median(costs)
        costs = []
        for number in range(8):
            started = time.process_time()
            await pilot.resize_terminal(110 + 10 * (number % 2), 36)
            await pilot.pause()
            costs.append((time.process_time() - started) * 1000)
        found["resize"] = median(costs)
        return found


def loaded_bytes() -> float:
    """What one message costs while it is loaded: the message, its place, nothing shared."""
    from letterlock_client.ui.widgets.timeline_window import TimelineWindow

    _, fake = client(4_096)
    window = TimelineWindow(fake.timeline_kept)
    numbers = range(1, 4_097)
    tracemalloc.start()
    made = [message(fake.chat, number, number, f"{number} {'x' * 60}") for number in numbers]
    window.load(list(numbers), made, range(0))
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return used / len(made)

"""Of what others write nothing reaches the terminal but characters: every byte that comes out of a client is read."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios
from pathlib import Path

from tests.client.test_sanitize import HOSTILE, is_plain

ROOT = Path(__file__).parents[3]
PATIENCE_S = 90.0
SIZE = struct.pack("HHHH", 30, 100, 0, 0)

SEQUENCE = re.compile(
    r"\x1b(?:"
    r"\[(?P<csi>[<-?]?)[0-9;:]*(?P<middle>[ -/]*)(?P<end>[@-~])"
    r"|\](?P<osc>[0-9]+);(?P<said>[^\x07\x1b]*)(?:\x07|\x1b\\)"
    r"|P(?P<dcs>[^\x1b]*)\x1b\\"
    r"|(?P<short>[ -/]*[0-~])"
    r")"
)
"""A control sequence after ECMA-48: CSI, OSC, DCS, or a short one."""


async def written(*words: str) -> str:
    """All that a client writes to its terminal while it is walked through."""
    here, there = pty.openpty()
    fcntl.ioctl(there, termios.TIOCSWINSZ, SIZE)
    environment = {
        name: value for name, value in os.environ.items() if name not in ("TMUX", "STY", "NO_COLOR")
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.client.ui.besieged_terminal", *words,
        cwd=ROOT, stdin=there, stdout=there, stderr=there, start_new_session=True,
        env=environment | {"TERM": "xterm-kitty", "COLORTERM": "truecolor", "TZ": "UTC"},
    )  # fmt: skip
    os.close(there)
    reading = asyncio.create_task(asyncio.to_thread(read_all, here))
    async with asyncio.timeout(PATIENCE_S):
        status = await process.wait()
        raw = await reading
    os.close(here)
    assert status == 0, raw[-2000:]
    return raw.decode("utf-8", "strict")


def read_all(terminal: int) -> bytes:
    """Read until nobody holds the other end."""
    parts = []
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:
            return b"".join(parts)
        if not part:
            return b"".join(parts)
        parts.append(part)


Parts = tuple[set[str], list[str], str]


def taken_apart(out: str) -> Parts:
    """The kinds of sequences in it, what was said in OSC sequences, and all the rest."""
    kinds, said = set(), []
    for found in SEQUENCE.finditer(out):
        if found["osc"] is not None:
            kinds.add(f"OSC {found['osc']}")
            said.append(found["said"])
        elif found["end"] is not None:
            kinds.add(f"CSI {found['csi']}{found['middle']}{found['end']}")
        else:
            kinds.add("DCS" if found["dcs"] is not None else f"ESC {found['short']}")
    return kinds, said, SEQUENCE.sub("", out)


def planted() -> list[str]:
    """What would stand in the output if a text got through as it is."""
    return [text for text in HOSTILE if any(not is_plain(character) for character in text)]


async def test_of_what_others_write_nothing_comes_out_but_characters() -> None:
    """One test, for what it looks at takes long to make, and each worker would make it anew."""
    besieged, plain = await asyncio.gather(written(), written("plain"))
    no_sequence_comes_out_that_the_client_does_not_write_by_itself(besieged, plain)
    no_control_character_comes_out_in_or_beside_a_text(taken_apart(besieged), taken_apart(plain))
    markup_comes_out_as_the_text_that_it_is(taken_apart(besieged)[2])


def no_sequence_comes_out_that_the_client_does_not_write_by_itself(besieged: str, plain: str) -> None:
    known = taken_apart(plain)[0]
    assert taken_apart(besieged)[0] <= known
    assert {"CSI m", "OSC 99"} <= known, "it was drawn, and it notified"
    for text in planted():
        assert text not in besieged, ascii(text)


def no_control_character_comes_out_in_or_beside_a_text(besieged: Parts, plain: Parts) -> None:
    controls = {character for character in plain[2] if not is_plain(character)}
    assert controls <= set("\r\n\t\a")
    assert all(is_plain(character, allowed="\r\n\t\a") for character in besieged[2])
    assert besieged[2].count("\a") == plain[2].count("\a"), "only the client rings"
    assert besieged[1], "it notified"
    assert all(is_plain(text) for text in besieged[1])


def markup_comes_out_as_the_text_that_it_is(rest: str) -> None:
    for text in ("[@click=app.quit]", "[link=https://evil.example]", "[a[0]]"):
        assert text in rest


def test_a_text_that_got_through_would_be_seen() -> None:
    """Else the tests above could not fail."""
    for text in planted():
        kinds, said, rest = taken_apart(f"\x1b[1mhello\x1b[0m {text} world")
        strange = kinds - {"CSI m"} or any(not is_plain(one) for one in [*said, rest]) or "\x1b[31m" in text
        assert strange, ascii(text)

"""Calling for attention outside the window: the escape sequence that this terminal turns into a notification.

::

    kitty                      OSC 99 ; title, then body
    iTerm2, WezTerm, Ghostty   OSC 9 ; one text
    foot, urxvt, VTE           OSC 777 ; notify ; title ; body

A terminal that is none of these gets none: an unknown sequence could be printed. Texts are cleaned here once more,
and cut, because they leave the screen. Must not know messages or settings.
"""

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from letterlock_client.sanitize import line_of

MAX_TITLE: Final = 60
MAX_BODY: Final = 160
_SEPARATORS: Final = re.compile(r"[;\x00-\x1f\x7f-\x9f]")


class Way(StrEnum):
    """How a terminal is asked to notify."""

    NONE = ""
    OSC_9 = "9"
    OSC_99 = "99"
    OSC_777 = "777"


def way_of(environment: Mapping[str, str]) -> Way:
    """Say how the terminal that this environment names notifies."""
    if environment.get("TMUX") or environment.get("STY"):
        # A multiplexer would swallow it or, worse, show it.
        return Way.NONE
    term, program = environment.get("TERM", ""), environment.get("TERM_PROGRAM", "")
    if environment.get("KITTY_WINDOW_ID") or term == "xterm-kitty":
        return Way.OSC_99
    if program in ("iTerm.app", "WezTerm", "ghostty") or term == "xterm-ghostty":
        return Way.OSC_9
    if term.startswith(("foot", "rxvt")) or environment.get("VTE_VERSION"):
        return Way.OSC_777
    return Way.NONE


def sequence(way: Way, title: str, body: str) -> str:
    """Return what is written to the terminal; nothing for a terminal without a way."""
    head, text = _safe(title, MAX_TITLE), _safe(body, MAX_BODY)
    if way is Way.OSC_99:
        return f"\x1b]99;i=letterlock:d=0;{head}\x1b\\\x1b]99;i=letterlock:d=1:p=body;{text}\x1b\\"
    if way is Way.OSC_777:
        return f"\x1b]777;notify;{head};{text}\x1b\\"
    if way is Way.OSC_9:
        return f"\x1b]9;{head}: {text}\x1b\\" if text else f"\x1b]9;{head}\x1b\\"
    return ""


def _safe(text: str, most: int) -> str:
    return _SEPARATORS.sub(" ", line_of(text, most))

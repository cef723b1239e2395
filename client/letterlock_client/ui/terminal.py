"""What terminals send that Textual does not know yet.

Must not know the application.
"""

from enum import StrEnum
from typing import cast

from textual._ansi_sequences import ANSI_SEQUENCES_KEYS


class _Extra(StrEnum):
    ALT_ENTER = "alt+enter"


def know_alt_enter() -> None:
    """Let alt+enter arrive as a key of its own in terminals that send ESC CR for it.

    Textual reads an unknown escape sequence as its parts: ESC CR became a plain enter, which would send
    half a message. Terminals with the extended keyboard protocol are understood without this.
    """
    table = cast("dict[str, object]", ANSI_SEQUENCES_KEYS)
    table.setdefault("\x1b\r", (_Extra.ALT_ENTER,))
    table.setdefault("\x1b\n", (_Extra.ALT_ENTER,))

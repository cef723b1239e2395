"""What a relay learns from each frame, in a few words that hold: the middle of the stage says nothing else.

`shared/spec/security.md` has the whole table. Must not know widgets.
"""

from collections.abc import Mapping
from typing import Final

from letterlock_client.workshop.watch_lines import SeenFrame

STRANGER: Final = "somebody"

_LEARNED: Final[Mapping[str, str]] = {
    "Register": "a handle and its public keys",
    "LogIn": "who connects, from where, when",
    "PutPrekeys": "public keys for first messages",
    "PutDeviceList": "a newer list of devices",
    "FetchAccount": "{who} looks somebody up",
    "FetchBundle": "{who} may write to somebody new",
    "Acknowledge": "{who} has it; forgotten here",
    "BeginUpload": "a file comes; its size class",
}

_SEALED: Final[Mapping[str, tuple[str, str]]] = {
    "Submit": ("from {who}, for {to}", "what it is, what it says"),
    "Deliver": ("for {to}; kept without a sender", "what it is, what it says"),
    "PutChunk": ("a piece of a file, from {who}", "its name, what it holds"),
    "Chunk": ("a piece of a file, for {who}", "its name, what it holds"),
}


def known_of(frame: SeenFrame, names: Mapping[str, str]) -> str:
    """Return what the relay learns; empty where that is nothing new."""
    who, to = names.get(frame.account, STRANGER), names.get(frame.to, STRANGER)
    known = _SEALED[frame.kind][0] if frame.kind in _SEALED else _LEARNED.get(frame.kind, "")
    return known.format(who=who, to=to)


def unknown_of(frame: SeenFrame) -> str:
    """Return what stays hidden from the relay; empty where nothing is sealed."""
    if frame.kind in _SEALED:
        return _SEALED[frame.kind][1]
    return "what is sealed" if frame.sealed else ""

"""Which command suits which message: what a menu offers, and what a command means that names no message.

Pure. Must not know how anything is done.
"""

from collections.abc import Callable, Mapping
from typing import Final

from letterlock_client.models import Message, MessageKind, TransferState

_ON_ITS_WAY: Final = (TransferState.MOVING, TransferState.PAUSED)


def suits(verb: str, message: Message) -> bool:
    """Say whether a command of `Where.MESSAGE`, by its name, can be done with this message."""
    return _SUITS.get(verb, _always)(message)


def _always(_: Message) -> bool:
    return True


def _said(message: Message) -> bool:
    """Whether somebody said it, and it is still there."""
    return not message.deleted and message.kind is not MessageKind.NOTE


def _editable(message: Message) -> bool:
    plain = message.kind is not MessageKind.UNKNOWN
    return message.mine and plain and bool(message.text) and _said(message)


def _readable(message: Message) -> bool:
    return bool(message.text) and not message.deleted and not message.view_once


def _passable(message: Message) -> bool:
    return _said(message) and not message.view_once and message.kind is not MessageKind.UNKNOWN


def _seen(message: Message) -> bool:
    return message.kind is MessageKind.IMAGE and not message.deleted and message.attachment is not None


def _heard(message: Message) -> bool:
    return message.kind in (MessageKind.AUDIO, MessageKind.VOICE) and not message.deleted


def _has_file(message: Message) -> bool:
    file = message.attachment
    there = file is not None and file.state is not TransferState.GONE
    return there and not message.view_once and not message.deleted


def _moves(message: Message) -> bool:
    return message.attachment is not None and message.attachment.state in _ON_ITS_WAY


_SUITS: Final[Mapping[str, Callable[[Message], bool]]] = {
    "reply": _said,
    "react": _said,
    "open": _said,
    "edit": _editable,
    "copy": _readable,
    "forward": _passable,
    "view": _seen,
    "play": _heard,
    "launch": _has_file,
    "history": lambda message: bool(message.edits),
    "pause": _moves,
    "cancel": _moves,
    "jump": lambda message: message.reply_to is not None,
}
"""Commands that are not here suit every message."""

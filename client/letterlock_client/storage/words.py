"""Words in the tables that stand for what a message is and how far it came.

A backup that a newer release wrote may have brought one that is unknown here. It stays as it is, for a release that
knows it and for the next backup, and is read as what it is here. Must not know tables.
"""

from typing import Final

from letterlock_client.models import Delivery, MessageKind

_KINDS: Final = {each.value: each for each in MessageKind}
_DELIVERIES: Final = {each.value: each for each in Delivery}


def kind(word: str) -> MessageKind:
    """Return what a message is; UNKNOWN for what only a newer release knows."""
    return _KINDS.get(word, MessageKind.UNKNOWN)


def delivery(word: str) -> Delivery:
    """Return how far a message came; NONE, which promises nothing, for what only a newer release knows."""
    return _DELIVERIES.get(word, Delivery.NONE)

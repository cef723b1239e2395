"""Why a realm says no: the codes of `vault_frames.Refused`, and the states of a record.

Must not know frames or realms. Codes are public: scripts read them.
"""

from typing import Final

READY: Final = "ready"
"""No refusal: a guess would be answered. The state of `StatusIs` only."""
NEVER_REGISTERED: Final = "never_registered"
"""This realm has never held a record of this account."""
UNFINISHED: Final = "unfinished"
"""A registration was prepared and never committed, and there is none before it."""
DESTROYED: Final = "destroyed"
"""The record is no more; the tombstone says when and why."""
DOOR_CLOSED: Final = "door_closed"
"""Whoever knows only the account has no guess left; the locator opens the other door. Nothing is destroyed."""
WAIT: Final = "wait"
"""Too soon after the last guess: nothing is spent; `retry` says when."""
EPOCH: Final = "epoch"
"""The guess is for another registration than the one that answers here: nothing is spent."""
WRONG_PROOF: Final = "wrong_proof"
"""KE3 does not hold, or came too late: the guess stays spent."""
BAD_OBJECT: Final = "bad_object"
"""A signed object, receipt or message did not check; nothing happened."""
REVOKED: Final = "revoked"
"""The signer does not stand in the highest device list that this realm knows; nothing happened."""
STALE: Final = "stale"
"""The request or list is older than what is kept: epoch, generation, list, or nonce; nothing happened."""
UNKNOWN_ACCOUNT: Final = "unknown_account"
"""This realm knows no device list of this account."""
NOT_NOW: Final = "not_now"
"""The disk is full or failing; nothing was kept and no guess was answered; try again later."""
RATE: Final = "rate"
"""Too many; `retry` says when to go on."""
VERSION: Final = "version"
"""The client or the realm is too old for the other."""
ILLEGAL: Final = "illegal"
"""Not legal in this state of the connection."""
INTERNAL: Final = "internal"
"""The realm failed."""

STATES: Final = frozenset({READY, NEVER_REGISTERED, UNFINISHED, DESTROYED, DOOR_CLOSED, WAIT})
"""What `StatusIs.state` may be."""

ALL: Final = frozenset(
    {
        NEVER_REGISTERED,
        UNFINISHED,
        DESTROYED,
        DOOR_CLOSED,
        WAIT,
        EPOCH,
        WRONG_PROOF,
        BAD_OBJECT,
        REVOKED,
        STALE,
        UNKNOWN_ACCOUNT,
        NOT_NOW,
        RATE,
        VERSION,
        ILLEGAL,
        INTERNAL,
    }
)

"""Why a relay says no: the codes of `Refused`, the same for every implementation.

Must not know frames or handlers. Codes are public: scripts read them.
"""

from typing import Final

VERSION: Final = "version"
"""The client or the relay is too old for the other."""
NOT_NOW: Final = "not_now"
"""The disk is full or failing; nothing was kept; try again later."""
RATE: Final = "rate"
"""Too many; `retry_ms` says when to go on."""
HANDLE_TAKEN: Final = "handle_taken"
"""Another account has this handle."""
INVITE_NEEDED: Final = "invite_needed"
"""This relay takes new accounts by invite code only."""
BAD_OBJECT: Final = "bad_object"
"""A signed object did not check."""
BAD_LOGIN: Final = "bad_login"
"""The login does not check: wrong key, revoked device, replayed or forwarded signature, wrong relay name."""
UNKNOWN_ACCOUNT: Final = "unknown_account"
"""No such account, handle or device here."""
NOT_YOURS: Final = "not_yours"
"""The request names something that belongs to somebody else, or that was not delivered here."""
STALE: Final = "stale"
"""The object is older than what is kept."""
MAILBOX_FULL: Final = "mailbox_full"
"""That device's mailbox is full."""
NO_BLOB: Final = "no_blob"
"""No such attachment, or it expired."""
TOO_LARGE: Final = "too_large"
"""More than this relay keeps."""
ILLEGAL: Final = "illegal"
"""Not legal in this state of the connection."""
INTERNAL: Final = "internal"
"""The relay failed; nothing was kept."""

ALL: Final = frozenset(
    {
        VERSION,
        NOT_NOW,
        RATE,
        HANDLE_TAKEN,
        INVITE_NEEDED,
        BAD_OBJECT,
        BAD_LOGIN,
        UNKNOWN_ACCOUNT,
        NOT_YOURS,
        STALE,
        MAILBOX_FULL,
        NO_BLOB,
        TOO_LARGE,
        ILLEGAL,
        INTERNAL,
    }
)

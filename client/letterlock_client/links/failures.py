"""How asking a relay fails: it cannot be reached, or it says no. As ClientErrors with public codes.

Must not know who asked. `Refused.refusal` is the relay's own code, one of `letterlock.wire.refusals`.
"""

from typing import Final

from letterlock.wire import refusals
from letterlock_client.errors import ClientError, Code

_CODES: Final = {
    refusals.VERSION: Code.VERSION,
    refusals.NOT_NOW: Code.RELAY_FULL,
    refusals.RATE: Code.RATE_LIMITED,
    refusals.HANDLE_TAKEN: Code.HANDLE_TAKEN,
    refusals.INVITE_NEEDED: Code.INVITE_NEEDED,
    refusals.UNKNOWN_ACCOUNT: Code.UNKNOWN_CONTACT,
    refusals.MAILBOX_FULL: Code.RELAY_FULL,
    refusals.NO_BLOB: Code.GONE,
    refusals.TOO_LARGE: Code.TOO_LARGE,
}
_SENTENCES: Final = {
    refusals.BAD_LOGIN: "the relay does not take this device for one of its account: the account may have been "
    "restored on another one, which puts this one out",
}
"""Where our own words help more than the relay's."""
_PASSING: Final = frozenset({refusals.RATE, refusals.NOT_NOW, refusals.INTERNAL})
_LONGEST_WAIT_MS: Final = 60_000


class Offline(ClientError):
    """The relay cannot be reached, or went away before it answered: ask again later."""

    def __init__(self, message: str = "the relay cannot be reached") -> None:
        super().__init__(Code.OFFLINE, message)


class Refused(ClientError):
    """The relay says no."""

    def __init__(self, refusal: str, message: str, *, retry_ms: int = 0) -> None:
        code = _CODES.get(refusal, Code.REFUSED)
        said = _SENTENCES.get(refusal) or message or "the relay refused"
        super().__init__(code, said, refusal=refusal)
        if code is Code.RATE_LIMITED:
            self.facts["wait_seconds"] = round(retry_ms / 1000, 1)
        self.refusal = refusal
        self.retry_ms = min(max(retry_ms, 0), _LONGEST_WAIT_MS)

    @property
    def passing(self) -> bool:
        """Whether the same request may succeed later."""
        return self.refusal in _PASSING

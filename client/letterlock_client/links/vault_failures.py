"""How asking a realm fails: unreachable, another key, a lie, or a no. As ClientErrors with public codes.

Must not know who asked, or how many realms are enough.
"""

from typing import Final

from letterlock.wire import vault_refusals as refusals
from letterlock.wire.vault_frames import Refused
from letterlock_client.errors import ClientError, Code

_CODES: Final = {
    refusals.NEVER_REGISTERED: Code.VAULT_NEVER_REGISTERED,
    refusals.DESTROYED: Code.VAULT_DESTROYED,
    refusals.DOOR_CLOSED: Code.VAULT_DOOR_CLOSED,
    refusals.WAIT: Code.VAULT_WAIT,
    refusals.UNFINISHED: Code.VAULT_UNFINISHED,
    refusals.REVOKED: Code.DEVICE_REVOKED,
    refusals.VERSION: Code.VERSION,
    refusals.RATE: Code.RATE_LIMITED,
}
_SENTENCES: Final = {
    Code.VAULT_NEVER_REGISTERED: "the vault has no password of this account: use the 64-digit key",
    Code.VAULT_DESTROYED: "the vault destroyed this account's record: only the 64-digit key opens the backup now",
    Code.VAULT_DOOR_CLOSED: "too many guesses came without the locator: use the one on the recovery sheet",
    Code.VAULT_WAIT: "the vault takes the next guess later; nothing is spent while you wait",
    Code.VAULT_UNFINISHED: "the password was never completely set at the vault: finish on the device that began",
    Code.DEVICE_REVOKED: "the vault knows a newer device list, and this device is not in it",
}


class RealmError(ClientError):
    """Something about one realm. `realm` is its name."""

    def __init__(self, code: Code, message: str, realm: str, **facts: str | int) -> None:
        super().__init__(code, message, realm=realm, **facts)
        self.realm = realm


class RealmUnreachable(RealmError):
    """It cannot be reached, or went away before it answered."""

    def __init__(self, realm: str, message: str = "") -> None:
        super().__init__(
            Code.REALM_UNREACHABLE, message or f"the realm {realm} of the vault cannot be reached", realm
        )


class RealmWrongKey(RealmError):
    """What answers at its address is not the realm that the fleet file pins."""

    def __init__(self, realm: str) -> None:
        super().__init__(
            Code.REALM_WRONG_KEY,
            f"what answers for the realm {realm} has another key than the pinned one",
            realm,
        )


class RealmLied(RealmError):
    """It answered what no honest realm answers."""

    def __init__(self, realm: str, what: str) -> None:
        super().__init__(Code.REALM_LIED, f"the realm {realm} lied: {what}", realm)


class RealmRefused(RealmError):
    """It says no. `refusal` is its own code, one of `letterlock.wire.vault_refusals`."""

    def __init__(self, realm: str, answer: Refused) -> None:
        code = _CODES.get(answer.code, Code.REALM_REFUSED)
        message = _SENTENCES.get(code) or answer.message or f"the realm {realm} refused"
        if code is Code.RATE_LIMITED:
            message = f"too much was asked of the realm {realm}: {patience(answer.retry)}"
        super().__init__(code, message, realm, refusal=answer.code)
        if code in (Code.VAULT_WAIT, Code.RATE_LIMITED):
            self.facts["wait_seconds"] = answer.retry
        self.refusal = answer.code
        self.wait = answer.retry
        self.left = answer.left
        self.tombstone = answer.tombstone


def patience(seconds: int) -> str:
    """Say after how long to ask again."""
    return f"wait {seconds} second{'s' * (seconds != 1)}, then try again"


def refused_as(code: Code, **facts: str | int) -> ClientError:
    """Return the error of the vault as a whole that has this code."""
    return ClientError(code, _SENTENCES[code], **facts)

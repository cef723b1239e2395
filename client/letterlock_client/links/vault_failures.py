"""How asking a vault fails: what it answers as a whole, and one realm's absence, other key, lie, or no.

::

    ClientError                    code, and a sentence that says what to do
    ├── VaultNeverRegistered       no password of this account was ever kept
    ├── VaultDestroyed             the record is no more (at, reason)
    ├── VaultDoorClosed            only the locator opens another door
    ├── VaultWait                  too early for the next guess (wait_seconds)
    ├── VaultUnfinished            a registration that too few realms answer to
    ├── WrongPassword              a guess was spent, now or before (attempts_left, wait_seconds)
    └── RealmError                 one realm (realm)
        ├── RealmUnreachable       it is away, or went away
        ├── RealmWrongKey          it is not the pinned one
        ├── RealmLied              it answered what no honest realm answers
        └── RealmRefused           it says no (refusal)

Must not know who asked, or how many realms are enough.
"""

from typing import Final

from letterlock.wire import vault_refusals as refusals
from letterlock.wire.vault_frames import Refused
from letterlock_client.errors import ClientError, Code
from letterlock_client.shapes import many

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
    Code.VAULT_UNFINISHED: "the password was never completely set at the vault: finish on the device that began",
    Code.DEVICE_REVOKED: "the vault knows a newer device list, and this device is not in it: the account may have been"
    " restored on another one, which puts this one out",
    Code.VERSION: "this client and the realm are too far apart in version: update Letterlock",
}


class VaultNeverRegistered(ClientError):
    """The vault has never held a password of this account, or keeps another secret."""

    def __init__(self) -> None:
        super().__init__(Code.VAULT_NEVER_REGISTERED, _SENTENCES[Code.VAULT_NEVER_REGISTERED])


class VaultDestroyed(ClientError):
    """The record is no more: since `at` (ms, 0 where no realm says it with its signature), and why."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(Code.VAULT_DESTROYED, _SENTENCES[Code.VAULT_DESTROYED], at=at, reason=reason)


class VaultDoorClosed(ClientError):
    """Whoever knows only the account has no guess left; nothing is destroyed."""

    def __init__(self) -> None:
        super().__init__(Code.VAULT_DOOR_CLOSED, _SENTENCES[Code.VAULT_DOOR_CLOSED])


class VaultWait(ClientError):
    """Too early for the next guess: `seconds` from now enough realms take it."""

    def __init__(self, seconds: int) -> None:
        super().__init__(Code.VAULT_WAIT, _too_early(seconds), wait_seconds=seconds)


class VaultUnfinished(ClientError):
    """A registration was begun, and too few realms answer to it."""

    def __init__(self, message: str = _SENTENCES[Code.VAULT_UNFINISHED]) -> None:
        super().__init__(Code.VAULT_UNFINISHED, message)


class DeviceRevoked(ClientError):
    """Enough realms know a device list that this device is not in."""

    def __init__(self) -> None:
        super().__init__(Code.DEVICE_REVOKED, _SENTENCES[Code.DEVICE_REVOKED])


class WrongPassword(ClientError):
    """The password is another one; `left` tries remain here, the next after `wait` seconds.

    `known` says that this was found out before, and cost nothing now.
    """

    def __init__(self, left: int, wait: int, *, known: bool = False) -> None:
        what = "this is not the backup password"
        if known:
            what = (
                "this was not the backup password when it was tried here, and no guess was spent on it again"
            )
        advice = f"{'1 try is' if left == 1 else f'{left} tries are'} left here; check how it is written"
        if not left:
            advice = "no tries are left here: use the recovery sheet, or the 64-digit key"
        super().__init__(
            Code.WRONG_PASSWORD,
            f"{what}; {advice}",
            attempts_left=left,
            wait_seconds=wait,
        )


class RealmError(ClientError):
    """Something about one realm. `realm` is its name."""

    def __init__(self, code: Code, message: str, realm: str, **facts: str | int) -> None:
        super().__init__(code, message, realm=realm, **facts)
        self.realm = realm


class RealmUnreachable(RealmError):
    """It cannot be reached, or went away before it answered."""

    def __init__(self, realm: str) -> None:
        super().__init__(
            Code.REALM_UNREACHABLE,
            f"the realm {realm} of the vault cannot be reached: try again later",
            realm,
        )


class RealmWrongKey(RealmError):
    """What answers at its address is not the realm that the fleet file pins."""

    def __init__(self, realm: str) -> None:
        super().__init__(
            Code.REALM_WRONG_KEY,
            f"what answers for the realm {realm} has another key than the pinned one:"
            " compare the fleet file with whoever gave it, and enter no password before",
            realm,
        )


class RealmLied(RealmError):
    """It answered what no honest realm answers."""

    def __init__(self, realm: str, what: str) -> None:
        super().__init__(
            Code.REALM_LIED,
            f"the realm {realm} lied: {what}; tell whoever runs it, and do not rely on it",
            realm,
        )


class RealmRefused(RealmError):
    """It says no. `refusal` is its own code, one of `letterlock.wire.vault_refusals`."""

    def __init__(self, realm: str, answer: Refused) -> None:
        code = _CODES.get(answer.code, Code.REALM_REFUSED)
        super().__init__(code, _said(realm, code, answer), realm, refusal=answer.code)
        if code in (Code.VAULT_WAIT, Code.RATE_LIMITED):
            self.facts["wait_seconds"] = answer.retry
        self.refusal = answer.code
        self.wait = answer.retry
        self.left = answer.left
        self.tombstone = answer.tombstone


def _said(realm: str, code: Code, answer: Refused) -> str:
    if code is Code.VAULT_WAIT:
        return _too_early(answer.retry)
    if code is Code.RATE_LIMITED:
        return f"too much was asked of the realm {realm}: wait {span(answer.retry)}, then try again"
    if answer.code == refusals.NOT_NOW:
        return f"the realm {realm} can keep nothing now: try again later"
    reason = f": {answer.message}" if answer.message else ""
    return _SENTENCES.get(code) or f"the realm {realm} refused{reason}"


def _too_early(seconds: int) -> str:
    return f"the vault takes the next guess in {span(seconds)}: wait; nothing is spent meanwhile"


def span(seconds: int) -> str:
    """Return a time to wait for people, rounded up: 1 second, 90 seconds, 5 minutes, 24 hours."""
    for size, unit in ((3600, "hour"), (60, "minute")):
        if seconds >= 2 * size:
            return many(-(-seconds // size), unit)
    return many(seconds, "second")

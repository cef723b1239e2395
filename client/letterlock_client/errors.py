"""What goes wrong in a client, as one error with a public code and a sentence for people.

::

    ClientError                 code, message, facts
    (the shared package's PeerError and MisuseError stay below the flows, which turn them into these)

`Code` is the one list of error codes: scripts read it, so a code is never renamed and never means
something else. Must not know storage, sockets or faces.
"""

from enum import StrEnum
from typing import Final


class Code(StrEnum):
    """Every public error code; the text under each says when it is given and which facts it carries."""

    BAD_USAGE = "bad_usage"
    """The command line is wrong; exit status 2."""
    BAD_INPUT = "bad_input"
    """What was asked for cannot be meant: a bad handle, name, number or text."""
    BAD_CONFIG = "bad_config"
    """The configuration file is wrong. `file`, and `key` where one is to blame."""

    NO_PROFILE = "no_profile"
    """There is no such profile here, or it has no account yet. `profile`."""
    PROFILE_EXISTS = "profile_exists"
    """There is one already. `profile`."""
    PROFILE_IN_USE = "profile_in_use"
    """Another program has this profile open. `profile`."""
    WRONG_PASSPHRASE = "wrong_passphrase"  # noqa: S105 - a code, not a passphrase
    """The local passphrase does not open this profile."""
    STORAGE_FULL = "storage_full"
    """This disk is full: nothing of the change was saved."""
    STORAGE_FAILED = "storage_failed"
    """This disk fails: nothing of the change was saved, and nothing more is until the next start."""
    STORAGE_DAMAGED = "storage_damaged"
    """What is stored here is not whole."""
    STORAGE_NEWER = "storage_newer"
    """The profile was written by a newer version of this program."""
    STORAGE_BUSY = "storage_busy"
    """The database did not answer in time: nothing of the change was saved."""
    CLOSED = "closed"
    """The profile was closed while this was asked of it."""

    OFFLINE = "offline"
    """The relay cannot be reached."""
    TIMED_OUT = "timed_out"
    """The relay did not answer in time."""
    REFUSED = "refused"
    """The relay refused. `refusal` is its own code."""
    RATE_LIMITED = "rate_limited"
    """Too many; `wait_seconds` says when to go on."""
    RELAY_FULL = "relay_full"
    """The relay, or the other side's mailbox at it, is full."""
    RELAY_LIES = "relay_lies"
    """The relay offered something that does not check."""
    INSECURE_RELAY = "insecure_relay"
    """A relay without TLS beyond this machine, and nobody said --insecure."""
    VERSION = "version"
    """This client and the relay are too far apart in version."""
    DEVICE_REVOKED = "device_revoked"
    """This device does not belong to its account any more."""
    HANDLE_TAKEN = "handle_taken"
    """Another account has this handle. `handle`."""
    INVITE_NEEDED = "invite_needed"
    """This relay takes new accounts by invite code only."""

    UNKNOWN_CONTACT = "unknown_contact"
    """Nobody by this name here or at the relay. `who`."""
    AMBIGUOUS_CONTACT = "ambiguous_contact"
    """More than one contact calls itself so; name one by account id. `who`."""
    UNKNOWN_CONVERSATION = "unknown_conversation"
    """There is no such chat."""
    BLOCKED = "blocked"
    """This contact is blocked; unblock first."""
    NOT_ACCEPTED = "not_accepted"
    """This contact's request waits for an answer."""
    KEY_CHANGED = "key_changed"
    """A verified contact's key changed: look at the new safety number first."""
    LIST_FORKED = "list_forked"
    """Two different device lists with one number: somebody lies; nothing is sent."""
    LIST_EXPIRED = "list_expired"
    """The contact's device list is out of date, and this would be a first contact."""
    WRONG_NUMBER = "wrong_number"
    """The safety number typed in is not the one computed."""

    UNKNOWN_MESSAGE = "unknown_message"
    """There is no such message. `id`."""
    NOT_YOURS = "not_yours"
    """Only an own message can be changed so."""
    TOO_LATE = "too_late"
    """The message can no longer be changed so."""
    ALREADY_VIEWED = "already_viewed"
    """It could be viewed once, and was."""
    TOO_LARGE = "too_large"
    """Larger than a message or an attachment may be. `limit` in bytes."""
    NO_ATTACHMENT = "no_attachment"
    """The message carries no file."""
    GONE = "gone"
    """The relay no longer has the attachment's bytes."""
    DAMAGED = "damaged"
    """The attachment's bytes are not those that were sent."""
    NOT_AVAILABLE = "not_available"
    """The relay rolls this feature out gradually, or to newer versions, and not to this account yet."""
    CHANGED = "changed"
    """The exported record is not as it was written. `line` is the first that is wrong."""
    FILE_FAILED = "file_failed"
    """A file could not be read or written. `file`."""
    TOO_MANY_WAITING = "too_many_waiting"
    """The outbox is full; messages go out first."""

    BACKUP_OFF = "backup_off"
    """Backups are not turned on for this profile."""
    BACKUP_ON = "backup_on"
    """Backups are turned on already."""
    BACKUP_RUNNING = "backup_running"
    """A backup, or a restore, runs already."""
    NO_VAULT = "no_vault"
    """These backups have no password, or no vault is known: `--fleet` names one."""
    CANCELLED = "cancelled"
    """It was called off."""
    RESTORE_UNFINISHED = "restore_unfinished"
    """A restore is not complete: let it finish first."""
    WRONG_RECOVERY_KEY = "wrong_recovery_key"
    """The 64 digits are mistyped, or belong to another account's backup. `row`, `column` where they are known."""
    NOTHING_FOUND = "nothing_found"
    """The provider has no backup for this key: wrong key or wrong provider."""
    BACKUP_DAMAGED = "backup_damaged"
    """An object of the backup is not what was written. `object`, and `chunk` where it is known."""
    BACKUP_TRUNCATED = "backup_truncated"
    """An object of the backup is shorter than what was written. `object`."""
    BACKUP_MISSING = "backup_missing"
    """An object that the backup names is not at the provider. `object`."""
    BACKUP_MISMATCH = "backup_mismatch"
    """The backup's parts do not belong together. `object` where it is known."""
    BACKUP_STALE = "backup_stale"
    """The provider hides a newer backup that the realms confirm. `generation`, `expected`."""
    BACKUP_OTHER_ACCOUNT = "backup_other_account"
    """The backup belongs to another account than this profile."""
    BACKUP_NEWER = "backup_newer"
    """The backup was written by a newer version of this program."""
    PROVIDER_UNREACHABLE = "provider_unreachable"
    """Where the backups lie cannot be reached."""
    PROVIDER_REFUSED = "provider_refused"
    """The provider refused."""
    PROVIDER_FULL = "provider_full"
    """The provider has no more room: the last complete backup still restores."""

    VAULT_NEVER_REGISTERED = "vault_never_registered"
    """The vault has never held a password of this account."""
    VAULT_DESTROYED = "vault_destroyed"
    """The vault destroyed the record, after too many guesses or because the owner said so. `at`, `reason`."""
    VAULT_DOOR_CLOSED = "vault_door_closed"
    """Too many guesses came without the locator: use the one on the recovery sheet."""
    VAULT_WAIT = "vault_wait"
    """The vault takes the next guess later; nothing is spent while waiting. `wait_seconds`."""
    VAULT_UNFINISHED = "vault_unfinished"
    """A registration at the vault was begun and not finished."""
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 - a code, not a password
    """The backup password is another; a guess is spent on each that is tried, once. `attempts_left`, `wait_seconds`."""
    REALM_UNREACHABLE = "realm_unreachable"
    """A realm of the vault that is needed cannot be reached. `realm`."""
    REALM_LIED = "realm_lied"
    """A realm answered what no honest realm answers: not a wrong password. `realm`."""
    REALM_WRONG_KEY = "realm_wrong_key"
    """What answers at a realm's address has another key than the fleet file pins. `realm`."""
    REALM_REFUSED = "realm_refused"
    """A realm refused. `realm`, and `refusal`, its own code."""

    FAILED = "failed"
    """Something else; the message says what."""


DAMAGE: Final = (Code.BACKUP_DAMAGED, Code.BACKUP_TRUNCATED, Code.BACKUP_MISSING, Code.BACKUP_MISMATCH)
"""What is said of a backup that does not lie there as it was written: the rest of it can be restored."""

PROVIDER_AWAY: Final = (Code.PROVIDER_UNREACHABLE, Code.PROVIDER_REFUSED)
"""What is said of a provider that gives nothing out and deletes nothing: nobody knows what lies there."""

WRONG_PASSPHRASE: Final = "this passphrase does not open the profile"  # noqa: S105 - a sentence
"""The one sentence for every way in which a passphrase can be wrong."""

Fact = str | int | float | bool

_STOPS: Final = (".", "!", "?", "\N{HORIZONTAL ELLIPSIS}")


def whole_sentence(text: str) -> str:
    """Return what was said as a sentence that stands alone: with a capital and a full stop.

    A first word that is no plain word (a path, an address) stays as it is.
    """
    if text.partition(" ")[0].isalpha():
        text = text[:1].upper() + text[1:]
    return text if not text or text.endswith(_STOPS) else f"{text}."


def behind_a_colon(text: str) -> str:
    """Return a whole sentence, or several, as they go on behind a colon: beginning small, one alone without its stop.

    A first word that is no plain word, or is written in capitals, stays as it is.
    """
    first = text.partition(" ")[0]
    if first.isalpha() and (first.istitle() or len(first) == 1):
        text = text[:1].lower() + text[1:]
    return text.removesuffix(".") if ". " not in text else text


class ClientError(Exception):
    """What went wrong, for a script (`code`, `facts`) and for a person (`message`, one sentence).

    `message` goes on behind a colon; `sentence` says the same where it stands alone. Neither ever holds a secret or
    the text of a message. Texts that a peer or relay chose are as they came.
    """

    def __init__(self, code: Code, message: str, **facts: Fact) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.facts = facts

    @property
    def sentence(self) -> str:
        """The message as a whole sentence."""
        return whole_sentence(self.message)

    def __repr__(self) -> str:
        return f"ClientError({self.code.value!r}, {self.message!r})"


def wrong_passphrase() -> ClientError:
    """Return the constant error for a passphrase that does not fit, whatever the reason."""
    return ClientError(Code.WRONG_PASSPHRASE, WRONG_PASSPHRASE)


def backups_off() -> ClientError:
    """Return the error of whatever needs backups that are on."""
    return ClientError(Code.BACKUP_OFF, "backups are off: turn them on first")


def backups_on() -> ClientError:
    """Return the error of turning on what is on."""
    return ClientError(Code.BACKUP_ON, "backups are on already; turn them off first, or change the password")

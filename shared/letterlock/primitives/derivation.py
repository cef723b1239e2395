"""Keys from keys, keys from passphrases, hashes, and THE table of every label in use.

Knows HKDF, HMAC, Argon2id and which purposes exist. Must not know what the derived keys open.
"""

import hashlib
import hmac
from dataclasses import dataclass
from enum import Enum, unique
from typing import ClassVar, Final, Protocol

from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand
from nacl.exceptions import RuntimeError as NaclRuntimeError
from nacl.pwhash import argon2id as _nacl_argon2id

from letterlock.errors import MalformedError, MisuseError

HASH_BYTES: Final = 32
ARGON2_SALT_BYTES: Final = 16
MAX_DERIVED_BYTES: Final = 255 * HASH_BYTES

_SHA256: Final = SHA256()
_SHA512: Final = SHA512()


@unique
class Label(bytes, Enum):
    """Every domain string of the product: what a key, a hash or a signature is for.

    A label is ASCII, versioned and free of NUL, and stands in `shared/spec/overview.md` with its use (a test
    compares the two). No two purposes share one, so what is made for one is worth nothing for another.
    """

    STREAM = b"letterlock v1 stream"  # sealing.Stream: chunk key and nonce prefix of one object
    COMMITTED = b"letterlock v1 committed sealing"  # sealing.seal_with_key_commitment: commitment and key
    ACCOUNT_ID = b"letterlock v1 account id"  # devices.account: hash of a root key
    SIGNED_OBJECT = b"letterlock v1 signed object"  # devices.signed: every certificate, list, handle, prekey
    LIST_DIGEST = b"letterlock v1 device list digest"  # devices.device_list: hash that names an exact list
    SENDER_CHAIN = b"letterlock v1 sender chain"  # devices.device_list: what proves a sender's device
    PQXDH = b"Letterlock_CURVE25519_SHA-256_ML-KEM-1024"  # messaging.pqxdh: info, in PQXDH's own form
    FIRST_CONTACT = b"letterlock v1 first contact"  # messaging.pqxdh: hash that names one handshake
    SESSION_AD = b"letterlock v1 session"  # messaging.pqxdh: hash of who agreed on what
    RATCHET_ROOT = b"letterlock v1 ratchet root"  # messaging.double_ratchet: root and chain key of a step
    RATCHET_MESSAGE = b"letterlock v1 ratchet message"  # messaging.double_ratchet: key of one ciphertext
    DATABASE_KEY = b"letterlock v1 database key"  # the client's key file: seals the database key
    ROOT_SEED = b"letterlock v1 root seed"  # the client's key file: seals the account's root seed
    RECOVERY_SECRET = b"letterlock v1 recovery secret"  # the client's key file: seals what opens the backups
    VAULT_STORE = b"letterlock v1 vault store"  # a realm's key file: wraps the keys of the records it keeps
    LOGIN = b"letterlock v1 login"  # devices.login: what a device signs to a relay
    SEALED_SENDER = b"letterlock v1 sealed sender"  # messaging.sealed_sender: HPKE info of an envelope
    BACKUP_PREFIX = b"letterlock v1 backup prefix"  # backup.manifest: the folder of one backup at a provider
    BACKUP_MANIFEST = b"letterlock v1 backup manifest"  # backup.manifest: seals manifests
    BACKUP_TAKEOVER = b"letterlock v1 backup takeover"  # backup.takeover: seals takeover notes
    BACKUP_SEGMENT = b"letterlock v1 backup segment"  # backup.segments: what a segment's chunks are bound to
    BACKUP_MEDIA_MASTER = (
        b"letterlock v1 backup media master"  # backup.media: MK of a backup's first manifest, from K
    )
    BACKUP_MEDIA_ID = b"letterlock v1 backup media id"  # backup.media: name of a file's object
    BACKUP_MEDIA = b"letterlock v1 backup media"  # backup.media: key of a file's object
    ENVELOPE_ID = b"letterlock v1 envelope id"  # client flows: name of the envelope that carries a message
    VAULT_FLEET = b"letterlock v1 vault fleet"  # vault.fleet: hash that names an exact fleet
    VAULT_REALM_KEYS = (
        b"letterlock v1 vault realm keys"  # vault.realm_secret: a realm's three keys from its seed
    )
    VAULT_WELCOME = (
        b"letterlock v1 vault welcome"  # vault.realm_secret: what a realm signs on each connection
    )
    VAULT_OWNED = (
        b"letterlock v1 vault owned"  # vault.owned: an owner's signed object with its device's chain
    )
    VAULT_STATEMENT = b"letterlock v1 vault statement"  # vault.statement: hash that names an exact statement
    VAULT_RECORD = (
        b"letterlock v1 vault record"  # vault.record: one realm's record, and the hash in the statement
    )
    VAULT_RECORD_SEAL = (
        b"letterlock v1 vault record seal"  # vault.record: HPKE info of a record on its way to its realm
    )
    VAULT_DOOR = b"letterlock v1 vault door"  # vault.record: door key of one realm from the locator
    VAULT_PROOF = b"letterlock v1 vault proof"  # vault.guess: context of a realm's proof of its evaluation
    VAULT_OPAQUE = b"letterlock v1 vault opaque"  # vault.guess: context of OPAQUE's key exchange
    VAULT_REALM_PASSWORD = (
        b"letterlock v1 vault realm password"  # vault.threshold: one realm's randomized password
    )
    VAULT_PASSWORD_CHECK = (
        b"letterlock v1 vault password check"  # vault.threshold: shows that a password is right
    )
    VAULT_SHARE = b"letterlock v1 vault share"  # vault.threshold: seals a share under a realm's export key
    VAULT_WRAP = (
        b"letterlock v1 vault wrap"  # vault.threshold: seals the recovery secret under the shared scalar
    )
    VAULT_RELEASE = (
        b"letterlock v1 vault release"  # vault.release: seals what a realm releases under the session key
    )
    VAULT_RECEIPT = b"letterlock v1 vault receipt"  # vault.receipts: what a realm signs that it did
    VAULT_LEDGER = b"letterlock v1 vault ledger"  # vault.ledger: an entry of a realm's ledger, and its hash
    BACKUP_KEY = b"letterlock v1 backup key"  # vault.recovery_secret: K, which seals backups, from R
    BACKUP_ROOT = b"letterlock v1 backup root key"  # vault.recovery_secret: seals the root key, from R
    RECOVERY_KEY_CHECK = b"letterlock v1 recovery key check"  # vault.recovery_secret: shows which R it is
    FEATURE = b"letterlock v1 feature"  # client flows.features: which share of the accounts has a feature
    EXPORT = b"letterlock v1 export"  # client exports: start of a record's hash chain, and its signature


def hkdf(key: bytes, *, salt: bytes, label: Label, length: int, context: bytes = b"") -> bytes:
    """Derive `length` bytes from `key` by HKDF-SHA256 (RFC 5869), info = label || 0x00 || context.

    `salt` may be empty; `context` ties the result to more than its purpose (ids, a transcript hash).
    2.5 us for 32 bytes, 2.8 us for 64. Raises MisuseError unless 1 <= length <= 8160.
    """
    return hkdf_sha256(key, salt=salt, info=label + b"\0" + context, length=length)


def hkdf_sha256(key: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    """Derive `length` bytes by HKDF-SHA256 exactly as RFC 5869 has it, for specifications that fix `info`.

    The library's own, which takes as long as the two calls of `hmac.digest` it replaces for 32 bytes, and
    two thirds of the three for 64. Raises MisuseError unless 1 <= length <= 8160.
    """
    if not 0 < length <= MAX_DERIVED_BYTES:
        raise MisuseError("HKDF-SHA256 derives 1 to 8160 bytes")
    return HKDF(_SHA256, length, salt, info).derive(key)


def hmac_sha256(key: bytes, data: bytes) -> bytes:
    """Return the 32-byte HMAC-SHA256 (RFC 2104) of `data`: 1.4 us, the step of a key chain."""
    return hmac.digest(key, data, "sha256")


def hmac_sha512(key: bytes, data: bytes) -> bytes:
    """Return the 64-byte HMAC-SHA512 (RFC 2104) of `data`; also HKDF-Extract of RFC 5869, salt as the key."""
    return hmac.digest(key, data, "sha512")


def hkdf_sha512_expand(key: bytes, *, info: bytes, length: int) -> bytes:
    """Expand an extracted key by HKDF-SHA512 (RFC 5869 section 2.3), for specifications that fix `info`.

    Raises MisuseError unless 1 <= length <= 16320 and the key has 64 bytes or more.
    """
    if not 0 < length <= 255 * _SHA512.digest_size or len(key) < _SHA512.digest_size:
        raise MisuseError("HKDF-SHA512 expands 64 bytes of key to 1 to 16320")
    return HKDFExpand(_SHA512, length, info).derive(key)


def keyed_hash(key: bytes, data: bytes) -> bytes:
    """Return the 32-byte keyed BLAKE2b (RFC 7693) of `data` under 1 to 64 bytes of key: 0.6 us.

    A pseudo-random function as HMAC is, for places where no specification names HMAC. Raises MisuseError.
    """
    if not 0 < len(key) <= hashlib.blake2b.MAX_KEY_SIZE:
        raise MisuseError("a BLAKE2b key has 1 to 64 bytes")
    return hashlib.blake2b(data, key=key, digest_size=HASH_BYTES).digest()


def sha256(data: bytes) -> bytes:
    """Return the 32-byte SHA-256 of `data`."""
    return hashlib.sha256(data).digest()


class RunningHash(Protocol):
    """A hash that takes its input piece by piece."""

    def update(self, data: bytes, /) -> None:
        """Take the next bytes."""

    def digest(self) -> bytes:
        """Return the hash of all bytes so far."""


def running_sha256() -> RunningHash:
    """Begin a SHA-256 over more than fits in memory: an attachment's digest."""
    return hashlib.sha256()


def sha512(data: bytes) -> bytes:
    """Return the 64-byte SHA-512 of `data`."""
    return hashlib.sha512(data).digest()


def equal(a: bytes, b: bytes) -> bool:
    """Compare in time that depends on the lengths only."""
    return hmac.compare_digest(a, b)


@dataclass(frozen=True, slots=True)
class Argon2Parameters:
    """How hard a passphrase is to guess, in memory and passes (RFC 9106).

    Read from files that somebody else may have written, so limits hold both ways: no more than 1 GiB and
    8 passes, which would stop the machine; a file cannot lower what a new passphrase costs, because those who
    seal choose one of the constants. libsodium computes one lane only.
    """

    memory_kib: int
    passes: int
    lanes: int = 1

    INTERACTIVE: ClassVar["Argon2Parameters"]
    MODERATE: ClassVar["Argon2Parameters"]

    MIN_MEMORY_KIB: ClassVar[int] = 8
    MAX_MEMORY_KIB: ClassVar[int] = 1024 * 1024
    MAX_PASSES: ClassVar[int] = 8

    def __post_init__(self) -> None:
        if not self.MIN_MEMORY_KIB <= self.memory_kib <= self.MAX_MEMORY_KIB:
            raise MalformedError("Argon2id takes 8 KiB to 1 GiB of memory here")
        if not 1 <= self.passes <= self.MAX_PASSES:
            raise MalformedError("Argon2id takes 1 to 8 passes here")
        if self.lanes != 1:
            raise MalformedError("Argon2id has one lane here")


Argon2Parameters.INTERACTIVE = Argon2Parameters(memory_kib=64 * 1024, passes=2)
Argon2Parameters.MODERATE = Argon2Parameters(memory_kib=256 * 1024, passes=3)


def argon2id(passphrase: bytes, salt: bytes, *, parameters: Argon2Parameters, length: int = 32) -> bytes:
    """Derive 16 to 64 bytes from a passphrase by Argon2id version 1.3 (RFC 9106).

    `salt` is 16 random bytes. Takes tenths of a second: callers with an event loop use a thread.
    Raises MalformedError for another salt length, MisuseError for another result length, MemoryError where
    the machine has too little.
    """
    if len(salt) != ARGON2_SALT_BYTES:
        raise MalformedError("an Argon2id salt has 16 bytes")
    if not 16 <= length <= 64:
        raise MisuseError("Argon2id derives 16 to 64 bytes here")
    try:
        return _nacl_argon2id.kdf(
            length, passphrase, salt, opslimit=parameters.passes, memlimit=parameters.memory_kib * 1024
        )
    except NaclRuntimeError as error:
        raise MemoryError("Argon2id found less memory than its parameters ask for") from error

"""Every frame of `letterlock.vault.v1`, between a client and one realm of the backup-key vault.

The shapes of requests and answers are those of `wire.frames`; there are no pushes. Signed and cryptographic
objects travel as opaque bytes: `letterlock.vault` knows what is in them. Limits stand in the types. Spec:
shared/spec/realms.md. Must not know sockets, keys, or what a realm decides.
"""

from typing import Annotated, Final

import msgspec

from letterlock.wire.frames import (
    Account,
    Answer,
    Certificate,
    Count,
    Key,
    Nonce,
    Request,
    ShortText,
    Signature,
    SignedList,
)

SUBPROTOCOL: Final = "letterlock.vault.v1"
VERSION: Final = 1
MAX_REALMS: Final = 16
MAX_STATEMENT: Final = 16 * 1024
MAX_RECORD: Final = 8 * 1024
MAX_RELEASED: Final = 64 * 1024
MAX_REQUEST: Final = 32 * 1024
"""The longest frame that a realm reads: no request comes near it, and who sends more fills a realm's memory."""
MAX_ENTRIES: Final = 64
"""Entries of a ledger in one page."""

DoorKey = Annotated[bytes, msgspec.Meta(max_length=32)]
"""What opens the owner's door, from the locator; empty where only the account is known."""
RealmKeys = Annotated[bytes, msgspec.Meta(max_length=256)]
SignedRequest = Annotated[bytes, msgspec.Meta(max_length=4096)]
SignedStatement = Annotated[bytes, msgspec.Meta(max_length=MAX_STATEMENT)]
Record = Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_RECORD)]
RealmSigned = Annotated[bytes, msgspec.Meta(max_length=1024)]
Receipts = Annotated[list[RealmSigned], msgspec.Meta(max_length=MAX_REALMS)]
OpaqueMessage = Annotated[bytes, msgspec.Meta(max_length=1024)]
Seconds = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Guesses = Annotated[int, msgspec.Meta(ge=0, le=1000)]


class Greet(Request, tag=1, frozen=True):
    """-> I speak this version; sign my challenge. Answered by Greeted, or by Refused("version")."""

    version: Count
    client: ShortText
    challenge: Nonce


class Greeted(Answer, tag=2, frozen=True):
    """<- Who I am, with proof; a nonce for one signed request; and my policy.

    `keys` are the realm's public ones, `proof` its signature over name, keys, challenge and nonce. `guesses`
    may be tried between refills, `open_guesses` of them without the owner's door; `back_off` holds the
    seconds before each next one.
    """

    realm: ShortText
    keys: RealmKeys
    nonce: Nonce
    proof: Signature
    guesses: Guesses
    open_guesses: Guesses
    back_off: Annotated[list[Seconds], msgspec.Meta(max_length=1000)]


class AskNonce(Request, tag=3, frozen=True):
    """-> A nonce for one more signed request. Answered by NonceIs."""


class NonceIs(Answer, tag=4, frozen=True):
    """<- It; the one before it counts no more."""

    nonce: Nonce


class AskStatus(Request, tag=5, frozen=True):
    """-> What would a guess meet here? Spends none. Answered by StatusIs, or by Refused."""

    account: Account
    door_key: DoorKey


class StatusIs(Answer, tag=6, frozen=True):
    """<- What a guess would meet: `state` is "ready" or a refusal that StartGuess would get.

    `left` guesses at this door, the next after `wait` seconds. `epoch`, `statement` and the `receipts` it
    was committed with are those of the record that answers, `prepared` the epoch of one that waits for its
    commit (0 where there is none), `highest` that which a new registration must exceed, `tombstone` the
    ledger entry that says why there is no record any more.
    """

    state: ShortText
    epoch: Count
    prepared: Count
    highest: Count
    left: Guesses
    wait: Seconds
    owner_door: bool
    statement: SignedStatement
    receipts: Receipts
    tombstone: RealmSigned


class StartGuess(Request, tag=7, frozen=True):
    """-> A guess at this account's password. Answered by GuessAnswer once it is spent, or by Refused.

    Of another epoch than the record's it is Refused("epoch") and spends nothing.
    """

    account: Account
    epoch: Count
    door_key: DoorKey
    ke1: OpaqueMessage


class GuessAnswer(Answer, tag=8, frozen=True):
    """<- The answer to a guess that is spent: KE2 and the proof that the realm's share made it.

    `left` guesses remain at this door if this one is wrong, the next after `wait` seconds.
    """

    answer: OpaqueMessage
    left: Guesses
    wait: Seconds


class FinishGuess(Request, tag=9, frozen=True):
    """-> KE3: the guess was right. Answered by Released, or by Refused("wrong_proof")."""

    ke3: OpaqueMessage


class Released(Answer, tag=10, frozen=True):
    """<- The guesses are refilled. Share, anchor and ledger, sealed under the session's key."""

    sealed: Annotated[bytes, msgspec.Meta(max_length=MAX_RELEASED)]


class PutDeviceList(Request, tag=11, frozen=True):
    """-> Know this newer list of the account's devices. Answered by Done, or by Refused."""

    root_key: Key
    list_certificate: Certificate
    device_list: SignedList


class Prepare(Request, tag=12, frozen=True):
    """-> Keep this registration beside the present one, which goes on answering. Answered by Receipt, or by Refused."""

    request: SignedRequest
    statement: SignedStatement
    record: Record


class Receipt(Answer, tag=13, frozen=True):
    """<- Done and safe on disk, with the realm's signature on what was done."""

    receipt: RealmSigned


class Commit(Request, tag=14, frozen=True):
    """-> So many realms hold it: let what was prepared answer from now on. Answered by Receipt, or by Refused.

    Whoever holds the receipts may send this; committing again is answered again.
    """

    account: Account
    epoch: Count
    receipts: Receipts


class PutAnchor(Request, tag=15, frozen=True):
    """-> My newest backup is this one. Answered by Receipt, or by Refused."""

    request: SignedRequest


class Delete(Request, tag=16, frozen=True):
    """-> Destroy my record. Answered by Receipt, or by Refused."""

    request: SignedRequest


class FetchLedger(Request, tag=17, frozen=True):
    """-> What happened to my record, after this entry? Answered by LedgerPage, or by Refused."""

    request: SignedRequest
    after: Count


class LedgerPage(Answer, tag=18, frozen=True):
    """<- Entries in order, as the realm signed them, the last of them where `more` is false."""

    entries: Annotated[list[RealmSigned], msgspec.Meta(max_length=MAX_ENTRIES)]
    more: bool


class Done(Answer, tag=19, frozen=True):
    """<- Done, and safe on disk."""


class Refused(Answer, tag=20, frozen=True):
    """<- No. `code` is one of `wire.vault_refusals`; `retry` says after how many seconds to ask again.

    `left` guesses remain at this door, where a guess was refused; `tombstone` where the record is no more.
    """

    code: ShortText
    message: ShortText
    retry: Seconds
    left: Guesses
    tombstone: RealmSigned


class FetchDeviceList(Request, tag=21, frozen=True):
    """-> Which list of this account's devices is the newest you know? Answered by DeviceListIs, or by Refused."""

    account: Account


class DeviceListIs(Answer, tag=22, frozen=True):
    """<- The account's root key, list key certificate and device list, as they were signed: they prove themselves."""

    root_key: Key
    list_certificate: Certificate
    device_list: SignedList


ToRealm = (
    Greet
    | AskNonce
    | AskStatus
    | StartGuess
    | FinishGuess
    | PutDeviceList
    | Prepare
    | Commit
    | PutAnchor
    | Delete
    | FetchLedger
    | FetchDeviceList
)
"""What a client may say to a realm."""

FromRealm = (
    Greeted
    | NonceIs
    | StatusIs
    | GuessAnswer
    | Released
    | Receipt
    | LedgerPage
    | Done
    | Refused
    | DeviceListIs
)
"""What a realm may say."""

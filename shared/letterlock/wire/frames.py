"""Every frame of `letterlock.v1`, one class each, with its arrow and its answer.

A request carries `id`, chosen by the client, and gets exactly one answer with the same `id`; a push
carries none. Signed objects travel as the exact bytes that were signed. Limits stand in the types, so
that a frame that decodes is within them. Spec: shared/spec/wire.md. Must not know sockets or keys.
"""

from typing import Annotated, Final

import msgspec

SUBPROTOCOL: Final = "letterlock.v1"
VERSION: Final = 1
MAX_FRAME: Final = 256 * 1024
MAX_ENVELOPE: Final = 64 * 1024
MAX_CHUNK: Final = 192 * 1024
MAX_BLOB: Final = 2 * 1024**3
CREDIT: Final = 256
"""How many deliveries may be unacknowledged on one connection."""

RequestId = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]
Account = Annotated[bytes, msgspec.Meta(min_length=20, max_length=20)]
Device = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
RandomId = Annotated[bytes, msgspec.Meta(min_length=16, max_length=16)]
Key = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Signature = Annotated[bytes, msgspec.Meta(min_length=64, max_length=64)]
Nonce = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
Certificate = Annotated[bytes, msgspec.Meta(max_length=1024)]
SignedList = Annotated[bytes, msgspec.Meta(max_length=16 * 1024)]
Handle = Annotated[str, msgspec.Meta(max_length=32)]
ShortText = Annotated[str, msgspec.Meta(max_length=256)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Percent = Annotated[int, msgspec.Meta(ge=0, le=100)]
Prekey = Annotated[bytes, msgspec.Meta(max_length=512)]
KemPrekey = Annotated[bytes, msgspec.Meta(max_length=2048)]


class Frame(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True, gc=False):
    """A message between a client and a relay."""


class Request(Frame, frozen=True):
    """-> Something asked of the relay. Answered by exactly one frame with the same id."""

    id: RequestId


class Answer(Frame, frozen=True):
    """<- The answer to the request of the same id."""

    id: RequestId


class Push(Frame, frozen=True):
    """<- Something the relay says unasked."""


# Greeting and login.


class Hello(Request, tag=1, frozen=True):
    """-> I speak this version. Answered by Welcome, or by Refused("version")."""

    version: Count
    client: ShortText


class Welcome(Answer, tag=2, frozen=True):
    """<- Who I am, what I can do, and a nonce to sign.

    `features` are roll-out percentages 0 to 100; `needs` is the least client version of a feature, where it has one.
    """

    relay: ShortText
    nonce: Nonce
    min_client: Count
    features: Annotated[dict[ShortText, Percent], msgspec.Meta(max_length=64)]
    now_ms: Count
    invite_needed: bool
    needs: Annotated[dict[ShortText, Count], msgspec.Meta(max_length=64)]


class Register(Request, tag=3, frozen=True):
    """-> Keep this new account under its handle. Answered by Done, or by Refused."""

    root_key: Key
    list_certificate: Certificate
    device_list: SignedList
    handle_entry: Certificate
    invite: ShortText


class LogIn(Request, tag=4, frozen=True):
    """-> I am this device; the signature covers this connection. Answered by LoggedIn, or by Refused."""

    account: Account
    device: Device
    relay: ShortText
    nonce: Nonce
    signature: Signature
    visible: bool


class LoggedIn(Answer, tag=5, frozen=True):
    """<- You are. This much may be unacknowledged; this much waits for you; deliveries begin now."""

    credit: Count
    waiting: Count
    list_epoch: Count
    list_version: Count


# The directory: accounts, device lists, prekeys.


class FetchAccount(Request, tag=6, frozen=True):
    """-> Who is this? By account, or by handle where `account` is empty. Answered by AccountFound."""

    account: Annotated[bytes, msgspec.Meta(max_length=20)]
    handle: Handle


class AccountFound(Answer, tag=7, frozen=True):
    """<- The account's handle entry, root key, list key certificate and device list, as they were signed."""

    handle_entry: Certificate
    root_key: Key
    list_certificate: Certificate
    device_list: SignedList


class PutDeviceList(Request, tag=8, frozen=True):
    """-> Keep this newer list of my devices, of the same epoch. Answered by Done, or by Refused."""

    list_certificate: Certificate
    device_list: SignedList


class PutPrekeys(Request, tag=9, frozen=True):
    """-> Keep these for whoever writes to me first. An empty `signed` or `last_resort` keeps the present one.

    Answered by PrekeyCount, or by Refused.
    """

    signed: Prekey
    last_resort: KemPrekey
    one_time: Annotated[list[Prekey], msgspec.Meta(max_length=100)]
    kem_one_time: Annotated[list[KemPrekey], msgspec.Meta(max_length=100)]


class CountPrekeys(Request, tag=10, frozen=True):
    """-> How many of mine are left? Answered by PrekeyCount."""


class PrekeyCount(Answer, tag=11, frozen=True):
    """<- How many one-time prekeys are left."""

    one_time: Count
    kem_one_time: Count


class FetchBundle(Request, tag=12, frozen=True):
    """-> I want to write to this device first. Answered by BundleFound, or by Refused."""

    account: Account
    device: Device


class BundleFound(Answer, tag=13, frozen=True):
    """<- Its prekeys; the one-time ones (empty where none is left) are handed to nobody else, ever."""

    signed: Prekey
    one_time: Prekey
    kem: KemPrekey


# Mail.


class Sealed(Frame, frozen=True):
    """One device's copy of an envelope."""

    device: Device
    body: Annotated[bytes, msgspec.Meta(max_length=MAX_ENVELOPE)]


class Submit(Request, tag=14, frozen=True):
    """-> Keep this for these devices of that account; it was sealed for this list.

    An ephemeral one is handed to devices that are connected and kept for nobody.
    Answered by Accepted once it is safe on disk, by StaleList, or by Refused.
    """

    envelope: RandomId
    account: Account
    list_epoch: Count
    list_version: Count
    sealed: Annotated[list[Sealed], msgspec.Meta(min_length=1, max_length=16)]
    ephemeral: bool


class Accepted(Answer, tag=15, frozen=True):
    """<- It is on disk (or, ephemeral, passed on)."""


class StaleList(Answer, tag=16, frozen=True):
    """<- Not kept: the account has a newer device list. Check it, seal again, submit again."""

    list_certificate: Certificate
    device_list: SignedList


class Deliver(Push, tag=17, frozen=True):
    """<- An envelope for you. Acknowledge it once you have stored what it says."""

    envelope: RandomId
    received_ms: Count
    body: Annotated[bytes, msgspec.Meta(max_length=MAX_ENVELOPE)]


class Drained(Push, tag=18, frozen=True):
    """<- All that waited when you logged in has been delivered."""


class Acknowledge(Request, tag=19, frozen=True):
    """-> I have stored these; forget them. Answered by Done, or by Refused if one was not delivered here."""

    envelopes: Annotated[list[RandomId], msgspec.Meta(min_length=1, max_length=CREDIT)]


class AskPresence(Request, tag=20, frozen=True):
    """-> Is a device of this account connected? Answered by PresenceIs."""

    account: Account


class PresenceIs(Answer, tag=21, frozen=True):
    """<- Whether one is, as far as it lets itself be seen."""

    online: bool


# Attachments.


class BeginUpload(Request, tag=22, frozen=True):
    """-> I will upload, or go on uploading, this many sealed bytes. Answered by UploadAt, or by Refused."""

    blob: RandomId
    size: Annotated[int, msgspec.Meta(ge=1, le=MAX_BLOB)]


class PutChunk(Request, tag=23, frozen=True):
    """-> The bytes from `offset` on. Answered by UploadAt, or by Refused."""

    blob: RandomId
    offset: Annotated[int, msgspec.Meta(ge=0, le=MAX_BLOB)]
    data: Annotated[bytes, msgspec.Meta(min_length=1, max_length=MAX_CHUNK)]


class UploadAt(Answer, tag=24, frozen=True):
    """<- So much is on disk; go on from there. `expires_ms` says how long the whole is kept."""

    offset: Count
    expires_ms: Count


class FetchChunk(Request, tag=25, frozen=True):
    """-> Give me bytes from `offset` on. Answered by Chunk, or by Refused."""

    blob: RandomId
    offset: Annotated[int, msgspec.Meta(ge=0, le=MAX_BLOB)]
    length: Annotated[int, msgspec.Meta(ge=1, le=MAX_CHUNK)]


class Chunk(Answer, tag=26, frozen=True):
    """<- Those bytes, and how many there are in all."""

    total: Count
    data: Annotated[bytes, msgspec.Meta(max_length=MAX_CHUNK)]


# General.


class Done(Answer, tag=27, frozen=True):
    """<- Done, and safe on disk where that means something."""


class Refused(Answer, tag=28, frozen=True):
    """<- No. `code` is one of `wire.refusals`; `retry_ms` says when to ask again, 0 where that is no use."""

    code: ShortText
    message: ShortText
    retry_ms: Count


class Notice(Push, tag=29, frozen=True):
    """<- You should know: "replaced" (this device connected elsewhere), "prekeys_low", "mail_expired", "closing"."""

    code: ShortText


ClientFrame = (
    Hello
    | Register
    | LogIn
    | FetchAccount
    | PutDeviceList
    | PutPrekeys
    | CountPrekeys
    | FetchBundle
    | Submit
    | Acknowledge
    | AskPresence
    | BeginUpload
    | PutChunk
    | FetchChunk
)
"""What a client may say."""

RelayFrame = (
    Welcome
    | LoggedIn
    | AccountFound
    | PrekeyCount
    | BundleFound
    | Accepted
    | StaleList
    | Deliver
    | Drained
    | PresenceIs
    | UploadAt
    | Chunk
    | Done
    | Refused
    | Notice
)
"""What a relay may say."""

"""What every flow works with: the database, the link, the clock, chance, and who we are.

One object per open profile, owned by the messenger. Must not know any flow.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, TypeVar
from weakref import WeakValueDictionary

from letterlock.devices.device_list import (
    DeviceCertificate,
    SenderChain,
    VerifiedAccount,
    VerifiedSender,
    open_account,
)
from letterlock.encoding import pack
from letterlock.errors import MisuseError
from letterlock.ids import AccountId, DeviceId, EnvelopeId, MessageId
from letterlock.messaging.session import OwnDevice, Session
from letterlock.primitives.derivation import Argon2Parameters, Label, sha256
from letterlock.primitives.keys import AgreementKey, SigningKey
from letterlock_client.config import Places
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.announcing import Announcer
from letterlock_client.links.connection import Connection
from letterlock_client.links.relay import RelayLink, Sleep
from letterlock_client.links.transport import Dial, dial_realm
from letterlock_client.providers.interface import Provider
from letterlock_client.providers.opening import open_provider
from letterlock_client.storage import identity, sessions
from letterlock_client.storage.contacts import StoredContact
from letterlock_client.storage.database import Database, Reader, Transaction
from letterlock_client.storage.identity import OwnIdentity

T = TypeVar("T")

Clock = Callable[[], int]
"""Milliseconds since 1970."""

Random = Callable[[int], bytes]
"""That many unpredictable bytes."""

OpenProvider = Callable[..., Provider]
"""Give the provider that a text names; with `create=True` make its folder."""


@dataclass(frozen=True, slots=True)
class Own:
    """This device, opened: its keys, and its account as others see it."""

    identity: OwnIdentity = field(repr=False)
    account: VerifiedAccount
    device: OwnDevice
    certificate: DeviceCertificate
    chain: bytes
    """What proves us to whoever opens an envelope of ours."""
    sealing: tuple[AgreementKey, ...] = field(repr=False)
    """Every key that envelopes may still be sealed to, the newest first."""

    @property
    def id(self) -> AccountId:
        """Our account."""
        return self.account.account


UNFINISHED: Final = (
    "this profile has no account yet: a registration or a restore was not finished;"
    " letterlock backup restore goes on with a restore"
)


async def load_own(reader: Reader) -> Own:
    """Read who we are. Raises codes no_profile, storage_damaged."""
    stored = await identity.load(reader)
    if stored is None:
        raise ClientError(Code.NO_PROFILE, UNFINISHED)
    keys = await identity.sealing_keys(reader)
    account = open_account(stored.root_public, stored.list_certificate, stored.device_list)
    certificate = account.devices.device(stored.device)
    if certificate is None:
        raise ClientError(Code.DEVICE_REVOKED, "this device does not belong to its account any more")
    return Own(
        identity=stored,
        account=account,
        device=OwnDevice(
            account.account,
            DeviceId(stored.device),
            SigningKey(stored.identity_seed),
            AgreementKey(stored.agreement_private),
        ),
        certificate=certificate,
        chain=SenderChain(
            root_key=stored.root_public,
            list_certificate=stored.list_certificate,
            device_certificate=certificate.raw,
        ).pack(),
        sealing=tuple(AgreementKey(key.private) for key in keys),
    )


class OpenSessions:
    """The sessions that one transaction works on: each read once, and written back once, at its end."""

    def __init__(self, tx: Transaction, now: int) -> None:
        self._tx = tx
        self._now = now
        self._open: dict[tuple[AccountId, DeviceId], Session | None] = {}
        self._changed: set[tuple[AccountId, DeviceId]] = set()

    async def get(self, account: AccountId, device: DeviceId) -> Session | None:
        """Return the session with a device, as this transaction has left it."""
        key = (account, device)
        if key not in self._open:
            raw = await sessions.load(self._tx, account, device)
            self._open[key] = Session.from_bytes(raw) if raw is not None else None
        return self._open[key]

    def put(self, account: AccountId, device: DeviceId, session: Session) -> None:
        """Replace the session with a device."""
        self._open[account, device] = session
        self._changed.add((account, device))

    async def save(self) -> None:
        """Write back what changed."""
        for account, device in self._changed:
            session = self._open[account, device]
            if session is not None:
                await sessions.save(self._tx, account, device, session.to_bytes(), self._now)
        self._changed.clear()


@dataclass(frozen=True, slots=True)
class Work:
    """One transaction of a flow: what it may read and write, and what belongs to it."""

    place: "Workplace"
    tx: Transaction
    now: int
    sessions: OpenSessions

    @property
    def own(self) -> Own:
        """Who we are."""
        return self.place.own


class Workplace:
    """Everything flows share. Flows keep no state of their own beyond a task's."""

    link: RelayLink
    """Set once, by whoever opens the profile."""

    def __init__(
        self, database: Database, places: Places, announcer: Announcer, clock: Clock, random: Random
    ) -> None:
        self.sleep: Sleep = asyncio.sleep
        self.open_provider: OpenProvider = open_provider
        self.backup_lock = asyncio.Lock()
        """Held by whatever writes or reads a backup: there is one at a time."""
        self.backup_task: asyncio.Task[object] | None = None
        """What holds it, where that can be called off."""
        self.vault_lock = asyncio.Lock()
        """Held by whatever gives the vault a secret or a password: the last to do so must know what was before."""
        self.backup_due = asyncio.Event()
        """When the next backup is due may be different now."""
        self.database = database
        self.places = places
        self.announcer = announcer
        self.clock = clock
        self.random = random
        self.own: Own
        self.outbox_changed = asyncio.Event()
        """Something waits in the outbox that did not before."""
        self.uploads_changed = asyncio.Event()
        self.files_came: asyncio.Queue[MessageId] = asyncio.Queue(256)
        """Messages with files that have just come. Past so many the rest waits until it is wanted."""
        self.upkeep_due = asyncio.Event()
        self.timers_changed = asyncio.Event()
        self.outbox_moved = asyncio.Event()
        """Something changed here: it may have left the outbox, or an upload may have ended."""
        self.decoding = asyncio.Semaphore(1)
        """Pictures are decoded one at a time."""
        self.doubtful: dict[AccountId, tuple[int, int]] = {}
        """Accounts whose list somebody has seen newer than we hold it: its epoch and version."""
        self.doubts_changed = asyncio.Event()
        self.alarmed: set[tuple[AccountId, str]] = set()
        """What a person was told about whom, so that a liar cannot fill the screen."""
        self.dial_realm: Dial = dial_realm
        """The way to the realms of a vault."""
        self.stretching = Argon2Parameters.MODERATE
        """What a new backup password costs whoever guesses it offline."""
        self._moving: WeakValueDictionary[MessageId, asyncio.Lock] = WeakValueDictionary()

    def moving_alone(self, message: MessageId) -> asyncio.Lock:
        """Give out what is held while a message's file comes: two who fetch it would write over each other."""
        lock = self._moving.get(message) or asyncio.Lock()
        self._moving[message] = lock
        return lock

    async def transact(self, work: Callable[[Work], Awaitable[T]]) -> T:
        """Run `work` in one transaction; the sessions it changed are saved with it. Raises as `Database.write`."""
        now = self.clock()

        async def run(tx: Transaction) -> T:
            here = Work(self, tx, now, OpenSessions(tx, now))
            result = await work(here)
            await here.sessions.save()
            # With the commit, not after the call: whoever asked for the change may be cancelled meanwhile.
            tx.after_commit(self.outbox_moved.set)
            return result

        return await self.database.write(run)

    def file_came(self, message: MessageId) -> None:
        """A message with a file has come, and is on disk."""
        with contextlib.suppress(asyncio.QueueFull):
            self.files_came.put_nowait(message)

    def require(self) -> Connection:
        """Return the logged-in connection. Raises Offline, Refused."""
        return self.link.require()

    def delete_files(self, paths: Iterable[str]) -> None:
        """Delete sealed files of forgotten attachments, named as the database names them."""
        for path in filter(None, paths):
            sealed = self.sealed_path(path)
            with contextlib.suppress(OSError):
                sealed.unlink(missing_ok=True)
                sealed.parent.rmdir()

    def sealed_path(self, path: str) -> Path:
        """Where a sealed file lies. Raises MisuseError outside the profile's folder of attachments."""
        folder, name = self.places.attachments, Path(path)
        if name.is_absolute() or ".." in name.parts:
            raise MisuseError("a sealed file lies in the profile's own folder")
        return folder / name

    def new_message_id(self) -> MessageId:
        """Make a message's name."""
        return MessageId(self.random(16))


@lru_cache(maxsize=512)
def _opened(root_key: bytes, certificate: bytes, device_list: bytes) -> VerifiedAccount:
    return open_account(root_key, certificate, device_list)


def verified(contact: StoredContact) -> VerifiedAccount:
    """Open what is stored of a contact; verified once for the same exact bytes."""
    return _opened(contact.root_key, contact.list_certificate, contact.device_list)


@lru_cache(maxsize=512)
def open_chain(raw: bytes) -> VerifiedSender:
    """Verify a sender's chain; once for the same exact bytes. Raises PeerError."""
    return SenderChain.open(raw)


_SEALED_AGAIN: Final = 2
_MOST_SEALINGS: Final = 8
_EPOCHS: Final = 2**32


def envelope_id(message: MessageId, generation: int) -> EnvelopeId:
    """Name an envelope that carries a message: 0 the first, 1 one sent again by its author's wish.

    The relay learns nothing of the message's own name, and who asks for a retry of an envelope is answered
    without a table of all that was ever sent.
    """
    return EnvelopeId(sha256(pack(Label.ENVELOPE_ID.value, message, generation))[:16])


def next_envelope(envelope: EnvelopeId) -> EnvelopeId:
    """Name the envelope that takes the place of one that has to be sealed again."""
    return envelope_id(MessageId(envelope), _SEALED_AGAIN)


def epoch_envelope(message: MessageId, epoch: int) -> EnvelopeId:
    """Name the envelope that carries a message again, for an account that came back in this epoch."""
    return envelope_id(message, _EPOCHS + epoch)


def carried_by(message: MessageId, envelope: EnvelopeId, epoch: int) -> bool:
    """Say whether this envelope carried that message, also for an account's epoch, sealed again a few times at most."""
    for name in (envelope_id(message, 0), envelope_id(message, 1), epoch_envelope(message, epoch)):
        for _ in range(_MOST_SEALINGS):
            if name == envelope:
                return True
            name = next_envelope(name)
    return False


def device_digest(certificate: DeviceCertificate) -> bytes:
    """Name a device by the keys that may not change: what a second try must find unchanged."""
    return sha256(
        pack(certificate.account, certificate.device, certificate.identity_key, certificate.agreement_key)
    )

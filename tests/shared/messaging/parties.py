"""Two devices with everything a session needs: identities, prekeys, a store, and deterministic randomness."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field

from letterlock.devices.account import account_id, certify_list_key, open_list_certificate
from letterlock.devices.bundle import PrekeyBundle, PrekeyKind, open_bundle
from letterlock.devices.device_list import DeviceCertificate, certify_device, open_device_certificate
from letterlock.errors import DuplicateError, OpenError
from letterlock.ids import DeviceId
from letterlock.messaging.prekeys import OwnPrekey, make_prekey
from letterlock.messaging.session import (
    Opened,
    OwnDevice,
    PrekeysHeld,
    Session,
    begin,
    open_message,
    prekeys_needed,
    seal,
)
from letterlock.primitives.kem import Encapsulation, encapsulate
from letterlock.primitives.keys import AgreementKey, SigningKey

NOW = 1_800_000_000_000
DAY = 24 * 60 * 60 * 1000


def stream(seed: str) -> Callable[[int], bytes]:
    """Return a source of bytes that is the same for the same seed, and never repeats."""
    drawn = 0

    def draw(size: int) -> bytes:
        nonlocal drawn
        drawn += 1
        return hashlib.shake_256(f"{seed}/{drawn}".encode()).digest(size)

    return draw


@dataclass
class Party:
    """One device: its keys, its private prekeys, one session with one peer, and what it has read."""

    name: str
    own: OwnDevice
    list_certificate: bytes
    certificate: DeviceCertificate
    random: Callable[[int], bytes]
    prekeys: dict[tuple[PrekeyKind, int], OwnPrekey] = field(default_factory=dict)
    session: Session | None = None
    contacts: set[bytes] = field(default_factory=set)
    read: list[bytes] = field(default_factory=list)
    next_id: int = 1

    def add(self, kind: PrekeyKind, now: int = NOW) -> OwnPrekey:
        """Make and keep one prekey."""
        prekey = make_prekey(
            self.own.identity,
            kind=kind,
            key_id=self.next_id,
            account=self.own.account,
            device=self.own.device,
            created=now,
            random=self.random,
        )
        self.prekeys[kind, self.next_id] = prekey
        self.next_id += 1
        return prekey

    def bundle(self, *, one_time: bool = True, last_resort: bool = False, now: int = NOW) -> PrekeyBundle:
        """Publish prekeys and hand one bundle out, verified as a fetching client verifies it."""
        signed = self.newest(PrekeyKind.SIGNED) or self.add(PrekeyKind.SIGNED, now)
        once = self.add(PrekeyKind.ONE_TIME, now).public_raw if one_time else b""
        if last_resort:
            kem = self.newest(PrekeyKind.KEM_LAST_RESORT) or self.add(PrekeyKind.KEM_LAST_RESORT, now)
        else:
            kem = self.add(PrekeyKind.KEM_ONE_TIME, now)
        return open_bundle(self.certificate, signed.public_raw, once, kem.public_raw)

    def newest(self, kind: PrekeyKind) -> OwnPrekey | None:
        """Return the newest kept prekey of a kind."""
        return next((one for (of, _), one in reversed(self.prekeys.items()) if of is kind), None)

    def begin(
        self,
        peer: "Party",
        bundle: PrekeyBundle | None = None,
        *,
        encapsulation: Encapsulation | None = None,
        now: int = NOW,
    ) -> Session:
        """Begin a session with `peer`; it becomes the present one."""
        bundle = bundle or peer.bundle(now=now)
        self.session = begin(
            self.own,
            peer.certificate,
            bundle,
            encapsulation=encapsulation or encapsulate(bundle.kem.key),
            now=now,
            random=self.random,
            previous=self.session,
        )
        return self.session

    def seal(self, plaintext: bytes, now: int = NOW) -> bytes:
        """Seal with the present session and save it."""
        assert self.session is not None
        self.session, message = seal(self.session, plaintext, random=self.random, now=now)
        return message

    def held(self, message: bytes) -> PrekeysHeld | None:
        """Load the private halves that a message names."""
        needs = prekeys_needed(message)
        if needs is None:
            return None
        return PrekeysHeld(
            signed=self.prekeys.get((PrekeyKind.SIGNED, needs.signed_id)),
            one_time=self.prekeys.get((PrekeyKind.ONE_TIME, needs.one_time_id or 0)),
            kem=self.prekeys.get((needs.kem_kind, needs.kem_id)),
        )

    def try_open(self, sender: "Party", message: bytes, now: int = NOW) -> Opened:
        """Open a message without saving anything."""
        return open_message(
            self.own, sender.certificate, self.session, message, prekeys=self.held(message), now=now
        )

    def open(self, sender: "Party", message: bytes, now: int = NOW) -> bytes:
        """Open a message and save what a store saves, in one go, or nothing at all."""
        opened = self.try_open(sender, message, now)
        if opened.first is not None:
            if opened.first.digest in self.contacts:
                raise DuplicateError("this first contact was stored before")
            self.contacts.add(opened.first.digest)
        for used in opened.used:
            del self.prekeys[used]
        self.session = opened.session
        self.read.append(opened.plaintext)
        return opened.plaintext

    def opens(self, sender: "Party", message: bytes, now: int = NOW) -> bool:
        """Open a message and save it, or say that it does not open."""
        try:
            self.open(sender, message, now)
        except OpenError:
            return False
        return True

    def present(self) -> bytes:
        """Return what names the present session."""
        assert self.session is not None
        return self.session.present.contact


def party(name: str, device: int = 1, now: int = NOW) -> Party:
    """Make one device of the account that belongs to `name`."""
    random = stream(name)
    root, list_key, identity = (SigningKey(random(32)) for _ in range(3))
    agreement, sealing = (AgreementKey(random(32)) for _ in range(2))
    account = account_id(root.public)
    list_raw = certify_list_key(root, list_key=list_key.public, epoch=1, created=now)
    lists = open_list_certificate(list_raw, root.public)
    raw = certify_device(
        list_key,
        account=account,
        device=DeviceId(device),
        epoch=1,
        identity_key=identity.public,
        agreement_key=agreement.public,
        sealing_key=sealing.public,
        created=now,
    )
    own = OwnDevice(account, DeviceId(device), identity, agreement)
    return Party(name, own, list_raw, open_device_certificate(raw, lists), random)


def couple() -> tuple[Party, Party]:
    """Two devices that never met."""
    return party("alice"), party("bob")


def acquainted() -> tuple[Party, Party]:
    """Two devices whose session is answered: alice began it."""
    alice, bob = couple()
    alice.begin(bob)
    bob.open(alice, alice.seal(b"hello"))
    alice.open(bob, bob.seal(b"hello back"))
    bob.open(alice, alice.seal(b"so we are"))
    return alice, bob


def talk(alice: Party, bob: Party, exchanges: int = 1) -> None:
    """A message each way, one after the other, each opened."""
    for n in range(exchanges):
        assert bob.open(alice, alice.seal(b"a%d" % n)) == b"a%d" % n
        assert alice.open(bob, bob.seal(b"b%d" % n)) == b"b%d" % n

"""A vault for the tests: realms in memory, an owner, and a source of bytes that repeats in every run."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from letterlock.devices.device_list import SenderChain
from letterlock.primitives.derivation import Argon2Parameters
from letterlock.vault import guess
from letterlock.vault.fleet import Fleet, Realm
from letterlock.vault.ledger import EMPTY, Event, Head, entry_hash, sign_entry
from letterlock.vault.opaque_messages import KE1, KE3
from letterlock.vault.opaque_server import ServerLogin
from letterlock.vault.owned import Owner
from letterlock.vault.realm_secret import RealmSecret
from letterlock.vault.record import RealmRecord, open_record
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock.vault.release import Release, seal_release
from letterlock.vault.threshold import Dealt, Recovery, Share, Terms, deal
from tests.shared.devices.people import ALICE, NOW, Person, seed

CHEAP = Argon2Parameters(memory_kib=8, passes=1)
PASSWORD = b"correct horse battery"
LOCATOR = bytes(range(10))
R = RecoverySecret(seed("recovery secret"))


class Stream:
    """Bytes that follow from a name, never the same twice."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._count = 0

    def __call__(self, size: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(f"{self._name} {self._count}".encode()).digest(size)


def realm_secret(number: int) -> RealmSecret:
    return RealmSecret(seed("realm", number))


def fleet(realms: int = 3, threshold: int = 2) -> Fleet:
    return Fleet(
        tuple(
            Realm(f"realm-{number}", f"ws://127.0.0.1:{9000 + number}", realm_secret(number).public)
            for number in range(1, realms + 1)
        ),
        threshold,
    )


def owner(person: Person = ALICE, device: int = 1, *listed: int, version: int = 1) -> Owner:
    chain = SenderChain(
        root_key=person.root.public,
        list_certificate=person.list_certificate,
        device_certificate=person.device_raw(device),
    )
    return Owner(chain.pack(), person.list_raw(version, *(listed or (device,))), person.identity(device))


def terms(realms: int = 3, threshold: int = 2, epoch: int = 1) -> Terms:
    return Terms(fleet(realms, threshold), epoch, CHEAP, LOCATOR, NOW)


def dealt(realms: int = 3, threshold: int = 2, *, epoch: int = 1, password: bytes = PASSWORD) -> Dealt:
    return deal(owner(), terms(realms, threshold, epoch), password, R, Stream(f"deal {epoch}"))


@dataclass
class MemoryRealm:
    """One realm that counts nothing and answers everything: what is cryptographic about a realm."""

    number: int
    dealt: Dealt
    anchor: bytes = b""
    ledger: list[bytes] = field(default_factory=list)
    random: Stream = field(default_factory=lambda: Stream("realm"))

    @property
    def name(self) -> str:
        return f"realm-{self.number}"

    @property
    def record(self) -> RealmRecord:
        sealed = self.dealt.records[self.name]
        return open_record(realm_secret(self.number), self.name, sealed, self.dealt.statement)

    @property
    def head(self) -> Head:
        return Head(len(self.ledger), entry_hash(self.ledger[-1])) if self.ledger else EMPTY

    def note(self, event: Event, about: int = 0) -> None:
        raw = sign_entry(
            realm_secret(self.number),
            self.head,
            realm=self.name,
            account=self.dealt.statement.account,
            at=NOW,
            event=event,
            about=about,
        )
        self.ledger.append(raw)

    def answer(self, ke1: bytes) -> tuple[ServerLogin, bytes, bytes]:
        login, answered = guess.answer(
            KE1.read(ke1),
            statement=self.dealt.statement,
            record=self.record,
            secret=realm_secret(self.number),
            random=self.random,
        )
        return login, answered.ke2.pack(), answered.proof

    def release(self, login: ServerLogin, ke3: bytes) -> bytes:
        session_key = login.finish(KE3.read(ke3))
        record = self.record
        release = Release(
            sealed_share=record.sealed_share,
            wrapped=record.wrapped,
            anchor=self.anchor,
            ledger=tuple(self.ledger),
        )
        return seal_release(session_key, self.name, release)


def realms(made: Dealt, numbers: Iterable[int] = (1, 2, 3)) -> list[MemoryRealm]:
    return [MemoryRealm(number, made) for number in numbers]


def recovered(
    asked: Sequence[MemoryRealm], password: bytes = PASSWORD, name: str = "client"
) -> tuple[RecoverySecret, list[Share]]:
    """The whole exchange with these realms, as a client goes through it."""
    random = Stream(name)
    recovery = Recovery(asked[0].dealt.statement, password, random)
    logins, answers = {}, []
    for realm in asked:
        begun = recovery.start(realm.name, random)
        logins[realm.name], ke2, proof = realm.answer(begun.login.ke1.pack())
        answers.append(recovery.check(begun, ke2 + proof))
    opened = {one.entry.name: one for one in recovery.open(answers)}
    shares = []
    for realm in asked:
        sealed = realm.release(logins[realm.name], opened[realm.name].login.ke3.pack())
        shares.append(recovery.take(opened[realm.name], sealed))
    return recovery.join(shares), shares

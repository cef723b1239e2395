"""Threshold OPAQUE, the client's side: a recovery secret dealt among realms, and taken back from any `t` of them.

::

    deal:    password ──OPRF key k──▶ rwd ──▶ rwd_i ──▶ envelope, export key_i
             k, s ──Shamir──▶ k_i, s_i      R sealed under s      s_i sealed under export key_i
    recover: KE1 ──▶ t realms ──▶ KE2, proofs ──▶ combine ──▶ rwd ──▶ rwd_i ──▶ KE3 ──▶ s_i ──▶ s ──▶ R

With one realm this is RFC 9807; with more it has no standard, and the page gives the argument. Spec:
shared/spec/vault.md. Must not know connections: whoever calls carries the messages. `deal` and `Recovery.open`
are slow on purpose (Argon2id): callers with an event loop use a thread.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from letterlock.encoding import pack
from letterlock.errors import LyingRealmError, MisuseError, OpenError, PeerError, WrongPasswordError
from letterlock.ids import AccountId
from letterlock.primitives import oprf
from letterlock.primitives.derivation import (
    ARGON2_SALT_BYTES,
    Argon2Parameters,
    Label,
    argon2id,
    equal,
    hkdf,
)
from letterlock.primitives.keys import Secret
from letterlock.primitives.ristretto import (
    WIDE_BYTES,
    Scalar,
    multiply_base,
    read_scalar,
    scalar_from_wide,
)
from letterlock.primitives.sealing import NONCE_BYTES as SEALING_NONCE_BYTES
from letterlock.primitives.sealing import open_sealed, seal
from letterlock.vault import opaque_client
from letterlock.vault.fleet import Fleet, Realm
from letterlock.vault.guess import Answer, Random, client_identity, parties, proof_context
from letterlock.vault.ledger import Entry, open_ledger
from letterlock.vault.opaque_client import ClientLogin, LoggedIn, Stored
from letterlock.vault.opaque_exchange import SEED_BYTES, Parties
from letterlock.vault.opaque_messages import NONCE_BYTES
from letterlock.vault.owned import Owner
from letterlock.vault.record import RealmRecord, door_hash, record_hash, seal_record
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock.vault.release import open_release
from letterlock.vault.requests import Request, open_anchor
from letterlock.vault.statement import Checks, RealmEntry, Statement, open_statement, sign_statement

_SEALING_NONCE: Final = bytes(SEALING_NONCE_BYTES)
_RANDOMIZED_BYTES: Final = 64


@dataclass(frozen=True, slots=True)
class Terms:
    """How a secret is to be dealt. `epoch` counts registrations from 1; `created` is milliseconds."""

    fleet: Fleet
    epoch: int
    argon2: Argon2Parameters
    locator: bytes = field(repr=False)
    """10 random bytes: they open the owner's door."""
    created: int


@dataclass(frozen=True, slots=True)
class Dealt:
    """A dealt secret: the statement, the same for all, and each realm's sealed record, by name."""

    statement: Statement
    records: dict[str, bytes]


def deal(owner: Owner, terms: Terms, password: bytes, secret: RecoverySecret, random: Random) -> Dealt:
    """Deal a recovery secret among the fleet's realms, behind a password.

    Nothing is asked of any realm, so nothing about the password is told to one. The owner makes the OPRF key
    and forgets it here.
    """
    dealer = _Dealer(owner.account.account, terms, password, secret, random)
    indexed = list(enumerate(terms.fleet.realms, start=1))
    records = [dealer.record(realm, index) for index, realm in indexed]
    raw = sign_statement(
        owner,
        epoch=terms.epoch,
        fleet=terms.fleet,
        realms=[
            _entry(realm, index, record) for (index, realm), record in zip(indexed, records, strict=True)
        ],
        argon2=terms.argon2,
        checks=Checks(password=_password_check(dealer.randomized), secret=secret.key_check()),
        created=terms.created,
    )
    statement = open_statement(raw, owner.account.account)
    sealed = {
        record.realm: seal_record(record, entry, statement.hash)
        for record, entry in zip(records, statement.realms, strict=True)
    }
    return Dealt(statement, sealed)


class Recovery(Secret):
    """One password tried at one registration. Every realm that is asked sees the same blinded password."""

    __slots__ = ("_blinding", "_password", "statement")

    def __init__(self, statement: Statement, password: bytes, random: Random) -> None:
        """Take a statement that `agree` or `open_statement` passed, and a password that `password` prepared."""
        self.statement: Final = statement
        self._password = password
        self._blinding = scalar_from_wide(random(WIDE_BYTES))

    def start(self, realm: str, random: Random) -> "Guess":
        """Begin a guess at one realm, with a nonce and a key share of its own. Raises MisuseError."""
        entry = self.statement.realm(realm)
        if entry is None:
            raise MisuseError("the statement does not name this realm")
        blinded = oprf.blind(self._password, self._blinding)
        return Guess(entry, opaque_client.begin(blinded, random(NONCE_BYTES), random(SEED_BYTES)))

    def check(self, guess: "Guess", raw: bytes) -> "Answered":
        """Check that a realm evaluated with the share it has by the statement. Raises LyingRealmError."""
        entry, blinded = guess.entry, guess.login.ke1.blinded
        try:
            answer = Answer.read(raw)
            oprf.check_proof(
                entry.commitment,
                [blinded],
                [answer.ke2.evaluated],
                answer.proof,
                proof_context(self.statement, entry),
            )
        except PeerError as error:
            raise LyingRealmError(entry.name, "its evaluation is not the one of its share") from error
        return Answered(guess, answer)

    def open(self, answers: Sequence["Answered"]) -> list["Opened"]:
        """Combine as many answers as the threshold, and open every envelope. Slow on purpose.

        Raises WrongPasswordError where the password is another, LyingRealmError where a realm's envelope does
        not open although the password is right.
        """
        used = {one.entry.index: one for one in answers[: self.statement.threshold]}
        if len(used) < self.statement.threshold:
            raise MisuseError("too few realms have answered")
        evaluated = oprf.combine({index: one.answer.ke2.evaluated for index, one in used.items()})
        randomized = opaque_client.randomize(
            self._password, self._blinding, evaluated, _stretch(self.statement.argon2)
        )
        if not equal(_password_check(randomized), self.statement.checks.password):
            raise WrongPasswordError("the password is another")
        return [self._open_one(one, randomized) for one in answers]

    def take(self, opened: "Opened", sealed: bytes) -> "Share":
        """Open what a realm released, and check all of it. Raises LyingRealmError."""
        entry, account = opened.entry, self.statement.account
        try:
            release = open_release(opened.login.session_key, entry.name, sealed)
            said = record_hash(entry.name, opened.login.record, release.sealed_share, release.wrapped)
            if said != entry.record_hash:
                raise LyingRealmError(entry.name, "its record is not the one that was registered")
            key, ad = _share_key(opened.login.export_key, entry.name, entry.index, self.statement.epoch)
            return Share(
                realm=entry.name,
                index=entry.index,
                value=read_scalar(open_sealed(key, _SEALING_NONCE, release.sealed_share, ad)),
                wrapped=release.wrapped,
                anchor=open_anchor(release.anchor, account, entry.name, entry.keys)
                if release.anchor
                else None,
                ledger=tuple(open_ledger(release.ledger, entry.keys, entry.name, account)),
            )
        except LyingRealmError:
            raise
        except PeerError as error:
            raise LyingRealmError(entry.name, "what it released does not check") from error

    def join(self, shares: Sequence["Share"]) -> RecoverySecret:
        """Put the shares together, and open the recovery secret. Raises MisuseError, OpenError."""
        used = {share.index: share.value for share in shares[: self.statement.threshold]}
        if len(used) < self.statement.threshold:
            raise MisuseError("too few realms have released their share")
        key, ad = _wrap_key(oprf.combine_shares(used), self.statement.account, self.statement.epoch)
        secret = RecoverySecret(open_sealed(key, _SEALING_NONCE, shares[0].wrapped, ad))
        if not secret.matches(self.statement.checks.secret):
            raise OpenError("this is not the secret that the statement speaks of")
        return secret

    def _open_one(self, one: "Answered", randomized: bytes) -> "Opened":
        own = _realm_password(randomized, one.entry.name, self.statement.epoch, len(self.statement.realms))
        try:
            login = one.guess.login.finish(one.answer.ke2, own, parties(self.statement, one.entry))
        except (WrongPasswordError, PeerError) as error:
            raise LyingRealmError(one.entry.name, "its answer is not the one of its record") from error
        return Opened(one.entry, login)


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess at one realm, begun: `login.ke1` goes there."""

    entry: RealmEntry
    login: ClientLogin


@dataclass(frozen=True, slots=True)
class Answered:
    """A realm's answer whose proof holds."""

    guess: Guess
    answer: Answer

    @property
    def entry(self) -> RealmEntry:
        """The realm that answered."""
        return self.guess.entry


@dataclass(frozen=True, slots=True)
class Opened:
    """A realm's envelope, opened: `login.ke3` goes there."""

    entry: RealmEntry
    login: LoggedIn = field(repr=False)


@dataclass(frozen=True, slots=True)
class Share:
    """What one realm released, checked."""

    realm: str
    index: int
    value: Scalar = field(repr=False)
    wrapped: bytes
    anchor: Request | None
    """The newest backup that the owner told this realm of."""
    ledger: tuple[Entry, ...]
    """The newest entries of the realm's ledger."""


class _Dealer(Secret):
    """The secrets of one dealing: what is shared, by which polynomials, and what follows from the password."""

    __slots__ = (
        "_account",
        "_key",
        "_random",
        "_terms",
        "_wrapped",
        "_wrapping",
        "randomized",
    )

    def __init__(
        self, account: AccountId, terms: Terms, password: bytes, secret: RecoverySecret, random: Random
    ) -> None:
        self._account, self._terms, self._random = account, terms, random
        self._key = _polynomial(terms.fleet.threshold, random)
        self._wrapping = _polynomial(terms.fleet.threshold, random)
        self.randomized = self._randomized(password)
        self._wrapped = _wrap(self._wrapping[0], secret, account, terms.epoch)

    def record(self, realm: Realm, index: int) -> RealmRecord:
        """Make one realm's record."""
        terms, account = self._terms, self._account
        stored = self._stored(realm)
        key, ad = _share_key(stored.export_key, realm.name, index, terms.epoch)
        return RealmRecord(
            realm=realm.name,
            account=account,
            epoch=terms.epoch,
            share=_share(self._key, index),
            opaque=stored.record,
            sealed_share=seal(key, _SEALING_NONCE, _share(self._wrapping, index), ad),
            wrapped=self._wrapped,
            door_hash=door_hash(terms.locator, realm.name, account),
        )

    def _randomized(self, password: bytes) -> bytes:
        """What a client of these realms will get: by the same functions, with all shares at hand."""
        blinding = scalar_from_wide(self._random(WIDE_BYTES))
        request = opaque_client.request(password, blinding)
        evaluations = {
            index: oprf.evaluate(_share(self._key, index), request.blinded)
            for index in range(1, self._terms.fleet.threshold + 1)
        }
        stretch = _stretch(self._terms.argon2)
        return opaque_client.randomize(password, blinding, oprf.combine(evaluations), stretch)

    def _stored(self, realm: Realm) -> Stored:
        terms = self._terms
        own = _realm_password(self.randomized, realm.name, terms.epoch, len(terms.fleet.realms))
        # The context is of the exchange only; an envelope is bound to the identities.
        named = Parties(
            context=b"", client=client_identity(self._account, terms.epoch), server=realm.keys.pack()
        )
        return opaque_client.store(own, realm.keys.exchange, named, self._random(NONCE_BYTES))


def _polynomial(threshold: int, random: Random) -> list[Scalar]:
    """A random secret, and the random coefficients by which it is shared."""
    return [scalar_from_wide(random(WIDE_BYTES)) for _ in range(threshold)]


def _share(polynomial: Sequence[Scalar], index: int) -> Scalar:
    return oprf.share(polynomial[0], polynomial[1:], index)


def _entry(realm: Realm, index: int, record: RealmRecord) -> RealmEntry:
    return RealmEntry(
        name=realm.name,
        keys=realm.keys,
        index=index,
        commitment=multiply_base(record.share),
        record_hash=record_hash(realm.name, record.opaque, record.sealed_share, record.wrapped),
    )


def _stretch(argon2: Argon2Parameters) -> opaque_client.Stretch:
    """Argon2id over the OPRF's output, with the salt of zeros that RFC 9807 section 7 has."""
    return lambda output: argon2id(
        output, bytes(ARGON2_SALT_BYTES), parameters=argon2, length=_RANDOMIZED_BYTES
    )


def _realm_password(randomized: bytes, realm: str, epoch: int, realms: int) -> bytes:
    """One realm's randomized password, so that no realm's record helps with another's. One realm has RFC 9807's."""
    if realms == 1:
        return randomized
    context = pack(realm, epoch)
    return hkdf(
        randomized,
        salt=b"",
        label=Label.VAULT_REALM_PASSWORD,
        length=_RANDOMIZED_BYTES,
        context=context,
    )


def _password_check(randomized: bytes) -> bytes:
    return hkdf(randomized, salt=b"", label=Label.VAULT_PASSWORD_CHECK, length=32)


def _share_key(export_key: bytes, realm: str, index: int, epoch: int) -> tuple[bytes, bytes]:
    ad = pack(realm, index, epoch)
    return hkdf(export_key, salt=b"", label=Label.VAULT_SHARE, length=32, context=ad), ad


def _wrap_key(wrapping: Scalar, account: AccountId, epoch: int) -> tuple[bytes, bytes]:
    ad = pack(account, epoch)
    return hkdf(wrapping, salt=b"", label=Label.VAULT_WRAP, length=32, context=ad), ad


def _wrap(wrapping: Scalar, secret: RecoverySecret, account: AccountId, epoch: int) -> bytes:
    key, ad = _wrap_key(wrapping, account, epoch)
    return seal(key, _SEALING_NONCE, secret.secret, ad)

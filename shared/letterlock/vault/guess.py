"""One guess, as a realm sees it: its answer to KE1 with its proof, and the check of KE3.

The same bindings are computed by the client: who the two are, under which statement. Spec: shared/spec/vault.md.
Must not know passwords, stores, or how many guesses are left: a realm spends the guess before it comes here.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from letterlock.encoding import pack
from letterlock.errors import MalformedError
from letterlock.ids import AccountId
from letterlock.primitives.derivation import Label, sha256
from letterlock.primitives.oprf import PROOF_BYTES, Context, prove
from letterlock.primitives.ristretto import WIDE_BYTES, scalar_from_wide
from letterlock.vault import opaque_server
from letterlock.vault.opaque_exchange import SEED_BYTES, Parties
from letterlock.vault.opaque_messages import KE1, KE2, KE2_BYTES, NONCE_BYTES
from letterlock.vault.opaque_server import ServerLogin
from letterlock.vault.realm_secret import RealmSecret
from letterlock.vault.record import RealmRecord
from letterlock.vault.statement import RealmEntry, Statement

ANSWER_BYTES: Final = KE2_BYTES + PROOF_BYTES

Random = Callable[[int], bytes]
"""Gives that many random bytes."""


class Answer(msgspec.Struct, frozen=True, gc=False):
    """A realm's answer to a guess: KE2, and the proof that its evaluation is its share's."""

    ke2: KE2
    proof: bytes

    def pack(self) -> bytes:
        """Return its 384 bytes."""
        return self.ke2.pack() + self.proof

    @classmethod
    def read(cls, raw: bytes) -> "Answer":
        """Read 384 bytes; the proof is not checked yet. Raises MalformedError, BadKeyError."""
        if len(raw) != ANSWER_BYTES:
            raise MalformedError("a realm's answer has 384 bytes")
        return cls(KE2.read(raw[:KE2_BYTES]), raw[KE2_BYTES:])


def parties(statement: Statement, entry: RealmEntry) -> Parties:
    """Return whom an exchange with this realm is between, and under which statement."""
    return Parties(
        context=pack(Label.VAULT_OPAQUE, entry.name, statement.hash),
        client=client_identity(statement.account, statement.epoch),
        server=entry.keys.pack(),
    )


def client_identity(account: AccountId, epoch: int) -> bytes:
    """Return the client's identity in OPAQUE: account id and registration epoch."""
    return pack(account, epoch)


def proof_context(statement: Statement, entry: RealmEntry) -> Context:
    """Return the context of a realm's proof: it holds for this realm and statement only."""
    named = sha256(pack(entry.name, entry.keys.pack(), statement.hash))
    return Context(Label.VAULT_PROOF + b"\0" + named)


def answer(
    ke1: KE1, *, statement: Statement, record: RealmRecord, secret: RealmSecret, random: Random
) -> tuple[ServerLogin, Answer]:
    """Answer a guess with the realm's share. `record` is one that `open_record` passed for this statement."""
    entry = statement.realm(record.realm)
    if entry is None:
        raise MalformedError("this statement does not name this realm")
    login, ke2 = opaque_server.answer(
        ke1,
        record=record.opaque,
        key=record.share,
        server=secret.exchange,
        parties=parties(statement, entry),
        masking_nonce=random(NONCE_BYTES),
        nonce=random(NONCE_BYTES),
        key_share_seed=random(SEED_BYTES),
    )
    proof = prove(
        record.share,
        [ke1.blinded],
        [ke2.evaluated],
        scalar_from_wide(random(WIDE_BYTES)),
        proof_context(statement, entry),
    )
    return login, Answer(ke2, proof)

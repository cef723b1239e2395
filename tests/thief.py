"""A thief with disks: everything that can be tried with what parties of a backup leave lying about.

He reads every file as its owner could, key files too, knows the formats and this code, and has a list of passwords
to try. What he cannot do is ask a realm that runs: there the guesses are counted.
"""

import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from letterlock.backup.manifest import Manifest, open_manifest, prefix_of
from letterlock.errors import LetterlockError
from letterlock.ids import AccountId
from letterlock.primitives import oprf
from letterlock.primitives.derivation import ARGON2_SALT_BYTES, Label, argon2id, hkdf
from letterlock.primitives.ristretto import WIDE_BYTES, scalar_from_wide
from letterlock.vault import guess, opaque_client
from letterlock.vault.opaque_messages import KE1
from letterlock.vault.realm_secret import RealmSecret
from letterlock.vault.record import RealmRecord
from letterlock.vault.recovery_secret import SECRET_BYTES, RecoverySecret
from letterlock.vault.release import Release, seal_release
from letterlock.vault.statement import Statement, open_statement
from letterlock.vault.threshold import Recovery
from letterlock_server.stores.vault_sqlite.store import SqliteVaultStore
from letterlock_server.vault.sealing import load_or_make

_HEX = re.compile(rb"(?=([0-9a-f]{64}))")


@dataclass(frozen=True)
class StolenRealm:
    """A realm's disk with its key file: whoever has both answers as the realm would, and counts nothing."""

    name: str
    secret: RealmSecret
    statement: Statement
    record: RealmRecord

    @classmethod
    async def read(cls, name: str, store: Path, account: AccountId) -> "StolenRealm":
        secret, sealer = load_or_make(store.with_name(store.name + ".key"), os.urandom)
        database = SqliteVaultStore(store)
        await database.open()
        try:
            standing = await database.standings.find(account)
        finally:
            await database.close()
        assert standing is not None
        assert standing.record is not None
        kept = standing.record
        statement = open_statement(kept.statement, account)
        record = RealmRecord.read(sealer.open(account, statement.epoch, kept.key, kept.box))
        return cls(name, secret, statement, record)

    @property
    def index(self) -> int:
        entry = self.statement.realm(self.name)
        assert entry is not None
        return entry.index


def windows(disks: Iterable[Path]) -> set[bytes]:
    """Everything in these files that could be a 32-byte key, at any offset, as it lies there or in hex."""
    found = set()
    for path in disks:
        raw = path.read_bytes()
        for at in range(len(raw) - SECRET_BYTES + 1):
            part = raw[at : at + SECRET_BYTES]
            # 32 random bytes have 22 different ones or more, all but surely; tables and texts have not.
            if len(set(part)) >= 22:
                found.add(part)
        found |= {bytes.fromhex(digits.decode()) for digits in _HEX.findall(raw)}
    return found


def open_bucket(bucket: Path, key: bytes) -> Manifest | None:
    """Open the newest manifest with a key that may be the backup's."""
    prefix = prefix_of(key)
    with suppress(LetterlockError):
        for path in sorted((bucket / prefix / "manifest").glob("*"), reverse=True):
            return open_manifest(key, f"{prefix}/manifest/{path.name}", path.read_bytes())
    return None


def search(bucket: Path, disks: Iterable[Path]) -> Manifest | None:
    """Try whatever lies on these disks as the recovery secret, and as the key that comes of it."""
    prefixes = {path.name for path in bucket.iterdir()}
    for found in windows(disks):
        for key in (found, RecoverySecret(found).backup_key()):
            if prefix_of(key) in prefixes:
                return open_bucket(bucket, key)
    return None


def guess_offline(
    realms: Sequence[StolenRealm], passwords: Iterable[str]
) -> tuple[str, RecoverySecret] | None:
    """Try passwords at as many stolen realms as the threshold: nothing counts them, each costs one stretching."""
    statement = realms[0].statement
    for password in passwords:
        recovery = Recovery(statement, password.encode(), os.urandom)
        logins, answers = {}, []
        for realm in realms[: statement.threshold]:
            begun = recovery.start(realm.name, os.urandom)
            ke1 = KE1.read(begun.login.ke1.pack())
            logins[realm.name], said = guess.answer(
                ke1, statement=statement, record=realm.record, secret=realm.secret, random=os.urandom
            )
            answers.append(recovery.check(begun, said.ke2.pack() + said.proof))
        with suppress(LetterlockError):
            opened = {one.entry.name: one for one in recovery.open(answers)}
            shares = []
            for realm in realms[: statement.threshold]:
                key = logins[realm.name].finish(opened[realm.name].login.ke3)
                record = realm.record
                release = Release(
                    sealed_share=record.sealed_share, wrapped=record.wrapped, anchor=b"", ledger=()
                )
                shares.append(recovery.take(opened[realm.name], seal_release(key, realm.name, release)))
            return password, recovery.join(shares)
    return None


def guess_with_too_few(realms: Sequence[StolenRealm], password: str) -> bool:
    """Whether fewer realms than the threshold, and the very password, tell that it is right.

    The statement's public check would: of what comes of the password under the whole OPRF key. Each stolen share is
    tried as that key, and all of them put together as if they were enough.
    """
    statement = realms[0].statement
    shares = {realm.index: realm.record.share for realm in realms}
    assert len(shares) < statement.threshold
    blinding = scalar_from_wide(os.urandom(WIDE_BYTES))
    request = opaque_client.request(password.encode(), blinding)
    for key in {oprf.combine_shares(shares), *shares.values()}:
        evaluated = oprf.evaluate(key, request.blinded)
        randomized = opaque_client.randomize(
            password.encode(), blinding, evaluated, lambda output: _stretched(statement, output)
        )
        check = hkdf(randomized, salt=b"", label=Label.VAULT_PASSWORD_CHECK, length=32)
        if check == statement.checks.password:
            return True
    return False


def _stretched(statement: Statement, output: bytes) -> bytes:
    return argon2id(output, bytes(ARGON2_SALT_BYTES), parameters=statement.argon2, length=64)

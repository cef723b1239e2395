"""What a realm decides: from what it keeps of an account and what is asked, to what it keeps and answers.

::

    never registered --prepare--> unfinished --commit--> answers --no guess left--> destroyed
                                                  | ^                                  |
                                            prepare, commit (a higher epoch) <---------+   delete: deleted

Every step is a pure function of a standing: it returns a change, or raises and nothing happened. What it signs
into the ledger is part of the change. Spec: shared/spec/realms.md. Must not know stores, frames, sockets, or
how records are sealed.
"""

from typing import Final, NamedTuple

import msgspec

from letterlock.devices.device_list import VerifiedAccount, open_account, succeed
from letterlock.devices.signed import Kind
from letterlock.errors import RevokedDeviceError
from letterlock.ids import AccountId
from letterlock.primitives.derivation import equal, sha256
from letterlock.vault.ledger import Event
from letterlock.vault.realm_secret import RealmSecret
from letterlock.vault.receipts import Stage, check_commit, sign_receipt
from letterlock.vault.requests import Addressed, Request, check_request, open_request
from letterlock.vault.statement import Statement, open_statement
from letterlock.wire import vault_refusals as refusals
from letterlock_server.stores.vault_interfaces import Change, Record, Standing
from letterlock_server.vault.policy import Doors, Entrance, Policy, View
from letterlock_server.vault.scribe import Scribe

MAX_EPOCH_STEP: Final = 1000
"""How far a registration may pass the highest one: a thief must not use up the numbers before it is put out."""
MAX_GENERATION_STEP: Final = 2**20
"""How far an anchor may pass the newest one, for the same reason. A realm may have been away for long."""
_MS: Final = 1000


class Refuse(Exception):
    """The answer is no, and nothing happened; `code` is one of `wire.vault_refusals`."""

    def __init__(
        self, code: str, message: str, *, retry: int = 0, left: int = 0, tombstone: bytes = b""
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry = retry
        self.left = left
        self.tombstone = tombstone


class Now(NamedTuple):
    """Two clocks, in ms: the wall's, which is only written down, and the realm's own, by which it waits."""

    wall: int
    running: int


class Status(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a guess would meet; `wait` is in seconds."""

    state: str
    left: int
    wait: int
    entrance: Entrance
    epoch: int
    prepared: int
    highest: int
    statement: bytes
    receipts: tuple[bytes, ...]
    tombstone: bytes


class Spent(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A guess that is counted: `sequence` is its ledger entry; `left` and `wait` hold if it is wrong."""

    account: AccountId
    epoch: int
    entrance: Entrance
    sequence: int
    left: int
    wait: int


class Realm:
    """Who the realm is and how it decides; holds nothing that changes."""

    def __init__(self, name: str, secret: RealmSecret, policy: Policy) -> None:
        self.name: Final = name
        self.secret: Final = secret
        self.policy: Final = policy

    # Looking, which spends nothing.

    def status(self, standing: Standing | None, door_key: bytes, now: Now) -> Status:
        """Say what a guess would meet."""
        record = standing.record if standing is not None else None
        entrance = _entrance(record, door_key)
        view = self._view(standing, entrance, now)
        state = self._state(standing, entrance, now)
        guessable = record is not None
        return Status(
            state=state,
            left=view.left if guessable else 0,
            wait=_seconds(view.wait_ms) if guessable else 0,
            entrance=entrance,
            epoch=record.epoch if record is not None else 0,
            prepared=standing.prepared.epoch if standing is not None and standing.prepared is not None else 0,
            highest=standing.highest_epoch if standing is not None else 0,
            statement=record.statement if record is not None else b"",
            receipts=record.receipts if record is not None else (),
            tombstone=standing.tombstone if standing is not None else b"",
        )

    def _state(self, standing: Standing | None, entrance: Entrance, now: Now) -> str:
        if standing is None or standing.record is None:
            return _absent(standing)
        view = self._view(standing, entrance, now)
        if self.policy.used_up(_doors(standing)):
            # The last guess is being answered: a moment decides whether it was right.
            return refusals.WAIT
        if not view.left:
            return refusals.DOOR_CLOSED
        return refusals.WAIT if view.wait_ms else refusals.READY

    def _view(self, standing: Standing | None, entrance: Entrance, now: Now) -> View:
        view = self.policy.view(_doors(standing), entrance, now.running)
        if standing is None:
            return view
        # Each right guess is an addition: whoever knows the password must not fill the ledger with recoveries.
        paced = self.policy.recovering_waits(standing.paced_until, now.running)
        return msgspec.structs.replace(view, wait_ms=max(view.wait_ms, paced))

    # Guessing.

    def start_guess(self, standing: Standing | None, epoch: int, door_key: bytes, now: Now) -> Change[Spent]:
        """Spend one guess at the password of registration `epoch`. Raises Refuse, and then none is spent."""
        if standing is None or standing.record is None:
            raise self._refusal(standing, Entrance.HANDLE, now)
        record = standing.record
        if epoch != record.epoch:
            raise Refuse(refusals.EPOCH, f"registration {record.epoch} answers here, not {epoch}")
        entrance = _entrance(record, door_key)
        if door_key and entrance is not Entrance.LOCATOR:
            raise Refuse(refusals.BAD_OBJECT, "this locator is not the one of the registration")
        if self._state(standing, entrance, now) != refusals.READY:
            raise self._refusal(standing, entrance, now)
        doors = self.policy.spend(_doors(standing), entrance, now.running)
        view = self.policy.view(doors, entrance, now.running)
        scribe = self._scribe(_with_doors(standing, doors), now)
        sequence = scribe.write(Event.GUESSED, entrance, view.left)
        if not view.left:
            scribe.write(Event.DOOR_CLOSED, entrance, sequence)
        spent = Spent(
            account=standing.account,
            epoch=epoch,
            entrance=entrance,
            sequence=sequence,
            left=view.left,
            wait=_seconds(view.wait_ms),
        )
        return scribe.change(spent)

    def finish_guess(self, standing: Standing | None, spent: Spent, now: Now) -> Change[Standing]:
        """Refill after a right proof. Raises Refuse where the record it was about is no more."""
        if standing is None or standing.record is None or standing.record.epoch != spent.epoch:
            raise Refuse(refusals.WRONG_PROOF, "the registration that was guessed at answers no more")
        paced = self.policy.add(standing.paced_until, now.running)
        refilled = msgspec.structs.replace(_with_doors(standing, Doors()), paced_until=paced)
        scribe = self._scribe(refilled, now)
        scribe.write(Event.RECOVERED, spent.entrance, spent.sequence)
        return scribe.change(scribe.standing)

    def end_guess(self, standing: Standing | None, now: Now, proved: Spent | None = None) -> Change[bool]:
        """Destroy the record if no guess is left; callers know that none is being answered any more.

        A guess that was `proved`, and not counted so, refills instead.
        """
        if standing is None:
            raise Refuse(refusals.NEVER_REGISTERED, _SENTENCES[refusals.NEVER_REGISTERED])
        if standing.record is None or not self.policy.used_up(_doors(standing)):
            return Change(standing, (), False)
        if proved is not None:
            refilled = self.finish_guess(standing, proved, now)
            return Change(refilled.standing, refilled.entries, False)
        scribe = self._scribe(standing, now)
        scribe.bury(Event.DESTROYED, standing.record.epoch)
        return scribe.change(True)

    def _refusal(self, standing: Standing | None, entrance: Entrance, now: Now) -> Refuse:
        code = self._state(standing, entrance, now)
        view = self._view(standing, entrance, now)
        return Refuse(
            code,
            _SENTENCES[code],
            retry=max(1, _seconds(view.wait_ms)) if code == refusals.WAIT else 0,
            left=view.left if standing is not None and standing.record is not None else 0,
            tombstone=standing.tombstone if standing is not None else b"",
        )

    # What the owner's devices ask.

    def learn_list(self, standing: Standing | None, offered: VerifiedAccount) -> Change[None]:
        """Take a device list that follows the highest known. Raises StaleListError, ForkedListError."""
        if standing is not None:
            succeed(known_list(standing), offered)
        present = standing or Standing(
            account=offered.account,
            root_key=b"",
            list_certificate=b"",
            device_list=b"",
            list_epoch=0,
            list_version=0,
        )
        after = msgspec.structs.replace(
            present,
            root_key=offered.root_key,
            list_certificate=offered.certificate.raw,
            device_list=offered.devices.raw,
            list_epoch=offered.devices.epoch,
            list_version=offered.devices.version,
        )
        return Change(after, (), None)

    def check(self, standing: Standing | None, raw: bytes, kind: Kind, nonce: bytes) -> Request:
        """Check an owner's request against the highest device list known. Raises Refuse, PeerError."""
        if standing is None:
            raise Refuse(refusals.UNKNOWN_ACCOUNT, "this realm knows no device list of this account")
        to = Addressed(realm=self.name, keys=self.secret.public, nonce=nonce)
        return check_request(raw, kind, to, known_list(standing))

    def prepare(self, standing: Standing, statement: Statement, record: Record, now: Now) -> Change[bytes]:
        """Keep a registration that answers nothing yet; the answer is a receipt.

        At most one statement is ever prepared for each epoch: so no two registrations of one epoch can both
        find enough realms. The same one again is success.
        """
        before = standing.prepared
        if before is not None and before.statement == record.statement:
            return Change(standing, (), self._receipt(Stage.PREPARED, statement, now))
        if record.epoch <= standing.highest_epoch:
            raise Refuse(refusals.STALE, f"a registration must be numbered above {standing.highest_epoch}")
        if record.epoch > standing.highest_epoch + MAX_EPOCH_STEP:
            raise Refuse(refusals.BAD_OBJECT, f"registration {standing.highest_epoch} is the newest here")
        after = msgspec.structs.replace(
            self._added(standing, now), prepared=record, highest_epoch=record.epoch
        )
        return Change(after, (), self._receipt(Stage.PREPARED, statement, now))

    def commit(
        self, standing: Standing | None, epoch: int, receipts: tuple[bytes, ...], now: Now
    ) -> Change[bytes]:
        """Let a prepared registration answer, once enough realms hold it. Raises Refuse, PeerError."""
        if standing is None:
            raise Refuse(refusals.NEVER_REGISTERED, _SENTENCES[refusals.NEVER_REGISTERED])
        if standing.record is not None and standing.record.epoch == epoch:
            statement = open_statement(standing.record.statement, standing.account)
            return Change(standing, (), self._receipt(Stage.COMMITTED, statement, now))
        if standing.prepared is None or standing.prepared.epoch != epoch:
            raise Refuse(refusals.STALE, f"registration {epoch} is not prepared here")
        statement = open_statement(standing.prepared.statement, standing.account)
        _check_listed(statement, known_list(standing))
        check_commit(statement, receipts)
        record = msgspec.structs.replace(standing.prepared, receipts=receipts)
        present = msgspec.structs.replace(standing, record=record, prepared=None, tombstone=b"")
        scribe = self._scribe(_with_doors(present, Doors()), now)
        scribe.write(Event.REGISTERED, None, epoch)
        return scribe.change(self._receipt(Stage.COMMITTED, statement, now))

    def anchor(self, standing: Standing, request: Request, now: Now) -> Change[bytes]:
        """Take note of a newer backup; the answer is a receipt. Raises Refuse."""
        if standing.record is None:
            raise self._refusal(standing, Entrance.HANDLE, now)
        if request.epoch != standing.record.epoch:
            raise Refuse(refusals.EPOCH, f"registration {standing.record.epoch} answers here")
        receipt = self._receipt_for(Stage.ANCHORED, request, request.manifest_hash, now)
        if standing.anchor and request.generation <= standing.generation:
            known = open_request(standing.anchor, Kind.VAULT_ANCHOR)
            if (known.generation, known.manifest_hash) == (request.generation, request.manifest_hash):
                return Change(standing, (), receipt)
            raise Refuse(refusals.STALE, f"backup {standing.generation} is the newest that is known here")
        if request.generation > standing.generation + MAX_GENERATION_STEP:
            raise Refuse(
                refusals.BAD_OBJECT, f"backup {standing.generation} is the newest that is known here"
            )
        named = msgspec.structs.replace(
            self._added(standing, now), generation=request.generation, anchor=request.raw
        )
        scribe = self._scribe(named, now)
        scribe.write(Event.ANCHORED, None, request.generation)
        return scribe.change(receipt)

    def delete(self, standing: Standing, request: Request, now: Now) -> Change[bytes]:
        """Destroy the record because its owner says so; the answer is a receipt. Raises Refuse."""
        epochs = {standing.highest_epoch} | ({standing.record.epoch} if standing.record else set())
        if request.epoch not in epochs:
            raise Refuse(refusals.EPOCH, f"registration {standing.highest_epoch} is the newest here")
        receipt = self._receipt_for(Stage.DELETED, request, sha256(request.raw), now)
        if standing.record is None and standing.prepared is None:
            return Change(standing, (), receipt)
        scribe = self._scribe(msgspec.structs.replace(standing, prepared=None), now)
        scribe.bury(Event.DELETED, request.epoch)
        return scribe.change(receipt)

    def _added(self, standing: Standing, now: Now) -> Standing:
        """Count one addition of an owner whose signature holds. Raises Refuse where it is too soon for one more."""
        wait = _seconds(self.policy.adding_waits(standing.paced_until, now.running))
        if wait:
            raise Refuse(
                refusals.RATE,
                f"too many changes of this account: wait {wait} second{'s' * (wait != 1)}",
                retry=wait,
            )
        return msgspec.structs.replace(
            standing, paced_until=self.policy.add(standing.paced_until, now.running)
        )

    def _scribe(self, standing: Standing, now: Now) -> Scribe:
        return Scribe(self.name, self.secret, standing, now.wall)

    def _receipt(self, stage: Stage, statement: Statement, now: Now) -> bytes:
        return sign_receipt(
            self.secret,
            realm=self.name,
            stage=stage,
            account=statement.account,
            epoch=statement.epoch,
            subject=statement.hash,
            at=now.wall,
        )

    def _receipt_for(self, stage: Stage, request: Request, subject: bytes, now: Now) -> bytes:
        return sign_receipt(
            self.secret,
            realm=self.name,
            stage=stage,
            account=request.account,
            epoch=request.epoch,
            subject=subject,
            at=now.wall,
        )


_SENTENCES: Final = {
    refusals.NEVER_REGISTERED: "this realm has never held a record of this account",
    refusals.UNFINISHED: "a registration was begun here and never committed",
    refusals.DESTROYED: "the record is no more",
    refusals.DOOR_CLOSED: "no guess is left for those who know only the account; the locator opens the other door",
    refusals.WAIT: "too soon after the last guess; nothing was spent",
}


def known_list(standing: Standing) -> VerifiedAccount:
    """Return the highest device list that the realm has seen of the account."""
    return open_account(standing.root_key, standing.list_certificate, standing.device_list)


def _check_listed(statement: Statement, known: VerifiedAccount) -> None:
    """Whoever was put out after preparing must not have it committed."""
    device = statement.signer.device
    listed = known.devices.device(device.device)
    if listed is None or listed.identity_key != device.identity_key:
        raise RevokedDeviceError("the device that prepared this stands in the account's list no more")


def _absent(standing: Standing | None) -> str:
    if standing is not None and standing.tombstone:
        return refusals.DESTROYED
    if standing is not None and standing.prepared is not None:
        return refusals.UNFINISHED
    return refusals.NEVER_REGISTERED


def _entrance(record: Record | None, door_key: bytes) -> Entrance:
    if record is not None and door_key and equal(sha256(door_key), record.door_hash):
        return Entrance.LOCATOR
    return Entrance.HANDLE


def _doors(standing: Standing | None) -> Doors:
    return Doors() if standing is None else Doors(standing.by_handle, standing.by_locator)


def _with_doors(standing: Standing, doors: Doors) -> Standing:
    return msgspec.structs.replace(standing, by_handle=doors.by_handle, by_locator=doors.by_locator)


def _seconds(ms: int) -> int:
    return -(-ms // _MS)

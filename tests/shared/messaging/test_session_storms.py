"""Two devices on a network that loses, repeats and reorders, whose databases are lost, restored and copied."""

import hashlib
from copy import copy
from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from letterlock.errors import DuplicateError, OpenError
from letterlock.messaging.pqxdh import HANDSHAKE_BYTES
from letterlock.messaging.session import FIRST, Session
from letterlock.messaging.session_state import ARCHIVED_SESSIONS, read_archive
from tests.shared.messaging.parties import Party, couple

WHO = st.integers(0, 1)
PICK = st.integers(0, 2**16)


@dataclass(frozen=True)
class OnTheWay:
    recipient: int
    message: bytes
    words: bytes


@dataclass
class Copy:
    """What a database held at one moment."""

    session: Session | None
    prekeys: dict
    contacts: set


class Storm(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.devices: tuple[Party, Party] = couple()
        self.network: list[OnTheWay] = []
        self.copies: dict[int, Copy] = {}
        self.sealed_under: dict[bytes, bytes] = {}
        self.asked_about: set[tuple[int, bytes]] = set()
        self.written = 0

    # What devices do.

    def _send(self, who: int, words: bytes, *, afresh: bool = False) -> None:
        device, peer = self.devices[who], self.devices[1 - who]
        if afresh or device.session is None:
            device.begin(peer, peer.bundle(one_time=self.written % 3 != 0, last_resort=self.written % 2 == 0))
        message = device.seal(words)
        self._detect_reuse(message)
        self.network.append(OnTheWay(1 - who, message, words))

    def _detect_reuse(self, message: bytes) -> None:
        # Ratchet key, number and salt determine the key; the nonce is constant.
        at = 2 + (HANDSHAKE_BYTES if message[1] == FIRST else 0)
        under = message[at : at + 32] + message[at + 36 : at + 56]
        assert under not in self.sealed_under
        self.sealed_under[under] = message

    def _deliver(self, one: OnTheWay) -> bool:
        device, sender = self.devices[one.recipient], self.devices[1 - one.recipient]
        before = (device.session, dict(device.prekeys), set(device.contacts))
        try:
            assert device.open(sender, one.message) == one.words
            return True
        except DuplicateError:
            assert (device.session, device.prekeys, device.contacts) == before
            return True
        except OpenError:
            assert (device.session, device.prekeys, device.contacts) == before
            name = one.recipient, hashlib.sha256(one.message).digest()
            if name not in self.asked_about:
                self.asked_about.add(name)
                self._send(one.recipient, b"please send that again", afresh=True)
            return False

    # What happens.

    @rule(who=WHO)
    def write(self, who: int) -> None:
        self.written += 1
        self._send(who, b"words %d" % self.written)

    @rule(who=WHO)
    def begin_again(self, who: int) -> None:
        self._send(who, b"afresh", afresh=True)

    @precondition(lambda self: self.network)
    @rule(which=PICK, keeps_a_copy=st.booleans())
    def deliver(self, which: int, keeps_a_copy: bool) -> None:
        one = self.network[which % len(self.network)]
        if not keeps_a_copy:
            self.network.remove(one)
        self._deliver(one)

    @precondition(lambda self: self.network)
    @rule(which=PICK)
    def lose(self, which: int) -> None:
        del self.network[which % len(self.network)]

    @rule(who=WHO)
    def copy_database(self, who: int) -> None:
        device = self.devices[who]
        self.copies[who] = Copy(device.session, copy(device.prekeys), copy(device.contacts))

    @precondition(lambda self: self.copies)
    @rule(which=PICK)
    def go_back_to_the_copy(self, which: int) -> None:
        who = sorted(self.copies)[which % len(self.copies)]
        device, older = self.devices[who], self.copies[who]
        device.session = older.session
        device.prekeys, device.contacts = copy(older.prekeys), copy(older.contacts)

    @rule(who=WHO, prekeys_too=st.booleans())
    def lose_database(self, who: int, prekeys_too: bool) -> None:
        device = self.devices[who]
        device.session = None
        device.contacts.clear()
        if prekeys_too:
            device.prekeys.clear()

    # What must hold.

    @invariant()
    def what_is_kept_is_bounded_and_reads_back(self) -> None:
        for device in self.devices:
            if device.session is not None:
                assert len(read_archive(device.session.archived)) <= ARCHIVED_SESSIONS
                assert Session.from_bytes(device.session.to_bytes()) == device.session

    def teardown(self) -> None:
        self._settle()
        for exchange in range(5):
            self._cross(exchange)
        assert self.devices[0].present() == self.devices[1].present()
        agreed = self.devices[0].present()
        for exchange in range(5, 8):
            assert self._cross(exchange)
            assert self.devices[0].present() == self.devices[1].present() == agreed

    def _cross(self, exchange: int) -> bool:
        """Both write before either reads, and everything arrives. Say whether all of it opened."""
        self._send(0, b"exchange %d" % exchange)
        self._send(1, b"exchange %d" % exchange)
        return self._settle()

    def _settle(self) -> bool:
        opened, storm = True, 0
        while self.network:
            opened = self._deliver(self.network.pop(0)) and opened
            storm += 1
            assert storm < 500
        return opened


Storm.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
test_sessions_converge_after_any_storm_and_never_use_a_key_twice = Storm.TestCase

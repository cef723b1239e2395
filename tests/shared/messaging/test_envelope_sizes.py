"""What a relay sees of a real conversation is a handful of lengths, whatever is said."""

import os
import random

import pytest

from letterlock.devices.account import sign_handle
from letterlock.devices.bundle import PrekeyBundle, PrekeyKind, open_bundle
from letterlock.devices.device_list import SenderChain
from letterlock.ids import DeviceId, MessageId
from letterlock.messaging.content import Content, Receipt, ReceiptKind, Text, Typing
from letterlock.messaging.payload import Payload, decode, encode
from letterlock.messaging.pqxdh import OwnDevice, PrekeysHeld
from letterlock.messaging.prekeys import OwnPrekey, make_prekey
from letterlock.messaging.sealed_sender import ENVELOPE_BASE, MessageType, open_for, seal_for
from letterlock.messaging.session import Session, begin, open_message, seal
from letterlock.primitives.kem import encapsulate
from letterlock.primitives.padding import BUCKETS, padme
from tests.shared.devices.people import ALICE, BOB, NOW, Person

KINDS = (PrekeyKind.SIGNED, PrekeyKind.ONE_TIME, PrekeyKind.KEM_ONE_TIME)
ENTRY = sign_handle(ALICE.list_key, account=ALICE.account, handle="a-" * 16, epoch=1, created=NOW)
ONE = MessageId(b"m" * 16)


def own(person: Person) -> OwnDevice:
    return OwnDevice(person.account, DeviceId(1), person.identity(), person.agreement())


def chain(person: Person) -> bytes:
    return SenderChain(
        root_key=person.root.public,
        list_certificate=person.list_certificate,
        device_certificate=person.device_raw(),
    ).pack()


def prekeys() -> list[OwnPrekey]:
    return [
        make_prekey(
            BOB.identity(),
            kind=kind,
            key_id=1,
            account=BOB.account,
            device=DeviceId(1),
            created=NOW,
            random=os.urandom,
        )
        for kind in KINDS
    ]


def payload(content: Content, entry: bytes = b"") -> bytes:
    view, other = ALICE.verified().devices.view, BOB.verified().devices.view
    return encode(Payload(ONE, NOW, 0, view, other, content, entry))


def first_contact() -> tuple[Session, list[OwnPrekey]]:
    held = prekeys()
    bundle: PrekeyBundle = open_bundle(BOB.device(), *(each.public_raw for each in held))
    session = begin(
        own(ALICE),
        BOB.device(),
        bundle,
        encapsulation=encapsulate(bundle.kem.key),
        now=NOW,
        random=os.urandom,
        previous=None,
    )
    return session, held


@pytest.fixture(scope="module")
def answered() -> Session:
    """Alice's session with Bob once he has answered, so that she sends ordinary messages."""
    alices, held = first_contact()
    alices, first = seal(alices, b"hello", random=os.urandom, now=NOW)
    needed = PrekeysHeld(signed=held[0], one_time=held[1], kem=held[2])
    bobs = open_message(own(BOB), ALICE.device(), None, first, prekeys=needed, now=NOW).session
    _, answer = seal(bobs, b"hello", random=os.urandom, now=NOW)
    return open_message(own(ALICE), BOB.device(), alices, answer, prekeys=None, now=NOW).session


def envelope(session: Session, padded: bytes, kind: MessageType) -> bytes:
    _, message = seal(session, padded, random=os.urandom, now=NOW)
    return seal_for(BOB.device(), chain(ALICE), kind, message)


def random_text(rng: random.Random) -> str:
    size = int(2 ** rng.uniform(0, 14))
    alphabet = rng.choice(["abcdefgh ", "äöüß", "日本語", "😀👍"])
    return "".join(rng.choices(alphabet, k=size)).encode()[:16_384].decode(errors="ignore")


def test_ten_thousand_texts_have_envelopes_of_the_size_classes_only(answered: Session) -> None:
    rng = random.Random(2026)
    own_chain, recipient, view = chain(ALICE), BOB.device(), ALICE.verified().devices.view
    lengths = set()
    for _ in range(10_000):
        text = Text(random_text(rng))
        padded = encode(Payload(MessageId(rng.randbytes(16)), NOW, 0, view, view, text))
        _, message = seal(answered, padded, random=rng.randbytes, now=NOW)
        lengths.add(len(seal_for(recipient, own_chain, MessageType.ORDINARY, message)))
    classes = {ENVELOPE_BASE + size for size in (*BUCKETS, *(padme(size) for size in range(4_097, 20_000)))}
    assert lengths <= classes
    assert len(lengths) <= 40


def test_receipts_typing_and_short_texts_are_the_same_to_a_relay(answered: Session) -> None:
    contents = (
        Receipt(ReceiptKind.DELIVERED, (ONE,)),
        Receipt(ReceiptKind.READ, (ONE,) * 5),
        Typing(active=True),
        Typing(active=False),
        Text(""),
        Text("see you there"),
        Text("x" * 100),
    )
    lengths = {len(envelope(answered, payload(one), MessageType.ORDINARY)) for one in contents}
    assert lengths == {ENVELOPE_BASE + 256}


def test_a_first_message_has_the_length_of_an_ordinary_one_of_up_to_two_kibibytes(answered: Session) -> None:
    fresh, _ = first_contact()
    firsts = {
        len(envelope(fresh, payload(Text("x" * size), ENTRY), MessageType.FIRST)) for size in (0, 1, 80, 150)
    }
    ordinary = {
        len(envelope(answered, payload(Text("x" * size)), MessageType.ORDINARY)) for size in (950, 1_900)
    }
    assert firsts == ordinary == {ENVELOPE_BASE + 2_048}


def test_an_ordinary_envelope_is_padded_once_and_not_twice(answered: Session) -> None:
    for bucket in BUCKETS:
        padded = payload(Text("x" * (bucket - 140)))
        assert len(padded) == bucket
        assert len(envelope(answered, padded, MessageType.ORDINARY)) == ENVELOPE_BASE + bucket


def test_what_alice_said_is_what_bob_reads() -> None:
    fresh, held = first_contact()
    sealed = envelope(fresh, payload(Text("attack at dawn"), ENTRY), MessageType.FIRST)
    assert b"attack at dawn" not in sealed
    outside = open_for(BOB.sealing(), BOB.account, DeviceId(1), sealed)
    sender = SenderChain.open(outside.chain).device
    needed = PrekeysHeld(signed=held[0], one_time=held[1], kem=held[2])
    opened = open_message(own(BOB), sender, None, outside.message, prekeys=needed, now=NOW)
    said = decode(opened.plaintext)
    assert said.content == Text("attack at dawn")
    assert said.handle_entry == ENTRY

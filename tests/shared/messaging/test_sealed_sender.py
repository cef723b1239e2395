"""An envelope opens for one device, tells only it who wrote, and has one of few lengths."""

import os

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.devices.device_list import SenderChain, open_device_certificate
from letterlock.encoding import pack
from letterlock.errors import (
    BadSignatureError,
    MalformedError,
    MisuseError,
    OpenError,
    PeerError,
    WrongAccountError,
)
from letterlock.ids import DeviceId
from letterlock.messaging.sealed_sender import (
    ENVELOPE_BASE,
    MAX_ENVELOPE_BYTES,
    MessageType,
    check_sender,
    envelope_size,
    open_for,
    seal_for,
)
from letterlock.primitives.derivation import Label
from letterlock.primitives.padding import padded_size
from letterlock.primitives.sealing import hpke_seal
from letterlock.wire.frames import MAX_ENVELOPE
from tests.shared.devices.people import ALICE, BOB, Person

MALLORY = Person("mallory")
kinds = st.sampled_from(MessageType)
some = settings(max_examples=60, deadline=None)


def chain_of(person: Person, device: int = 1, month: int = 0) -> bytes:
    return SenderChain(
        root_key=person.root.public,
        list_certificate=person.list_certificate,
        device_certificate=person.device_raw(device, month),
    ).pack()


TO_BOB = BOB.device()
CHAIN = chain_of(ALICE)
BOBS_KEY = BOB.sealing()


def envelope(message: bytes = b"message", kind: MessageType = MessageType.ORDINARY) -> bytes:
    return seal_for(TO_BOB, CHAIN, kind, message)


def by_hand(inside: bytes) -> bytes:
    """An envelope for Bob from somebody who does not keep to the format inside it."""
    info = pack(Label.SEALED_SENDER, 1, BOB.account, 1)
    return b"\x01" + hpke_seal(TO_BOB.sealing_key, inside, info)


@some
@given(st.binary(max_size=30_000), kinds)
def test_the_recipient_reads_sender_kind_and_message(message: bytes, kind: MessageType) -> None:
    opened = open_for(BOBS_KEY, BOB.account, DeviceId(1), seal_for(TO_BOB, CHAIN, kind, message))
    assert opened == (CHAIN, kind, message)
    assert SenderChain.open(opened.chain).account == ALICE.account


def test_every_flipped_byte_every_cut_and_every_extension_is_refused() -> None:
    sealed = envelope()
    for at in range(len(sealed)):
        for bit in (1, 128):
            with pytest.raises(PeerError):
                open_for(
                    BOBS_KEY,
                    BOB.account,
                    DeviceId(1),
                    sealed[:at] + bytes([sealed[at] ^ bit]) + sealed[at + 1 :],
                )
        with pytest.raises(PeerError):
            open_for(BOBS_KEY, BOB.account, DeviceId(1), sealed[:at])
    for tail in (b"\0", b"\x80", sealed):
        with pytest.raises(PeerError):
            open_for(BOBS_KEY, BOB.account, DeviceId(1), sealed + tail)


def test_an_envelope_opens_for_no_other_account_device_or_key() -> None:
    sealed = envelope()
    assert open_for(BOBS_KEY, BOB.account, DeviceId(1), sealed).message == b"message"
    for key, account, device in (
        (BOBS_KEY, BOB.account, 2),
        (BOBS_KEY, ALICE.account, 1),
        (BOB.sealing(2), BOB.account, 1),
        (BOB.sealing(1, month=1), BOB.account, 1),
        (ALICE.sealing(), ALICE.account, 1),
        (BOB.agreement(), BOB.account, 1),
    ):
        with pytest.raises(OpenError):
            open_for(key, account, DeviceId(device), sealed)


def test_two_envelopes_of_the_same_message_have_nothing_in_common() -> None:
    first, second = envelope(), envelope()
    assert first[0] == second[0]
    assert sum(x == y for x, y in zip(first[1:], second[1:], strict=True)) < 40


@given(st.integers(0, 3_000))
def test_first_and_ordinary_messages_look_the_same(size: int) -> None:
    message = os.urandom(size)
    first, ordinary = (envelope(message, kind) for kind in MessageType)
    assert len(first) == len(ordinary)
    assert first[0] == ordinary[0] == 1


@given(st.integers(0, 50_000))
def test_an_envelope_is_as_long_as_its_class(size: int) -> None:
    total = envelope_size(size)
    assert total >= size
    assert total - ENVELOPE_BASE == padded_size(max(0, size - ENVELOPE_BASE))
    assert envelope_size(total - 1) == total


def test_nothing_of_sender_or_recipient_stands_in_an_envelope() -> None:
    sealed = envelope()
    for name in (
        ALICE.account, ALICE.root.public, ALICE.list_certificate[-64:], ALICE.device_raw()[-64:],
        ALICE.identity().public, BOB.account, BOB.sealing().public, BOB.identity().public, b"letterlock",
    ):  # fmt: skip
        assert name not in sealed


def test_the_largest_envelope_is_what_the_wire_carries() -> None:
    assert MAX_ENVELOPE_BYTES == MAX_ENVELOPE
    assert len(envelope(bytes(55_000))) <= MAX_ENVELOPE
    with pytest.raises(MisuseError):
        envelope(bytes(66_000))
    with pytest.raises(MisuseError):
        seal_for(TO_BOB, bytes(3_000), MessageType.FIRST, b"")
    for hostile in (b"", bytes(MAX_ENVELOPE + 1), b"\x01" + bytes(MAX_ENVELOPE)):
        with pytest.raises(MalformedError):
            open_for(BOBS_KEY, BOB.account, DeviceId(1), hostile)


def test_an_envelope_of_another_version_is_named_so() -> None:
    with pytest.raises(MalformedError, match="version"):
        open_for(BOBS_KEY, BOB.account, DeviceId(1), b"\x02" + envelope()[1:])


@pytest.mark.parametrize("inside", [b"", bytes(4), pack(CHAIN), pack(CHAIN, b"\x02"), bytes(1_024)])
def test_an_envelope_with_less_in_it_is_refused(inside: bytes) -> None:
    with pytest.raises(MalformedError):
        open_for(BOBS_KEY, BOB.account, DeviceId(1), by_hand(inside))


@pytest.mark.parametrize("kind", [b"", b"\x00", b"\x03", b"\xff", b"\x01\x02"])
def test_a_message_of_an_unknown_kind_is_refused(kind: bytes) -> None:
    inside = pack(CHAIN, kind, b"message")
    padded = inside.ljust(envelope_size(len(inside) + 49) - 49, b"\0")
    with pytest.raises(MalformedError):
        open_for(BOBS_KEY, BOB.account, DeviceId(1), by_hand(padded))


def test_padding_has_one_form() -> None:
    inside = pack(CHAIN, b"\x02", b"message")
    fill = envelope_size(len(inside) + 49) - 49
    good = inside.ljust(fill, b"\0")
    assert open_for(BOBS_KEY, BOB.account, DeviceId(1), by_hand(good)).message == b"message"
    for other in (
        good[:-1],
        good + b"\0",
        good[:-1] + b"\x01",
        inside,
        inside.ljust(fill, b"\x80"),
        good + bytes(256),
    ):
        with pytest.raises(MalformedError):
            open_for(BOBS_KEY, BOB.account, DeviceId(1), by_hand(other))


def test_a_forged_chain_is_noticed_by_whoever_opens_it() -> None:
    forged = SenderChain(
        root_key=ALICE.root.public,
        list_certificate=ALICE.list_certificate,
        device_certificate=MALLORY.device_raw(),
    ).pack()
    opened = open_for(BOBS_KEY, BOB.account, DeviceId(1), seal_for(TO_BOB, forged, MessageType.FIRST, b"m"))
    with pytest.raises(WrongAccountError):
        SenderChain.open(opened.chain)
    for at in range(len(CHAIN) - 64, len(CHAIN)):
        with pytest.raises(BadSignatureError):
            SenderChain.open(CHAIN[:at] + bytes([CHAIN[at] ^ 1]) + CHAIN[at + 1 :])


def test_a_session_takes_messages_of_its_own_device_only() -> None:
    session_peer = ALICE.device()
    check_sender(SenderChain.open(CHAIN).device, session_peer)
    for other in (chain_of(MALLORY), chain_of(ALICE, device=2)):
        with pytest.raises(WrongAccountError):
            check_sender(SenderChain.open(other).device, session_peer)


def test_a_device_that_comes_back_with_other_keys_is_not_the_session_s() -> None:
    known = ALICE.device()
    for change in (
        {"identity_key": MALLORY.identity().public},
        {"agreement_key": MALLORY.agreement().public},
    ):
        with pytest.raises(WrongAccountError):
            check_sender(msgspec.structs.replace(known, **change), known)


def test_a_new_sealing_key_does_not_end_a_session() -> None:
    renewed = open_device_certificate(ALICE.device_raw(month=1), ALICE.certificate)
    assert renewed.sealing_key != ALICE.device().sealing_key
    check_sender(renewed, ALICE.device())

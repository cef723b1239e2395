"""Whatever arrives as bytes for the vault: read back exactly, or refused with an error of the peer's."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.errors import PeerError
from letterlock.primitives.ristretto import multiply_base, small_scalar
from letterlock.vault.fleet import RealmKeys
from letterlock.vault.guess import Answer
from letterlock.vault.ledger import open_entry
from letterlock.vault.opaque_messages import (
    KE1,
    KE2,
    KE3,
    Envelope,
    RegistrationRecord,
    RegistrationRequest,
    RegistrationResponse,
)
from letterlock.vault.owned import open_owned
from letterlock.vault.receipts import open_receipt
from letterlock.vault.record import RealmRecord
from letterlock.vault.release import Release
from letterlock.vault.requests import KINDS, open_request
from letterlock.vault.statement import open_statement
from tests.shared.vault.realms import dealt, realm_secret, realms

ELEMENTS = st.integers(1, 2**32 - 1).map(lambda number: multiply_base(small_scalar(number)))
KEYS = realm_secret(1).public
HEAD = dealt().statement.raw[:200]


def _bytes(size: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=size, max_size=size)


ENVELOPES = st.builds(Envelope, _bytes(32), _bytes(64))
KE2S = st.builds(KE2, ELEMENTS, _bytes(32), _bytes(128), _bytes(32), ELEMENTS, _bytes(64))
MESSAGES = st.one_of(
    st.builds(RegistrationRequest, ELEMENTS),
    st.builds(RegistrationResponse, ELEMENTS, ELEMENTS),
    ENVELOPES,
    st.builds(RegistrationRecord, ELEMENTS, _bytes(64), ENVELOPES),
    st.builds(KE1, ELEMENTS, _bytes(32), ELEMENTS),
    KE2S,
    st.builds(KE3, _bytes(64)),
    st.builds(Answer, KE2S, _bytes(64)),
    st.builds(
        Release,
        sealed_share=_bytes(48),
        wrapped=_bytes(48),
        anchor=st.binary(max_size=80),
        ledger=st.lists(st.binary(max_size=80), max_size=64).map(tuple),
    ),
)
READERS: dict[str, Callable[[bytes], object]] = {
    "keys": RealmKeys.read,
    "request": RegistrationRequest.read,
    "response": RegistrationResponse.read,
    "envelope": Envelope.read,
    "record": RegistrationRecord.read,
    "ke1": KE1.read,
    "ke2": KE2.read,
    "ke3": KE3.read,
    "answer": Answer.read,
    "release": Release.read,
    "realm record": RealmRecord.read,
    "owned": lambda raw: open_owned(raw, *KINDS),
    "statement": open_statement,
    "signed request": lambda raw: open_request(raw, *KINDS),
    "receipt": lambda raw: open_receipt(raw, KEYS),
    "entry": lambda raw: open_entry(raw, KEYS),
}


@settings(max_examples=60)
@given(MESSAGES)
def test_every_message_is_read_back_as_it_was_and_at_no_other_length(message: KE1) -> None:
    raw = message.pack()
    assert type(message).read(raw) == message
    for other in (raw[:-1], raw + b"\0", b""):
        with pytest.raises(PeerError):
            type(message).read(other)


@settings(max_examples=25)
@given(st.binary(max_size=600), st.integers(0, 3))
@pytest.mark.parametrize("name", READERS)
def test_no_bytes_break_a_reader(name: str, raw: bytes, start: int) -> None:
    whole = (raw, HEAD + raw, bytes(start) + raw, raw * 4)[start]
    try:
        READERS[name](whole)
    except PeerError:
        return


def test_a_realm_s_record_is_read_back_and_no_byte_of_its_frame_is_loose() -> None:
    record = realms(dealt())[0].record
    raw = record.pack()
    assert RealmRecord.read(raw) == record
    for size in range(len(raw)):
        with pytest.raises(PeerError):
            RealmRecord.read(raw[:size])
    with pytest.raises(PeerError):
        RealmRecord.read(raw + bytes(4))

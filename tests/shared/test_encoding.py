"""What the canonical encoding promises: it reads back, there is one encoding of each list, and no other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.encoding import MAX_NUMBER, Field, Reader, pack
from letterlock.errors import MalformedError, MisuseError

FIELDS = st.lists(
    st.one_of(
        st.binary(max_size=40),
        st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20),
        st.integers(min_value=0, max_value=MAX_NUMBER),
    ),
    max_size=8,
)


def read_as(shape: list[Field], data: bytes) -> list[Field]:
    """Read `data` as fields of the same types as `shape`'s, strictly to the end."""
    reader = Reader(data)
    taken: list[Field] = []
    for field in shape:
        if isinstance(field, int):
            taken.append(reader.number())
        elif isinstance(field, str):
            taken.append(reader.text())
        else:
            taken.append(reader.blob())
    reader.end()
    return taken


@given(FIELDS)
def test_fields_read_back(fields: list[Field]) -> None:
    assert read_as(fields, pack(*fields)) == fields


@given(FIELDS.filter(bool))
def test_every_truncation_is_refused(fields: list[Field]) -> None:
    data = pack(*fields)
    for size in range(len(data)):
        with pytest.raises(MalformedError):
            read_as(fields, data[:size])


@given(FIELDS, st.binary(min_size=1, max_size=8))
def test_every_extension_is_refused(fields: list[Field], more: bytes) -> None:
    with pytest.raises(MalformedError):
        read_as(fields, pack(*fields) + more)


@given(FIELDS, FIELDS)
def test_two_lists_of_fields_never_share_an_encoding(a: list[Field], b: list[Field]) -> None:
    def plain(fields: list[Field]) -> list[bytes]:
        return [
            f.to_bytes(8, "big") if isinstance(f, int) else f.encode() if isinstance(f, str) else f
            for f in fields
        ]

    assert (pack(*a) == pack(*b)) == (plain(a) == plain(b))


@given(st.lists(st.binary(max_size=6), min_size=2, max_size=4))
def test_moving_a_byte_between_neighbours_changes_the_encoding(fields: list[bytes]) -> None:
    if fields[0]:
        moved = [fields[0][:-1], fields[0][-1:] + fields[1], *fields[2:]]
        assert b"".join(moved) == b"".join(fields)
        assert pack(*moved) != pack(*fields)


@given(st.binary(max_size=64))
def test_whatever_reads_is_the_only_encoding_of_what_it_says(data: bytes) -> None:
    reader = Reader(data)
    fields: list[bytes] = []
    try:
        while reader.more():
            fields.append(reader.blob())
    except MalformedError:
        return
    assert pack(*fields) == data


@pytest.mark.parametrize("number", [-1, MAX_NUMBER + 1])
def test_a_number_out_of_range_is_not_packed(number: int) -> None:
    with pytest.raises(MisuseError):
        pack(number)


def test_half_a_surrogate_pair_is_not_packed() -> None:
    with pytest.raises(MisuseError):
        pack("\ud800")


@pytest.mark.parametrize("raw", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xe2\x82"])
def test_a_text_that_is_not_utf_8_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        Reader(pack(raw)).text()


def test_a_length_that_reaches_past_the_end_allocates_nothing() -> None:
    with pytest.raises(MalformedError):
        Reader(b"\xff\xff\xff\xff" + b"x" * 10).blob(most=2**32)


@pytest.mark.parametrize("size", [0, 1, 7, 9, 16])
def test_a_number_has_exactly_eight_bytes(size: int) -> None:
    with pytest.raises(MalformedError):
        Reader(pack(bytes(size))).number()


def test_limits_hold_to_the_byte() -> None:
    assert Reader(pack(b"abc")).blob(most=3) == b"abc"
    with pytest.raises(MalformedError):
        Reader(pack(b"abcd")).blob(most=3)
    with pytest.raises(MalformedError):
        Reader(pack(b"abc")).blob(exactly=4)
    assert Reader(pack("é")).text(most=2) == "é"
    with pytest.raises(MalformedError):
        Reader(pack("é")).text(most=1)
    assert Reader(pack(7)).number(most=7) == 7
    with pytest.raises(MalformedError):
        Reader(pack(8)).number(most=7)


def test_a_constant_is_that_one_and_no_other() -> None:
    Reader(pack(b"domain")).constant(b"domain")
    for other in (b"", b"domai", b"domain2", b"Domain", b"x" * 1000):
        with pytest.raises(MalformedError):
            Reader(pack(other)).constant(b"domain")


def test_a_refusal_takes_nothing_off_the_reader() -> None:
    reader = Reader(pack(b"abc"))
    with pytest.raises(MalformedError):
        reader.blob(most=2)
    assert reader.blob() == b"abc"
    assert not reader.more()

"""What compression promises: it reads back, in pieces too, and never becomes more than its reader expects."""

import time
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from letterlock.errors import MalformedError, MisuseError
from letterlock.primitives.compression import PIECE_BYTES, Compressor, compress, decompress, decompress_each


@given(st.lists(st.binary(max_size=300), max_size=6), st.integers(1, 50))
def test_what_goes_in_piece_by_piece_comes_out_piece_by_piece(parts: list[bytes], cut: int) -> None:
    frame = Compressor()
    packed = b"".join([*map(frame.take, parts), frame.finish()])
    whole = b"".join(parts)
    assert frame.taken == len(whole)
    assert packed == compress(whole) or len(parts) > 1
    pieces = [packed[at : at + cut] for at in range(0, len(packed), cut)]
    assert b"".join(decompress_each(pieces, exactly=len(whole))) == whole


def test_long_data_comes_out_in_bounded_pieces() -> None:
    data = bytes(range(256)) * 4096
    pieces = list(decompress_each([compress(data)], exactly=len(data)))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= PIECE_BYTES


@pytest.mark.parametrize("size", [0, 1, 499_999, 500_001, 10**9])
def test_another_size_than_expected_is_refused(size: int) -> None:
    with pytest.raises(MalformedError):
        decompress(compress(bytes(500_000)), exactly=size)


def test_a_truncated_or_second_frame_or_none_at_all_is_refused() -> None:
    data = bytes(range(256)) * 3
    frame = compress(data)
    for wrong in [frame[:size] for size in range(len(frame))] + [frame + frame, b"x" + frame]:
        with pytest.raises(MalformedError):
            decompress(wrong, exactly=len(data))
    for size in (len(data), 2 * len(data)):
        with pytest.raises(MalformedError):
            decompress(frame + frame, exactly=size)
    with pytest.raises(MalformedError):
        decompress(b"", exactly=0)
    with pytest.raises(MisuseError):
        decompress(frame, exactly=-1)


def test_a_bomb_costs_no_more_than_what_was_expected() -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(1 << 28))
    assert len(bomb) < 30_000
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(MalformedError):
        decompress(bomb, exactly=100_000)
    assert time.process_time() - began < 0.5
    assert tracemalloc.get_traced_memory()[1] < 4 << 20
    tracemalloc.stop()


def test_a_frame_that_asks_for_a_larger_window_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=27, write_content_size=False)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    wide = frame.compress(bytes(1000)) + frame.flush()
    with pytest.raises(MalformedError):
        decompress(wide, exactly=1000)

"""The search for canaries finds them: one that finds nothing would let every test that uses it pass."""

import base64

import pytest

from letterlock.primitives.compression import compress
from tests.canary import found, spellings, spellings_of

TEXT = "canary: ü 🦜 in a text"


@pytest.mark.parametrize("before", range(4))
@pytest.mark.parametrize(
    "form",
    [
        lambda raw: raw,
        lambda raw: raw.hex().encode(),
        lambda raw: raw.hex().upper().encode(),
        compress,
        base64.b64encode,
        base64.urlsafe_b64encode,
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le"])
def test_a_text_is_found_wherever_and_however_it_lies(before: int, form: object, encoding: str) -> None:
    held = b"xyz" + form(b"u" * before + TEXT.encode(encoding) + b"more of it")  # type: ignore[operator]
    assert found(
        {"text": spellings_of(TEXT), "other": spellings(bytes(32))}, {"disk": held, "wire": b""}
    ) == [("text", "disk")]

"""No secret is printed, pickled or copied by a type that holds one."""

import base64
import copy
import io
import pickle
import traceback
from collections.abc import Callable, Iterator

import pytest
from rich.console import Console
from rich.pretty import pretty_repr

from letterlock.errors import MisuseError
from letterlock.primitives import kem, keys, sealing

SECRET = bytes(range(100, 132))
HOLDERS: dict[type[keys.Secret], Callable[[], keys.Secret]] = {
    keys.SigningKey: lambda: keys.SigningKey(SECRET),
    keys.AgreementKey: lambda: keys.AgreementKey(SECRET),
    kem.KemKey: lambda: kem.KemKey(SECRET * 2),
    kem.Encapsulation: lambda: kem.Encapsulation(bytes(1568), SECRET),
    sealing.Stream: lambda: sealing.Stream(SECRET),
}
HOLDING = pytest.mark.parametrize("make", HOLDERS.values(), ids=[kind.__name__ for kind in HOLDERS])


def _kinds(kind: type[keys.Secret]) -> Iterator[type[keys.Secret]]:
    for below in kind.__subclasses__():
        yield below
        yield from _kinds(below)


def _assert_silent(text: str) -> None:
    forms = (
        repr(SECRET)[2:20],
        SECRET.hex()[:16],
        base64.b64encode(SECRET).decode()[:16],
        str(list(SECRET))[1:20],
    )
    for form in forms:
        assert form not in text
        assert form.upper() not in text


def test_every_secret_holding_type_of_the_primitives_is_looked_at() -> None:
    found = {kind for kind in _kinds(keys.Secret) if kind.__module__.startswith("letterlock.primitives")}
    assert found == set(HOLDERS)


@HOLDING
def test_every_secret_holding_type_prints_no_secret(make: Callable[[], keys.Secret]) -> None:
    held = make()
    for text in (
        repr(held),
        str(held),
        f"{held}",
        f"{[held]!r}",
        pretty_repr(held),
        pretty_repr({"key": held}),
    ):
        _assert_silent(text)
    assert not hasattr(held, "__dict__")


@HOLDING
def test_a_crash_report_with_locals_shows_no_secret(make: Callable[[], keys.Secret]) -> None:
    def crash(held: keys.Secret) -> None:
        raise RuntimeError(str(held))

    console = Console(file=io.StringIO(), record=True, width=200)
    try:
        crash(make())
    except RuntimeError as error:
        console.print_exception(show_locals=True)
        plain = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    _assert_silent(plain)
    _assert_silent(console.export_text())


@HOLDING
def test_a_secret_is_never_pickled_or_copied(make: Callable[[], keys.Secret]) -> None:
    held = make()
    for attempt in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(MisuseError):
            attempt(held)


@HOLDING
def test_equality_of_secrets_compares_no_bytes(make: Callable[[], keys.Secret]) -> None:
    held = make()
    assert held == held
    assert held != make()

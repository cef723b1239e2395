"""No type of the vault that holds a secret prints it, and none is pickled."""

import pickle

import pytest
from rich.pretty import pretty_repr

from letterlock.errors import MisuseError
from letterlock.primitives.keys import Secret
from letterlock.primitives.ristretto import small_scalar
from letterlock.vault import opaque_client
from letterlock.vault.opaque_exchange import KeyPair
from letterlock.vault.opaque_server import ServerLogin
from letterlock.vault.realm_secret import RealmSecret
from letterlock.vault.recovery_secret import RecoverySecret
from letterlock.vault.threshold import Recovery
from tests.shared.vault.realms import CHEAP, PASSWORD, Stream, dealt, owner, terms

MARK = bytes(range(100, 132))
HOLDERS: list[Secret] = [
    KeyPair(small_scalar(7)),
    RealmSecret(MARK),
    RecoverySecret(MARK),
    ServerLogin(MARK * 2, MARK * 2),
    Recovery(dealt().statement, PASSWORD, Stream("silent")),
    opaque_client.begin(KeyPair(small_scalar(7)).public, MARK, MARK),
    owner(),
]


@pytest.mark.parametrize("held", HOLDERS, ids=lambda held: type(held).__name__)
def test_a_holder_of_a_secret_shows_only_its_name(held: Secret) -> None:
    for text in (repr(held), str(held), pretty_repr([held])):
        assert type(held).__name__ in text
        assert repr(MARK)[2:20] not in text
        assert PASSWORD.decode() not in text
    assert not hasattr(held, "__dict__")
    with pytest.raises(MisuseError):
        pickle.dumps(held)


def test_what_is_dealt_shows_no_locator() -> None:
    assert repr(bytes(range(10)))[2:20] not in repr(terms())
    assert CHEAP.memory_kib == 8

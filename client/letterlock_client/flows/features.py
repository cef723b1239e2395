"""Which features are on for this account: what the relay announced, remembered for when it is away.

A feature is rolled out to a share of the accounts, and from a client version on. It decides what is offered, never what
is kept: nothing that was made under it stops working when it goes. Must not know what a feature does.
"""

from typing import Final

import msgspec

from letterlock.encoding import pack
from letterlock.ids import AccountId
from letterlock.primitives.derivation import Label, sha256
from letterlock.wire import frames
from letterlock_client.backup_models import FeatureView
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import settings
from letterlock_client.storage.database import Reader

BACKUP: Final = "backup.e2ee"
GRADUAL: Final = "gradual"
NEEDS_VERSION: Final = "needs_version"
_FACT: Final = "features"


class Announced(msgspec.Struct, frozen=True):
    """What the relay said last: percentages, and least versions where there are some."""

    percent: dict[str, int] = {}
    needs: dict[str, int] = {}


async def remember(place: Workplace, welcome: frames.Welcome | None) -> None:
    """Keep what the relay announces, where it is news."""
    if welcome is None:
        return
    said = Announced(welcome.features, welcome.needs)
    if await place.database.read(_announced) != said:
        raw = msgspec.json.encode(said)
        await place.transact(lambda work: settings.set_fact(work.tx, _FACT, raw))


async def view(reader: Reader, account: AccountId, name: str) -> FeatureView:
    """Say whether a feature is on for this account, and why not. What no relay spoke of is on."""
    said = await _announced(reader)
    if said.needs.get(name, 0) > frames.VERSION:
        return FeatureView(available=False, reason=NEEDS_VERSION)
    if bucket(account, name) >= said.percent.get(name, 100):
        return FeatureView(available=False, reason=GRADUAL)
    return FeatureView(available=True, reason="")


async def require(place: Workplace, name: str) -> None:
    """Raise code not_available where a feature is not on for this account."""
    found = await place.database.read(lambda reader: view(reader, place.own.id, name))
    if found.reason == NEEDS_VERSION:
        raise ClientError(Code.NOT_AVAILABLE, "this needs the latest version of Letterlock: update it")
    if not found.available:
        raise ClientError(Code.NOT_AVAILABLE, "this arrives gradually, and is not on for this account yet")


def bucket(account: AccountId, name: str) -> int:
    """Return 0 to 99: on from a percentage above it. Each feature deals the accounts anew."""
    return int.from_bytes(sha256(pack(Label.FEATURE, name, account))[:8]) % 100


async def _announced(reader: Reader) -> Announced:
    raw = await settings.fact(reader, _FACT)
    return Announced() if raw is None else msgspec.json.decode(raw, type=Announced)

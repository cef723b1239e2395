"""How far the ledger of each realm is known, kept by the realm's keys: here, and in the manifests of backups.

A realm is its keys. Another fleet may have the same names, and its ledgers begin anew: known by name, they would
all seem to have gone back in time. Must not know what ledgers say.
"""

from collections.abc import Iterable, Mapping

from letterlock.backup.manifest import LedgerHead
from letterlock.vault.fleet import Fleet
from letterlock.vault.ledger import Head
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.storage import backup_state


async def known(place: Workplace, fleet: Fleet) -> dict[str, Head]:
    """How far the ledgers of this fleet's realms are known here, by their names in it."""
    kept = await place.database.read(backup_state.ledger_heads)
    return {realm.name: Head(*kept[realm.keys.text()]) for realm in fleet.realms if realm.keys.text() in kept}


async def keep(place: Workplace, fleet: Fleet, heads: Mapping[str, Head]) -> None:
    """Remember how far each realm's ledger goes; never back."""

    async def save(work: Work) -> None:
        for realm in fleet.realms:
            if (head := heads.get(realm.name)) is not None:
                await backup_state.save_ledger_head(work.tx, realm.keys.text(), head.sequence, head.hash)

    await place.transact(save)


def for_manifest(fleet: Fleet, heads: Mapping[str, Head]) -> tuple[LedgerHead, ...]:
    """Put what is known into the form of a manifest."""
    return tuple(
        LedgerHead(realm.keys.text(), heads[realm.name].sequence, heads[realm.name].hash)
        for realm in fleet.realms
        if realm.name in heads
    )


def of_manifest(fleet: Fleet, listed: Iterable[LedgerHead]) -> dict[str, Head]:
    """Read what a manifest says of this fleet's realms, by their names in it.

    The first backups had names in the place of keys; they were written when each name stood for one realm.
    """
    by_realm = {each.realm: Head(each.sequence, each.head) for each in listed}
    found = {}
    for realm in fleet.realms:
        head = by_realm.get(realm.keys.text()) or by_realm.get(realm.name)
        if head is not None:
            found[realm.name] = head
    return found

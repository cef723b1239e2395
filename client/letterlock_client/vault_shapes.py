"""The JSON shapes of what commands print of a vault, and the same for people. Public: documented and tested."""

from typing import Final

from letterlock_client.backup_models import Attempt, VaultView
from letterlock_client.backup_shapes import when


def vault_shape(vault: VaultView) -> dict[str, object]:
    """How the realms stand before a password is asked for."""
    return {
        "type": "vault",
        "attempts_left": vault.attempts_left,
        "wait_seconds": vault.wait_seconds,
        "with_locator": vault.with_locator,
        "realms": [
            {
                "realm": realm.name,
                "state": realm.state.value,
                "attempts_left": realm.attempts_left,
                "wait_seconds": realm.wait_seconds,
            }
            for realm in vault.realms
        ],
    }


def attempt_shape(attempt: Attempt) -> dict[str, object]:
    """One entry of a realm's ledger."""
    return {
        "realm": attempt.realm,
        "at": when(attempt.at),
        "kind": attempt.kind,
        "door": attempt.door,
        "sequence": attempt.sequence,
    }


NOTHING_NOTED: Final = "No vault has noted anything of this account's backups."
"""What is said of a history without entries: silence could be anything."""


def attempt_line(attempt: Attempt) -> str:
    """One entry of a realm's ledger, for people."""
    door = f" at the {attempt.door} door" if attempt.door else ""
    return f"{when(attempt.at)}  {attempt.realm}: {attempt.kind.replace('_', ' ')}{door}"

"""What a command loads before it does anything: nobody waits for what it has no use for."""

import subprocess
import sys

_UNWANTED = (
    "rbcl",
    "tomlkit",
    "websockets",
    "letterlock_client.flows.backup.restoring",
    "letterlock_client.flows.vault.of_profile",
    "letterlock_client.restoration",
)


def loaded_by(*modules: str) -> str:
    script = (
        f"import sys, {', '.join(modules)}\nprint(*(name for name in {_UNWANTED} if name in sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return shown.stdout.strip()


def test_a_backup_loads_neither_the_network_nor_the_vault_nor_restores() -> None:
    assert (
        loaded_by(
            "letterlock_client.commands.backup",
            "letterlock_client.backups",
            "letterlock_client.flows.backup.backing_up",
        )
        == ""
    )


def test_opening_the_client_loads_neither_the_network_nor_the_vault_nor_restores() -> None:
    assert loaded_by("letterlock_client.commands.opening") == ""

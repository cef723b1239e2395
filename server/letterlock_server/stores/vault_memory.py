"""The reference store of a realm: all in memory, forgotten at the end. For tests and workshops.

Must not know frames or policy.
"""

from collections.abc import Sequence

from letterlock.ids import AccountId
from letterlock_server.stores.vault_interfaces import Decide, Standing, StoreError, T


class MemoryStandings:
    """See `vault_interfaces.Standings`."""

    def __init__(self) -> None:
        self._standings: dict[AccountId, Standing] = {}
        self._ledgers: dict[AccountId, list[bytes]] = {}
        self.closed = True

    async def find(self, account: AccountId) -> Standing | None:
        """See `vault_interfaces.Standings.find`."""
        self._check_open()
        return self._standings.get(account)

    async def change(self, account: AccountId, decide: Decide[T]) -> T:
        """See `vault_interfaces.Standings.change`."""
        self._check_open()
        change = decide(self._standings.get(account))
        self._standings[account] = change.standing
        self._ledgers.setdefault(account, []).extend(change.entries)
        return change.answer

    async def ledger(self, account: AccountId, after: int, limit: int) -> Sequence[bytes]:
        """See `vault_interfaces.Standings.ledger`."""
        self._check_open()
        return self._ledgers.get(account, [])[after : after + limit]

    async def spent(self, guesses: int) -> Sequence[AccountId]:
        """See `vault_interfaces.Standings.spent`."""
        self._check_open()
        return [
            account
            for account, one in self._standings.items()
            if one.record is not None and one.by_handle.spent + one.by_locator.spent >= guesses
        ]

    async def count(self) -> int:
        """See `vault_interfaces.Standings.count`."""
        self._check_open()
        return len(self._standings)

    def _check_open(self) -> None:
        if self.closed:
            raise StoreError("the store is closed")


class MemoryVaultStore:
    """See `vault_interfaces.VaultStore`."""

    def __init__(self) -> None:
        self.standings = MemoryStandings()
        self._clock = 0

    async def open(self) -> int:
        """See `vault_interfaces.VaultStore.open`."""
        self.standings.closed = False
        return self._clock

    async def close(self) -> None:
        """See `vault_interfaces.VaultStore.close`."""
        self.standings.closed = True

    async def keep_clock(self, ms: int) -> None:
        """See `vault_interfaces.VaultStore.keep_clock`."""
        self._clock = max(self._clock, ms)

    def healthy(self) -> bool:
        """See `vault_interfaces.VaultStore.healthy`."""
        return not self.standings.closed

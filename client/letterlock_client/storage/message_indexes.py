"""The indexes of messages that have every one of them: gone while an empty history is filled, and made at once after.

Must not know what fills it.
"""

import re
from functools import cache

from letterlock_client.storage.database import Transaction
from letterlock_client.storage.migrations import migrations


async def drop(tx: Transaction) -> None:
    """An empty history is about to be filled: nothing needs them before all is there."""
    for statement in _statements():
        name = statement.split()[2]
        await tx.execute(f"DROP INDEX IF EXISTS {name}")


async def make(tx: Transaction) -> None:
    """Make those that are not there."""
    for statement in _statements():
        await tx.execute(statement.replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS"))


@cache
def _statements() -> tuple[str, ...]:
    """As the schema has them. Those of few messages stay: they cost nothing while messages come in."""
    found = (
        re.search(r"CREATE INDEX message_.*", statement, re.DOTALL)
        for step in migrations()
        for statement in step.statements
    )
    return tuple(each[0] for each in found if each and " WHERE " not in each[0])

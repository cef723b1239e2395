"""The triggers on new messages that leave those with a change number alone: away while many such messages are put in.

Each costs a sixth of an insertion only to find that it has nothing to do. Must not know what puts messages in.
"""

from typing import Final

from letterlock_client.storage.database import Transaction

_IDLE: Final = (
    "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = 'message'"
    " AND sql LIKE '% AFTER INSERT ON message WHEN NEW.change_seq = 0 %'"
)


async def drop(tx: Transaction) -> list[str]:
    """Take them away; return how to make them again, which has to happen in the same transaction."""
    found = await tx.all(_IDLE)
    for name, _ in found:
        await tx.execute(f"DROP TRIGGER {name}")
    return [sql for _, sql in found]


async def make(tx: Transaction, statements: list[str]) -> None:
    """Make again what `drop` took away."""
    for statement in statements:
        await tx.execute(statement)

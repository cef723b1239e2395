"""Sessions with other devices, as the bytes that messaging makes of them, and what limits retries.

Must not know what is in a session.
"""

from letterlock.ids import AccountId, DeviceId
from letterlock_client.storage.database import Reader, Transaction


async def load(reader: Reader, account: AccountId, device: DeviceId) -> bytes | None:
    """The session with a device, or None."""
    found: bytes | None = await reader.value(
        "SELECT state FROM session WHERE account = ? AND device = ?", account, device
    )
    return found


async def load_all(reader: Reader, account: AccountId) -> dict[DeviceId, bytes]:
    """The sessions with all devices of an account."""
    rows = await reader.all("SELECT device, state FROM session WHERE account = ?", account)
    return {DeviceId(device): state for device, state in rows}


async def save(tx: Transaction, account: AccountId, device: DeviceId, session: bytes, now: int) -> None:
    """Make or replace the session with a device."""
    await tx.execute(
        "INSERT INTO session (account, device, state, saved_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account, device) DO UPDATE SET state = excluded.state, saved_at = excluded.saved_at",
        account,
        device,
        session,
        now,
    )


async def delete(tx: Transaction, account: AccountId, device: DeviceId | None = None) -> int:
    """Forget the session with a device, or with every device of the account; return how many."""
    return await tx.execute(
        "DELETE FROM session WHERE account = ?1 AND (?2 IS NULL OR device = ?2)", account, device
    )


async def note_retry(
    tx: Transaction, account: AccountId, device: DeviceId, now: int, *, answered: bool = False
) -> None:
    """Remember that a retry was asked of this device now, or that one of its own was answered.

    The two are counted apart: answered ones stand under the negative of the device's number.
    """
    number = -device if answered else device
    await tx.execute("INSERT INTO retry (account, device, at) VALUES (?, ?, ?)", account, number, now)


async def retries_since(
    reader: Reader, account: AccountId, device: DeviceId, since: int, now: int, *, answered: bool = False
) -> int:
    """How many retries were noted for this device from `since` to `now`: those asked, or those answered.

    What lies ahead was noted under a wrong clock, and limits nobody.
    """
    return int(
        await reader.value(
            "SELECT count(*) FROM retry WHERE account = ? AND device = ? AND at BETWEEN ? AND ?",
            account,
            -device if answered else device,
            since,
            now,
        )
    )


async def forget_retries(tx: Transaction, noted_before: int) -> int:
    """Forget retries from before that time; return how many."""
    return await tx.execute("DELETE FROM retry WHERE at < ?", noted_before)

"""Tells a living terminal when somebody tries its backup password, so that its owner can set another in time.

Every few minutes the realms' ledgers are read from where they were known, and realms that were away when backups were
turned off are asked to delete; what is new and nobody's business but the owner's becomes an alarm. What this profile
did itself it has noted already. Must not know passwords.
"""

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Final

from letterlock_client.backup_models import Attempt
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm
from letterlock_client.flows.workplace import Workplace
from letterlock_client.storage import backup_state

FIRST_LOOK_S: Final = 15.0
"""A command that runs for a moment asks no realm on its way."""
LOOK_EVERY_S: Final = 300.0

_SENTENCES: Final = {
    "destroyed": "the vault destroyed the backup password's record: too many tries",
    "recovered": "somebody opened the backup key with the password",
    "guess_failed": "somebody tried the backup password, and failed",
}
"""The gravest first; the others are told with it or not at all."""
_ADVICE: Final = "If that was not you, set another: letterlock backup password."


async def run(place: Workplace) -> None:
    """Look again and again, for ever; an alarm that stays is told once."""
    await asyncio.sleep(FIRST_LOOK_S)
    told: set[str] = set()
    while True:
        await _delete_left(place)
        alarms = await look(place)
        place.announcer.say([alarm for alarm in alarms if alarm.text not in told])
        told = {alarm.text for alarm in alarms}
        await asyncio.sleep(LOOK_EVERY_S)


async def _delete_left(place: Workplace) -> None:
    if await place.database.read(backup_state.leaving):
        # Whoever has no vault does not wait for all that it brings along.
        from letterlock_client.flows.vault import leaving

        await leaving.delete_left(place)


async def look(place: Workplace) -> list[Alarm]:
    """Read what is new in the realms' ledgers; return what the owner must hear of it.

    Realms that are away are looked at next time. A ledger that went back in time is an alarm, too, and keeps
    back nothing that other realms have noted: a lying one must not hide who guesses at them.
    """
    if await place.database.read(backup_state.load_vault) is None:
        return []
    # Whoever has no vault does not wait for all that it brings along.
    from letterlock_client.flows.vault import learning, of_profile

    vault = await learning.vault_in_use(place)
    if vault is None:
        return []
    known = await of_profile.known_heads(place, vault)
    try:
        read = await of_profile.ledgers(place, vault)
    except ClientError as error:
        return [Alarm(error.code.value, error.message)] if error.code is Code.REALM_LIED else []
    new = alarm_of(
        one for one in read.attempts if (head := known.get(one.realm)) is None or one.sequence > head.sequence
    )
    return [*([new] if new else []), *of_profile.lies(read)]


def alarm_of(attempts: Iterable[Attempt]) -> Alarm | None:
    """Put what is new into one sentence. One try is noted by every realm asked: the busiest one's count is told."""
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in _SENTENCES}
    for one in attempts:
        if one.kind in counts:
            counts[one.kind][one.realm] += 1
    for kind, sentence in _SENTENCES.items():
        if counts[kind]:
            times = max(counts[kind].values())
            often = f" {times} times" if times > 1 and kind != "destroyed" else ""
            return Alarm(f"vault_{kind}", f"{sentence}{often}. {_ADVICE}")
    return None

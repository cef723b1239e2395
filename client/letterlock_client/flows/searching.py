"""Finds messages by their words or by the beginning of their id, and keeps the index behind the messages complete.

Must not know how the index is made.
"""

import asyncio
from typing import Final

from letterlock.errors import MalformedError
from letterlock.ids import ConversationId, MessageId, message_range
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.workplace import Workplace
from letterlock_client.models import Message
from letterlock_client.storage import messages, search

MAX_QUERY: Final = 256
MAX_FOUND: Final = 1000
FIRST_LOOK_S: Final = 5.0
"""Whoever opens a client wants to see it first, and a command that runs for a moment indexes nothing on its way."""
_WORTH_IT: Final = 1000
"""So many rows behind, the index catches up without being asked; fewer are indexed when somebody searches."""


async def find(place: Workplace, text: str, conversation: ConversationId | None, limit: int) -> list[Message]:
    """The newest messages that hold every word of `text`, each from its beginning, the newest first.

    What came just now is found too: the index catches up first. Raises code bad_input for no word, or too much.
    """
    if len(text) > MAX_QUERY:
        raise ClientError(Code.BAD_INPUT, f"search for at most {MAX_QUERY} characters")
    words = search.words_of(text)
    if not words:
        raise ClientError(Code.BAD_INPUT, "give a word to search for")
    await catch_up(place)
    return await place.database.read(
        lambda reader: search.find(reader, words, conversation, min(limit, MAX_FOUND))
    )


async def by_beginning(place: Workplace, text: str) -> MessageId:
    """The one message whose shown id begins with `text`. Raises codes unknown_message, bad_input."""
    try:
        first, last = message_range(text)
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, str(error)) from error
    found = await place.database.read(lambda reader: messages.between(reader, first, last, 2))
    if len(found) > 1:
        raise ClientError(Code.BAD_INPUT, "more than one message begins so; give more of its id")
    if not found:
        raise ClientError(Code.UNKNOWN_MESSAGE, "there is no such message", id=text)
    return found[0]


async def catch_up(place: Workplace) -> None:
    """Bring the index up to the last message, a step at a time, so that others can write in between."""
    more = True
    while more:
        more = await _step(place)
        await asyncio.sleep(0)


async def _step(place: Workplace) -> bool:
    return bool(await place.database.read(search.behind)) and await place.transact(
        lambda work: search.catch_up(work.tx)
    )


async def prepare(place: Workplace) -> None:
    """Index a long backlog (a first start, a restored history) before anybody searches.

    Not while a backup runs: somebody waits for that, and for this nobody.
    """
    await asyncio.sleep(FIRST_LOOK_S)
    more = await place.database.read(search.behind) > _WORTH_IT
    while more:
        async with place.backup_lock:
            pass
        more = await _step(place)

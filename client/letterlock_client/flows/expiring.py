"""Lets messages disappear when their time is over, and view-once messages when they were seen.

Timers run by the wall clock and across restarts: what ran out while the program was closed is gone before
anybody can look. Must not know how a timer is agreed on.
"""

import asyncio
from typing import Final

from letterlock.ids import MessageId
from letterlock.messaging.content import ReceiptKind
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.contacts import require_contact, tell
from letterlock_client.flows.outgoing import receipt
from letterlock_client.flows.reading import delete_after, removed
from letterlock_client.flows.sending import require_message, tell_changed
from letterlock_client.flows.workplace import Work, Workplace
from letterlock_client.models import Message, Standing
from letterlock_client.storage import attachments, messages, outbox, settings

LONGEST_SLEEP_S: Final = 60.0
"""A clock may be set while we sleep: look again at least so often."""
_AT_ONCE: Final = 256


async def run(place: Workplace) -> None:
    """Sweep whenever something is due, for ever."""
    while True:
        place.timers_changed.clear()
        due = await sweep(place)
        try:
            async with asyncio.timeout(due):
                await place.timers_changed.wait()
        except TimeoutError:
            continue


async def sweep(place: Workplace) -> float:
    """Remove what is due; return how many seconds to sleep."""

    async def work(work: Work) -> tuple[int, int | None]:
        gone = await messages.expired(work.tx, work.now, _AT_ONCE)
        for one in gone:
            await outbox.delete_message(work.tx, one.id)
            removed(work, one)
        for conversation in {one.conversation for one in gone}:
            await tell(work, conversation)
        return len(gone), await messages.next_expiry(work.tx)

    while True:
        count, due = await place.transact(work)
        if count < _AT_ONCE:
            break
    if due is None:
        return LONGEST_SLEEP_S
    return min(max((due - place.clock()) / 1000, 0.01), LONGEST_SLEEP_S)


def check_unseen(message: Message) -> None:
    """Raise bad_input where this is no view-once message for us, already_viewed where its one time is over."""
    if not message.view_once or message.mine:
        raise ClientError(Code.BAD_INPUT, "this is not a view-once message for you")
    if message.viewed:
        raise ClientError(Code.ALREADY_VIEWED, "it could be viewed once, and was")


async def view_once(place: Workplace, message: MessageId) -> None:
    """A view-once message was opened, this one time: what is stored forgets its text and file.

    Raises codes already_viewed, bad_input, unknown_message.
    """

    async def work(work: Work) -> None:
        target = await require_message(work, message)
        check_unseen(target)
        await messages.mark_viewed(work.tx, message)
        if target.attachment is not None:
            delete_after(work, await attachments.forget(work.tx, message))
        contact = await require_contact(work.tx, target.conversation)
        chosen = await settings.load(work.tx)
        if chosen.read_receipts and contact.standing is Standing.ACCEPTED:
            await receipt(work, contact, ReceiptKind.VIEWED, [message])
        await tell_changed(work, message)

    await place.transact(work)

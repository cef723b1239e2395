"""Store before sending: whatever is said is encrypted and saved with its session in ONE transaction.

A crash after it never reuses a key, and what goes to the relay later is always the same bytes; a crash
before it has said nothing. Must not know the relay: `delivering` empties the outbox.
"""

from dataclasses import replace
from typing import Final

from letterlock.errors import MalformedError
from letterlock.ids import AccountId, ConversationId, MessageId
from letterlock.messaging import content as contents
from letterlock.messaging.content_limits import MAX_TEXT_BYTES
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import MessageAdded, MessageChanged
from letterlock_client.flows.accepting import accept_in
from letterlock_client.flows.contacts import check_may_send, require_contact, tell
from letterlock_client.flows.outgoing import Item, enqueue, receipt, say
from letterlock_client.flows.workplace import Work, Workplace, envelope_id
from letterlock_client.models import Delivery, Listed, Message, MessageKind, Standing
from letterlock_client.storage import backup_state, conversations, late_changes, messages, outbox, settings
from letterlock_client.storage.contacts import StoredContact
from letterlock_client.storage.outbox import Outgoing

_TOLD: Final = 256
"""How many messages whose timers start at once are announced; a face shows no more of them."""
MAX_WAITING: Final = 50_000
"""How many envelopes the outbox holds before more is refused."""


async def ready_contact(work: Work, conversation: ConversationId) -> StoredContact:
    """Return the contact if something may be said to it now; writing to somebody accepts them.

    Raises codes unknown_conversation, blocked, key_changed, list_forked, too_many_waiting.
    """
    contact = await require_contact(work.tx, conversation)
    check_may_send(contact)
    if await outbox.count(work.tx) >= MAX_WAITING:
        raise ClientError(Code.TOO_MANY_WAITING, "too much waits to be sent; connect first")
    if contact.standing is Standing.REQUESTED:
        return await accept_in(work, contact)
    return contact


def check_body(text: str, *, empty: bool = False) -> str:
    """Return a text that may be sent. Raises codes bad_input, too_large."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise ClientError(Code.BAD_INPUT, "this text cannot be encoded") from error
    if size > MAX_TEXT_BYTES:
        raise ClientError(Code.TOO_LARGE, "a text this long goes as a file", limit=MAX_TEXT_BYTES)
    if not text.strip() and not empty:
        raise ClientError(Code.BAD_INPUT, "there is nothing to send")
    return text


async def send_text(
    place: Workplace, conversation: ConversationId, text: str, reply_to: MessageId | None
) -> Message:
    """Store and queue a text. Raises as `ready_contact`, and bad_input, too_large, unknown_message."""
    content = contents.Text(body=check_body(text), reply_to=reply_to)

    async def work(work: Work) -> Message:
        contact = await ready_contact(work, conversation)
        if reply_to is not None:
            await require_message(work, reply_to, conversation)
        message = own_message(work, conversation, MessageKind.TEXT, text)
        timer_s, _set_at = await conversations.timer(work.tx, conversation)
        message = replace(message, reply_to=reply_to, timer_s=timer_s)
        await messages.add(work.tx, message)
        await enqueue(work, contact, Item(content, "text", message.id, shown=True, timer_s=timer_s))
        work.tx.events.append(MessageAdded(message))
        return message

    return await place.transact(work)


def own_message(work: Work, conversation: ConversationId, kind: MessageKind, text: str) -> Message:
    """Make a message of ours, as it is before anybody has it."""
    return Message(
        id=work.place.new_message_id(),
        conversation=conversation,
        author=work.own.id,
        mine=True,
        kind=kind,
        text=text,
        sent_at=work.now,
        received_at=work.now,
        delivery=Delivery.WAITING,
    )


async def react(place: Workplace, message: MessageId, emoji: str) -> None:
    """Set or take back our reaction."""

    async def work(work: Work) -> None:
        target = await require_message(work, message)
        contact = await ready_contact(work, target.conversation)
        if await messages.react(work.tx, message, work.own.id, emoji, work.now):
            await say(work, contact, _checked(contents.Reaction, message, emoji), "reaction")
            await tell_changed(work, message)

    await place.transact(work)


async def edit(place: Workplace, message: MessageId, text: str) -> None:
    """Replace the text of an own message, keeping the earlier one. Raises codes not_yours, too_late."""
    check_body(text)

    async def work(work: Work) -> None:
        target = await require_message(work, message)
        if not target.mine or target.kind is MessageKind.NOTE:
            raise ClientError(Code.NOT_YOURS, "only an own message can be edited")
        if target.deleted or target.view_once:
            raise ClientError(Code.TOO_LATE, "this message can no longer be edited")
        contact = await ready_contact(work, target.conversation)
        await messages.edit(work.tx, message, text, work.now)
        await say(work, contact, contents.Edit(message, text), "edit")
        await tell_changed(work, message)

    await place.transact(work)


async def delete(place: Workplace, message: MessageId, *, for_everyone: bool) -> messages.Removed | None:
    """Delete here or everywhere; return what was removed, so that its file can be deleted."""

    async def work(work: Work) -> messages.Removed | None:
        target = await require_message(work, message)
        if not for_everyone:
            return await messages.remove(work.tx, message)
        if not target.mine or target.kind is MessageKind.NOTE:
            raise ClientError(Code.NOT_YOURS, "only an own message can be deleted for everyone")
        contact = await ready_contact(work, target.conversation)
        await outbox.delete_message(work.tx, message)
        await say(work, contact, contents.Delete(message), "delete")
        removed = await messages.blank(work.tx, message)
        await tell_changed(work, message)
        return removed

    return await place.transact(work)


async def set_timer(place: Workplace, conversation: ConversationId, seconds: int) -> None:
    """Set the disappearing timer on both sides."""

    async def work(work: Work) -> None:
        contact = await ready_contact(work, conversation)
        content = _checked(contents.TimerChange, seconds)
        if await conversations.set_timer(work.tx, conversation, seconds, work.now):
            await note(work, conversation, timer_note(seconds), author=work.own.id)
            await say(work, contact, content, "timer")
            await tell(work, conversation)

    await place.transact(work)


async def mark_read(place: Workplace, conversation: ConversationId, up_to: MessageId) -> None:
    """Everything up to here was seen: start timers, and say so where the owner allows it."""

    async def work(work: Work) -> None:
        await read_up_to(work, conversation, up_to)
        if await backup_state.restoring(work.tx):
            await late_changes.note_read(work.tx, conversation, up_to)

    await place.transact(work)


async def read_up_to(work: Work, conversation: ConversationId, up_to: MessageId) -> None:
    """The same in a transaction. Raises code unknown_conversation."""
    contact = await require_contact(work.tx, conversation)
    read = await conversations.mark_read(work.tx, conversation, up_to, work.now)
    if not read:
        return
    work.tx.after_commit(work.place.timers_changed.set)
    work.tx.events.extend(map(MessageChanged, await messages.running_out(work.tx, read[-_TOLD:])))
    chosen = await settings.load(work.tx)
    if chosen.read_receipts and contact.standing is Standing.ACCEPTED:
        await receipt(work, contact, contents.ReceiptKind.READ, read)
    await tell(work, conversation)


async def resend(place: Workplace, message: MessageId) -> None:
    """Queue an own message that was given up once more, under its own id."""

    async def work(work: Work) -> None:
        target = await require_message(work, message)
        original = await outbox.original(work.tx, message)
        if not target.mine or target.delivery is not Delivery.FAILED or original is None:
            raise ClientError(Code.TOO_LATE, "only a message that was given up can be sent again")
        contact = await ready_contact(work, target.conversation)
        await messages.set_delivery(work.tx, message, Delivery.WAITING)
        await outbox.add(
            work.tx,
            Outgoing(
                envelope=envelope_id(message, 1),
                account=contact.account,
                list_epoch=0,
                list_version=0,
                sealed=(),
                kind=original.kind,
                created=work.now,
                message=message,
                original=message,
            ),
        )
        work.tx.after_commit(work.place.outbox_changed.set)
        await tell_changed(work, message)

    await place.transact(work)


async def save_draft(place: Workplace, conversation: ConversationId, text: str) -> None:
    """Keep what is typed and not sent."""

    async def work(work: Work) -> None:
        await conversations.set_draft(work.tx, conversation, text)
        await tell(work, conversation)

    await place.transact(work)


async def set_muted(place: Workplace, conversation: ConversationId, muted: bool, seconds: int = 0) -> None:
    """Mute a chat, for so long or (0) for good, or unmute it."""

    async def work(work: Work) -> None:
        until = work.now + seconds * 1000 if seconds else 0
        await conversations.set_muted(work.tx, conversation, muted, until)
        await tell(work, conversation)

    await place.transact(work)


async def set_listed(place: Workplace, conversation: ConversationId, listed: Listed) -> None:
    """Pin a chat, archive it, or neither."""

    async def work(work: Work) -> None:
        await conversations.set_listed(work.tx, conversation, listed)
        await tell(work, conversation)

    await place.transact(work)


async def require_message(
    work: Work, message: MessageId, conversation: ConversationId | None = None
) -> Message:
    """Return a message. Raises code unknown_message."""
    found = await messages.get(work.tx, message)
    if found is None or (conversation is not None and found.conversation != conversation):
        raise ClientError(Code.UNKNOWN_MESSAGE, "there is no such message", id=message.hex())
    return found


async def tell_changed(work: Work, message: MessageId) -> None:
    """Announce a message as it stands now, once that is on disk."""
    if (now := await messages.get(work.tx, message)) is not None:
        work.tx.events.append(MessageChanged(now))


async def note(work: Work, conversation: ConversationId, text: str, *, author: AccountId) -> None:
    """Put a line of the program into a chat."""
    message = replace(
        own_message(work, conversation, MessageKind.NOTE, text),
        author=author,
        mine=False,
        delivery=Delivery.NONE,
    )
    await messages.add(work.tx, message)
    work.tx.events.append(MessageAdded(message))


def timer_note(seconds: int) -> str:
    """Say in words what a timer is set to."""
    if seconds == 0:
        return "Messages do not disappear any more."
    for size, unit in ((7 * 86400, "week"), (86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if seconds % size == 0:
            count = seconds // size
            return f"New messages disappear {count} {unit}{'' if count == 1 else 's'} after they were read."
    return ""


def _checked(make: type[contents.Reaction] | type[contents.TimerChange], *fields: object) -> contents.Content:
    try:
        return make(*fields)  # type: ignore[arg-type]
    except MalformedError as error:
        raise ClientError(Code.BAD_INPUT, str(error)) from error

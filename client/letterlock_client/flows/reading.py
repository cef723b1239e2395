"""Applies what somebody said to what is stored: messages, reactions, edits, deletions, receipts, timers.

Only an author changes the author's messages, and only a chat's two people touch what is in it. What an
opened payload says is otherwise believed: it was proved before it came here. Must not know keys or the relay.
"""

from dataclasses import dataclass, field, replace

import msgspec

from letterlock.ids import AccountId, ConversationId, DeviceId, MessageId
from letterlock.messaging import content as contents
from letterlock.messaging.payload import Payload, encode
from letterlock_client.events import (
    MessageAdded,
    MessageRemoved,
    NewsArrived,
    RequestArrived,
    TypingChanged,
)
from letterlock_client.flows.contacts import tell
from letterlock_client.flows.outgoing import receipt
from letterlock_client.flows.sealing import text_size
from letterlock_client.flows.sending import tell_changed, timer_note
from letterlock_client.flows.workplace import Work
from letterlock_client.models import (
    MOST_IN_REQUEST,
    Attachment,
    Delivery,
    Inspection,
    Message,
    MessageKind,
    NewsKind,
    Standing,
    TransferState,
)
from letterlock_client.storage import (
    attachments,
    backup_state,
    conversations,
    feed,
    inspections,
    late_changes,
    messages,
    outbox,
    settings,
)
from letterlock_client.storage.attachments import StoredAttachment
from letterlock_client.storage.contacts import StoredContact
from letterlock_client.storage.late_changes import LateChange

_KINDS = {
    contents.AttachmentKind.IMAGE: MessageKind.IMAGE,
    contents.AttachmentKind.AUDIO: MessageKind.AUDIO,
    contents.AttachmentKind.VOICE: MessageKind.VOICE,
    contents.AttachmentKind.VIDEO: MessageKind.VIDEO,
    contents.AttachmentKind.FILE: MessageKind.FILE,
}
_DELIVERIES = {
    contents.ReceiptKind.DELIVERED: Delivery.DELIVERED,
    contents.ReceiptKind.READ: Delivery.READ,
    contents.ReceiptKind.VIEWED: Delivery.READ,
}


@dataclass(frozen=True, slots=True)
class Arrived:
    """An opened payload and where it came from."""

    payload: Payload
    device: DeviceId
    inspection: Inspection


@dataclass(slots=True)
class Effects:
    """What the deliveries of one transaction have in common, written once at its end."""

    delivered: dict[AccountId, list[MessageId]] = field(default_factory=dict)
    """Messages to confirm, by whom they came from."""
    contacts: dict[AccountId, StoredContact] = field(default_factory=dict)
    strangers: set[AccountId] = field(default_factory=set)
    touched: set[ConversationId] = field(default_factory=set)
    news: bool = False


def conversation_of(contact: StoredContact) -> ConversationId:
    """The chat with a contact."""
    return ConversationId(contact.account)


def message_id(raw: bytes) -> MessageId:
    """A message's name."""
    return MessageId(raw)


async def apply(work: Work, contact: StoredContact, arrived: Arrived, effects: Effects) -> StoredContact:
    """Apply one payload; return the contact as it now stands."""
    content = arrived.payload.content
    effects.contacts[contact.account] = contact
    here = _Reading(work, contact, arrived.payload, effects)
    match content:
        case contents.Text() | contents.Attachment() | contents.Unknown():
            await here.message(content, arrived.inspection)
        case contents.Reaction():
            await here.reaction(content)
        case contents.Edit():
            await here.edit(content)
        case contents.Delete():
            await here.delete(content)
        case contents.Receipt():
            await here.receipt(content)
        case contents.Typing():
            await here.typing(content)
        case contents.TimerChange():
            await here.timer(content)
        case _:
            pass
    if not isinstance(content, contents.Receipt | contents.Typing):
        effects.delivered.setdefault(contact.account, []).append(arrived.payload.message)
    return contact


async def apply_late(
    work: Work, contact: StoredContact, payload: Payload, target: MessageId, effects: Effects
) -> None:
    """Apply to one message what came about it before it was here; that it came was confirmed then."""
    here = _Reading(work, contact, payload, effects)
    match payload.content:
        case contents.Reaction() as content:
            await here.reaction(content)
        case contents.Edit() as content:
            await here.edit(content)
        case contents.Delete() as content:
            await here.delete(content)
        case contents.Receipt() as content:
            await here.receipt(msgspec.structs.replace(content, messages=(target,)))
        case _:
            pass


async def finish(work: Work, effects: Effects) -> None:
    """Confirm what came from accepted contacts; announce chats and requests as they now stand."""
    for account, ids in effects.delivered.items():
        contact = effects.contacts[account]
        if contact.standing is Standing.ACCEPTED:
            await receipt(work, contact, contents.ReceiptKind.DELIVERED, ids)
    for account in effects.strangers & effects.contacts.keys():
        conversation = ConversationId(account)
        await feed.add(work.tx, NewsKind.REQUEST, work.now, conversation=conversation)
        effects.news = True
        if (now := await conversations.get(work.tx, conversation)) is not None:
            work.tx.events.append(RequestArrived(replace(now, last=None)))
    for conversation in effects.touched:
        await tell(work, conversation)
    if effects.news:
        work.tx.events.append(NewsArrived())


@dataclass(frozen=True, slots=True)
class _Reading:
    """One payload in its transaction."""

    work: Work
    contact: StoredContact
    payload: Payload
    effects: Effects

    @property
    def conversation(self) -> ConversationId:
        return ConversationId(self.contact.account)

    @property
    def accepted(self) -> bool:
        return self.contact.standing is Standing.ACCEPTED

    @property
    def at(self) -> int:
        """When it was said, by its author's clock, but never in the future.

        No calendar reaches as far as a number may, and a setting from there would outlast every later one.
        """
        return min(self.payload.sent_at, self.work.now)

    async def message(
        self, content: contents.Text | contents.Attachment | contents.Unknown, inspection: Inspection
    ) -> None:
        work, payload = self.work, self.payload
        if not self.accepted and await messages.count(work.tx, self.conversation) >= MOST_IN_REQUEST:
            return
        message = Message(
            id=payload.message,
            conversation=self.conversation,
            author=self.contact.account,
            mine=False,
            kind=MessageKind.UNKNOWN,
            text="",
            sent_at=self.at,
            received_at=work.now,
            timer_s=payload.timer_s,
        )
        if isinstance(content, contents.Text):
            message = replace(message, kind=MessageKind.TEXT, text=content.body, reply_to=content.reply_to)
        elif isinstance(content, contents.Attachment):
            message = attached(message, content)
        if not await messages.add(work.tx, message, unread=True):
            return
        if isinstance(content, contents.Attachment):
            await attachments.add(work.tx, incoming(message, content))
            work.tx.after_commit(lambda: work.place.file_came(message.id))
        elif isinstance(content, contents.Unknown):
            await settings.set_fact(work.tx, f"unknown:{message.id.hex()}", content.raw)
        await inspections.save(work.tx, replace(inspection, text_bytes=text_size(content)))
        self.effects.touched.add(self.conversation)
        if self.accepted:
            work.tx.events.append(MessageAdded(message))
            await self._news(NewsKind.MESSAGE, message.id)
            work.tx.events.append(TypingChanged(self.conversation, typing=False))

    async def reaction(self, content: contents.Reaction) -> None:
        target = await self._target(content.target)
        if target is None:
            return
        author, at = self.contact.account, self.payload.sent_at
        if await messages.react(self.work.tx, target.id, author, content.emoji, at):
            await self._changed(NewsKind.REACTION, target.id, content.emoji)

    async def edit(self, content: contents.Edit) -> None:
        target = await self._target(content.target, theirs=True)
        if target is not None and not target.view_once:
            at = self.payload.sent_at
            if await messages.edit(self.work.tx, target.id, content.body, at):
                await self._changed(NewsKind.EDIT, target.id)

    async def delete(self, content: contents.Delete) -> None:
        target = await self._target(content.target, theirs=True)
        if target is None:
            return
        removed = await messages.blank(self.work.tx, target.id)
        if removed is not None:
            delete_after(self.work, removed.path)
            await self._changed(NewsKind.DELETE, target.id)

    async def receipt(self, content: contents.Receipt) -> None:
        delivery = _DELIVERIES[content.kind]
        for name in content.messages:
            await self._arrived_there(name)
            target = await self._target(name, mine=True)
            if target is None:
                continue
            if await messages.set_delivery(self.work.tx, name, delivery, at=self.work.now):
                await self._changed(NewsKind.RECEIPT, name, delivery.value)
            if content.kind is contents.ReceiptKind.VIEWED and await messages.mark_viewed(self.work.tx, name):
                await self._changed(NewsKind.RECEIPT, name, "viewed")

    async def _arrived_there(self, name: MessageId) -> None:
        """Forget an original that its recipient's only device has; with more, others may still ask for it."""
        original = await outbox.original(self.work.tx, name)
        if original is None or original.account != self.contact.account:
            return
        if len(await outbox.sent_to(self.work.tx, name)) <= 1:
            await outbox.delivered(self.work.tx, name)

    async def typing(self, content: contents.Typing) -> None:
        chosen = await settings.load(self.work.tx)
        if self.accepted and chosen.typing:
            self.work.tx.events.append(TypingChanged(self.conversation, content.active))

    async def timer(self, content: contents.TimerChange) -> None:
        at = self.at
        if not await conversations.set_timer(self.work.tx, self.conversation, content.seconds, at):
            return
        said = Message(
            id=self.payload.message,
            conversation=self.conversation,
            author=self.contact.account,
            mine=False,
            kind=MessageKind.NOTE,
            text=timer_note(content.seconds),
            sent_at=at,
            received_at=self.work.now,
        )
        if await messages.add(self.work.tx, said):
            self.effects.touched.add(self.conversation)
            if self.accepted:
                self.work.tx.events.append(MessageAdded(said))
                await self._news(NewsKind.TIMER, said.id, str(content.seconds))

    async def _target(self, name: MessageId, *, theirs: bool = False, mine: bool = False) -> Message | None:
        """Return the message meant, if it stands in this chat and belongs to whom it must belong."""
        target = await messages.get(self.work.tx, name)
        if target is None and self.accepted and await backup_state.restoring(self.work.tx):
            change = LateChange(name, self.contact.account, encode(self.payload))
            await late_changes.keep(self.work.tx, change)
        if target is None or target.conversation != self.conversation or target.kind is MessageKind.NOTE:
            return None
        if (theirs and target.author != self.contact.account) or (mine and not target.mine):
            return None
        return target

    async def _changed(self, kind: NewsKind, name: MessageId, detail: str = "") -> None:
        if self.accepted:
            await tell_changed(self.work, name)
            await self._news(kind, name, detail)

    async def _news(self, kind: NewsKind, name: MessageId, detail: str = "") -> None:
        self.effects.news = True
        await feed.add(
            self.work.tx, kind, self.work.now, conversation=self.conversation, message=name, detail=detail
        )


def attached(message: Message, content: contents.Attachment) -> Message:
    """Give a message what its attachment says."""
    return replace(
        message,
        kind=_KINDS[content.kind],
        text=content.caption,
        reply_to=content.reply_to,
        view_once=content.view_once,
        attachment=shown(content, TransferState.REMOTE),
    )


def shown(content: contents.Attachment, state: TransferState) -> Attachment:
    """An attachment as faces see it."""
    return Attachment(
        blob=content.blob,
        name=content.name,
        media_type=content.media_type,
        size=content.size,
        state=state,
        width=content.width,
        height=content.height,
        duration_ms=content.duration_ms,
        preview=content.preview,
    )


def incoming(message: Message, content: contents.Attachment) -> StoredAttachment:
    """What is kept of a file that can be fetched."""
    return StoredAttachment(
        message=message.id,
        shown=shown(content, TransferState.REMOTE),
        descriptor=msgspec.msgpack.encode(content),
        path="",
        upload=False,
        sealed_size=content.sealed_size,
    )


def delete_after(work: Work, *paths: str) -> None:
    """Delete files once the transaction that forgets them is on disk."""
    work.tx.after_commit(lambda: work.place.delete_files(paths))


def removed(work: Work, gone: messages.Removed) -> None:
    """Announce a message that is gone, and delete its file."""
    delete_after(work, gone.path)
    work.tx.events.append(MessageRemoved(gone.conversation, gone.id))

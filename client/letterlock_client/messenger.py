"""The verbs of a chat program: all that any interface may call.

One Messenger is one open profile: it owns the database and the tasks (link, sender, receiver, upkeep)
and hands every verb to its flow. Must not know Textual, printing, or what a command line looks like.

Every verb raises `letterlock_client.errors.ClientError`, whose `code` is public; verbs that only write to the
own database work offline. What arrives is told by `events`, after it is on disk.
"""

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from letterlock.ids import ConversationId, MessageId
from letterlock_client.config import Home, Unlock
from letterlock_client.errors import ClientError, Code
from letterlock_client.file_verbs import FileVerbs
from letterlock_client.flows import accepting, contacts, forwarding, opening, outgoing, sending, verifying
from letterlock_client.flows.announcing import EventStream
from letterlock_client.flows.files import uploading
from letterlock_client.flows.onboarding import Application
from letterlock_client.flows.opening import REAL, OpenProfile, Outside
from letterlock_client.models import (
    Contact,
    Conversation,
    Exported,
    Listed,
    Message,
    Profile,
    SafetyNumber,
    Settings,
    Standing,
)
from letterlock_client.storage import contacts as stored_contacts
from letterlock_client.storage import conversations, feed, settings

if TYPE_CHECKING:
    from letterlock_client.backups import Backups
    from letterlock_client.flows.exporting import Wish

__all__ = ["EventStream", "Messenger", "Outside"]


class Messenger(FileVerbs):
    """One open profile. An async context manager: leaving it closes everything and awaits every task."""

    profile: Profile
    """Who this client is."""

    def __init__(self, opened: OpenProfile) -> None:
        """Use `open` or `register`."""
        super().__init__(opened.place)
        self._opened = opened
        self._running = opened.running
        self.profile = opened.profile
        self._backups: Backups | None = None

    @property
    def backups(self) -> "Backups":
        """Its backups."""
        if self._backups is None:
            # Most one-shot commands have no use for all that backups and vaults bring along.
            from letterlock_client.backups import Backups

            self._backups = Backups(self._place, self._running)
        return self._backups

    # Life.

    @classmethod
    async def open(cls, home: Home, profile: str, unlock: Unlock, *, outside: Outside = REAL) -> Self:
        """Open an existing profile, offline. Raises codes profile_in_use, wrong_passphrase, no_profile.

        A registration that a crash cut short is finished by the next connection.
        """
        return cls(await opening.open_profile(home, profile, unlock, outside))

    @classmethod
    async def register(
        cls,
        home: Home,
        profile: str,
        *,
        handle: str,
        relay: str,
        unlock: Unlock,
        invite: str = "",
        insecure: bool = False,
        outside: Outside = REAL,
    ) -> Self:
        """Make keys, save them, register at the relay, publish prekeys; return the open, connected profile.

        Called again after a crash or a refusal (another handle, an invite code) with the same profile it
        goes on with the same keys. Raises codes profile_exists, restore_unfinished, handle_taken, invite_needed,
        offline, bad_input, insecure_relay.
        """
        wanted = Application(handle, relay, insecure, invite)
        return cls(await opening.make_profile(home, profile, unlock, wanted, outside))

    async def close(self) -> None:
        """Stop and await every task, then close the database. May be called twice."""
        await self._opened.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # The connection.

    def connect(self) -> None:
        """Start connecting, and reconnecting, in the background. Idempotent; returns at once."""
        self._place.link.connect()

    async def disconnect(self) -> None:
        """Close the connection and stay offline until `connect`."""
        await self._place.link.disconnect()

    async def connected(self, timeout: float) -> bool:
        """Wait until logged in; False after `timeout` seconds. Raises code refused if the relay says no."""
        return await self._running.wait(self._place.link.settled(), timeout)

    async def drained(self, timeout: float) -> bool:
        """Wait until all that waited at the relay is stored here; False after `timeout` seconds."""
        return await self._running.wait(self._running.drained.wait(), timeout)

    async def flushed(self, timeout: float) -> bool:
        """Wait until the outbox is empty (all accepted or given up); False after `timeout` seconds."""
        return await self._running.wait(outgoing.all_sent(self._place), timeout)

    def events(self) -> EventStream:
        """Listen from now on; the first event says how the connection stands."""
        return self._place.announcer.listen()

    # People.

    async def find(self, who: str) -> ConversationId:
        """Resolve a handle, an account id or an invite link: here first, then in the relay's directory.

        The account is checked and remembered, with an empty chat. Raises codes unknown_contact, offline,
        bad_input, list_forked, list_expired, refused.
        """
        return await contacts.find(self._place, who)

    async def conversations(self) -> list[Conversation]:
        """All accepted chats, the newest first."""
        found = await self._read(lambda reader: conversations.every(reader, Standing.ACCEPTED))
        return [self._present(one) for one in found]

    async def conversation(self, conversation: ConversationId) -> Conversation:
        """One chat. Raises code unknown_conversation."""
        found = await self._read(lambda reader: conversations.get(reader, conversation))
        if found is None:
            raise ClientError(Code.UNKNOWN_CONVERSATION, "there is no such chat")
        return self._present(found)

    def _present(self, conversation: Conversation) -> Conversation:
        online = self._running.presence.online.get(conversation.id, False)
        hidden = conversation.contact.standing is Standing.REQUESTED
        muted = conversation.mutes(self._place.clock())
        last = None if hidden else conversation.last
        return replace(conversation, online=online, last=last, muted=muted)

    async def contacts(self) -> list[Contact]:
        """Everybody known here, accepted, requesting or blocked, by handle."""
        return [one.shown() for one in await self._read(stored_contacts.every)]

    async def requests(self) -> list[Conversation]:
        """Chats of strangers who wrote first, without their text, the newest first."""
        found = await self._read(lambda reader: conversations.every(reader, Standing.REQUESTED))
        return [self._present(one) for one in found]

    async def accept(self, conversation: ConversationId) -> None:
        """Take a request: its messages become readable and are told as new."""
        await accepting.set_standing(self._place, conversation, Standing.ACCEPTED)

    async def block(self, conversation: ConversationId) -> None:
        """Drop whatever they send from now on, silently; nothing can be sent to them either."""
        await accepting.set_standing(self._place, conversation, Standing.BLOCKED)

    async def unblock(self, conversation: ConversationId) -> None:
        """Let them write again, as an accepted contact."""
        await accepting.set_standing(self._place, conversation, Standing.ACCEPTED)

    async def delete_request(self, conversation: ConversationId) -> None:
        """Forget a request and its messages; if they write again it is a new request."""
        self._place.delete_files(await contacts.delete_request(self._place, conversation))

    async def invite_link(self) -> str:
        """`letterlock:add?…` with our id, handle and relay: first contact with it is not trust on first use."""
        return verifying.own_invite(self._place)

    async def card(self, conversation: ConversationId) -> str:
        """Somebody's contact, as a link to send to others: it names the account, so no relay can swap it."""
        return await verifying.invite_of(self._place, conversation)

    async def safety_number(self, conversation: ConversationId) -> SafetyNumber:
        """What to compare with that person."""
        return await verifying.safety_number(self._place, conversation)

    async def confirm_verified(self, conversation: ConversationId, digits: str) -> bool:
        """Mark as verified if `digits` (spaces ignored), or a scanned QR payload in hex, is right; say whether."""
        return await verifying.confirm(self._place, conversation, digits)

    async def withdraw_verified(self, conversation: ConversationId) -> None:
        """Not verified after all."""
        await verifying.withdraw(self._place, conversation)

    async def acknowledge_warning(self, conversation: ConversationId) -> None:
        """The person has seen the contact's warning; sending is possible again (a fork stays until re-verified)."""
        await verifying.acknowledge(self._place, conversation)

    async def mark_printed(self, up_to: int) -> None:
        """News up to this sequence number are printed."""
        await self._place.transact(lambda work: feed.mark_printed(work.tx, up_to))

    async def export_to(self, conversation: ConversationId, path: Path) -> Exported:
        """Write a chat to a file; the end of its name says the format. Raises bad_input, and as `export` does."""
        from letterlock_client.flows import exporting

        return await self.export(exporting.wish_of(conversation, path))

    async def export(self, wish: "Wish") -> Exported:
        """Write a chat to a new file. Raises codes unknown_conversation, not_accepted, file_failed, storage_full."""
        from letterlock_client.flows import exporting  # Seldom wanted, and not worth its share of each start.

        await self._check_accepted(wish.conversation)
        return await exporting.export(self._place, wish)

    # Writing. Offline is no error: what is written waits in the outbox, on disk.

    async def send_text(
        self, conversation: ConversationId, text: str, *, reply_to: MessageId | None = None
    ) -> Message:
        """Encrypt, store and queue; returns once that is on disk. Sending accepts a request.

        Raises codes blocked, list_forked, key_changed, too_large, bad_input, and, for first contact only,
        offline, refused, list_expired.
        """
        return await self._said(conversation, sending.send_text(self._place, conversation, text, reply_to))

    async def forward(self, message: MessageId, conversation: ConversationId) -> Message:
        """Say it in another chat, as our own; a file is fetched first. Raises as `send_text` and `download`."""
        forwarded = forwarding.forward(self._place, await self.message(message), conversation)
        return await self._said(conversation, forwarded)

    async def react(self, message: MessageId, emoji: str) -> None:
        """Set our one reaction; an empty `emoji` takes it back."""
        await sending.react(self._place, message, emoji)

    async def edit(self, message: MessageId, text: str) -> None:
        """Replace the text of an own message. Raises code not_yours."""
        await sending.edit(self._place, message, text)

    async def delete(self, message: MessageId, *, for_everyone: bool) -> None:
        """Delete here, or (own messages only) on both sides."""
        gone = await sending.delete(self._place, message, for_everyone=for_everyone)
        if gone is not None:
            self._place.delete_files([gone.path])

    async def set_timer(self, conversation: ConversationId, seconds: int) -> None:
        """Let new messages on both sides disappear so long after they were read; 0 is off."""
        await sending.set_timer(self._place, conversation, seconds)

    async def resend(self, message: MessageId) -> None:
        """Try an own message that was given up once more."""
        if not await uploading.go_on(self._place, message):
            await sending.resend(self._place, message)

    async def mark_read(self, conversation: ConversationId, up_to: MessageId) -> None:
        """Everything up to this message is read: timers start, read receipts go where allowed."""
        await sending.mark_read(self._place, conversation, up_to)

    async def saw(self, conversation: ConversationId, up_to: MessageId) -> None:
        """Everything up to this message was on the screen: read at once, or later, as the owner chose."""
        await self._attention.saw(conversation, up_to)

    async def read_now(self, conversation: ConversationId) -> bool:
        """Let what was seen of a chat count as read; False where there is nothing that was only seen."""
        return await self._attention.read(conversation)

    async def set_typing(self, conversation: ConversationId, typing: bool) -> None:
        """Tell them that we type, if the settings allow it; told to nobody who is not connected."""
        await self._running.presence.set_typing(conversation, typing)

    async def watch_presence(self, conversation: ConversationId) -> None:
        """Keep `Conversation.online` of this chat fresh from now on; replaces the chat watched before."""
        self._running.presence.watch(conversation)

    async def save_draft(self, conversation: ConversationId, text: str) -> None:
        """Keep what is typed and not sent."""
        await sending.save_draft(self._place, conversation, text)

    async def set_muted(self, conversation: ConversationId, muted: bool, seconds: int = 0) -> None:
        """Muted chats notify nobody: for so long, or (0) until that is taken back."""
        await sending.set_muted(self._place, conversation, muted, seconds)

    async def set_listed(self, conversation: ConversationId, listed: Listed) -> None:
        """Pin a chat on top of the list, or archive it until somebody writes in it again, or neither."""
        await sending.set_listed(self._place, conversation, listed)

    async def settings(self) -> Settings:
        """What the owner chose."""
        return await self._read(settings.load)

    async def save_settings(self, chosen: Settings) -> None:
        """Keep these from now on."""
        await self._place.transact(lambda work: settings.save(work.tx, chosen))
        await self._opened.show(chosen.presence)

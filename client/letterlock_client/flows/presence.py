"""Who types and who is there: told to those who are connected, kept for nobody.

Both are a courtesy: what cannot be told now is not told later. Must not know the outbox.
"""

import asyncio
from typing import Final

from letterlock.ids import ConversationId
from letterlock.messaging.content import Typing
from letterlock.messaging.payload import Payload
from letterlock.wire import frames
from letterlock_client.events import PresenceChanged
from letterlock_client.flows import sealing
from letterlock_client.flows.contacts import require_contact
from letterlock_client.flows.workplace import Work, Workplace, envelope_id, verified
from letterlock_client.links.connection import Connection
from letterlock_client.links.failures import Refused
from letterlock_client.models import Standing
from letterlock_client.storage import settings

ASK_EVERY_S: Final = 20.0
TYPING_EVERY_MS: Final = 3_000
"""Typing is told at most so often; that it stopped, always."""


class Presence:
    """What is known of who is there, and what was told of us. Lost with the process."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self._watched: ConversationId | None = None
        self._changed = asyncio.Event()
        self._typed: dict[ConversationId, int] = {}
        self.online: dict[ConversationId, bool] = {}

    def watch(self, conversation: ConversationId) -> None:
        """Ask about this one from now on."""
        self._watched = conversation
        self._changed.set()

    async def run(self, connection: Connection) -> None:
        """Ask now and then, for ever. Raises Offline when the connection ends."""
        while True:
            self._changed.clear()
            if self._watched is not None:
                await self._ask(connection, self._watched)
            try:
                async with asyncio.timeout(ASK_EVERY_S if self._watched is not None else None):
                    await self._changed.wait()
            except TimeoutError:
                continue

    def lost(self) -> None:
        """We are offline: nobody is known to be there."""
        for conversation in [one for one, there in self.online.items() if there]:
            self._tell(conversation, online=False)

    async def _ask(self, connection: Connection, conversation: ConversationId) -> None:
        try:
            answer = await connection.request(frames.AskPresence(0, account=conversation), frames.PresenceIs)
        except Refused:
            return
        self._tell(conversation, online=answer.online)

    def _tell(self, conversation: ConversationId, *, online: bool) -> None:
        if self.online.get(conversation, False) is not online:
            self._place.announcer.say([PresenceChanged(conversation, online)])
        self.online[conversation] = online

    async def set_typing(self, conversation: ConversationId, typing: bool) -> None:
        """Tell a contact that we type, or stopped, where that is allowed and they could hear it now."""
        place, now = self._place, self._place.clock()
        connection = place.link.connection
        last = self._typed.get(conversation, 0)
        if connection is None or (typing and now - last < TYPING_EVERY_MS) or (not typing and not last):
            return
        self._typed[conversation] = now if typing else 0
        frame = await place.transact(lambda work: _typing(work, conversation, typing))
        if frame is None:
            return
        try:
            await connection.ask(frame)
        except Refused:
            return


async def _typing(work: Work, conversation: ConversationId, typing: bool) -> frames.Submit | None:
    contact = await require_contact(work.tx, conversation)
    chosen = await settings.load(work.tx)
    if not chosen.typing or contact.standing is not Standing.ACCEPTED or contact.warning:
        return None
    peer = verified(contact)
    payload = Payload(
        message=work.place.new_message_id(),
        sent_at=work.now,
        timer_s=0,
        own_view=work.own.account.devices.view,
        peer_view=peer.devices.view,
        content=Typing(typing),
    )
    copies = await sealing.seal(work, peer, payload)
    if copies is None:
        return None
    return frames.Submit(
        0,
        envelope=envelope_id(payload.message, 0),
        account=contact.account,
        list_epoch=peer.devices.epoch,
        list_version=peer.devices.version,
        sealed=[frames.Sealed(device, body) for device, body in copies.sealed],
        ephemeral=True,
    )

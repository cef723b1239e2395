"""Words about people: who waits, who is blocked, and whose number was compared."""

from collections.abc import Mapping

from letterlock_client.models import Standing
from letterlock_client.plain.chats import ChatVerbs
from letterlock_client.plain.speaking import Action, Present, Verbs, say
from letterlock_client.shapes import who


class PeopleVerbs(Verbs):
    """The words."""

    def __init__(self, present: Present, chats: ChatVerbs) -> None:
        super().__init__(present)
        self._chats = chats

    @property
    def words(self) -> Mapping[str, tuple[Action, str]]:
        """See `Verbs`."""
        return {
            "requests": (self.requests, "who wrote for the first time"),
            "accept": (self.accept, "WHO: accept a request"),
            "block": (self.block, "WHO: block somebody"),
            "unblock": (self.unblock, "WHO: let somebody write again"),
            "contacts": (self.contacts, "everybody you know"),
            "verify": (self.verify, "[DIGITS]: show the safety number of this chat, or confirm it"),
            "share": (self.share, "WHO: send somebody's contact to this chat"),
            "invite": (self.invite, "your own invite link"),
        }

    async def requests(self, rest: str) -> None:
        """List who waits for an answer."""
        del rest
        if not await self.list_requests():
            say("Nobody waits.")

    async def list_requests(self) -> bool:
        """List who waits for an answer; say whether anybody does."""
        waiting = await self.messenger.requests()
        for each in waiting:
            name = who(each.contact)
            say(f"{name} waits for an answer: /accept {name} or /block {name}")
        return bool(waiting)

    async def accept(self, rest: str) -> None:
        """Accept a request and go to its chat."""
        await self.messenger.accept(await self.messenger.find(rest))
        await self._chats.enter(rest)

    async def block(self, rest: str) -> None:
        """Block somebody."""
        await self.messenger.block(await self.messenger.find(rest))
        say(f"{rest} is blocked.")

    async def unblock(self, rest: str) -> None:
        """Take somebody off the blocked list."""
        await self.messenger.unblock(await self.messenger.find(rest))
        say(f"{rest} can write to you again.")

    async def contacts(self, rest: str) -> None:
        """List everybody known."""
        del rest
        known = await self.messenger.contacts()
        if not known:
            say("You know nobody yet.")
        for each in known:
            blocked = ", blocked" if each.standing is Standing.BLOCKED else ""
            verified = "verified" if each.verified else "not verified"
            say(f"{who(each)}, {verified}{blocked}{': ' if each.warning else ''}{each.warning}")

    async def share(self, rest: str) -> None:
        """Send somebody's contact to the present chat."""
        chat = self.present.require()
        await self.messenger.send_text(chat, await self.messenger.card(await self.messenger.find(rest)))

    async def invite(self, rest: str) -> None:
        """Show the own invite link."""
        del rest
        say(await self.messenger.invite_link())

    async def verify(self, rest: str) -> None:
        """Show the safety number, or take the digits that the other side read out."""
        chat = self.present.require()
        if rest and not await self.messenger.confirm_verified(chat, rest):
            say("These are not the digits: compare again, and do not trust this chat before they agree.")
            return
        number = await self.messenger.safety_number(chat)
        say(" ".join(number.digits[at : at + 5] for at in range(0, 60, 5)))
        say(
            "Verified."
            if number.verified
            else "Not verified. If the other side reads the same: /verify DIGITS"
        )

"""The stage itself: Alice, what the relay sees, and Bob, side by side or one beside the relay.

Turns what happens into facts for the playbill, and the stage's keys into calls. Must not know how the cast came
to be, nor sockets or files.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message as TextualMessage
from textual.widget import Widget

from letterlock.ids import account_text
from letterlock_client import events as happenings
from letterlock_client.errors import ClientError
from letterlock_client.models import Delivery, MessageKind, Standing
from letterlock_client.sanitize import line_of
from letterlock_client.ui.screens.layer import Layer
from letterlock_client.ui.surroundings import Surroundings
from letterlock_client.ui.widgets.composer import Composer
from letterlock_client.workshop.acts import BEHIND, Fact, Playbill
from letterlock_client.workshop.narrator_bar import KeyBar, NarratorBar, TabBar
from letterlock_client.workshop.party import GoneTerminal, Party, in_banner, mark_focus
from letterlock_client.workshop.prompter import Prompter
from letterlock_client.workshop.relay_view import RelayPane
from letterlock_client.workshop.vault_pane import VaultPane
from letterlock_client.workshop.watch_lines import SeenFrame
from letterlock_client.workshop.watched_relay import Ended, News, RelayError, Started

if TYPE_CHECKING:
    from letterlock_client.workshop.cast import Cast

RELAY: Final = "What the relay sees"
VAULT: Final = "What the provider and the vault have"
PARTIES: Final = ("alice", "relay", "bob")
_LOSING: Final = (Fact.LOST, Fact.BY_DIGITS)
_RETURNING: Final = (Fact.RESTORED, Fact.BY_DIGITS)
_ARRIVED: Final = (Delivery.ACCEPTED, Delivery.DELIVERED, Delivery.READ)


class StageScreen(Layer[None]):
    """The three parties, the narrator above and the keys below."""

    HORIZONTAL_BREAKPOINTS = [(0, "-one"), (80, "-two"), (120, "-three")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "next_stop", "Next", show=False),
        Binding("f5", "show('alice')", "Alice", show=False, priority=True),
        Binding("f6", "show('relay')", "Relay", show=False, priority=True),
        Binding("f7", "show('bob')", "Bob", show=False, priority=True),
        Binding("f8", "toggle_relay", "Kill or start the relay", show=False, priority=True),
        Binding("f4", "compare", "Compare", show=False),
        Binding("f1", "help", "Help", show=False),
        Binding("f10", "middle", "Relay or vault", show=False, priority=True),
    ]

    @dataclass
    class Told(TextualMessage):
        """One of the messengers said that something happened."""

        who: str
        event: happenings.Event

    @dataclass
    class RelayNews(TextualMessage):
        """The relay saw more, or its life changed."""

        news: Sequence[News]

    @dataclass
    class Failed(TextualMessage):
        """Something that the stage did for the visitor failed."""

        problem: str

    def __init__(self, cast: "Cast", surroundings: Surroundings) -> None:
        super().__init__()
        self._cast = cast
        self._icons = surroundings.icons
        self._surroundings = surroundings
        self.alice = Party("Alice", cast.alice, surroundings)
        self.bob = Party("Bob", cast.bob, surroundings)
        self._gone: GoneTerminal | None = None
        names = {account_text(each.messenger.profile.account): each.who for each in (self.alice, self.bob)}
        self.relay = RelayPane(names, account_text(cast.bob.profile.account), self._icons)
        self.vault = VaultPane(self._icons)
        self.narrator = NarratorBar(self._icons)
        self.tabs = TabBar(self._icons)
        self.keys = KeyBar()
        self._prompter = Prompter(cast)
        self.bill = Playbill()
        self.here = "alice"
        self._begun = False
        self._unseen = dict.fromkeys(PARTIES, 0)
        self._switching = asyncio.Lock()

    def compose(self) -> ComposeResult:
        """Top to bottom."""
        yield self.narrator
        yield self.tabs
        with Horizontal(id="parties"):
            yield self.alice
            yield self.relay
            yield self.vault
            yield self.bob
        yield self.keys

    def on_mount(self) -> None:
        """Listen to everybody, and give Alice the word."""
        self.run_worker(self._listen("alice", self._cast.alice.events()), group="listening")
        self.run_worker(self._listen("bob", self._cast.bob.events()), group="listening")
        self.run_worker(self._watch(), group="listening")
        self.add_class("-beside-alice", "-at-alice")
        self._mark()
        self._redraw()
        self.alice.open_chat(self._cast.chat)

    # Listening.

    async def _listen(self, who: str, stream: AsyncIterator[happenings.Event]) -> None:
        async for event in stream:
            self.post_message(self.Told(who, event))

    async def _watch(self) -> None:
        async for news in self._cast.relay.news():
            self.post_message(self.RelayNews(news))

    @on(RelayNews)
    def _relay_told(self, event: RelayNews) -> None:
        event.stop()
        self.relay.add(event.news)
        for each in event.news:
            if isinstance(each, Started):
                self.bill = self.bill.relay(runs=True)
            elif isinstance(each, Ended):
                self.bill = self.bill.relay(runs=False).happened(Fact.KILLED)
        if self.has_class("-one"):
            self._note("relay", sum(isinstance(each, SeenFrame) and bool(each.sealed) for each in event.news))
        self._redraw()

    @on(Told)
    def _told(self, told: Told) -> None:
        told.stop()
        match told.event:
            case happenings.MessageAdded(message=message) if message.kind is not MessageKind.NOTE:
                self._message(told.who, mine=message.mine)
            case happenings.MessageChanged(message=message) if message.mine and message.delivery in _ARRIVED:
                if self.bill.relay_runs and Fact.WAITING in self.bill.done:
                    self.bill = self.bill.happened(Fact.RECOVERED)
            case happenings.RequestArrived(conversation=chat):
                self._note(told.who, 1)
                if self._person(told.who).pane.view is None:
                    self._person(told.who).open_chat(chat.id)
            case happenings.ConversationChanged(conversation=chat):
                if told.who == "bob" and chat.contact.standing is Standing.ACCEPTED:
                    self._accepted()
                if chat.contact.verified:
                    self.bill = self.bill.happened(Fact.VERIFIED)
            case _:
                pass
        self._redraw()

    def _message(self, who: str, *, mine: bool) -> None:
        if not mine:
            self._note(who, 1)
        if mine and not self.bill.relay_runs:
            self.bill = self.bill.happened(Fact.WAITING)
        if mine and Fact.RESTORED in self.bill.done:
            self.bill = self.bill.happened(Fact.WENT_ON)
        if who == "alice" and mine and Fact.WROTE not in self.bill.done:
            self.bill = self.bill.happened(Fact.WROTE)
            self._mark()
        if who == "bob" and mine:
            self.bill = self.bill.happened(Fact.ANSWERED)
        if who == "bob":
            self._accepted()

    def _accepted(self) -> None:
        if Fact.ACCEPTED not in self.bill.done:
            self.bill = self.bill.happened(Fact.ACCEPTED)
            if self.here == "bob":
                self.call_after_refresh(self.action_show, "bob")

    # What is shown.

    def _redraw(self) -> None:
        self.narrator.show(self.bill)
        over = self.bill.step is None and self.bill.relay_runs
        vault = self.has_class("-vault")
        self.keys.show(relay_runs=self.bill.relay_runs, plays=not over, vault=vault)
        self.tabs.show(self.here, self._unseen, vault=vault)

    def _note(self, party: str, many: int) -> None:
        if party != self.here:
            self._unseen[party] += many

    def _mark(self) -> None:
        unwritten = "nobody has written to him yet" if Fact.WROTE not in self.bill.done else ""
        frames = (
            (self.alice, "Alice", ""),
            (self.relay, RELAY, "it cannot open what it carries"),
            (self.vault, VAULT, "neither can open what it has"),
            (self._gone or self.bob, "Bob", "gone" if self._gone else unwritten),
        )
        for frame, name, aside in frames:
            mark_focus(frame, name, aside, self._icons.cursor if _party_of(frame) == self.here else "")

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The focus may have come to another party. It begins in Alice's composer, whoever is ready first."""
        above = event.widget.ancestors
        self._begun = self._begun or (isinstance(event.widget, Composer) and self.alice in above)
        if not self._begun and self.bob in above:
            self.action_show("alice")
            return
        for node in event.widget.ancestors_with_self:
            if isinstance(node, Widget) and (party := _party_of(node)):
                self._arrive(party)
                return

    def on_descendant_blur(self) -> None:
        """What had the focus may be gone, such as an answered question: the keys stay with the party."""
        self.call_after_refresh(self._keep_focus)

    def _keep_focus(self) -> None:
        if self.focused is None and self.app.app_focus:
            self.action_show(self.here)

    def _arrive(self, party: str) -> None:
        self.here = party
        self._unseen[party] = 0
        for each in PARTIES:
            self.set_class(each == party, f"-at-{each}")
        if party != "relay":
            self.set_class(party == "alice", "-beside-alice")
            self.set_class(party == "bob", "-beside-bob")
        self._mark()
        self._redraw()

    # Keys.

    def action_show(self, party: str) -> None:
        """Go to a party."""
        if party == "bob" and self._gone:
            party = "relay"
        self._arrive(party)
        # At once: what is typed next must not reach the person who was here before.
        self.set_focus(self._middle() if party == "relay" else self._person(party).first_stop())

    def _middle(self) -> Widget:
        return self.vault if self.has_class("-vault") else self.relay.log_view

    def action_middle(self) -> None:
        """Show what the provider and the vault have in the place of what the relay sees, or that again."""
        self.toggle_class("-vault")
        if self.here == "relay":
            self.set_focus(self._middle())
        self._redraw()

    def action_next_stop(self) -> None:
        """Go to the next party; from an answer or a list, to the next thing within this one."""
        if self.here != "relay" and self._has_more_stops():
            self.focus_next()
        else:
            self.action_show(PARTIES[(PARTIES.index(self.here) + 1) % len(PARTIES)])

    def _has_more_stops(self) -> bool:
        person, focused = self._person(self.here), self.focused
        return person.pane.view is not None and (in_banner(focused) or focused is person.pane.chat_list)

    def _person(self, party: str) -> Party:
        return self.bob if party == "bob" else self.alice

    def action_compare(self) -> None:
        """Compare the safety number, on the side of the person who was there last."""
        at_bob = self.has_class("-beside-bob") and not self._gone
        self._person("bob" if at_bob else "alice").pane.action_verify()

    def action_help(self) -> None:
        """Show the keys of a client."""
        self.alice.pane.action_help()

    def action_toggle_relay(self) -> None:
        """Kill the relay, or start it again."""
        self.run_worker(self._do(self._toggle_relay()), group="doing")

    async def _toggle_relay(self) -> None:
        async with self._switching:
            if self._cast.relay.running:
                await self._cast.relay.kill()
            else:
                await self._cast.relay.start()

    def play(self) -> None:
        """Do the next step in the visitor's place."""
        step = self.bill.step
        if self.bill.busy:
            return
        if not self.bill.relay_runs and (step is None or step.fact is not Fact.WAITING):
            self.action_toggle_relay()
        elif step is not None and step.fact is Fact.VERIFIED:
            self.action_compare()
        elif step is not None and step.fact is Fact.KILLED:
            self.action_toggle_relay()
        elif step is not None and step.fact in BEHIND:
            self.run_worker(self._do(self._play_behind(step.fact)), group="doing")
        elif step is not None:
            self.run_worker(self._do(self._prompter.play(step.fact)), group="doing")

    async def _play_behind(self, fact: Fact) -> None:
        """Do what happens at the provider and the vault, and show it there."""
        self.add_class("-vault")
        if self.has_class("-one"):
            self.action_show("relay")
        self.bill = self.bill.working(busy=True)
        self._redraw()
        try:
            if fact in _LOSING:
                await self._take_bob_away()
            await self._prompter.play_behind(fact)
            self.bill = self.bill.happened(fact)
        finally:
            self.bill = self.bill.working(busy=False)
            self.vault.show(self._cast.keepers.sight)
            self._redraw()
        if fact in _RETURNING:
            await self._bring_bob_back()

    async def _take_bob_away(self) -> None:
        """Bob's terminal goes dark, before anything on it is deleted."""
        if self._gone:
            return
        self._gone = GoneTerminal("Bob")
        parties = self.query_one("#parties")
        await self.bob.remove()
        await parties.mount(self._gone)
        self.action_show("relay")

    async def _bring_bob_back(self) -> None:
        """Bob has a new terminal, with everything that he had."""
        self.bob = Party("Bob", self._cast.bob, self._surroundings)
        if self._gone is not None:
            await self._gone.remove()
            self._gone = None
        await self.query_one("#parties").mount(self.bob)
        self.run_worker(self._listen("bob", self._cast.bob.events()), group="listening")
        self.bob.open_chat(await self._cast.bob.find(self._cast.alice.profile.handle))
        self._mark()
        self._redraw()

    async def _do(self, call: Coroutine[None, None, None]) -> None:
        try:
            await call
        except (ClientError, RelayError) as error:
            self.post_message(self.Failed(str(error)))

    @on(Failed)
    def _tell_failure(self, event: Failed) -> None:
        event.stop()
        self.app.notify(line_of(event.problem), severity="error", markup=False)


def _party_of(frame: Widget) -> str:
    """Which party a frame belongs to; the vault stands in the relay's place. Empty is none."""
    name = "relay" if frame.id == "vault" else frame.id or ""
    return name if name in PARTIES else ""

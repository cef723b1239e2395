"""Settings › Privacy › Blocked people: who is blocked, and taking that back."""

from collections.abc import Iterable

from textual.content import Content
from textual.widget import Widget
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from letterlock.ids import ConversationId, account_text
from letterlock_client.models import Contact, Standing
from letterlock_client.ui.screens.choose import Choice, ChooseScreen
from letterlock_client.ui.screens.dialog import words
from letterlock_client.ui.screens.settings.page import SettingsPage
from letterlock_client.ui.wording import contact_name

HOW = "Nothing that blocked people send arrives, and they are not told. Enter takes it back."
NOBODY = "Nobody is blocked."


class BlockedPage(SettingsPage):
    """The list."""

    title = "Blocked people"
    people: tuple[Contact, ...] = ()

    def parts(self) -> Iterable[Widget]:
        """What it means, and the list."""
        yield words(HOW, "dialog--text blocked--how")
        yield OptionList(id="people", markup=False)

    def on_mount(self) -> None:
        """Read them."""
        self._read()

    def _read(self) -> None:
        self.ask(self.messenger.contacts, self._show)

    def _show(self, contacts: list[Contact]) -> None:
        self.people = tuple(one for one in contacts if one.standing is Standing.BLOCKED)
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(
            Option(Content(f"{contact_name(one)}\n  {account_text(one.account)}")) for one in self.people
        )
        options.display = bool(self.people)
        options.highlighted = 0 if self.people else None
        self.query_one(".blocked--how", Static).update(Content(HOW if self.people else NOBODY))
        self.ready()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Ask before somebody may write again."""
        event.stop()
        person = self.people[event.option_index]

        def chosen(unblock: bool | None) -> None:
            if unblock:
                who = ConversationId(person.account)
                self.ask(lambda: self.messenger.unblock(who), lambda _: self._read())

        title = f"Let {contact_name(person)} write to you again?"
        choices = [Choice(True, "Unblock"), Choice(False, "Stay blocked")]
        self.app.push_screen(ChooseScreen(title, choices), chosen)

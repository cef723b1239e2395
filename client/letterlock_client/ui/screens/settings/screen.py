"""The settings: a tree of pages on the left, the chosen page beside it, a search above both.

Typing searches, arrows choose, enter goes into the page. In a narrow terminal the tree and a page are shown
one at a time.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events, on
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, OptionList
from textual.widgets.option_list import Option

from letterlock_client.ui.screens.dialog import Dialog
from letterlock_client.ui.screens.settings.about import AboutPage
from letterlock_client.ui.screens.settings.account import AccountPage
from letterlock_client.ui.screens.settings.appearance import AppearancePage
from letterlock_client.ui.screens.settings.blocked import BlockedPage
from letterlock_client.ui.screens.settings.door import DoorPage
from letterlock_client.ui.screens.settings.notifications import NotificationsPage
from letterlock_client.ui.screens.settings.page import SettingsPage
from letterlock_client.ui.screens.settings.pages import Page, Place, every, found
from letterlock_client.ui.screens.settings.privacy import PrivacyPage
from letterlock_client.ui.screens.settings.storage import StoragePage
from letterlock_client.ui.surroundings import Surroundings

if TYPE_CHECKING:
    from letterlock_client.messenger import Messenger

WIDE: Final = 80
"""From so many columns on, the tree and a page stand side by side."""

BUILT: Final[dict[str, type[SettingsPage]]] = {
    "account": AccountPage,
    "privacy": PrivacyPage,
    "blocked": BlockedPage,
    "notifications": NotificationsPage,
    "appearance": AppearancePage,
    "storage": StoragePage,
    "about": AboutPage,
}


class SettingsScreen(Dialog[None]):
    """The screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "step(1)", "Next page", show=False),
        Binding("up", "step(-1)", "Previous page", show=False),
    ]

    heading = "Settings"
    hint = "type to search · arrows choose · enter goes in · page keys scroll · escape goes back"

    def __init__(
        self,
        messenger: "Messenger",
        around: Surroundings,
        doors: Mapping[str, Callable[[], None]],
        *,
        begin_at: str = "",
    ) -> None:
        """Use `doors` for pages that are screens of their own: page id to what opens it; `begin_at` names a page."""
        super().__init__(classes="-large")
        self._begin_at = begin_at
        self._doors = doors
        self._messenger = messenger
        self._around = around
        self._places: list[Place] = list(every())
        self._shown = ""
        self._page: SettingsPage | None = None

    def parts(self) -> Iterable[Widget]:
        """Search, tree, page."""
        yield Input(placeholder="search the settings", id="search", compact=True, max_length=60)
        with Horizontal(classes="settings"):
            yield OptionList(id="tree", markup=False, compact=True)
            yield Vertical(classes="settings--page")

    async def on_mount(self) -> None:
        """Show the whole tree, and go into the page that was asked for."""
        self._fill("")
        self.query_one("#search", Input).focus()
        for index, place in enumerate(self._places):
            if place.page.id == self._begin_at:
                self.query_one("#tree", OptionList).highlighted = index
                await self._go_in(place)

    def on_screen_resume(self) -> None:
        """Read again: something may have been changed behind a door."""
        if isinstance(self._page, DoorPage):
            self._page.look_again()

    def on_resize(self, event: events.Resize) -> None:
        """Side by side, or one at a time."""
        self.set_class(event.size.width < WIDE, "-narrow")

    # The tree.

    @on(Input.Changed, "#search")
    def _searched(self, event: Input.Changed) -> None:
        event.stop()
        self._fill(event.value)

    def _fill(self, text: str) -> None:
        # Whoever is used to it begins a search with a slash, though the field has the keys already.
        text = text.strip().removeprefix("/").strip()
        self._places = found(text) if text else list(every())
        tree = self.query_one("#tree", OptionList)
        tree.clear_options()
        if self._places:
            tree.add_options(self._line(place) for place in self._places)
            tree.highlighted = 0
        else:
            tree.add_option(Option("nothing found", disabled=True))

    def _line(self, place: Place) -> Content:
        if place.entry is None:
            return Content(f"{'  ' * place.depth}{place.page.title}")
        return Content.assemble(
            Content(place.entry.name), Content.styled(f"  {place.path[-1]}", "$foreground 65%")
        )

    def action_step(self, step: int) -> None:
        """Move through the tree while the search keeps the keys."""
        tree = self.query_one("#tree", OptionList)
        if step > 0:
            tree.action_cursor_down()
        else:
            tree.action_cursor_up()

    @on(OptionList.OptionHighlighted, "#tree")
    async def _highlighted(self, event: OptionList.OptionHighlighted) -> None:
        event.stop()
        if event.option_index < len(self._places):
            await self._show(self._places[event.option_index])

    async def _show(self, place: Place) -> None:
        if self._shown == place.page.id:
            return
        self._shown = place.page.id
        beside = self.query_one(".settings--page", Vertical)
        with self.app.batch_update():
            await beside.remove_children()
            self._page = self._build(place.page)
            await beside.mount(self._page)

    def _build(self, page: Page) -> SettingsPage:
        if page.id in self._doors:
            return DoorPage(self._messenger, self._around, page, self._doors[page.id])
        return BUILT[page.id](self._messenger, self._around)

    # Going in and out.

    @on(Input.Submitted, "#search")
    async def _enter(self, event: Input.Submitted) -> None:
        event.stop()
        highlighted = self.query_one("#tree", OptionList).highlighted
        if highlighted is not None and highlighted < len(self._places):
            await self._go_in(self._places[highlighted])

    @on(OptionList.OptionSelected, "#tree")
    async def _selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_index < len(self._places):
            await self._go_in(self._places[event.option_index])

    async def _go_in(self, place: Place) -> None:
        await self._show(place)
        # Whoever comes back through a door stands where they left the tree.
        self.set_class(place.page.id not in self._doors, "-inside")
        if self._page is not None:
            self._page.enter(place.entry.field if place.entry is not None else "")

    def action_leave(self) -> None:
        """Go back to the tree, or close."""
        search = self.query_one("#search", Input)
        alone = self.has_class("-narrow") and self.has_class("-inside")
        self.remove_class("-inside")
        if alone or (self._page is not None and self._page.has_focus_within):
            search.focus()
        else:
            self.dismiss(None)

"""One line above a chat: who it is, whether the key was compared, whether they are there, the timer.

The badge stands in its own place before the name and speaks of the key; no name can draw it. Must not know
the messenger.
"""

from typing import ClassVar

from textual.content import Content
from textual.message import Message as TextualMessage
from textual.widgets import Static

from letterlock_client.models import Conversation, Standing
from letterlock_client.ui.icons import Icons
from letterlock_client.ui.wording import Clock, presence, span, title_of


class ChatHeader(Static):
    """The line."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "header--name",
        "header--verified",
        "header--doubt",
        "header--online",
        "header--dim",
    }

    class Clicked(TextualMessage):
        """Somebody wants to know more about this chat."""

    def __init__(self, icons: Icons, clock: Clock) -> None:
        super().__init__(markup=False)
        self._clock = clock
        self._icons = icons
        self._shown: tuple[Conversation, str] | None = None

    def show(self, conversation: Conversation, doubt: str) -> None:
        """Show this chat; `doubt` is why its name may not be what it seems, or empty."""
        if self._shown == (conversation, doubt):
            return
        self._shown = (conversation, doubt)
        self._redraw()

    def on_click(self) -> None:
        """Ask for more about this chat."""
        self.post_message(self.Clicked())

    def notify_style_update(self) -> None:
        """Draw in the new colours."""
        super().notify_style_update()
        if self._shown is not None and self.is_attached:
            # The styles of its parts come after its own: at once, it would be drawn in those of before.
            self.call_later(self._redraw)

    def _redraw(self) -> None:
        if self._shown is None:
            return
        conversation, doubt = self._shown
        icons, dim = self._icons, self.get_visual_style("header--dim")
        online = conversation.online or conversation.typing
        parts: list[Content | str] = [
            Content.styled(
                f" {icons.online if online else icons.offline} ",
                self.get_visual_style("header--online" if online else "header--dim"),
            ),
            Content.styled(title_of(conversation), self.get_visual_style("header--name")),
        ]
        verified = self.get_visual_style("header--verified")
        facts = []
        if conversation.contact.verified:
            facts.append(Content.styled(f"{icons.verified} verified", verified))
        else:
            facts.append(Content.styled("not verified", dim))
        if doubt:
            style = self.get_visual_style("header--doubt")
            facts.append(Content.styled(f"{icons.warning} {doubt}", style))
        if conversation.contact.standing is Standing.BLOCKED:
            facts.append(Content("blocked"))
        if state := presence(conversation):
            facts.append(Content(state))
        if conversation.timer_s:
            facts.append(Content.styled(f"messages stay {span(conversation.timer_s)}", dim))
        if conversation.mutes(self._clock()):
            facts.append(Content.styled("muted", dim))
        separator = Content.styled(f" {icons.dot} ", dim)
        self.update(Content.assemble(*parts, separator, separator.join(facts)), layout=False)

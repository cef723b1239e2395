"""The bottom line of a client: the connection, counting down to the next attempt, what waits elsewhere, the backup.

Must not know the messenger.
"""

from typing import Final

from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from letterlock_client.events import ConnectionChanged, Link
from letterlock_client.models import Profile
from letterlock_client.sanitize import fit, line_of, name_of, width
from letterlock_client.ui.icons import Icons
from letterlock_client.ui.wording import Clock, link_state, outbox_state, put_out

_LEAST: Final = 12
"""Columns of an address that still say something; where fewer are left, it is left out."""


class StatusBar(Static):
    """The line."""

    def __init__(self, profile: Profile, clock: Clock, icons: Icons) -> None:
        super().__init__(markup=False)
        self._profile = profile
        self._clock = clock
        self._icons = icons
        self._change = ConnectionChanged(Link.OFFLINE)
        self._due = 0
        self._timer: Timer | None = None
        self._backup = ""
        self._elsewhere = ""

    def on_mount(self) -> None:
        """Begin."""
        self._redraw()

    def on_resize(self) -> None:
        """There is more room, or less."""
        self._redraw()

    @property
    def put_out(self) -> bool:
        """Whether the relay has put this device out."""
        return put_out(self._change)

    def show(self, change: ConnectionChanged) -> None:
        """Show this state from now on."""
        self._change = change
        self._due = self._clock() + round(change.retry_in * 1000)
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if change.retry_in > 0 and change.link is Link.OFFLINE:
            self._timer = self.set_interval(1.0, self._redraw)
        self.set_class(change.link is Link.ONLINE, "-online")
        self.set_class(change.link is Link.REFUSED, "-refused")
        self._redraw()

    def notify_style_update(self) -> None:
        """Draw anew: the signs may be others."""
        super().notify_style_update()
        if self.is_attached:
            self._redraw()

    def show_backup(self, text: str) -> None:
        """Say how the backup stands, in a few words; an empty text says nothing."""
        if text != self._backup:
            self._backup = text
            self._redraw()

    def show_elsewhere(self, text: str) -> None:
        """Say what waits where nobody looks, in a few words; an empty text says nothing."""
        if text != self._elsewhere:
            self._elsewhere = text
            self._redraw()

    def _redraw(self) -> None:
        left = max(0, round((self._due - self._clock()) / 1000))
        online = self._change.link is Link.ONLINE
        sign = self._icons.online if online else self._icons.offline
        me = f"{name_of(self._profile.handle)} at {line_of(self._profile.relay, 60)}"
        said = f" {sign} {link_state(self._change, left)}"
        for part in filter(None, (outbox_state(self._change), self._elsewhere, self._backup)):
            said = self._and(said, part, width(part))
        self.update(Content(self._and(said, me, _LEAST)))

    def _and(self, said: str, part: str, least: int) -> str:
        """Add a part where so many of its columns find room, cut to what there is; none is begun in vain."""
        before = f"{said} {self._icons.dot} "
        room = self.content_size.width - width(before)
        return before + fit(part, room) if room >= min(least, width(part)) else said

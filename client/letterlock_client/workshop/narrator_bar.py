"""The lines at the top and at the bottom of the stage: what to do next, who is where, and the keys.

Must not know messengers or processes.
"""

from collections.abc import Mapping
from typing import Final

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.widgets import Static

from letterlock_client.ui.icons import Icons
from letterlock_client.workshop.acts import TITLES, Playbill

_SHORTER: Final = "shorter"
_DISPENSABLE: Final = ("f1", "f5 f6 f7", "f4", "tab", _SHORTER, "f10", "f9")
"""Keys that are left out first where not all fit; somewhere in between, all are named in fewer words."""

_MORE: Final = 14
"""Cells that saying how many acts there are takes."""


class NarratorBar(Vertical):
    """The acts, and below them what to do next."""

    def __init__(self, icons: Icons) -> None:
        super().__init__()
        self._icons = icons
        self._bill = Playbill()
        self._acts = Static(markup=False, classes="narrator--acts")
        self._text = Static(markup=False, classes="narrator--text")

    def compose(self) -> ComposeResult:
        """Two lines."""
        yield self._acts
        yield self._text

    def on_resize(self) -> None:
        """Name as many acts as fit."""
        self.show(self._bill)

    def show(self, bill: Playbill) -> None:
        """Show how far things are."""
        self._bill = bill
        self._acts.update(self._around_now(self.size.width - 4))
        self._text.update(Content(bill.text))

    def _around_now(self, room: int) -> Content:
        """All acts, or as many around the present one as fit."""
        acts = [self._act(number, title) for number, title in enumerate(TITLES, 1)]
        now = next(
            (at for at, title in enumerate(TITLES) if self._bill.state_of(title) == "now"), len(TITLES)
        )
        first, last = 0, len(acts)
        while last - first > 1 and _joined(acts[first:last], "").cell_length > room - _MORE:
            if now - first > last - 1 - now:
                first += 1
            else:
                last -= 1
        return _joined(acts[first:last], f"of {len(acts)} acts" if last - first < len(acts) else "")

    def _act(self, number: int, title: str) -> Content:
        signs = {"done": self._icons.verified, "now": self._icons.cursor, "later": self._icons.dot}
        styles = {"done": "$text-success", "now": "bold $text-accent", "later": "dim"}
        state = self._bill.state_of(title)
        return Content.styled(f"{signs[state]} {number} {title}", styles[state])


def _joined(acts: list[Content], more: str) -> Content:
    return Content("   ").join([*acts, *([Content.styled(more, "dim")] if more else [])])


class TabBar(Static):
    """Who is where, in terminals that are too narrow for all; hidden in wide ones."""

    def __init__(self, icons: Icons) -> None:
        super().__init__(markup=False)
        self._icons = icons

    def show(self, here: str, news: Mapping[str, int], *, vault: bool) -> None:
        """Mark the party that has the focus, and how much came for the others; `vault` stands in the relay's place."""
        parts = []
        for key, party, name in (
            ("f5", "alice", "Alice"),
            ("f6", "relay", "the vault" if vault else "the relay"),
            ("f7", "bob", "Bob"),
        ):
            new = f" ({news[party]} new)" if news.get(party) else ""
            sign, style = (self._icons.cursor, "bold $text-accent") if party == here else (" ", "dim")
            parts.append(_clickable(f"screen.show('{party}')", f"{sign} {key}", f"{name}{new}", style))
        self.update(Content("   ").join(parts))


class KeyBar(Static):
    """The keys of the stage; each can be clicked."""

    def __init__(self) -> None:
        super().__init__(markup=False)
        self._relay_runs = self._plays = True
        self._vault = False

    def on_resize(self) -> None:
        """Show as many as fit."""
        self.show(relay_runs=self._relay_runs, plays=self._plays, vault=self._vault)

    def show(self, *, relay_runs: bool, plays: bool, vault: bool) -> None:
        """Show the keys as they work now.

        `plays` says whether there is anything left to be done for somebody, `vault` whether that stands in the
        relay's place.
        """
        self._relay_runs, self._plays, self._vault = relay_runs, plays, vault
        kill = "kill the relay" if relay_runs else "start the relay"
        keys = [
            ("tab", "next", "", "screen.next_stop"),
            ("f5 f6 f7", "Alice, relay, Bob", "", ""),
            ("f8", kill, "", "screen.toggle_relay"),
            ("f9", "do it for me", "do it", "app.play"),
            ("f10", "relay or vault", "relay" if vault else "vault", "screen.middle"),
            ("f4", "compare", "", "screen.compare"),
            ("f1", "all keys", "", "screen.help"),
            ("ctrl+q", "leave", "", "app.quit"),
        ]
        for unneeded in ("" if plays else "f9", *_DISPENSABLE):
            if unneeded == _SHORTER:
                keys = [(key, short or what, "", action) for key, what, short, action in keys]
            keys = [key for key in keys if key[0] != unneeded]
            bar = Content("   ").join(_clickable(action, key, what) for key, what, _, action in keys)
            if bar.cell_length <= self.size.width:
                break
        self.update(bar)


def _clickable(action: str, key: str, what: str, style: str = "") -> Content:
    """Return a key and what it does; a click on that does it too. The action is written here, never elsewhere."""
    link = Content.from_markup(f"[@click={action}]$what[/]", what=what) if action else Content(what)
    return Content.assemble((key, "bold $text-accent"), " ", link.stylize(style))

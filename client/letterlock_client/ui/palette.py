"""The command palette: the commands of the client that had the focus.

Must not know what the commands do.
"""

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from letterlock_client.ui.commands import COMMANDS, CommandSpec, keys_of
from letterlock_client.ui.panes.client_pane import ClientPane


class Commands(Provider):
    """Every command that a palette can run, found by its title."""

    def _pane(self) -> ClientPane | None:
        focused = self.screen.focused
        if focused is not None:
            for node in focused.ancestors_with_self:
                if isinstance(node, ClientPane):
                    return node
        return next(iter(self.screen.query(ClientPane)), None)

    def _run(self, pane: ClientPane, spec: CommandSpec) -> None:
        pane.call_later(partial(pane.run_action, spec.on_client))

    async def discover(self) -> Hits:
        """Offer all of them."""
        pane = self._pane()
        if pane is not None:
            for spec in (spec for spec in COMMANDS if not spec.alone):
                yield DiscoveryHit(
                    Content(spec.title), partial(self._run, pane, spec), help=self._help(pane, spec)
                )

    async def search(self, query: str) -> Hits:
        """Offer those whose title fits."""
        pane = self._pane()
        matcher = self.matcher(query)
        if pane is None:
            return
        for spec in (spec for spec in COMMANDS if not spec.alone):
            score = matcher.match(spec.title)
            if score > 0:
                yield Hit(
                    score,
                    matcher.highlight(spec.title),
                    partial(self._run, pane, spec),
                    help=self._help(pane, spec),
                )

    def _help(self, pane: ClientPane, spec: CommandSpec) -> str:
        keys = keys_of(spec, pane.around.keymap)
        return f"{spec.help} ({keys})" if keys else spec.help

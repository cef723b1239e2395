"""Whoever types faster than the screen follows types into the fields that were meant."""

from textual import events
from textual.widgets import Input

from letterlock_client.ui.doors import Start
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import lively
from tests.client.ui.test_restore_screens import Restoring


def at_once(running: Running, *texts: str) -> None:
    """Hand over all keys before the first of them is dealt with; a text is followed by the tab key."""
    for text in texts:
        for character in text:
            running.app.post_message(events.Key(character, character))
        running.app.post_message(events.Key("tab", "\t"))


async def test_a_passphrase_typed_ahead_stands_in_its_own_field(client: Open) -> None:
    async with client(lively(), start=Start.REGISTER) as running:
        before = running.app.screen.query_one("#relay", Input).value
        at_once(running, "alice", "", "", "correct horse", "correct horse")
        await running.settle()
        fields = {each.id: each.value for each in running.app.screen.query(Input)}
        assert fields["handle"] == "alice"
        assert fields["relay"] == before
        assert [each.value for each in running.app.screen.query(Input) if each.password] == [
            "correct horse"
        ] * 2


async def test_the_same_backwards_and_in_every_form(client: Open) -> None:
    way = Restoring()
    async with client(way.fake, (100, 36), doors=way.doors) as running:
        running.app.screen.query_one("#restore").focus()
        await running.press("enter")
        at_once(running, "bob", "ws", "folder")
        running.app.post_message(events.Key("shift+tab", None))
        # Coming back to a field selects what stands in it.
        for character in "disk":
            running.app.post_message(events.Key(character, character))
        await running.settle()
        fields = {each.id: each.value for each in running.app.screen.query(Input)}
        assert (fields["handle"], fields["folder"]) == ("bob", "disk")

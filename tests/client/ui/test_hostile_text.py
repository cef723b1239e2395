"""Whatever strangers call themselves and write: it is shown as text, on every screen."""

import unicodedata

import pytest

from letterlock_client.errors import ClientError, Code
from letterlock_client.events import Alarm, ConnectionChanged, KeyChanged, Link
from letterlock_client.models import Delivery, MessageKind, Reaction, Standing
from tests.client.test_sanitize import HOSTILE, is_plain
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import ME, FakeMessenger, account, attachment, chat_id

NASTY = " ".join(part.replace("\n", " ") for part in HOSTILE if not part.startswith("Z"))


def besieged() -> FakeMessenger:
    """A client in which everything that others control is hostile."""
    fake = FakeMessenger()
    for number, text in enumerate(HOSTILE):
        name = f"peer{number}"
        fake.person(name, handle=text, title=text, draft=text)
        fake.put(chat_id(name), text)
    victim = fake.person("victim", handle="victim", title=f"victim {NASTY}", warning=NASTY)
    first = fake.put(victim, NASTY)
    for text in HOSTILE:
        reactions = (Reaction(account("victim"), text), Reaction(ME, "👍"))
        fake.put(victim, text, reactions=reactions, reply_to=first.id)
        fake.put(victim, text, kind=MessageKind.FILE, attachment=attachment(text))
        fake.put(victim, text, kind=MessageKind.NOTE)
    fake.put(victim, NASTY, mine=True, delivery=Delivery.FAILED, failure=NASTY, edits=2)
    stranger = fake.person("stranger", handle=NASTY, standing=Standing.REQUESTED)
    fake.put(stranger, NASTY)
    return fake


def check(running: Running) -> None:
    """No strip of any widget on any screen holds a control byte, an override, or an action."""
    for screen in running.app.screen_stack:
        for widget in screen.walk_children():
            for y in range(widget.size.height):
                strip = widget.render_line(y)
                for segment in strip:
                    assert segment.control is None
                    assert is_plain(segment.text), (widget, ascii(segment.text))
                    if segment.style is not None:
                        assert segment.style.link is None
                        assert not any(key.startswith("@") for key in segment.style.meta or {})
    svg = running.app.export_screenshot()
    assert "\x1b" not in svg
    assert not {character for character in svg if unicodedata.category(character) == "Cs"}


@pytest.mark.parametrize("size", [(120, 36), (60, 24)])
async def test_no_widget_draws_a_control_byte(client: Open, size: tuple[int, int]) -> None:
    async with client(besieged(), size) as running:
        check(running)
        await running.pane.open_chat(chat_id("victim"))
        await running.settle()
        check(running)
        await running.press("escape")
        for _ in range(12):
            await running.press("pageup")
            check(running)


@pytest.mark.parametrize(
    "keys",
    [
        "alt+r",
        "ctrl+k",
        "f4",
        "escape end i",
        "escape d",
        "escape plus",
        "escape f",
        "escape end h",
        "escape up up O",
        "alt+o",
        "alt+t",
        "f2",
        "f2 down down enter",
        "f2 f o l d e r",
        "f3",
        "f1",
        "alt+i",
        "ctrl+p",
    ],
)
async def test_no_dialog_draws_a_control_byte(client: Open, keys: str) -> None:
    async with client(besieged()) as running:
        await running.pane.open_chat(chat_id("victim"))
        await running.settle()
        await running.press(*keys.split())
        check(running)


async def test_events_and_errors_are_shown_as_text(client: Open) -> None:
    fake = besieged()
    fake.failures["send_text"] = ClientError(Code.REFUSED, NASTY)
    async with client(fake) as running:
        await running.pane.open_chat(chat_id("victim"))
        await running.settle()
        fake.tell(Alarm("list_forked", NASTY, chat_id("victim")))
        fake.tell(KeyChanged(account("peer1"), chat_id("peer1"), was_verified=True))
        fake.tell(ConnectionChanged(Link.REFUSED, NASTY))
        await running.press("h", "i", "enter")
        check(running)
        assert running.app.is_running


@pytest.mark.parametrize(
    "text", ["[@click=app.quit]quit[/]", "[/", "[a[0]]", "[link=https://evil.example]x[/link]"]
)
async def test_markup_is_shown_literally(client: Open, text: str) -> None:
    fake = FakeMessenger()
    bob = fake.person("bob", handle="bob", title=text[:30])
    fake.put(bob, text)
    async with client(fake) as running:
        await running.press("enter")
        log = running.view.log_view
        y = next(y for y in range(log.size.height) if text in log.render_line(y).text)
        await running.pilot.click(log, offset=(6, y))
        await running.settle()
        assert running.app.is_running
        running.pane.tell(text)
        await running.settle()
        assert running.text().count(text[:20]) >= 3


async def test_a_name_cannot_draw_the_badge(client: Open) -> None:
    fake = FakeMessenger()
    fake.person("bob", handle="bob", verified=True)
    fake.person("b0b", handle="b0b", title="b0b ✓ verified")
    async with client(fake) as running:
        rows = running.text().splitlines()
        (genuine,) = (row for row in rows if "bob ✓" in row)
        assert "b0b" not in genuine
        assert "b0b ✓" not in running.text()


async def test_a_look_alike_is_marked_and_the_verified_one_is_not(client: Open) -> None:
    fake = FakeMessenger()
    fake.person("bob", handle="bob", verified=True)
    fake.person("b0b", handle="b0b")
    async with client(fake) as running:
        assert "b0b ▲" in running.text()
        assert "looks like bob" in running.text()
        assert "looks like b0b" not in running.text()

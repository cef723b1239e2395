"""One chat's facts, actions and shared files on one screen."""

from letterlock_client.models import MessageKind
from letterlock_client.ui.screens.choose import ChooseScreen
from letterlock_client.ui.screens.verify import VerifyScreen
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import FakeMessenger, attachment, chat_id

BOB = chat_id("bob")


def with_files() -> FakeMessenger:
    fake = FakeMessenger()
    fake.person("bob", timer_s=3600)
    fake.put(BOB, "", kind=MessageKind.FILE, attachment=attachment("plan.pdf"))
    for number in range(300):
        fake.put(BOB, f"talk {number}", mine=True)
    return fake


async def test_it_shows_who_it_is_and_what_was_shared_and_leads_there(client: Open) -> None:
    async with client(with_files()) as running:
        await running.press("enter", "alt+c")
        text = running.text()
        for part in (
            "Handle: bob",
            "Not verified",
            "Disappearing messages: 1 h",
            "1 shared file",
            "plan.pdf",
        ):
            assert part in text
        await running.press("up", "enter")
        cursor = running.view.log_view.message_at_cursor()
        assert cursor is not None
        assert cursor.attachment is not None


async def test_its_actions_are_those_of_the_keys(client: Open) -> None:
    async with client(with_files()) as running:
        await running.press("enter", "alt+c", "enter")
        assert isinstance(running.app.screen, VerifyScreen)
        await running.press("escape", "alt+c", "down", "enter")
        assert isinstance(running.app.screen, ChooseScreen)
        await running.press("escape", "alt+c", "down", "down", "enter")
        await running.press("down", "enter")
        assert running.fake.asked("set_muted") == [(BOB, True, 28_800)]

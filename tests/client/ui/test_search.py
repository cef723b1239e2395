"""Searching from the screen: what is found is shown, and leads to where it was said."""

from letterlock_client.errors import ClientError, Code
from letterlock_client.ui.screens.search import SearchScreen, around
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import MINUTE, FakeMessenger, chat_id, lively


def long_ago() -> FakeMessenger:
    fake = lively()
    carol = fake.person("carla")
    for number in range(1000):
        fake.put(carol, f"number {number}", ago=(2000 - number) * MINUTE)
    fake.put(carol, "a needle in a haystack", ago=990 * MINUTE)
    for number in range(600):
        fake.put(carol, f"later {number}", ago=(900 - number) * MINUTE)
    fake.read_all(carol)
    return fake


async def test_a_found_message_is_shown_where_it_was_said_however_long_ago(client: Open) -> None:
    async with client(long_ago()) as running:
        await running.press("ctrl+f")
        await running.type("needle")
        assert "a needle in a haystack" in running.text()
        assert "carla" in running.text()
        await running.press("enter")
        assert running.view.id_of_chat == chat_id("carla")
        cursor = running.view.log_view.message_at_cursor()
        assert cursor is not None
        assert cursor.text == "a needle in a haystack"
        assert "a needle in a haystack" in running.text()


async def test_nothing_found_and_what_went_wrong_are_said(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("ctrl+f")
        await running.type("xyzzy")
        assert "Nothing found." in running.text()
        fake.failures["search"] = ClientError(Code.STORAGE_BUSY, "the database is too busy")
        await running.type("q")
        assert "The database is too busy." in running.text()
        await running.press("enter")
        assert isinstance(running.app.screen, SearchScreen)
        await running.press("escape")
        assert not isinstance(running.app.screen, SearchScreen)


async def test_signs_alone_ask_for_nothing(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("ctrl+f")
        await running.press("question_mark", "quotation_mark")
        assert running.fake.asked("search") == []


def test_a_long_message_is_cut_so_that_the_word_is_in_sight() -> None:
    text = "x" * 100 + " needle " + "y" * 100
    assert "needle" in around(text, "needle")[:40]
    assert around("needle here", "needle") == "needle here"

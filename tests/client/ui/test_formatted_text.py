"""Formatting in the log: styles over what was typed, and addresses that open only when somebody says so."""

import pytest
from rich.style import Style

from letterlock_client.ui.screens.choose import ChooseScreen
from tests.client.test_sanitize import HOSTILE
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import FakeMessenger, chat_id
from tests.client.ui.test_hostile_text import check

BOB = chat_id("bob")


def with_text(*texts: str) -> FakeMessenger:
    fake = FakeMessenger()
    fake.person("bob")
    for text in texts:
        fake.put(BOB, text)
    return fake


def style_of(running: Running, text: str) -> Style:
    log = running.view.log_view
    for y in range(log.size.height):
        for segment in log.render_line(y):
            if text in segment.text and segment.style is not None:
                return segment.style
    raise AssertionError(text)


async def test_marks_become_styles_and_leave_the_text(client: Open) -> None:
    fake = with_text("this is *urgent* and _soft_, @alice", "plain")
    async with client(fake) as running:
        await running.press("enter")
        assert "this is urgent and soft, @alice" in running.text()
        assert style_of(running, "urgent").bold
        assert style_of(running, "soft").italic
        assert style_of(running, "@alice").bold
        assert not style_of(running, "plain").bold


async def test_a_block_stands_in_a_frame_with_its_spaces(client: Open) -> None:
    async with client(with_text("look:\n```\nif x:\n    y *= 2\n```")) as running:
        await running.press("enter")
        assert "│ if x:" in running.text()
        assert "│     y *= 2" in running.text()


async def test_an_address_that_lies_about_its_host_is_shown_up_and_opened_only_when_asked(
    client: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = with_text("log in: https://bank.example@evil.example/x")
    async with client(fake) as running:
        opened: list[str] = []
        monkeypatch.setattr(running.app, "open_url", opened.append)
        await running.press("enter")
        assert "(leads to evil.example)" in " ".join(running.text().split())
        await running.press("escape", "o")
        assert isinstance(running.app.screen, ChooseScreen)
        assert "evil.example: https://" in running.text()
        assert opened == []
        await running.press("enter")
        assert opened == ["https://bank.example@evil.example/x"]


async def test_copying_gives_what_was_typed(client: Open) -> None:
    async with client(with_text("a *b* `c`")) as running:
        await running.press("enter", "escape", "y")
        assert running.app.clipboard == "a *b* `c`"


@pytest.mark.parametrize("wrap", ["*{}*", "_{}_", "`{}`", "```{}```", "https://{}/"])
async def test_hostile_text_in_marks_stays_text(client: Open, wrap: str) -> None:
    fake = with_text(*(wrap.format(text) for text in HOSTILE))
    async with client(fake, (60, 60)) as running:
        await running.press("enter")
        check(running)
        await running.press("escape", "pageup", "o")
        check(running)


async def test_what_is_about_to_disappear_counts_down(client: Open) -> None:
    fake = with_text()
    fake.put(BOB, "soon gone", timer_s=3_600, expires_at=fake.clock.now + 90_000)
    fake.put(BOB, "gone one day", timer_s=604_800, expires_at=fake.clock.now + 604_800_000)
    async with client(fake) as running:
        await running.press("enter")
        assert "disappears in 2 min" in running.text()
        assert running.text().count("disappears in") == 1
        assert running.text().count("◔") >= 2
        fake.clock.pass_time(48_000)
        running.view.log_view.count_down()
        await running.settle()
        assert "disappears in 42 s" in running.text()

"""Notices: read without what is being written, or was written last, being covered; in a small terminal gone soon."""

from collections.abc import Callable

import pytest
from textual.geometry import Region
from textual.widgets._toast import Toast

from letterlock_client.ui.app import LetterlockApp
from letterlock_client.ui.notices import reading_time
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import chat_id, lively

FAULT = "The relay could not be reached, and what you wrote waits here until it can be reached again."
NEWS = "Archived: /archived lists it; a new message brings it back."
SIZES = [(60, 24), (100, 30), (120, 36)]


def shown(running: Running) -> list[str]:
    return [one.message for one in running.app._notifications]


def regions(running: Running) -> list[Region]:
    return [toast.region for toast in running.app.screen.query(Toast)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("who", ["bob", "carol"])
async def test_no_notice_lies_over_the_newest_messages_or_what_is_written(
    client: Open, size: tuple[int, int], who: str
) -> None:
    async with client(lively(), size) as running:
        await running.pane.open_chat(chat_id(who))
        running.pane.tell(FAULT, severe=True)
        running.pane.tell(NEWS)
        await running.settle()
        assert len(regions(running)) == 2
        log, screen = running.view.log_view.region, running.app.screen.region
        for region in regions(running):
            assert region in screen
            assert not region.overlaps(running.view.composer.region)
            assert region.bottom <= log.bottom - log.height // 2, "the lower half of the messages is free"
            assert region.y >= log.y, "whose chat it is stands above"
        # Nothing of it is cut off at the edge.
        for word in (*FAULT.split(), *NEWS.split()):
            assert word in running.text()


@pytest.mark.parametrize("size", [(60, 24), (100, 24), (60, 50)])
async def test_in_a_small_terminal_news_make_room_and_no_notice_stays_longer_than_it_is_read(
    client: Open, size: tuple[int, int]
) -> None:
    async with client(lively(), size) as running:
        running.pane.tell(FAULT, severe=True)
        running.pane.tell("Copied.")
        running.pane.tell(NEWS)
        await running.settle()
        assert shown(running) == [FAULT, NEWS], "a fault is not pushed out by news"
        running.app.notify(NEWS, title="Long", timeout=20, markup=False)
        running.app.notify(NEWS, title="Short", timeout=1, severity="warning", markup=False)
        await running.settle()
        long, short = list(running.app._notifications)[-2:]
        assert (long.timeout, short.timeout) == (reading_time(long), 1)
        assert 2 < reading_time(long) < 5


async def test_in_a_roomy_terminal_each_stands_as_long_as_its_sayer_wants(client: Open) -> None:
    async with client(lively(), (100, 30)) as running:
        running.app.notify(NEWS, timeout=20, markup=False)
        running.pane.tell("Copied.")
        await running.settle()
        assert shown(running) == [NEWS, "Copied."]
        assert next(iter(running.app._notifications)).timeout == 20


@pytest.mark.parametrize("size", [(60, 24), (100, 30)])
async def test_notices_look_as_before(
    client: Open, picture: Callable[[LetterlockApp, str], None], size: tuple[int, int]
) -> None:
    async with client(lively(), size) as running:
        await running.press("alt+a")
        running.pane.tell(FAULT, severe=True)
        running.pane.tell(NEWS)
        await running.settle()
        picture(running.app, f"notices-{size[0]}x{size[1]}")

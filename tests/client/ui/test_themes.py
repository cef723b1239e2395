"""Every theme on offer can be read."""

from textual.color import Color

from letterlock_client.ui.themes import OFFERED
from letterlock_client.ui.widgets.chat_list import ChatList
from letterlock_client.ui.widgets.message_log import MessageLog
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import lively

LEAST = 3.0
"""Contrast of text that is large or beside words, after WCAG 2.2, 1.4.11; for what must be read, 4.5."""


def contrast(one: Color, other: Color) -> float:
    def light(color: Color) -> float:
        parts = [part / 255 for part in color.rgb]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


async def test_messages_and_names_can_be_read_in_every_theme(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        log, chats = running.app.screen.query_one(MessageLog), running.app.screen.query_one(ChatList)
        must = [(log, "theirs"), (log, "mine"), (chats, "name"), (chats, "unread")]
        should = [(log, "name"), (log, "dim"), (log, "unread"), (log, "failed"), (log, "read")]
        should += [(chats, "doubt"), (chats, "text"), (chats, "badge"), (chats, "request")]
        for theme in OFFERED:
            running.app.theme = theme
            await running.settle()
            for pairs, least in ((must, 4.5), (should, LEAST)):
                for widget, name in pairs:
                    prefix = "log" if widget is log else "chats"
                    style = widget.get_visual_style(f"{prefix}--{name}")
                    ground = style.background if style.background.a else widget.background_colors[1]
                    found = contrast(ground + style.foreground, ground)
                    assert found >= least, (theme, name, round(found, 2))

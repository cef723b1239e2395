"""Every theme on offer can be read, and another one, or other signs, hold at once."""

from collections.abc import Iterator

from textual.color import Color
from textual.css.query import NoMatches
from textual.visual import Style
from textual.widget import Widget

from letterlock_client.ui.doors import Tastes
from letterlock_client.ui.icons import ASCII, UNICODE
from letterlock_client.ui.themes import CONTRAST_DARK, CONTRAST_LIGHT, OFFERED
from letterlock_client.ui.widgets.tick_box import TickBox
from tests.client.ui.conftest import Open, Running
from tests.client.ui.fake_messenger import lively
from tests.client.ui.kinds import kinds

MUST, SHOULD, STRONG = 4.5, 3.0, 7.0
"""Contrast after WCAG 2.2: of text that must be read (1.4.3), of text that is large or bold or beside words that
say the same (1.4.11), and of any text where somebody asked for the strongest (1.4.6)."""

READ = {
    "MessageLog": ("log--theirs", "log--mine"),
    "ChatList": ("chats--name", "chats--unread"),
    "ChatHeader": ("header--name",),
    "StatusBar": (),
    "Composer": (),
    "Offers": ("offers--chosen",),
    ".dialog--text": (),
    ".page--title": (),
    "Input": (),
    "OptionList": ("option-list--option", "option-list--option-highlighted"),
    "TickBox": ("toggle--label", "toggle--button"),
}
BESIDE = {
    "MessageLog": ("log--name", "log--dim", "log--unread", "log--failed", "log--read", "log--cursor"),
    "ChatList": (
        "chats--doubt",
        "chats--text",
        "chats--badge",
        "chats--request",
        "chats--time",
        "chats--online",
    ),
    "ChatHeader": ("header--verified", "header--doubt", "header--online", "header--dim"),
    "Composer": ("text-area--placeholder",),
    "Offers": ("offers--words",),
    ".dialog--title": (),
    ".dialog--hint": (),
    ".dialog--later": (),
    ".dialog--problem": (),
}
"""What is drawn with, by widget; an empty tuple is the widget's own text."""


def contrast(one: Color, other: Color) -> float:
    def light(color: Color) -> float:
        parts = [part / 255 for part in color.rgb]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def drawn(running: Running, wanted: dict[str, tuple[str, ...]]) -> Iterator[tuple[str, float]]:
    """Name and contrast of everything wanted that is on the screen now."""
    for selector, names in wanted.items():
        try:
            widget = running.app.screen.query(selector).first(Widget)
        except NoMatches:
            continue
        styles = [(name, widget.get_visual_style(name)) for name in names] or [("", widget.visual_style)]
        for name, style in styles:
            yield f"{selector} {name}", _contrast_of(widget, style)


def _contrast_of(widget: Widget, style: Style) -> float:
    behind = widget.background_colors[1]
    ground = behind + style.background if style.background is not None else behind
    ink = style.foreground if style.foreground is not None else widget.colors[3]
    return contrast(ground + ink, ground)


async def test_everything_can_be_read_in_every_theme(client: Open) -> None:
    fake, _ = kinds()
    async with client(fake, (90, 30)) as running:
        seen: set[str] = set()
        for keys in ("enter / t", "escape escape f2 n o t enter", "escape escape f3"):
            await running.press(*keys.split())
            before = running.app.theme
            for theme in OFFERED:
                running.app.theme = theme
                await running.settle()
                strong = theme in (CONTRAST_DARK, CONTRAST_LIGHT)
                for wanted, least in ((READ, MUST), (BESIDE, SHOULD)):
                    for name, found in drawn(running, wanted):
                        seen.add(name.split()[0])
                        assert found >= (STRONG if strong else least), (theme, name, round(found, 2))
            running.app.theme = before
        assert seen == {*READ, *BESIDE}, "each of them was on a screen"


async def test_a_theme_is_chosen_by_its_name(client: Open) -> None:
    async with client(lively()) as running:
        await running.press("enter")
        await running.type("/theme contrast-d")
        await running.press("tab", "enter")
        assert running.app.theme == CONTRAST_DARK
        await running.type("/theme pink")
        await running.press("enter")
        assert running.app.theme == CONTRAST_DARK
        assert "here are these themes" in running.text()


async def test_nothing_is_animated_where_that_is_wanted_and_it_is_kept(client: Open) -> None:
    kept: list[bool] = []
    tastes = Tastes(reduced_motion=True, save_reduced_motion=kept.append)
    async with client(lively(), tastes=tastes) as running:
        assert running.app.animation_level == "none"
        await running.press("f2", *"animation", "enter")
        running.app.screen.query_one("#still", TickBox).value = False
        await running.settle()
        assert running.app.animation_level == "full"
        assert kept == [False]


async def test_signs_become_ascii_at_once_and_back(client: Open) -> None:
    special = set("".join(UNICODE.__getattribute__(name) for name in UNICODE.__slots__)) - set(
        "".join(ASCII.__getattribute__(name) for name in ASCII.__slots__)
    )
    # The toolkit draws boxes and scroll bars, and these two stand in words as well.
    special -= set("─│…·▌▐━read" + UNICODE.bars)
    async with client(lively(), (110, 40)) as running:
        await running.press("enter")
        plain = running.text()
        assert special & set(plain)
        await running.press("f2", *"ascii", "enter")
        running.app.screen.query_one(TickBox).value = True
        await running.settle()
        await running.press("escape", "escape")
        assert not special & set(running.text())
        assert ASCII.online in running.text()
        await running.press("f2", *"ascii", "enter")
        running.app.screen.query_one(TickBox).value = False
        await running.settle()
        await running.press("escape", "escape")
        assert running.text() == plain

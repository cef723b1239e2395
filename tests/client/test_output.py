"""What commands print keeps its lines apart, whatever a peer calls a file and whoever reads the result."""

import re
import sys
from pathlib import Path

import pytest

from letterlock_client.errors import Code
from letterlock_client.models import Delivery
from letterlock_client.output import Output
from letterlock_client.shapes import message_line, span
from tests.client.ui.fake_messenger import FakeMessenger

README = Path(__file__).parents[2] / "client/README.md"


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(30, "30s"), (90, "90s"), (300, "5m"), (28_800, "8h"), (172_800, "2d"), (604_800, "1w")],
)
def test_a_timer_is_said_as_it_is_typed(seconds: int, words: str) -> None:
    assert span(seconds) == words


@pytest.mark.parametrize("ending", ["result", "error"])
def test_progress_leaves_the_line_to_what_comes_next(
    ending: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    output = Output(as_json=False)
    output.progress({}, "5 of 10 bytes")
    if ending == "result":
        output.result({}, "done")
    else:
        output.error("failed", "no")
    shown = capsys.readouterr().err
    assert shown.startswith("5 of 10 bytes\r\x1b[K")


def test_the_readme_lists_every_error_code_once() -> None:
    listed = re.findall(
        r"^\| `([a-z_]+)` \| [A-Z]", README.read_text().split("### Error codes")[1], re.MULTILINE
    )
    assert listed == [code.value for code in Code]


async def test_a_line_for_people_says_what_was_not_sent_and_stays_one_line() -> None:
    fake = FakeMessenger()
    bob = fake.person("bob")
    message = fake.put(bob, "hi", mine=True, delivery=Delivery.FAILED, failure="no\x1b[2J\nroom")
    line = message_line(message, await fake.conversation(bob), "alice")
    assert "alice: hi (not sent: no" in line
    assert line.isprintable()

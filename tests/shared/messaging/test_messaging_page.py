"""The messaging page and the code give the same limits."""

import re
from pathlib import Path

from letterlock.messaging import chain, double_ratchet, prekeys, session, session_state

PAGE = (Path(__file__).parents[3] / "shared" / "spec" / "messaging.md").read_text()


def test_the_page_and_the_limits_agree() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \| (\d+) \|", PAGE, re.MULTILINE)
    assert len(rows) == 14
    for name, value in rows:
        homes = [
            one for one in (chain, double_ratchet, prekeys, session, session_state) if hasattr(one, name)
        ]
        assert homes, name
        assert {getattr(one, name) for one in homes} == {int(value)}, name

"""The middle of the stage: frames stand on their owner's side, in bounded memory, and say only what holds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from letterlock.ids import AccountId, account_text
from letterlock_client.workshop.relay_view import KEPT, RelayLog
from letterlock_client.workshop.relay_words import known_of, unknown_of
from letterlock_client.workshop.watch_lines import Dropped, SeenFrame, Unreadable
from tests.client.workshop.conftest import Show
from tests.client.workshop.extras import ALICE, BOB, Extras

NAMES = {account_text(ALICE): "Alice", account_text(BOB): "Bob"}


def frame(
    kind: str, who: AccountId | None, *, inward: bool = True, to: AccountId | None = None, sealed: bytes = b""
) -> SeenFrame:
    return SeenFrame(
        1_795_443_000_000,
        inward,
        kind,
        len(sealed) + 71,
        account_text(who) if who else "",
        account_text(to) if to else "",
        sealed[:64].hex(),
        len(sealed),
    )


SUBMIT = frame("Submit", ALICE, to=BOB, sealed=bytes(range(256)) * 4)
DELIVER = frame("Deliver", BOB, inward=False, to=BOB, sealed=bytes(range(256)) * 4)


async def test_each_person_s_frames_stand_on_their_side_with_arrows_that_point_their_way(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        extras.relay.tell(SUBMIT, frame("Accepted", ALICE, inward=False), DELIVER, frame("Acknowledge", BOB))
        await shown.settle()
        log = shown.stage.relay.log_view
        lines = [log.render_line(y).text.rstrip() for y in range(log.size.height)]
        assert any(line.startswith("→ Submit") for line in lines)
        assert any(line.startswith("← Accepted") for line in lines)
        assert any(line.endswith("Deliver →") for line in lines)
        assert any(line.endswith("Acknowledge ←") for line in lines)
        assert "0001 0203 0405" in shown.text()
        assert "knows: from Alice, for Bob" in shown.text()
        assert "cannot know: what it is, what it says" in shown.text()


def test_a_delivery_is_said_to_be_kept_without_a_sender_and_a_submission_to_come_from_somebody() -> None:
    assert known_of(SUBMIT, NAMES) == "from Alice, for Bob"
    assert "Alice" not in known_of(DELIVER, NAMES)
    assert unknown_of(frame("LogIn", ALICE)) == ""


async def test_what_no_relay_says_and_what_was_dropped_is_told(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        extras.relay.tell(Unreadable(), Dropped(12))
        await shown.settle()
        assert "a line that no relay says" in shown.text()
        assert "12 more that were not shown" in shown.text()


async def test_a_million_frames_take_bounded_memory_and_the_newest_is_on_the_screen(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        log = shown.stage.relay.log_view
        for _ in range(20):
            log.add([SUBMIT] * 700)
            assert len(log._entries) <= KEPT
        log.add([frame("Notice", ALICE, inward=False)])
        await shown.settle()
        assert len(log.index) == len(log._entries)
        assert "Notice" in shown.text()


async def test_who_asks_who_is_there_is_counted_in_one_line_and_messages_stay_in_sight(show: Show) -> None:
    extras = Extras()
    asking = [frame("AskPresence", ALICE), frame("PresenceIs", ALICE, inward=False)]
    async with show(extras) as shown:
        log = shown.stage.relay.log_view
        extras.relay.tell(SUBMIT)
        for _ in range(100):
            extras.relay.tell(*asking)
            extras.relay.tell(frame("AskPresence", BOB), frame("PresenceIs", BOB, inward=False))
            await shown.settle()
        assert "asked 200 times who is there, " in shown.text()
        assert "Submit" in shown.text()
        assert "Presence" not in shown.text()
        # All that passed is counted above.
        assert "401 frames" in shown.text()
        assert len(log.index) == len(log._entries) == 3
        extras.relay.tell(DELIVER, *asking)
        await shown.settle()
        assert "asked 200 times" in shown.text()
        assert "asked 1 time who is there" in shown.text()
        # Also where there are so many entries that the oldest go.
        log.add([SUBMIT, *asking] * KEPT)
        log.add(asking)
        await shown.settle()
        assert len(log.index) == len(log._entries) <= KEPT
        assert "asked 2 times who is there" in shown.text()


async def test_frames_that_come_while_the_view_is_hidden_are_there_when_it_is_shown(show: Show) -> None:
    extras = Extras()
    async with show(extras, (60, 24)) as shown:
        extras.relay.tell(SUBMIT, DELIVER)
        await shown.settle()
        assert "Submit" not in shown.text()
        await shown.press("f6")
        assert "Submit" in shown.text()
        assert "Deliver" in shown.text()


async def test_a_reader_who_scrolled_up_is_left_where_they_are(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        log = shown.stage.relay.log_view
        log.add([SUBMIT] * 50)
        await shown.press("f6", "pageup", "pageup")
        before = shown.text()
        log.add([DELIVER] * 5)
        await shown.settle()
        assert [line for line in before.splitlines() if "Submit" in line][:3] == [
            line for line in shown.text().splitlines() if "Submit" in line
        ][:3]
        await shown.press("end")
        assert "Deliver" in shown.text()


@settings(max_examples=60, deadline=None)
@given(st.integers(8, 90), st.from_regex(r"\A[A-Z][A-Za-z]{0,31}\Z"), st.booleans(), st.binary(max_size=64))
def test_every_line_of_every_frame_fits_its_width(width: int, kind: str, inward: bool, sealed: bytes) -> None:
    log = RelayLog(NAMES, account_text(BOB))
    for who in (ALICE, BOB, None):
        for line in log._lines(frame(kind, who, inward=inward, to=BOB, sealed=sealed), width)[1:]:
            assert sum(len(text) for _, text in line) <= max(width, 10)

"""X-ray shows what a message is made of, follows the conversation, and says what each party saw."""

from letterlock_client.models import Delivery, Inspection, MessageKind
from letterlock_client.ui.xray_wording import hex_rows, layers, parties
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import FakeMessenger, chat_id, lively

BOB = chat_id("bob")


async def test_it_shows_the_newest_message_and_follows_what_comes(client: Open) -> None:
    fake = lively()
    async with client(fake, (160, 40)) as running:
        await running.press("enter", "f12")
        text = running.text()
        for part in ("X-ray", "Ratchet message", "Envelope", "What each party saw", "the relay:"):
            assert part in text
        fake.receive(BOB, "look at this one")
        await running.settle()
        assert running.text().count("look at this one") >= 2
        await running.press("f12")
        assert "What each party saw" not in running.text()


async def test_it_follows_the_cursor_and_fits_a_narrow_screen(client: Open) -> None:
    fake = lively()
    first = fake.put(BOB, "an earlier one", mine=True)
    fake.put(BOB, "the newest one")
    async with client(fake, (60, 30)) as running:
        await running.press("enter", "f12", "escape", "up")
        cursor = running.view.log_view.message_at_cursor()
        assert cursor is not None
        assert cursor.id == first.id
        assert "an earlier one" in running.text().split("X-ray")[1]


async def test_it_leaves_a_chat_room_enough_to_be_read_and_gives_it_back(client: Open) -> None:
    async with client(lively(), (100, 30)) as running:
        await running.press("enter", "f12")
        assert running.view.size.width >= 50
        assert not running.pane.chat_list.region.width
        await running.press("alt+left")
        assert running.app.screen.focused is running.pane.chat_list
        assert running.pane.chat_list.region.width
        await running.press("f12")
        assert running.view.region.width
        assert running.pane.chat_list.region.width
        await running.press("f12")
        assert running.app.screen.focused is running.pane.chat_list
        assert running.pane.chat_list.region.width, "where the keys go stays on the screen"


async def test_it_is_scrolled_by_keys(client: Open) -> None:
    async with client(lively(), (60, 24)) as running:
        await running.press("enter", "f12")
        assert "What each party saw" not in running.text()
        await running.press("tab")
        assert f"{running.pane.around.icons.cursor} X-ray" in running.text()
        await running.press("end")
        assert "What each party saw" in running.text()
        await running.press("escape")
        assert running.app.screen.focused is running.view.composer
        assert f"{running.pane.around.icons.cursor} X-ray" not in running.text()


def known(fake: FakeMessenger, **changes: object) -> Inspection:
    message = fake.put(BOB, "x")
    values: dict[str, object] = {
        "message": message.id, "mine": True, "text_bytes": 1, "padded_bytes": 160, "sealed_bytes": 250,
        "envelope_bytes": 600, "devices": 1, "ratchet_step": 3, "chain_index": 4, "first_contact": True,
        "last_resort": False, "sealed_start": bytes(range(24)), "envelope_start": b"\xff" * 24,
    }  # fmt: skip
    return Inspection(**(values | changes))  # type: ignore[arg-type]


def test_the_layers_go_from_the_words_to_the_envelope() -> None:
    fake = lively()
    message = fake.put(BOB, "hi", mine=True)
    found = list(layers(message, known(fake)))
    assert [one.title for one in found] == ["Words", "Padded", "Ratchet message", "Handshake", "Envelope"]
    assert found[0].shown == ("You: hi", "68 69 …")
    assert "step 3, message 4" in found[2].how
    assert found[4].shown[0] == "ff ff ff ff ff ff ff ff"
    assert [one.title for one in layers(message, None)] == ["Words"]


def test_nothing_of_a_hidden_text_is_shown_as_bytes() -> None:
    fake = lively()
    for changes in ({"deleted": True}, {"view_once": True}):
        message = fake.put(BOB, "the secret", **changes)
        inside = next(iter(layers(message, None)))
        assert "secret" not in " ".join(inside.shown)
        assert not any("73 65" in row for row in inside.shown)


def test_what_each_party_saw_follows_the_delivery() -> None:
    fake = lively()
    chat = fake._chats[BOB]
    message = fake.put(BOB, "hi", mine=True, delivery=Delivery.WAITING)
    assert dict(parties(message, chat, "alice", None))["the relay"] == "nothing yet"
    message = fake.put(BOB, "hi", mine=True, delivery=Delivery.ACCEPTED)
    seen = dict(parties(message, chat, "alice", known(fake)))
    assert seen["bob"].startswith("not yet")
    assert seen["the relay"].startswith("600 B for a device of bob")
    message = fake.put(BOB, "hi", mine=True, delivery=Delivery.READ)
    assert dict(parties(message, chat, "alice", None))["bob"] == "all of it"
    note = fake.put(BOB, "timer", kind=MessageKind.NOTE)
    assert len(parties(note, chat, "alice", None)) == 1


def test_bytes_are_shown_in_rows_of_eight() -> None:
    assert hex_rows(b"") == ()
    assert hex_rows(bytes(10)) == ("00 00 00 00 00 00 00 00", "00 00 …")


async def test_the_bytes_of_a_changed_message_are_those_that_travelled_with_what_is_told(
    client: Open,
) -> None:
    fake = lively()
    fake.put(BOB, "the text of now", mine=True, edits=1)
    async with client(fake, (160, 40)) as running:
        await running.press("enter", "f12")
        (first,) = await fake.edits(running.view.log_view.window.newest(bool).id)  # type: ignore[union-attr]
        shown = running.text()
        assert f"Words  {len(first)} B" in shown
        assert "what the two of you read first" in shown
        assert hex_rows(first.encode()[:8])[0].removesuffix(" …") in shown

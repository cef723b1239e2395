"""The stage: who is where, what to do next, and the relay's life, in wide and in narrow terminals."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from textual.widgets import Button, Static

from letterlock_client.backup_models import RealmState
from letterlock_client.errors import ClientError, Code
from letterlock_client.models import Delivery, Standing
from letterlock_client.ui.widgets.composer import Composer
from letterlock_client.workshop.acts import Fact
from letterlock_client.workshop.keepers import SeenObject, SeenRealm, Sight
from letterlock_client.workshop.stage import StageApp
from tests.client.workshop.conftest import Show
from tests.client.workshop.extras import ALICE, BOB, Extras
from tests.client.workshop.test_relay_view import DELIVER, SUBMIT, frame

Picture = Callable[[StageApp, str], None]


async def test_a_newcomer_can_type_at_once_as_alice(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        assert "type a message to Bob" in shown.text()
        await shown.type("hi bob")
        await shown.press("enter")
        assert extras.alice.asked("send_text") == [(extras.to_bob, "hi bob", None)]
        assert "✓ 1 Alice writes first" in shown.text()


async def test_a_request_shows_at_bob_and_leaves_the_keys_where_they_are(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        await shown.type("on")
        extras.alice_is_unknown_to_bob()
        extras.bob.receive(extras.to_alice, "secret")
        await shown.settle()
        await shown.type("e")
        assert "alice wrote first" in " ".join(shown.text().split())
        assert "new below" not in shown.text(), "nothing of a request can be read or scrolled to"
        focused = shown.stage.focused
        assert isinstance(focused, Composer)
        assert focused.text == "one"
        assert shown.stage.here == "alice"


async def test_tab_and_enter_are_all_it_takes_for_bob_to_accept(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        await extras.alice.send_text(extras.to_bob, "hi")
        extras.alice_is_unknown_to_bob()
        extras.bob.receive(extras.to_alice, "hi")
        await shown.settle()
        assert "❯ 2 Bob accepts" in shown.text()
        await shown.press("tab", "tab")
        assert isinstance(shown.stage.focused, Button)
        await shown.press("enter")
        assert extras.bob.asked("accept") == [(extras.to_alice,)]
        assert "❯ 3 Bob answers" in shown.text()
        assert isinstance(shown.stage.focused, Composer)
        assert shown.stage.here == "bob"


async def test_tab_goes_round_all_parties_and_keys_go_straight_there(show: Show) -> None:
    extras = Extras()
    extras.they_know_each_other()
    async with show(extras) as shown:
        seen = []
        for key in ("tab", "tab", "tab", "f7", "f6", "f5"):
            await shown.press(key)
            seen.append(shown.stage.here)
        assert seen[:2] == ["relay", "bob"]
        assert seen[-3:] == ["bob", "relay", "alice"]


@pytest.mark.parametrize("size", [(160, 45), (100, 30), (60, 24)])
async def test_who_has_the_keys_is_said_by_a_sign_and_words(show: Show, size: tuple[int, int]) -> None:
    extras = Extras()
    async with show(extras, size) as shown:
        assert "❯ Alice" in shown.text()
        assert "you are here" in shown.text()
        await shown.press("f6")
        assert "❯ What the relay sees" in shown.text()
        await shown.press("f7")
        assert "❯ Bob" in shown.text()
        assert shown.text().count("you are here") == 1


async def test_in_a_narrow_terminal_the_relay_stays_beside_the_person_and_news_are_counted(
    show: Show,
) -> None:
    extras = Extras()
    extras.they_know_each_other()
    async with show(extras, (100, 30)) as shown:
        extras.bob.receive(extras.to_alice, "hi")
        extras.relay.tell(SUBMIT, DELIVER)
        await shown.settle()
        assert "f7 Bob (1 new)" in shown.text()
        assert "Submit" in shown.text()
        await shown.press("f7")
        assert "Submit" in shown.text()
        assert "f7 Bob (" not in shown.text()
        assert shown.stage.bob.display
        assert not shown.stage.alice.size


async def test_the_relay_dies_and_lives_by_a_key_and_writing_goes_on(show: Show) -> None:
    extras = Extras()
    extras.they_know_each_other()
    async with show(extras) as shown:
        await shown.press("f8")
        assert not extras.relay.running
        assert "✗ dead" in shown.text()
        assert "killed: SIGKILL" in shown.text()
        assert "start the relay" in shown.text()
        await shown.type("still here")
        await shown.press("enter", "f8")
        assert extras.relay.running
        assert "● running" in shown.text()
        assert "started again" in shown.text()
        assert len(extras.alice.asked("send_text")) == 1


async def test_k_and_q_work_where_nobody_types(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        await shown.type("kq")
        assert extras.relay.running
        await shown.press("f6", "k")
        assert not extras.relay.running
        await shown.press("q")
    assert shown.app.return_code == 0


async def test_a_relay_that_does_not_start_is_told_in_a_sentence(show: Show) -> None:
    extras = Extras()
    extras.relay.broken = "The relay could not be started: its port is taken \x1b[2J."
    async with show(extras) as shown:
        await shown.press("f8", "f8")
        assert "its port is taken" in shown.text()
        assert not extras.relay.running


async def test_the_whole_story_can_be_played_with_one_key(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        await shown.press("f9")
        assert len(extras.alice.asked("send_text")) == 1
        extras.alice_is_unknown_to_bob()
        extras.bob.receive(extras.to_alice, "hello")
        await shown.settle()
        await shown.press("f9")
        assert extras.bob.asked("accept") == [(extras.to_alice,)]
        for asked in ("send_text", "find"):
            extras.bob.calls = [call for call in extras.bob.calls if call[0] != asked]
        await shown.press("f9")
        assert len(extras.bob.asked("send_text")) == 1
        await shown.press("f9")
        assert not extras.relay.running
        await shown.press("f9")
        assert len(extras.alice.asked("send_text")) == 2
        waiting = (await extras.alice.history(extras.to_bob, 1))[0]
        await shown.press("f9")
        assert extras.relay.running
        extras.alice.change(waiting.id, delivery=Delivery.ACCEPTED)
        await shown.settle()
        assert "❯ 5 they compare" in shown.text()
        await shown.press("f9")
        assert "Compare these numbers" in " ".join(shown.text().split())
        await shown.press("f9")
        assert "❯ 6 Bob backs up" in shown.text()
        await shown.press("f9")
        assert "Compare these numbers" not in " ".join(shown.text().split())


async def test_a_narrow_stage_names_the_key_that_plays_and_a_click_on_it_plays(show: Show) -> None:
    extras = Extras()
    async with show(extras, (60, 30)) as shown:
        rows = shown.text().splitlines()
        row = next(number for number, line in enumerate(rows) if "f9 do it" in line)
        await shown.pilot.click(offset=(rows[row].index("do it"), row))
        await shown.settle()
        assert len(extras.alice.asked("send_text")) == 1


@pytest.mark.parametrize("runs", [True, False])
async def test_the_smallest_stage_names_every_key_that_nothing_else_stands_for(
    show: Show, runs: bool
) -> None:
    extras = Extras()
    async with show(extras, (60, 24)) as shown:
        if not runs:
            await shown.press("f8")
        kill = "kill" if runs else "start"
        last = shown.text().rstrip().splitlines()[-1].strip()
        assert last == f"f8 {kill} the relay   f9 do it   f10 vault   ctrl+q leave"
        await shown.press("f6", "f10")
        assert "f10 relay" in shown.text().rstrip().splitlines()[-1]


async def test_a_narrow_stage_shows_the_vault_where_something_happens_behind_the_scenes(show: Show) -> None:
    extras = Extras()
    async with show(extras, (60, 30)) as shown:
        played: list[Fact] = []

        async def play_behind(fact: Fact) -> None:
            played.append(fact)

        shown.stage._prompter.play_behind = play_behind  # type: ignore[method-assign]
        for fact in list(Fact)[: list(Fact).index(Fact.BACKED_UP)]:
            shown.stage.bill = shown.stage.bill.happened(fact)
        assert "f6 the relay" in shown.text()
        await shown.press("f9")
        assert played == [Fact.BACKED_UP]
        assert shown.stage.here == "relay"
        assert "f6 the vault" in shown.text()
        assert "What the provider and the vault have" in shown.text()


@pytest.mark.parametrize("size", [(100, 30), (60, 24)])
async def test_what_an_act_came_to_stands_where_a_low_terminal_shows_it(
    show: Show, size: tuple[int, int]
) -> None:
    extras = Extras()
    async with show(extras, size) as shown:
        await shown.press("f6", "f10")
        shown.stage.vault.show(replace(SIGHT, objects=SIGHT.objects * 4))
        await shown.settle()
        text = shown.text()
        assert text.index("Bob's terminal is gone, with every") < text.index("The provider has 8")
        assert "Before that" not in text, "the terminal is not low"


async def test_the_sentence_in_the_place_of_a_lost_terminal_is_whole_in_a_narrow_one(show: Show) -> None:
    extras = Extras()
    async with show(extras, (100, 30)) as shown:
        await shown.press("f7")
        await shown.stage._take_bob_away()
        await shown.settle()
        sentence = shown.stage.query_one("#bob Static", Static)
        lines = [sentence.render_line(row).text.strip() for row in range(sentence.size.height)]
        assert " ".join(lines) == "Bob's terminal is gone, and every key that was on it."
        assert sentence.outer_size.width <= shown.stage.query_one("#bob").size.width, "cut by the frame"


async def test_the_key_that_plays_says_what_it_waits_for_where_a_dialog_is_in_its_way(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        await shown.press("f1")
        await shown.press("f9")
        assert "Close this first: escape." in shown.text()
        assert not extras.alice.asked("send_text")
        await shown.press("escape", "f9")
        assert len(extras.alice.asked("send_text")) == 1


async def test_the_key_that_plays_is_named_only_where_it_does_something(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        assert "f9 do it for me" in shown.text()
        for fact in Fact:
            shown.stage.bill = shown.stage.bill.happened(fact)
        shown.stage._redraw()
        await shown.settle()
        assert "That was the story" in shown.text()
        assert "f9 do it for me" not in shown.text()
        # A relay that is dead it starts again, also after the story.
        await shown.press("f8")
        assert "f9 do it for me" in shown.text()
        await shown.press("f9")
        assert extras.relay.running
        assert "f9 do it for me" not in shown.text()


async def test_a_step_that_cannot_be_done_says_why(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        extras.alice.failures["send_text"] = ClientError(Code.OFFLINE, "the relay cannot be reached")
        await shown.press("f9")
        assert "the relay cannot be reached" in shown.text()
        assert "❯ 1 Alice writes first" in shown.text()


async def test_ctrl_c_copies_a_selection_and_leaves_without_one(show: Show) -> None:
    extras = Extras()
    async with show(extras) as shown:
        await shown.type("copy me")
        focused = shown.stage.focused
        assert isinstance(focused, Composer)
        focused.select_all()
        await shown.press("ctrl+c")
        assert shown.app.clipboard == "copy me"
        focused.move_cursor((0, 0))
        await shown.press("ctrl+c")
    assert shown.app.return_code == 0


@pytest.mark.parametrize("size", [(160, 40), (100, 30), (60, 24)])
async def test_the_stage_looks_as_it_did(show: Show, picture: Picture, size: tuple[int, int]) -> None:
    extras = Extras()
    async with show(extras, size) as shown:
        await extras.alice.send_text(extras.to_bob, "Hello Bob! Can the relay read this?")
        extras.relay.tell(
            frame("LogIn", ALICE),
            SUBMIT,
            frame("Accepted", ALICE, inward=False),
            DELIVER,
            frame("Acknowledge", BOB),
        )
        extras.alice_is_unknown_to_bob()
        extras.bob.change_chat(extras.to_alice, standing=Standing.REQUESTED)
        extras.bob.receive(extras.to_alice, "Hello Bob! Can the relay read this?")
        await shown.settle()
        picture(shown.app, f"stage_{size[0]}")


SIGHT = Sight(
    (
        SeenObject("manifest/00000000000002-91b2c3d4e5f60718", 588, "4c4c4201e0a1" * 4),
        SeenObject("segment/0123456789abcdef0123456789abcdef", 4112, "9f8e7d6c5b4a" * 4),
    ),
    (
        SeenRealm("north", RealmState.READY, 3, 1, 165_000),
        SeenRealm("east", RealmState.DESTROYED, 0, 0, 78_000),
        SeenRealm("south", RealmState.UNREACHABLE, -1, -1, 57_000),
    ),
    ("generation 1: 5 messages, 205,436 bytes written", "Bob's terminal is gone, with every key on it"),
)


@pytest.mark.parametrize("size", [(160, 40), (60, 30)])
async def test_behind_the_scenes_stand_provider_and_vault(
    show: Show, picture: Picture, size: tuple[int, int]
) -> None:
    extras = Extras()
    extras.they_know_each_other()
    async with show(extras, size) as shown:
        await shown.press("f6", "f10")
        shown.stage.vault.show(SIGHT)
        await shown.settle()
        text = shown.text()
        assert "guesses left: 3 by sheet, 1 by handle" in text
        assert "The vault gives no key back any more" in text
        assert "two of three" not in text
        assert "What the relay sees" not in text
        picture(shown.app, f"stage_behind_{size[0]}")
        _, east, south = SIGHT.realms
        east = replace(east, state=RealmState.READY)
        shown.stage.vault.show(replace(SIGHT, realms=(SIGHT.realms[0], east, south)))
        await shown.settle()
        assert "The vault: two of three give a key back" in shown.text()
        assert "dead: two of three are enough" in shown.text()
        await shown.press("f10")
        assert "What the relay sees" in shown.text()
        assert shown.stage.here == "relay"

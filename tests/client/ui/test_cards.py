"""A contact card is drawn as one, opens a chat by enter, and is made by choosing somebody."""

import pytest

from letterlock.devices.invite import Invite, invite_link
from letterlock.ids import AccountId, account_text
from letterlock_client.ui.screens.switch import SwitchScreen
from tests.client.ui.conftest import Open
from tests.client.ui.fake_messenger import account, chat_id, lively

BOB = chat_id("bob")
CARD = invite_link(Invite(account=account("carol"), handle="carol", relay="relay.example"))


async def test_a_card_shows_whom_it_names_and_enter_opens_their_chat(client: Open) -> None:
    fake = lively()
    fake.put(BOB, CARD)
    async with client(fake) as running:
        await running.press("enter")
        text = running.text()
        assert "contact · carol" in text
        assert "enter writes to them" in text
        assert "letterlock:add" not in text
        assert "contact: carol" in text
        fake.cards[chat_id("carol")] = CARD
        await running.press("escape", "G", "enter")
        assert fake.asked("find")[-1] == (CARD,)
        assert running.view.id_of_chat == chat_id("carol")


@pytest.mark.parametrize(("columns", "groups"), [(100, 8), (60, 8), (40, 4), (30, 2)])
async def test_a_card_shows_the_whole_account_to_compare(client: Open, columns: int, groups: int) -> None:
    whose = AccountId(bytes(range(3, 23)))
    fake = lively()
    fake.put(BOB, invite_link(Invite(account=whose, handle="carol", relay="relay.example")))
    async with client(fake, (columns, 30)) as running:
        await running.press("enter")
        text = account_text(whose)
        fours = [text[at : at + 4] for at in range(0, 32, 4)]
        lines = [" ".join(fours[at : at + groups]) for at in range(0, 8, groups)]
        screen = running.text().splitlines()
        places = [next(row for row, line in enumerate(screen) if each in line) for each in lines]
        assert places == list(range(places[0], places[0] + len(lines)))
        assert "carol" in screen[places[0] - 1]


@pytest.mark.parametrize(
    "text",
    [CARD + " hello", CARD.replace("carol", "\x1b[31m"), "letterlock:add?id=x", CARD.replace("&", "&amp;")],
)
async def test_what_only_looks_like_a_card_is_a_text(client: Open, text: str) -> None:
    fake = lively()
    fake.put(BOB, text)
    async with client(fake, (160, 40)) as running:
        await running.press("enter")
        assert "contact ·" not in running.text()
        assert "letterlock:add?id" in running.text()


async def test_somebody_is_chosen_and_their_card_is_sent(client: Open) -> None:
    fake = lively()
    async with client(fake) as running:
        await running.press("enter")
        await running.type("/share")
        await running.press("enter")
        assert isinstance(running.app.screen, SwitchScreen)
        await running.type("carol")
        await running.press("enter")
        assert fake.asked("card") == [(chat_id("carol"),)]
        ((chat, text, _),) = fake.asked("send_text")
        assert (chat, text) == (BOB, "letterlock:card")

"""A contact that is shared leads to that very account, or nowhere."""

import pytest

from letterlock.devices.invite import invite_link, parse_invite
from letterlock_client.errors import ClientError
from tests.town import Pair


async def test_a_shared_contact_leads_to_the_same_account(pair: Pair) -> None:
    carol = await pair.town.register("carol")
    await pair.alice.send_text(pair.to_bob, await pair.alice.card(await pair.alice.find("carol")))
    await pair.settle()
    (got,) = await pair.bob.history(pair.to_alice, 1)
    assert parse_invite(got.text).account == carol.profile.account
    chat = await pair.bob.conversation(await pair.bob.find(got.text))
    assert (chat.contact.account, chat.contact.handle) == (carol.profile.account, "carol")


async def test_a_card_whose_handle_leads_to_another_account_is_refused(pair: Pair) -> None:
    """Whoever makes a card can put a known name beside an account of their own."""
    await pair.town.register("carol")
    mallory = await pair.town.register("mallory")
    true = parse_invite(await pair.alice.card(await pair.alice.find("carol")))
    false = type(true)(account=mallory.profile.account, handle=true.handle, relay=true.relay)
    for _ in range(2):
        with pytest.raises(ClientError) as told:
            await pair.bob.find(invite_link(false))
        assert "says carol" in told.value.message
        await pair.bob.find("mallory")
    elsewhere = type(true)(account=true.account, handle=true.handle, relay="other.example")
    with pytest.raises(ClientError) as told:
        await pair.bob.find(invite_link(elsewhere))
    assert "lives at other.example" in told.value.message

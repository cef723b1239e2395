"""What a client promises a realm that is asked too fast: to wait as long as it says, or to say so and ask no more."""

import pytest

from letterlock.wire import vault_refusals as refusals
from letterlock.wire.frames import Frame
from letterlock.wire.vault_frames import PutAnchor, Receipt, Refused
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.vault import keeping, registering
from letterlock_server.limits import Rule
from letterlock_server.vault.policy import Policy
from tests.client.flows.vault.vaults import Town, town_of
from tests.shared.vault.realms import CHEAP, LOCATOR, R, owner

SECONDS = 10
"""A pace that a client waits out."""
PASSWORD = "correct horse battery"


def policy(at_once: int, seconds: int) -> Policy:
    return Policy(guesses=10, back_off=(0,), additions=Rule(at_once, seconds * 1000))


async def _register(town: Town, epoch: int = 1) -> None:
    async with town.opened() as vault:
        await registering.register(
            vault, owner(), R, PASSWORD, epoch=epoch, locator=LOCATOR, stretching=CHEAP
        )


async def _anchor(town: Town, generation: int) -> tuple[str, ...]:
    async with town.opened() as vault:
        return await keeping.anchor(
            vault, owner(), epoch=1, generation=generation, manifest_hash=bytes(31) + bytes([generation])
        )


async def test_a_short_wait_is_waited_out_and_the_request_signed_anew() -> None:
    async with town_of(policy=policy(2, SECONDS)) as town:
        await _register(town)
        assert len(await _anchor(town, 1)) == 3
        assert town.slept == []
        assert len(await _anchor(town, 2)) == 3
        assert town.slept
        assert set(town.slept) <= set(range(1, SECONDS + 1))


async def test_a_long_wait_is_told_and_nobody_is_asked_again_before_it() -> None:
    async with town_of(policy=policy(1, 600)) as town:
        await _register(town)
        town.asked.clear()
        assert await _anchor(town, 1) == ()
        assert [kind for _, kind in town.asked].count(PutAnchor) == 3
        with pytest.raises(ClientError) as caught:
            await _register(town, epoch=2)
        assert caught.value.code is Code.RATE_LIMITED
        assert caught.value.facts["wait_seconds"] == 600
        assert caught.value.message.endswith(": wait 10 minutes, then try again")
        assert town.slept == []
        town.clock.pass_seconds(600)
        assert len(await _anchor(town, 1)) == 3


async def test_a_realm_that_says_wait_for_ever_is_asked_twice_and_no_more() -> None:
    """A realm lies as it likes: it holds nobody up for longer than a client's patience."""
    async with town_of(policy=policy(100, 1)) as town:
        await _register(town)
        town.lies["realm-2"] = _always_too_fast
        assert len(await _anchor(town, 1)) == 2
        assert town.slept == [5]


def _always_too_fast(frame: Frame) -> Frame:
    if not isinstance(frame, Receipt):
        return frame
    return Refused(frame.id, code=refusals.RATE, message="", retry=5, left=0, tombstone=b"")

"""Each answer of a vault is a type of its own, with a public code and a sentence that says what to do."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from letterlock.vault.fleet import Fleet, Realm
from letterlock.vault.realm_secret import RealmSecret
from letterlock.wire import vault_frames
from letterlock.wire import vault_refusals as refusals
from letterlock.wire.vault_frames import Refused
from letterlock_client.errors import ClientError, Code
from letterlock_client.flows.vault import keeping, recovering, registering
from letterlock_client.links import vault_failures as failures
from letterlock_server.vault.policy import Policy
from tests.client.flows.vault.vaults import COMMIT, Town, altered, flip, town_of
from tests.shared.devices.people import ALICE, seed
from tests.shared.vault.realms import CHEAP, LOCATOR, R, owner

PASSWORD, OTHER = "correct horse battery", "another long password"


@pytest.fixture
async def town() -> AsyncIterator[Town]:
    async with town_of(policy=Policy(guesses=4, back_off=(0, 7200))) as made:
        yield made


async def registered(town: Town) -> None:
    async with town.opened() as links:
        await registering.register(links, owner(), R, PASSWORD, epoch=1, locator=LOCATOR, stretching=CHEAP)


async def tried(
    town: Town, password: str = PASSWORD, locator: bytes | None = LOCATOR, fleet: Fleet | None = None
) -> ClientError:
    """What is answered to a password that is tried."""
    async with town.opened(fleet) as links:
        with pytest.raises(ClientError) as told:
            await recovering.recover(links, ALICE.account, password, locator)
    return told.value


async def never_registered(town: Town) -> ClientError:
    return await tried(town, locator=None)


async def deleted(town: Town) -> ClientError:
    await registered(town)
    async with town.opened() as links:
        await keeping.delete(links, owner(), epoch=1)
    return await tried(town, locator=None)


async def used_up(town: Town) -> ClientError:
    await registered(town)
    while (told := await tried(town, OTHER)).code is not Code.VAULT_DESTROYED:
        town.clock.pass_seconds(7200)
    return told


async def closed(town: Town) -> ClientError:
    await registered(town)
    while (told := await tried(town, OTHER, None)).code is Code.WRONG_PASSWORD:
        pass
    return told


async def too_soon(town: Town) -> ClientError:
    await registered(town)
    for _ in range(3):
        await tried(town, OTHER)
    return await tried(town, OTHER)


async def wrong(town: Town) -> ClientError:
    await registered(town)
    return await tried(town, OTHER)


async def away(town: Town) -> ClientError:
    await registered(town)
    town.away |= {"realm-1", "realm-2"}
    return await tried(town)


async def lied(town: Town) -> ClientError:
    await registered(town)
    town.away.add("realm-3")
    town.lies["realm-1"] = altered(vault_frames.GuessAnswer, answer=flip)
    return await tried(town)


async def another_key(town: Town) -> ClientError:
    one, two, three = town.fleet.realms
    strangers = (Realm(each.name, each.url, RealmSecret(seed(each.url)).public) for each in (one, two))
    return await tried(town, locator=None, fleet=Fleet((*strangers, three), 2))


async def unfinished(town: Town) -> ClientError:
    town.cut = dict.fromkeys(("realm-1", "realm-2", "realm-3"), COMMIT)
    await registered(town)
    town.cut = {}
    return await tried(town, locator=None)


@dataclass(frozen=True)
class Answer:
    """How one comes about, and what it is."""

    comes: Callable[[Town], Awaitable[ClientError]]
    kind: type[ClientError]
    code: Code
    advice: str
    facts: tuple[str, ...] = ()


ANSWERS = (
    Answer(
        never_registered, failures.VaultNeverRegistered, Code.VAULT_NEVER_REGISTERED, "use the 64-digit key"
    ),
    Answer(deleted, failures.VaultDestroyed, Code.VAULT_DESTROYED, "only the 64-digit key", ("at", "reason")),
    Answer(used_up, failures.VaultDestroyed, Code.VAULT_DESTROYED, "only the 64-digit key", ("at", "reason")),
    Answer(closed, failures.VaultDoorClosed, Code.VAULT_DOOR_CLOSED, "the one on the recovery sheet"),
    Answer(too_soon, failures.VaultWait, Code.VAULT_WAIT, "in 2 hours: wait", ("wait_seconds",)),
    Answer(
        wrong,
        failures.WrongPassword,
        Code.WRONG_PASSWORD,
        "5 tries are left here; check how it is written",
        ("attempts_left", "wait_seconds"),
    ),
    Answer(away, failures.RealmUnreachable, Code.REALM_UNREACHABLE, "try again later", ("realm",)),
    Answer(lied, failures.RealmLied, Code.REALM_LIED, "tell whoever runs it", ("realm",)),
    Answer(another_key, failures.RealmWrongKey, Code.REALM_WRONG_KEY, "compare the fleet file", ("realm",)),
    Answer(unfinished, failures.VaultUnfinished, Code.VAULT_UNFINISHED, "finish on the device that began"),
)


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.comes.__name__)
async def test_each_answer_is_its_own_and_says_what_to_do(town: Town, answer: Answer) -> None:
    told = await answer.comes(town)
    assert (type(told), told.code) == (answer.kind, answer.code)
    assert answer.advice in told.message
    assert tuple(told.facts) == answer.facts


def test_no_two_answers_share_a_code_or_a_type() -> None:
    kinds = {answer.kind: answer.code for answer in ANSWERS}
    assert len(kinds) == len(set(kinds.values())) == 9


def test_the_last_wrong_password_says_what_else_there_is() -> None:
    assert "the recovery sheet, or the 64-digit key" in failures.WrongPassword(0, 0).message
    assert "1 try is left here" in failures.WrongPassword(1, 0).message


@pytest.mark.parametrize(
    ("code", "public", "advice"),
    [
        (refusals.REVOKED, Code.DEVICE_REVOKED, "restored on another one, which puts this one out"),
        (refusals.VERSION, Code.VERSION, "update Letterlock"),
        (refusals.RATE, Code.RATE_LIMITED, "wait 90 seconds, then try again"),
        (refusals.NOT_NOW, Code.REALM_REFUSED, "try again later"),
        (refusals.WAIT, Code.VAULT_WAIT, "in 90 seconds: wait"),
        (refusals.STALE, Code.REALM_REFUSED, "north refused: its own words"),
    ],
)
def test_what_one_realm_refuses_has_its_code_and_says_what_to_do(
    code: str, public: Code, advice: str
) -> None:
    answer = Refused(1, code=code, message="its own words", retry=90, left=0, tombstone=b"")
    told = failures.RealmRefused("north", answer)
    assert (told.code, told.facts["refusal"], told.facts["realm"]) == (public, code, "north")
    assert advice in told.message


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (3601, "61 minutes"), (86_400, "24 hours")],
)
def test_a_wait_is_told_rounded_up(seconds: int, said: str) -> None:
    assert failures.span(seconds) == said

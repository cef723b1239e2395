"""A cast without processes: two messengers in memory and a relay that says what the test makes it say."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import cast

from letterlock.ids import AccountId, parse_account
from letterlock_client.messenger import Messenger
from letterlock_client.models import Standing
from letterlock_client.workshop.cast import Cast
from letterlock_client.workshop.keepers import Keepers
from letterlock_client.workshop.watch_lines import Line, Ready, SeenFrame, read_line
from letterlock_client.workshop.watched_relay import Ended, Guard, News, RelayError, Started
from tests.client.ui.fake_messenger import FakeClock, FakeMessenger, chat_id

ALICE = AccountId(b"alice".ljust(20, b"\0"))
BOB = AccountId(b"bob".ljust(20, b"\0"))


RECORDED = Path(__file__).parents[2] / "recorded" / "relay_watch.jsonl"


def recorded(at: int) -> tuple[tuple[AccountId, AccountId], list[Line]]:
    """What a real relay saw of two registrations, a first contact and an answer; and whose accounts they are."""
    lines = [read_line(line, at) for line in RECORDED.read_bytes().splitlines()]
    accounts = dict.fromkeys(line.account for line in lines if isinstance(line, SeenFrame) and line.account)
    alice, bob = map(parse_account, accounts)
    return (alice, bob), [line for line in lines if not isinstance(line, Ready)]


class RecordedRelay:
    """Runs in name only."""

    def __init__(self, clock: FakeClock) -> None:
        self.url = "ws://127.0.0.1:8710"
        self.running = True
        self.broken = ""
        self._clock = clock
        self._queue: asyncio.Queue[Sequence[News]] = asyncio.Queue()

    async def start(self) -> None:
        if self.broken:
            raise RelayError(self.broken)
        self.running = True
        self.tell(Started(self._clock(), again=True))

    async def kill(self) -> None:
        self.running = False
        self.tell(Ended(self._clock(), killed=True))

    def tell(self, *news: News) -> None:
        self._queue.put_nowait(news)

    async def news(self) -> AsyncIterator[Sequence[News]]:
        while True:
            yield await self._queue.get()


class Extras:
    """Two people and a relay."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.alice = FakeMessenger("alice", self.clock)
        self.bob = FakeMessenger("bob", self.clock)
        self.relay = RecordedRelay(self.clock)
        self.alice.profile = replace(self.alice.profile, account=ALICE, relay=self.relay.url)
        self.bob.profile = replace(self.bob.profile, account=BOB, relay=self.relay.url)
        self.to_bob = self.alice.person("bob")
        self.relay.tell(Started(self.clock(), again=False))

    def rename(self, alice: AccountId, bob: AccountId) -> None:
        """Let them have these accounts."""
        self.alice.profile = replace(self.alice.profile, account=alice)
        self.bob.profile = replace(self.bob.profile, account=bob)

    def alice_is_unknown_to_bob(self) -> None:
        self.to_alice = self.bob.person("alice", standing=Standing.REQUESTED)

    def they_know_each_other(self) -> None:
        self.to_alice = self.bob.person("alice")

    @property
    def cast(self) -> Cast:
        people = cast(Messenger, self.alice), cast(Messenger, self.bob)
        return Cast(self.relay, *people, chat_id("bob"), Keepers(Guard(), self.relay.url))

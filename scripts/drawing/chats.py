"""A client with a few chats, the same every time."""

import hashlib

from letterlock.devices.invite import Invite, invite_link
from letterlock.ids import AccountId, MessageId
from letterlock_client.models import (
    Again,
    Delivery,
    KeptFile,
    MessageKind,
    Picture,
    Reaction,
    Standing,
)
from tests.client.ui.fake_messenger import MINUTE, FakeMessenger, account, attachment, chat_id

BOB = chat_id("bob")
ROOM = (72, 30)
"""The pixels of the picture that is viewed."""


def put_chats(alice: FakeMessenger) -> None:
    """Four chats and a request; the one with Bob is the newest."""
    workshop = alice.person("dora")
    alice.put(workshop, "The projector works. Bring the long cable.", ago=190 * MINUTE)
    carol = alice.person("carol", online=True)
    alice.put(carol, "Did you compare numbers with Bob yet?", ago=42 * MINUTE)
    alice.put(carol, "f4, takes a minute", ago=41 * MINUTE)
    erin = alice.person("erin", standing=Standing.REQUESTED)
    alice.put(erin, "hi", ago=30 * MINUTE)
    bob = alice.person("bob", verified=True, online=True, timer_s=604_800)
    read = Delivery.READ
    alice.put(bob, "Are we still on for the workshop tomorrow?", ago=12 * MINUTE)
    first = alice.put(
        bob, "Yes. Doors open at nine, the relay is up already.", ago=11 * MINUTE, mine=True, delivery=read
    )
    alice.put(bob, "Does the relay see what we write?", ago=6 * MINUTE)
    alice.put(
        bob,
        "It sees sealed bytes: who hands them in, for whom, when, and a size.",
        ago=5 * MINUTE,
        mine=True,
        delivery=read,
    )
    heart = (Reaction(account("bob"), "♥"),)
    alice.put(
        bob,
        "Whatever is on its disk does not even say who wrote.",
        ago=5 * MINUTE,
        reactions=heart,
        mine=True,
        delivery=read,
    )
    alice.put(bob, "Perfect. I bring my own terminal.", ago=2 * MINUTE, reply_to=first.id)
    alice.put(bob, "See you at nine!", mine=True, delivery=Delivery.DELIVERED, ago=MINUTE)
    alice.read_all(bob)


def put_times(alice: FakeMessenger) -> None:
    """A message of Alice's whose receipts have come."""
    now = alice.clock.now
    alice.put(
        BOB,
        "Bring the printed numbers, please.",
        mine=True,
        delivery=Delivery.READ,
        ago=9 * MINUTE,
        delivered_at=now - 9 * MINUTE + 2_000,
        read_at=now - 4 * MINUTE,
    )


def put_card(alice: FakeMessenger) -> None:
    """Bob shares somebody's contact."""
    whose = AccountId(hashlib.shake_256(b"frank").digest(20))
    alice.put(BOB, "Ask Frank about the room, and compare before you write:", ago=MINUTE)
    alice.put(BOB, invite_link(Invite(account=whose, handle="frank", relay="relay.example")))
    alice.read_all(BOB)


def put_picture(alice: FakeMessenger) -> None:
    """Bob sends a picture."""
    file = attachment("the old library.jpg")
    shown = alice.put(BOB, "", kind=MessageKind.IMAGE, attachment=file)
    alice.pictures[shown.id] = library(*ROOM)
    alice.read_all(BOB)


def put_files(alice: FakeMessenger) -> None:
    """Files of every kind lie here."""
    files = (
        ("bob", MessageKind.VIDEO, 84_000_000),
        ("bob", MessageKind.IMAGE, 2_400_000),
        ("carol", MessageKind.VOICE, 640_000),
        ("carol", MessageKind.IMAGE, 11_300_000),
        ("dora", MessageKind.FILE, 1_200_000),
    )
    for number, (who, kind, size) in enumerate(files):
        message = MessageId(number.to_bytes(16))
        alice.kinds[message] = kind
        alice.kept.append(KeptFile(message, chat_id(who), "file", "", size, alice.clock.now, Again.BACKUP))


def library(width: int, height: int) -> Picture:
    """Paint a house under an evening sky."""

    def colour(x: int, y: int) -> tuple[int, int, int]:
        across, down = x / width, y / height
        if 0.3 < across < 0.7 and 0.45 < down < 0.85:
            column = int((across - 0.3) * 20)
            lit = 0.52 < down < 0.7 and column % 2 == 1
            return (250, 210, 120) if lit else (110, 70, 60)
        if 0.25 < down <= 0.45 and abs(across - 0.5) < (down - 0.25) * 1.2:
            return (70, 45, 50)
        if down > 0.8:
            return (40, 70, 50)
        if (across - 0.82) ** 2 * 4 + (down - 0.25) ** 2 < 0.012:
            return (255, 225, 150)
        step = round(down * 8)
        return (40 + 20 * step, 50 + 12 * step, 110 + 4 * step)

    pixels = bytes(value for y in range(height) for x in range(width) for value in colour(x, y))
    return Picture(width, height, pixels)

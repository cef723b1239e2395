"""A chat that holds every kind of message, the same every time."""

from dataclasses import replace

from letterlock.ids import MessageId
from letterlock_client.models import Delivery, MessageKind, Picture, Reaction, TransferState
from tests.client.ui.fake_messenger import ME, MINUTE, FakeMessenger, account, attachment, chat_id

BOB = chat_id("bob")


def rainbow(width: int = 32, height: int = 16) -> Picture:
    pixels = bytes(
        value for y in range(height) for x in range(width) for value in (8 * x % 256, 16 * y % 256, 160)
    )
    return Picture(width, height, pixels)


def kinds() -> tuple[FakeMessenger, MessageId]:
    """Return a client, and the message that carries a picture."""
    fake = FakeMessenger()
    bob = fake.person("bob", verified=True, online=True, timer_s=604_800)
    asked = fake.put(bob, "Is the *new* plan ready? See https://example.org/plans_of/*2026*", ago=40 * MINUTE)
    fake.put(
        bob, "It _nearly_ is, @bob", mine=True, ago=39 * MINUTE, delivery=Delivery.READ, reply_to=asked.id
    )
    photo = replace(attachment("library.jpg"), width=1600, height=800, preview=b"\xff\xd8\xff")
    shown = fake.put(bob, "the room", ago=30 * MINUTE, kind=MessageKind.IMAGE, attachment=photo)
    fake.pictures[shown.id] = rainbow()
    code = "run this:\n```\nfor door in doors:\n    door.open()\n```\nand then `leave`"
    fake.put(
        bob, code, ago=20 * MINUTE, edits=2, reactions=(Reaction(ME, "🚀"), Reaction(account("bob"), "🎉"))
    )
    film = replace(attachment("walk through the house.mp4", TransferState.MOVING), duration_ms=83_000)
    fake.put(
        bob,
        "",
        mine=True,
        ago=10 * MINUTE,
        kind=MessageKind.VIDEO,
        attachment=film,
        delivery=Delivery.WAITING,
    )
    fake.put(bob, "the code of the door", ago=9 * MINUTE, view_once=True)
    soon = fake.clock.now + 25_000
    fake.put(bob, "gone in a moment", ago=5 * MINUTE, timer_s=60, expires_at=soon)
    fake.put(bob, "log in: https://bank.example@evil.example/", ago=4 * MINUTE)
    fake.read_all(bob)
    return fake, shown.id

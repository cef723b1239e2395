"""How times, sizes, people and states are put into words, the same on every screen.

Times are milliseconds since 1970 and shown in the local time zone. Names come out sanitised. Must not know
widgets, styles or the messenger.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from letterlock.errors import MalformedError
from letterlock.ids import AccountId, ConversationId, account_text
from letterlock_client.events import ConnectionChanged, Link
from letterlock_client.formatting import without_marks
from letterlock_client.models import (
    Attachment,
    Contact,
    Conversation,
    Delivery,
    Message,
    MessageKind,
    TransferState,
)
from letterlock_client.sanitize import doubt_about, file_name_of, line_of, name_of, skeleton
from letterlock_client.ui.icons import Icons

if TYPE_CHECKING:
    from letterlock.devices.invite import Invite

Clock = Callable[[], int]
"""Milliseconds since 1970, now."""

_MINUTE: Final = 60
_HOUR: Final = 3_600
_DAY: Final = 86_400
_WEEK: Final = 604_800

CARD: Final = "letterlock:"
"""How every contact card begins, as `letterlock.devices.invite.SCHEME`."""
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)

TIMERS: Final = (0, 30, 5 * _MINUTE, _HOUR, 8 * _HOUR, _DAY, _WEEK, 4 * _WEEK)
"""The disappearing timers that are offered, in seconds."""

KINDS: Final = {
    MessageKind.IMAGE: "image",
    MessageKind.AUDIO: "audio",
    MessageKind.VOICE: "voice note",
    MessageKind.VIDEO: "video",
    MessageKind.FILE: "file",
}

DELIVERY_WORDS: Final = {
    Delivery.WAITING: "waiting to be sent",
    Delivery.ACCEPTED: "on the relay",
    Delivery.DELIVERED: "delivered",
    Delivery.READ: "read",
    Delivery.FAILED: "not sent",
    Delivery.NONE: "received",
}


@lru_cache(maxsize=4096)
def local_day(at: int) -> date:
    """Return the day of a time, here."""
    return datetime.fromtimestamp(at / 1000).astimezone().date()


def clock_time(at: int) -> str:
    """Return a time of day, such as 14:02."""
    return datetime.fromtimestamp(at / 1000).astimezone().strftime("%H:%M")


def moment(at: int) -> str:
    """Return a day and time in full, such as Monday 23 November 2026, 14:02:09."""
    if not at:
        return "not yet"
    time = datetime.fromtimestamp(at / 1000).astimezone()
    return f"{_WEEKDAYS[time.weekday()]} {time.day} {_MONTHS[time.month - 1]} {time.year}, {time:%H:%M:%S}"


def day_name(at: int, now: int) -> str:
    """Return a day for a separator: Today, Yesterday, or the date, with its year if it is another one."""
    day, today = local_day(at), local_day(now)
    if (today - day).days == 0:
        return "Today"
    if (today - day).days == 1:
        return "Yesterday"
    year = f" {day.year}" if day.year != today.year else ""
    return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}{year}"


def short_time(at: int, now: int) -> str:
    """Return a time for the chat list: 14:02 today, Mon this week, 3 Nov this year, else 3.11.25."""
    if not at:
        return ""
    day, today = local_day(at), local_day(now)
    if day == today:
        return clock_time(at)
    if 0 < (today - day).days < 7:
        return _WEEKDAYS[day.weekday()][:3]
    if day.year == today.year:
        return f"{day.day} {_MONTHS[day.month - 1][:3]}"
    return f"{day.day}.{day.month}.{day.year % 100:02}"


def span(seconds: int) -> str:
    """Return a length of time, such as 30 s, 5 min, 8 h, 7 d; off for 0."""
    if seconds <= 0:
        return "off"
    for size, unit in ((_WEEK, "w"), (_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds % size == 0 and not (unit == "w" and seconds == _WEEK):
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def until(milliseconds: int) -> str:
    """Return how long something still takes, in its largest unit, rounded up: 42 s, 5 min, 3 h, 6 d."""
    seconds = -(-milliseconds // 1000)
    for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds > size:
            return f"{-(-seconds // size)} {unit}"
    return f"{seconds} s"


def size(count: int) -> str:
    """Return a number of bytes for people, in powers of 1000."""
    if count < 1000:
        return f"{count} B"
    amount = float(count)
    for unit in ("kB", "MB", "GB"):
        amount /= 1000
        if amount < 999.5 or unit == "GB":
            break
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"


def ticks(delivery: Delivery, icons: Icons) -> str:
    """Return how far an own message has come, as a sign or the word read."""
    signs = {
        Delivery.WAITING: icons.waiting,
        Delivery.ACCEPTED: icons.accepted,
        Delivery.DELIVERED: icons.delivered,
        Delivery.READ: icons.read,
        Delivery.FAILED: icons.failed,
    }
    return signs.get(delivery, "")


def title_of(conversation: Conversation) -> str:
    """Return a chat's name: its title, else the handle, else the account's id, sanitised."""
    return name_of(
        conversation.title or conversation.contact.handle or account_text(conversation.contact.account)
    )


def account_lines(account: AccountId, room: int = 39) -> list[str]:
    """Return a whole account id in groups of four, so that two people can compare it: one line, or equal ones."""
    text = account_text(account)
    groups = [text[at : at + 4] for at in range(0, len(text), 4)]
    count = next((count for count in (8, 4, 2) if count * 5 - 1 <= room), 1)
    return [" ".join(groups[at : at + count]) for at in range(0, len(groups), count)]


def contact_name(contact: Contact) -> str:
    """Return a person's name, sanitised: the handle, else the account's id."""
    return name_of(contact.handle or account_text(contact.account))


def doubts_of(conversations: Sequence[Conversation]) -> dict[ConversationId, str]:
    """Return why names of these chats may not be what they seem, for those where there is a reason.

    A verified key needs no such doubt: its name may look like another's, the other one gets the mark.
    """
    names = {chat.id: chat.title or chat.contact.handle for chat in conversations}
    alike: dict[str, list[str]] = {}
    for name in names.values():
        alike.setdefault(skeleton(name), []).append(name)
    doubts = {
        chat.id: doubt_about(names[chat.id], alike[skeleton(names[chat.id])])
        for chat in conversations
        if not chat.contact.verified
    }
    return {chat: doubt for chat, doubt in doubts.items() if doubt}


def presence(conversation: Conversation) -> str:
    """Return what is known about the other side now: typing, online or nothing."""
    if conversation.typing:
        return "typing…"
    return "online" if conversation.online else ""


def duration(milliseconds: int) -> str:
    """Return how long a sound or film is, such as 0:07 or 1:02:03."""
    minutes, seconds = divmod(milliseconds // 1000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def sign_of(kind: MessageKind, icons: Icons) -> str:
    """Return the sign of a kind of file; its word stands beside it."""
    signs = {
        MessageKind.IMAGE: icons.image,
        MessageKind.AUDIO: icons.sound,
        MessageKind.VOICE: icons.sound,
        MessageKind.VIDEO: icons.film,
    }
    return signs.get(kind, icons.clip)


def attachment_line(attachment: Attachment, kind: MessageKind) -> str:
    """Return one line about a file: what it is, its name, its size and where its bytes are."""
    what = KINDS.get(kind, "file")
    states = {
        TransferState.REMOTE: "enter fetches it",
        TransferState.MOVING: "on its way",
        TransferState.PAUSED: "paused",
        TransferState.HERE: "",
        TransferState.GONE: "no longer available",
    }
    extent = f"{attachment.width}×{attachment.height}" if attachment.width and attachment.height else ""
    length = duration(attachment.duration_ms) if attachment.duration_ms else ""
    parts = (
        *(what, file_name_of(attachment.name), size(attachment.size)),
        *(extent, length, states[attachment.state]),
    )
    return " · ".join(part for part in parts if part)


def card_of(message: Message) -> "Invite | None":
    """Return whom a contact card names: a message that is nothing but an invite link; None where it is none."""
    if message.kind is not MessageKind.TEXT or message.deleted or not message.text.startswith(CARD):
        return None
    # Loaded when a card is drawn: it brings the libraries of keys, and nobody waits for them to see the chats.
    from letterlock.devices.invite import parse_invite

    try:
        return parse_invite(message.text)
    except MalformedError:
        return None


def preview(message: Message, *, request: bool = False) -> str:
    """Return a message as one line for the chat list, sanitised."""
    if request:
        return "wants to write to you"
    if message.deleted:
        text = "message deleted"
    elif message.view_once:
        text = "view-once message"
    elif message.attachment is not None:
        caption = without_marks(line_of(message.text, 60))
        text = f"{KINDS.get(message.kind, 'file')}: {caption or file_name_of(message.attachment.name)}"
    elif message.kind is MessageKind.UNKNOWN:
        text = "message of a newer version"
    elif card := card_of(message):
        text = f"contact: {card.handle}"
    else:
        text = without_marks(line_of(message.text, 120))
    return f"You: {text}" if message.mine and message.kind is not MessageKind.NOTE else text


PUT_OUT: Final = "bad_login"
"""How a relay refuses a device that is none of its account now: a restore on another one puts it out for good."""


def link_state(change: ConnectionChanged, seconds_left: int) -> str:
    """Return how the connection stands, in a few words."""
    reason = line_of(change.reason, 80)
    if change.link is Link.ONLINE:
        return "connected"
    if change.link is Link.CONNECTING:
        return "connecting…"
    if put_out(change):
        # What becomes of the messages stands behind this, and must fit into 60 columns with it.
        return "this device was put out"
    if change.link is Link.REFUSED:
        return f"refused by the relay: {reason}" if reason else "refused by the relay"
    again = f", again in {seconds_left} s" if seconds_left > 0 else ""
    return f"offline{again}"


def outbox_state(change: ConnectionChanged) -> str:
    """Return what becomes of messages that are written now; empty where they go out at once."""
    if change.link is Link.ONLINE:
        return ""
    if put_out(change):
        return "what you write is never sent"
    if change.link is Link.REFUSED:
        return "what you write is kept until it lets you in"
    return "what you write is kept and goes out later"


def put_out(change: ConnectionChanged) -> bool:
    """Say whether the relay has put this device out."""
    return change.link is Link.REFUSED and change.reason == PUT_OUT


def groups_of_five(digits: str) -> list[str]:
    """Split a safety number into its groups."""
    return [digits[start : start + 5] for start in range(0, len(digits), 5)]

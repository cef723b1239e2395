"""The JSON shapes of what commands print, and the same for people. Public: documented and tested.

Texts are as they came: `json.dumps` escapes everything that is not ASCII, and `Output` makes what
people read printable.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from letterlock.ids import account_text, message_text
from letterlock_client.models import Contact, Conversation, Delivery, Exported, Message, MessageKind
from letterlock_client.sanitize import clean, line_of

NOT_WHOLE: Final = (
    "A restore is not complete: what is not back yet is not in it. Export again once all is back."
)
_DURATION: Final = re.compile(r"([1-9][0-9]{0,8})([smhdw])")
OPENS: Final = "letterlock view"
"""What one types to open a view-once message."""
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def when(milliseconds: int) -> str:
    """Show a time as RFC 3339 in UTC, to the millisecond."""
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def local_time(milliseconds: int) -> str:
    """Show a time to people, here, to the minute."""
    return f"{datetime.fromtimestamp(milliseconds / 1000).astimezone():%Y-%m-%d %H:%M}"


def many(count: int, one: str) -> str:
    """Count things in words: one of them as one."""
    return f"{count:,} {one}{'' if count == 1 else 's'}"


def who(contact: Contact) -> str:
    """Name a contact so that every command accepts it."""
    return contact.handle or account_text(contact.account)


def message_shape(message: Message, conversation: Conversation, own: str) -> dict[str, object]:
    """One message as `receive` and `history` print it."""
    name = who(conversation.contact)
    shape: dict[str, object] = {
        "type": "message",
        "id": message_text(message.id),
        "from": own if message.mine else name,
        "conversation": name,
        "text": message.text,
        "sent_at": when(message.sent_at),
        "kind": message.kind.value,
        "mine": message.mine,
    }
    if message.mine:
        shape["delivery"] = message.delivery.value
    if message.delivered_at:
        shape["delivered_at"] = when(message.delivered_at)
    if message.read_at:
        shape["read_at"] = when(message.read_at)
    if message.reply_to is not None:
        shape["reply_to"] = message_text(message.reply_to)
    if message.reactions:
        shape["reactions"] = [
            {"from": name if each.author == conversation.contact.account else own, "emoji": each.emoji}
            for each in message.reactions
        ]
    if message.edits:
        shape["edits"] = message.edits
    if message.deleted:
        shape["deleted"] = True
    if message.view_once:
        shape |= {"view_once": True, "viewed": message.viewed}
    if message.expires_at:
        shape["expires_at"] = when(message.expires_at)
    if message.failure:
        shape["failure"] = message.failure
    if message.attachment is not None:
        shape["attachment"] = {
            "name": message.attachment.name,
            "media_type": message.attachment.media_type,
            "size": message.attachment.size,
            "state": message.attachment.state.value,
        }
    return shape


def message_line(message: Message, conversation: Conversation, own: str, *, opens: str = OPENS) -> str:
    """The same for people: time, author, text or what stands for it, and what has come of it since."""
    author = own if message.mine else who(conversation.contact)
    # Further lines stand indented, so that no text can look like a line of somebody else.
    body = clean(message_body(message, opens)).replace("\n", "\n    ")
    since = "".join(f" ({line_of(each)})" for each in _since(message, conversation, own))
    return (
        f"{local_time(message.sent_at)}  {line_of(author)}: {body}{since}  [{message_text(message.id)[:8]}]"
    )


def message_body(message: Message, opens: str = OPENS) -> str:
    """What a message says, in one line or more of text."""
    if message.deleted:
        return "(deleted)"
    if message.kind is MessageKind.UNKNOWN:
        return "(needs a newer version of Letterlock)"
    if message.view_once:
        state = ", viewed" if message.viewed else ", sent" if message.mine else f": {opens}"
        return f"(view once{state})"
    if message.attachment is None:
        return message.text
    size = f"{message.attachment.size:,} bytes"
    # A name is one line: with more it could pass for the caption, or for another message.
    name = line_of(message.attachment.name)
    return f"[{message.kind.value}: {name}, {size}] {message.text}".rstrip()


def _since(message: Message, conversation: Conversation, own: str) -> Iterator[str]:
    if message.deleted:
        return
    if message.reply_to is not None:
        yield f"answers {message_text(message.reply_to)[:8]}"
    if message.edits:
        yield "edited"
    for each in message.reactions:
        name = who(conversation.contact) if each.author == conversation.contact.account else own
        yield f"{each.emoji} from {name}"
    if message.delivery is Delivery.FAILED:
        yield f"not sent: {message.failure}" if message.failure else "not sent"


def span(seconds: int) -> str:
    """Say how long a timer is, as `timer` reads it: 30s, 5m, 8h, 7d, 4w."""
    for unit, length in (("w", 604_800), ("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds and seconds % length == 0:
            return f"{seconds // length}{unit}"
    return f"{seconds}s"


def seconds_of(text: str) -> int | None:
    """Read 30s, 5m, 8h, 7d, 4w or off, as seconds; None for anything else."""
    if text == "off":
        return 0
    found = _DURATION.fullmatch(text)
    return int(found[1]) * _UNITS[found[2]] if found else None


def exported_line(done: Exported, path: str) -> str:
    """Say what an export holds, and what it does not, for people; `path` is its place as it is shown."""
    said = f"{many(done.messages, 'message')} {'is' if done.messages == 1 else 'are'} in {path}."
    if done.left_out:
        said += f" {done.left_out} that disappear or can be viewed once are not."
    if not done.whole:
        said += f" {NOT_WHOLE}"
    return said


def absent_words(chat: Conversation) -> str:
    """Say why no message of a chat is here, where that is not because nobody wrote any; empty where it is."""
    return "left out of the restore" if chat.left_out else "no messages came back" if chat.lost else ""


def contact_shape(contact: Contact) -> dict[str, object]:
    """One contact as `contacts` prints it."""
    return {
        "account": account_text(contact.account),
        "handle": contact.handle,
        "conversation": who(contact),
        "standing": contact.standing.value,
        "verified": contact.verified,
        "warning": contact.warning,
    }

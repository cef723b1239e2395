"""send, reply, react, edit, delete, timer: verbs that write.

Each is on disk here before anything is said; `accepted` means that it is on the relay's disk too.
"""

import sys
from argparse import Namespace
from pathlib import Path
from typing import Final

from letterlock.ids import message_text
from letterlock_client.commands.session import UsageError, look_up, online, run_with_messenger
from letterlock_client.emoji import named
from letterlock_client.messenger import Messenger
from letterlock_client.models import Delivery, Message
from letterlock_client.output import DONE, FAILED, KEPT, Output
from letterlock_client.shapes import seconds_of, who

FLUSH_S: Final = 60.0
"""How long to wait for the outbox while the relay answers."""
UPLOAD_S: Final = 24 * 3600.0
MAX_INPUT: Final = 1024 * 1024


def run(verb: str, given: Namespace, output: Output) -> int:
    """Run one of this file's verbs; return its exit status."""
    works = {"send": send, "reply": reply, "react": react, "edit": edit, "delete": delete, "timer": timer}
    return run_with_messenger(works[verb], given, output)


async def send(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Send a text, a file, or a file with a caption."""
    text = text_from(given.text)
    if not text and not given.attach:
        raise UsageError("there is nothing to send: give a TEXT, - for standard input, or --attach FILE")
    conversation = await look_up(messenger, given.who)
    if given.attach:
        message = await messenger.send_file(
            conversation, Path(given.attach), caption=text, view_once=given.view_once
        )
    elif given.view_once:
        message = await messenger.send_once(conversation, text)
    else:
        message = await messenger.send_text(conversation, text)
    return await tell_accepted(messenger, given, output, message)


async def reply(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Answer one message."""
    messenger.connect()
    target = await messenger.find_message(given.message)
    message = await messenger.send_text(target.conversation, text_from(given.text), reply_to=target.id)
    return await tell_accepted(messenger, given, output, message)


async def tell_accepted(messenger: Messenger, given: Namespace, output: Output, message: Message) -> int:
    """Wait until the relay has the message, and say whether it does."""
    if await online(messenger):
        await messenger.flushed(UPLOAD_S if message.attachment else FLUSH_S)
    now = await messenger.message(message.id)
    if now.delivery is Delivery.FAILED:
        output.error("refused", f"the message was not sent: {now.failure}", {"id": message_text(now.id)})
        return FAILED
    accepted = now.delivery is not Delivery.WAITING
    sentence = "Sent" if accepted else "Kept for later: the relay cannot be reached"
    output.result(
        {"message": message_text(now.id), "accepted": accepted}, f"{sentence}. [{message_text(now.id)[:8]}]"
    )
    return DONE if accepted else KEPT


async def react(messenger: Messenger, given: Namespace, output: Output) -> int:
    """React to a message, or take the reaction back."""
    target = await messenger.find_message(given.message)
    await messenger.react(target.id, named(given.emoji))
    return await tell_flushed(messenger, given, output, target)


async def edit(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Change the text of an own message."""
    target = await messenger.find_message(given.message)
    await messenger.edit(target.id, text_from(given.text))
    return await tell_flushed(messenger, given, output, target)


async def delete(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Delete a message here, or for everyone."""
    target = await messenger.find_message(given.message)
    await messenger.delete(target.id, for_everyone=given.for_everyone)
    if not given.for_everyone:
        output.result({"message": message_text(target.id), "deleted": True}, "Deleted here.")
        return DONE
    return await tell_flushed(messenger, given, output, target)


async def tell_flushed(messenger: Messenger, given: Namespace, output: Output, target: Message) -> int:
    """Wait until the outbox is empty, and say whether it is."""
    accepted = await online(messenger) and await messenger.flushed(FLUSH_S)
    output.result(
        {"message": message_text(target.id), "accepted": accepted},
        "Done." if accepted else "Kept for later: the relay cannot be reached.",
    )
    return DONE if accepted else KEPT


async def timer(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Set a chat's disappearing timer."""
    seconds = duration_seconds(given.duration)
    conversation = await look_up(messenger, given.who)
    await messenger.set_timer(conversation, seconds)
    accepted = await online(messenger) and await messenger.flushed(FLUSH_S)
    name = who((await messenger.conversation(conversation)).contact)
    output.result(
        {"conversation": name, "timer_seconds": seconds, "accepted": accepted},
        f"New messages with {name} disappear after {given.duration}."
        if seconds
        else f"Timer with {name} is off.",
    )
    return DONE if accepted else KEPT


def text_from(words: list[str]) -> str:
    """Join the words of a text; `-` alone reads standard input. Raises UsageError."""
    if words != ["-"]:
        return " ".join(words)
    raw = sys.stdin.buffer.read(MAX_INPUT + 1)
    if len(raw) > MAX_INPUT:
        raise UsageError("standard input holds more than 1 MiB; send it as a file with --attach")
    try:
        return raw.decode().removesuffix("\n")
    except UnicodeDecodeError:
        raise UsageError("standard input is not UTF-8; send it as a file with --attach") from None


def duration_seconds(text: str) -> int:
    """Read 30s, 5m, 8h, 7d, 4w or off, as seconds. Raises UsageError."""
    seconds = seconds_of(text)
    if seconds is None:
        raise UsageError("give a time like 30s, 5m, 8h, 7d, 4w, or off")
    return seconds

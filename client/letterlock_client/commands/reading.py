"""receive, history: verbs that read.

`receive` prints every piece of news once: what is stored and was not printed comes first, so a run
that was killed between the two loses nothing (it may print the last line again).
"""

import asyncio
import signal
from argparse import Namespace
from typing import Final

from letterlock.ids import ConversationId, message_text
from letterlock_client.commands.session import look_up, online, run_with_messenger
from letterlock_client.errors import ClientError, Code
from letterlock_client.events import EventsLost, NewsArrived
from letterlock_client.messenger import EventStream, Messenger
from letterlock_client.models import Conversation, News, NewsKind
from letterlock_client.output import DONE, FAILED, KEPT, Output
from letterlock_client.shapes import message_line, message_shape, span, when, who

DRAIN_S: Final = 600.0
FLUSH_S: Final = 60.0
BATCH: Final = 256

DETAILS: Final = {
    NewsKind.RECEIPT: "state",
    NewsKind.REACTION: "emoji",
    NewsKind.TIMER: "seconds",
    NewsKind.ALARM: "code",
    NewsKind.FAILED: "reason",
}
"""Under which name a piece of news carries its detail."""


def run(verb: str, given: Namespace, output: Output) -> int:
    """Run one of this file's verbs; return its exit status."""
    return run_with_messenger(receive if verb == "receive" else history, given, output)


async def history(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Print the last messages of a chat, oldest first."""
    conversation = await messenger.conversation(await look_up(messenger, given.who))
    for message in await messenger.history(conversation.id, given.limit):
        own = messenger.profile.handle
        output.result(message_shape(message, conversation, own), message_line(message, conversation, own))
    return DONE


async def receive(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Send what waits in the outbox, print what arrived, and stay as long as was asked."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    stream = messenger.events()
    working = asyncio.create_task(exchange(messenger, given, output, stream))
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        return DONE
    finally:
        stream.close()
        for task in (working, stopping):
            task.cancel()
        await asyncio.gather(working, stopping, return_exceptions=True)


async def exchange(messenger: Messenger, given: Namespace, output: Output, stream: EventStream) -> int:
    """Connect, flush, drain, print; then print news until there is none for the time asked."""
    await print_news(messenger, given, output)
    reached = await online(messenger)
    if reached:
        await messenger.drained(DRAIN_S)
    await print_news(messenger, given, output)
    while await news_came(stream, None if given.follow else given.wait):
        await print_news(messenger, given, output)
    sent = await messenger.flushed(FLUSH_S if reached else 0)
    if reached and sent:
        return DONE
    if not sent:
        output.error("offline", "the relay cannot be reached; what waits here goes with the next connection")
        return KEPT
    output.error("offline", "the relay cannot be reached; what was stored here is printed")
    return FAILED


async def news_came(stream: EventStream, wait: float | None) -> bool:
    """Wait for news at most so long (None: for ever); say whether some came."""
    try:
        async with asyncio.timeout(wait):
            async for event in stream:
                if isinstance(event, NewsArrived | EventsLost):
                    return True
    except TimeoutError:
        pass
    return False


async def print_news(messenger: Messenger, given: Namespace, output: Output) -> None:
    """Print all news that was not printed yet, and remember that it was."""
    if given.accept_requests:
        for request in await messenger.requests():
            await messenger.accept(request.id)
    while batch := await messenger.unprinted(BATCH):
        chats: dict[ConversationId, Conversation] = {}
        for news in batch:
            if news.conversation is not None and news.conversation not in chats:
                chats[news.conversation] = await messenger.conversation(news.conversation)
            await print_one(messenger, output, news, chats)
        await messenger.mark_printed(batch[-1].sequence)


async def print_one(
    messenger: Messenger, output: Output, news: News, chats: dict[ConversationId, Conversation]
) -> None:
    """Print one piece of news."""
    chat = chats[news.conversation] if news.conversation is not None else None
    own = messenger.profile.handle
    if news.kind is NewsKind.MESSAGE and news.message is not None and chat is not None:
        try:
            message = await messenger.message(news.message)
        except ClientError as error:
            if error.code is not Code.UNKNOWN_MESSAGE:
                raise
            # It came, and its timer or its author took it away before anybody looked.
            return
        output.result(message_shape(message, chat, own), message_line(message, chat, own))
        return
    fields: dict[str, object] = {"type": news.kind.value}
    if chat is not None:
        fields |= {"from": who(chat.contact), "conversation": who(chat.contact)}
    if news.message is not None:
        fields["message"] = message_text(news.message)
    if detail := DETAILS.get(news.kind):
        fields[detail] = int(news.detail) if news.kind is NewsKind.TIMER else news.detail
    fields["at"] = when(news.at)
    output.result(fields, news_line(news, chat))


def news_line(news: News, chat: Conversation | None) -> str:
    """One piece of news that is no message, for people."""
    name = who(chat.contact) if chat else ""
    which = f" [{message_text(news.message)[:8]}]" if news.message is not None else ""
    sentences = {
        NewsKind.REQUEST: f"{name} wrote to you for the first time: letterlock accept {name}, or block {name}.",
        NewsKind.RECEIPT: f"{name}: {news.detail}.",
        NewsKind.REACTION: f"{name} reacted {news.detail}."
        if news.detail
        else f"{name} took a reaction back.",
        NewsKind.EDIT: f"{name} changed a message.",
        NewsKind.DELETE: f"{name} deleted a message.",
        NewsKind.TIMER: timer_line(name, int(news.detail)) if news.kind is NewsKind.TIMER else "",
        NewsKind.KEY_CHANGE: f"The key of {name} changed: compare the safety number again.",
        NewsKind.ALARM: f"Alarm: {news.detail}",
        NewsKind.FAILED: f"A message to {name} was not sent: {news.detail}",
    }
    return sentences[news.kind] + which


def timer_line(name: str, seconds: int) -> str:
    """Say what a chat's timer is now, for people."""
    if not seconds:
        return f"Timer with {name} is off."
    return f"New messages with {name} disappear after {span(seconds)}."

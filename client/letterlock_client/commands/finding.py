"""search, export: verbs that find messages again, and take chats out of the profile."""

from argparse import Namespace
from pathlib import Path

from letterlock.ids import account_text
from letterlock_client.commands.session import look_up, run_with_messenger
from letterlock_client.errors import ClientError, Code
from letterlock_client.exports.chain import ChangedError, Checked, check
from letterlock_client.flows.exporting import Format, Wish
from letterlock_client.messenger import Messenger
from letterlock_client.output import DONE, FAILED, Output
from letterlock_client.shapes import exported_line, message_line, message_shape


def run(verb: str, given: Namespace, output: Output) -> int:
    """Run one of this file's verbs; return its exit status."""
    if verb == "export" and given.check:
        return check_record(Path(given.check), output)
    return run_with_messenger(search if verb == "search" else export, given, output)


async def search(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Print the newest messages that hold all the words, the newest first."""
    chat = None if given.chat is None else await look_up(messenger, given.chat)
    own = messenger.profile.handle
    for message in await messenger.search(" ".join(given.words), chat, given.limit):
        conversation = await messenger.conversation(message.conversation)
        output.result(message_shape(message, conversation, own), message_line(message, conversation, own))
    return DONE


async def export(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Write a chat to a file."""
    if given.who is None or given.output is None:
        raise ClientError(Code.BAD_INPUT, "say whose chat, and --output FILE; or --check FILE alone")
    kind = Format(given.format)
    wish = Wish(await look_up(messenger, given.who), Path(given.output), kind, given.media)
    if given.media:
        messenger.connect()
    written = await messenger.export(wish)
    fields: dict[str, object] = {
        "path": str(written.path),
        "messages": written.messages,
        "media": written.media,
        "left_out": written.left_out,
        "whole": written.whole,
    }
    text = exported_line(written, str(written.path))
    if written.head:
        fields["head"] = written.head
        text += f"\nThe end of its chain: {written.head}"
    output.result(fields, text)
    return DONE


def check_record(path: Path, output: Output) -> int:
    """Say whether a record is as it was written, and by whose device. Needs no profile."""
    try:
        with path.open("rb") as lines:
            checked = check(lines)
    except ChangedError as error:
        output.error(Code.CHANGED, f"line {error.line}: {error}", {"line": error.line})
        return FAILED
    except OSError as error:
        output.error(Code.FILE_FAILED, f"{path}: {error.strerror}")
        return FAILED
    output.result(
        {
            "account": account_text(checked.account),
            "device": checked.device,
            "lines": checked.lines,
            "exported_at": checked.about.get("exported_at"),
            "head": checked.head,
        },
        checked_text(checked),
    )
    return DONE


def checked_text(checked: Checked) -> str:
    """The same for people."""
    return (
        f"Nothing was changed: {checked.lines} lines, signed by device {checked.device} of the account"
        f" {account_text(checked.account)}.\nThe end of the chain: {checked.head}"
    )

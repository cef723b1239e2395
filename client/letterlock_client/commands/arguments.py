"""Every verb with its arguments: what `letterlock --help` lists.

Imports nothing heavy, so that help answers at once; a verb's module is imported when it runs.
Options of every verb may stand before or after it.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from letterlock_client.output import USAGE, Output

SERVER_VERBS = {
    "relay": "run a relay: forwards and keeps sealed messages it cannot open",
    "vault": "run a realm of the backup-key vault: answers a few guesses, then none",
}
"""Handed over to the server's own program, which knows their arguments."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors keep the scripting contract."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the usage and exit with status 2."""
        as_json = "--json" in sys.argv
        if not as_json:
            self.print_usage(sys.stderr)
        Output(as_json=as_json).error("bad_usage", f"{message}; see {self.prog} --help")
        sys.exit(USAGE)


AddVerb = Callable[[str, str], Parser]


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line. Exits with status 2 and a sentence where it is wrong."""
    given = argparse.Namespace(
        profile="", json=False, passphrase_file="", no_passphrase=False, insecure=False
    )
    parser, verbs = build_parsers()
    before, verb, after = split_at_verb(words, parser)
    if verb in verbs:
        after = options_first(after, verbs[verb])
    return parser.parse_args([*before, *([verb] if verb else []), *after], given)


def server_words(words: Sequence[str]) -> list[str] | None:
    """Return the command line for the server's program if the verb is one of its own, else None."""
    before, verb, after = split_at_verb(words, build_parsers()[0])
    return [verb, *before, *after] if verb in SERVER_VERBS else None


def split_at_verb(words: Sequence[str], parser: Parser) -> tuple[list[str], str, list[str]]:
    """Cut the command line into the options before the verb, the verb ("" where there is none), and the rest."""
    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 1 + takes_value(words[at], parser)
    return list(words[:at]), words[at] if at < len(words) else "", list(words[at + 1 :])


def options_first(words: Sequence[str], parser: Parser) -> list[str]:
    """Put a verb's options before its other words, which argparse could not tell apart if they were mixed."""
    options: list[str] = []
    others: list[str] = []
    at = 0
    while at < len(words) and words[at] != "--":
        if words[at].startswith("-") and words[at] != "-":
            size = 1 + takes_value(words[at], parser)
            options += words[at : at + size]
            at += size
        else:
            others.append(words[at])
            at += 1
    others += words[at + 1 :]
    return [*options, "--", *others] if others else options


def takes_value(word: str, parser: Parser) -> bool:
    """Say whether the word after this option belongs to it."""
    action = parser._option_string_actions.get(word)  # noqa: SLF001 (argparse offers no public look-up)
    return action is not None and action.nargs != 0


def build_parsers() -> tuple[Parser, dict[str, Parser]]:
    """Return the parser of the whole command line and that of each verb; without a verb the client opens."""
    shared = shared_options()
    parser = Parser(
        prog="letterlock",
        parents=[shared],
        allow_abbrev=False,
        description="End-to-end encrypted chat between terminals. Without a verb, opens the client.",
        epilog="WHO is a handle, an account id or an invite link. `--` ends the options.",
    )
    parser.add_argument("--plain", action="store_true", help="line mode, for screen readers and pipes")
    parser.add_argument("--relay", metavar="URL", help="the relay that the first-run screen proposes")
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    places = parser.add_subparsers(dest="verb", metavar="VERB", parser_class=Parser)
    verbs: dict[str, Parser] = {}

    def verb(name: str, text: str) -> Parser:
        description = f"{text[0].upper()}{text[1:]}."
        verbs[name] = places.add_parser(
            name, parents=[shared], allow_abbrev=False, help=text, description=description
        )
        return verbs[name]

    add_account_verbs(verb)
    add_message_verbs(verb)
    add_people_verbs(verb)
    add_backup_verb(verb)
    for name, text in SERVER_VERBS.items():
        places.add_parser(name, help=text, add_help=False)
    demo = verb("demo", "show Alice, the relay and Bob side by side, live")
    demo.add_argument("--headless", action="store_true", help="tell and check the whole story, then exit")
    return parser, verbs


def shared_options() -> Parser:
    """Options of every verb. Left out of the result where they are not given, so that place does not matter."""
    parser = Parser(add_help=False, argument_default=argparse.SUPPRESS, allow_abbrev=False)
    parser.add_argument("--profile", metavar="NAME", help="which profile (default, or the only one)")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--passphrase-file", metavar="FILE", help="read the local passphrase from FILE")
    parser.add_argument("--no-passphrase", action="store_true", help="keep the database key in a 0600 file")
    parser.add_argument("--insecure", action="store_true", help="allow ws:// beyond this machine")
    return parser


def add_account_verbs(verb: AddVerb) -> None:
    """Verbs about this profile."""
    register = verb("register", "make an account at a relay")
    register.add_argument("handle", metavar="HANDLE", help="3 to 32 of a-z 0-9 . _ -")
    register.add_argument("--relay", required=True, metavar="URL", help="wss://… or ws://127.0.0.1:PORT")
    register.add_argument("--invite", default="", metavar="CODE", help="the code of a closed relay")
    verb("invite", "print a link by which others find this account")
    verb("doctor", "look for what is wrong with this profile, its relay and this terminal")


def add_message_verbs(verb: AddVerb) -> None:
    """Verbs about messages."""
    send = verb("send", "send a text or a file")
    send.add_argument("who", metavar="WHO")
    send.add_argument("text", metavar="TEXT", nargs="*", help="the text; - reads standard input")
    send.add_argument("--attach", metavar="FILE", help="send this file, with the text as its caption")
    send.add_argument(
        "--view-once", action="store_true", help="the file can be opened, or the text read, one time"
    )
    receive = verb("receive", "print what has arrived, and send what waits in the outbox")
    receive.add_argument(
        "--wait", type=seconds, default=0.0, metavar="SECONDS", help="so long without news (0)"
    )
    receive.add_argument("--follow", action="store_true", help="until interrupted")
    receive.add_argument("--accept-requests", action="store_true", help="accept everybody who writes first")
    history = verb("history", "print the last messages of a chat")
    history.add_argument("who", metavar="WHO")
    history.add_argument("--limit", type=positive, default=20, metavar="N", help="how many (20)")
    add_finding_verbs(verb)
    add_file_verbs(verb)
    for name, text in {
        "react": "react to a message",
        "edit": "change an own message",
        "reply": "answer a message",
    }.items():
        parser = verb(name, text)
        parser.add_argument("message", metavar="MESSAGE", help="its id, or enough of its first characters")
        if name == "react":
            parser.add_argument("emoji", metavar="EMOJI", nargs="?", default="", help="none takes it back")
        else:
            parser.add_argument("text", metavar="TEXT", nargs="+", help="the text; - reads standard input")
    delete = verb("delete", "delete a message here, or for everyone")
    delete.add_argument("message", metavar="MESSAGE")
    delete.add_argument("--for-everyone", action="store_true", help="ask the other side to delete it too")
    timer = verb("timer", "let new messages of a chat disappear after a time")
    timer.add_argument("who", metavar="WHO")
    timer.add_argument("duration", metavar="TIME", help="30s, 5m, 8h, 7d, 4w, or off")


def add_file_verbs(verb: AddVerb) -> None:
    """Verbs about the files of messages."""
    download = verb("download", "fetch a message's file and save it")
    download.add_argument("message", metavar="MESSAGE")
    download.add_argument(
        "--output",
        metavar="FILE",
        help="where it goes, never over another (else here, under its name)",
    )
    view = verb("view", "open a view-once message, this one time")
    view.add_argument("message", metavar="MESSAGE")
    view.add_argument(
        "--output",
        metavar="FILE",
        help="where a file goes, never over another (else here, under its name)",
    )
    files = verb("files", "list the files that lie here, and make room by deleting copies")
    files.add_argument("--chat", metavar="WHO", help="of this chat only")
    files.add_argument("--older-than", type=age, default=0, metavar="TIME", help="such as 30d or 8w")
    files.add_argument("--larger-than", type=amount, default=0, metavar="SIZE", help="such as 500k or 10M")
    files.add_argument("--clear", action="store_true", help="delete our copies of those that come again")
    files.add_argument("--even-unsure", action="store_true", help="and of those that may not")
    verb("storage", "what this profile takes on the disk, and its files by kind and by chat")


def add_finding_verbs(verb: AddVerb) -> None:
    """Verbs that find messages again, and take chats out of the profile."""
    search = verb("search", "find messages by their words, in every chat")
    search.add_argument(
        "words", metavar="WORDS", nargs="+", help="each from its beginning; case does not matter"
    )
    search.add_argument("--chat", metavar="WHO", help="in this chat only")
    search.add_argument(
        "--limit", type=positive, default=50, metavar="N", help="how many, the newest first (50)"
    )
    export = verb("export", "write a chat to a file, or check a record that was written so")
    export.add_argument("who", metavar="WHO", nargs="?")
    export.add_argument(
        "--format",
        choices=("jsonl", "html", "txt"),
        default="jsonl",
        help="jsonl is the one that can be checked",
    )
    export.add_argument("--output", metavar="FILE", help="a new file")
    export.add_argument("--media", action="store_true", help="with the files of its messages")
    export.add_argument("--check", metavar="FILE", help="say whether this record is as it was written")


def add_people_verbs(verb: AddVerb) -> None:
    """Verbs about other people."""
    for name, text in {
        "accept": "accept somebody who wrote first",
        "block": "accept nothing from somebody any more",
        "unblock": "take somebody off the blocked list",
    }.items():
        verb(name, text).add_argument("who", metavar="WHO")
    verb("contacts", "list everybody known")
    verify = verb("verify", "show the safety number, or confirm it")
    verify.add_argument("who", metavar="WHO")
    verify.add_argument("--confirm", metavar="DIGITS", help="the 60 digits read out by the other side")


BACKUP_ACTIONS = (
    "on", "now", "status", "set", "verify", "rehearse", "restore", "password", "key", "sheet", "rotate", "off",
    "history",
)  # fmt: skip


def add_backup_verb(verb: AddVerb) -> None:
    """The verb about backups, with its actions."""
    backup = verb("backup", "back up end-to-end encrypted, and restore")
    backup.add_argument("action", choices=BACKUP_ACTIONS, metavar="ACTION", help=", ".join(BACKUP_ACTIONS))
    backup.add_argument("--provider", default="", metavar="WHERE", help="where it lies: folder:DIR")
    backup.add_argument("--password-file", metavar="FILE", help="read the backup password from FILE")
    backup.add_argument("--recovery-key", action="store_true", help="on: show the 64 digits that open it")
    backup.add_argument("--fleet", metavar="FILE", help="the vault's fleet file")
    backup.add_argument(
        "--frequency", choices=("off", "daily", "weekly", "monthly"), help="on, set: how often"
    )
    backup.add_argument(
        "--media", action=argparse.BooleanOptionalAction, default=None, help="files too; restore: files now"
    )
    backup.add_argument(
        "--videos", action=argparse.BooleanOptionalAction, default=None, help="videos among the files"
    )
    backup.add_argument("--with-key", action="store_true", help="sheet: with the 64 digits")
    backup.add_argument("--output", metavar="FILE", help="sheet: write it to FILE")
    backup.add_argument("--handle", metavar="HANDLE", help="restore: whose account")
    backup.add_argument("--relay", metavar="URL", help="restore: the relay of the account")
    backup.add_argument("--recovery-key-file", metavar="FILE", help="restore: read the 64 digits from FILE")
    backup.add_argument(
        "--locator", metavar="LOCATOR", help="restore: the vault locator of the recovery sheet"
    )
    backup.add_argument("--sheet", metavar="FILE", help="restore: the recovery sheet")
    backup.add_argument(
        "--chat", action="append", metavar="WHO", help="restore: only this chat; may be repeated"
    )
    backup.add_argument(
        "--mend", action="store_true", help="now: write what is damaged there again from here"
    )
    backup.add_argument(
        "--leave", action="store_true", help="off: though what lies at the provider cannot be deleted"
    )
    backup.add_argument(
        "--anew", action="store_true", help="set --provider: leave behind what is only where backups were"
    )
    backup.add_argument(
        "--generation", type=int, metavar="N", help="restore: the backup of this number, or before"
    )
    backup.add_argument("--accept-damaged", action="store_true", help="restore: what is whole of it will do")
    backup.add_argument("--accept-stale", action="store_true", help="restore: though a newer one is hidden")


def seconds(text: str) -> float:
    """Read a number of seconds, 0 or more."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 86_400:
        raise argparse.ArgumentTypeError("give 0 to 86400 seconds")
    return value


def age(text: str) -> int:
    """Read 30d, 8w and the like, as seconds."""
    from letterlock_client.shapes import seconds_of

    found = seconds_of(text)
    if found is None:
        raise argparse.ArgumentTypeError("give a time like 12h, 30d or 8w")
    return found


def amount(text: str) -> int:
    """Read 500k, 10M or a number of bytes."""
    number, unit = (text[:-1], text[-1:].lower()) if text[-1:].lower() in ("k", "m", "g") else (text, "")
    if not number.isdecimal() or len(number) > 12:
        raise argparse.ArgumentTypeError("give a size like 500k, 10M or 1G")
    return int(number) * {"": 1, "k": 1_000, "m": 1_000_000, "g": 1_000_000_000}[unit]


def positive(text: str) -> int:
    """Read a whole number from 1 to a million."""
    value = int(text) if text.isdecimal() and len(text) <= 7 else 0
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError("give a number from 1 to 1000000")
    return value

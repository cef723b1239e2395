"""Every command the interface knows, once: key bindings, palette, slash words, help and the keymap come from it.

Must not know what a command does; the pane or widget that owns it has the action.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from textual.binding import Binding


class Where(Enum):
    """Who carries a command's action, and when its keys work."""

    CLIENT = "Anywhere"
    COMPOSER = "While writing"
    LIST = "In a list"
    MESSAGE = "On a message"


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command. `keys` are its defaults, comma-separated; its id is what a keymap names."""

    id: str
    where: Where
    keys: str
    action: str
    title: str
    help: str
    footer: bool = False
    argument: str = ""
    """What may stand behind its slash word; in brackets where it may be left out."""
    alone: str = ""
    """Why nothing but its keys leads to it; where this is empty, the palette and its slash word do as well."""
    keyless: str = ""
    """Why it has no key on purpose."""

    @property
    def name(self) -> str:
        """Its id within its place."""
        return self.id.partition(".")[2]

    @property
    def word(self) -> str:
        """What is typed behind the slash."""
        return self.name.replace("_", "-")

    @property
    def on_client(self) -> str:
        """The action of a whole client that does the same, for whoever has no message or composer at hand."""
        return f"message('{self.name}')" if self.where is Where.MESSAGE else self.action


def _client(
    id: str,  # noqa: A002
    keys: str,
    title: str,
    help: str,  # noqa: A002
    *,
    footer: bool = False,
    argument: str = "",
    keyless: str = "",
) -> CommandSpec:
    action = {page: f"settings('{page_id}')" for page, page_id in _PAGES.items()}.get(id, id)
    return CommandSpec(
        f"chat.{id}", Where.CLIENT, keys, action, title, help, footer, argument, keyless=keyless
    )


def _composer(id: str, keys: str, title: str, help: str, alone: str = "") -> CommandSpec:  # noqa: A002
    return CommandSpec(f"write.{id}", Where.COMPOSER, keys, id, title, help, alone=alone)


def _list(id: str, keys: str, action: str, title: str, help: str) -> CommandSpec:  # noqa: A002
    return CommandSpec(f"list.{id}", Where.LIST, keys, action, title, help, alone=_MOVES)


def _message(id: str, keys: str, title: str, help: str, alone: str = "") -> CommandSpec:  # noqa: A002
    action = id if id in ("copy", "write") else f"ask('{id}')"
    if id in ("search", "next_unread"):
        action = f"client('{id}')"
    footer = id == "menu"
    return CommandSpec(f"message.{id}", Where.MESSAGE, keys, action, title, help, footer, alone=alone)


_PAGES: Final = {"profile": "account", "notifications": "notifications", "storage": "storage"}
"""Commands that open one page of the settings."""

_MOVES: Final = "It moves where the cursor stands; the mouse's wheel and the scroll bar do the same."
_WRITES: Final = "It belongs to the text being written, in whose place a slash word would stand."
_TWICE: Final = "A command that works anywhere does the same."


COMMANDS: Final = (
    _client("switch", "ctrl+k", "Switch chat", "Find a chat by name and open it.", footer=True),
    _client("help", "f1", "Help", "All keys on one page.", footer=True),
    _client(
        "new_chat",
        "ctrl+n",
        "New chat",
        "Write to somebody by handle or invite link.",
        footer=True,
        argument="[WHO]",
    ),
    _client("search", "ctrl+f", "Search", "Find messages by their words, in every chat.", footer=True),
    _client(
        "settings", "f2", "Settings", "Privacy, backup, appearance and the rest, with a search.", footer=True
    ),
    _client("backup", "f3", "Backup", "How the last backup stands, and who could open it.", footer=True),
    _client("verify", "f4", "Verify", "Compare the safety number of this chat.", footer=True),
    _client(
        "chat_info",
        "alt+c",
        "Chat info",
        "Facts about this chat, its shared files, and what can be done with it.",
        footer=True,
    ),
    _client("previous_chat", "alt+up", "Previous chat", "Open the chat above in the list."),
    _client("next_chat", "alt+down", "Next chat", "Open the chat below in the list."),
    _client("next_unread", "alt+a", "Next unread", "Open the next chat with unread messages."),
    _client("order", "alt+o", "Order of chats", "List unread chats first, or all by their last message."),
    _client(
        "filter",
        "",
        "Filter chats",
        "List only chats whose names hold a word; alone: all.",
        argument="[WORD]",
    ),
    _client("requests", "alt+r", "Requests", "See who wrote first and waits for an answer."),
    _client("back", "alt+left", "Chat list", "Go to the list of chats."),
    _client("invite", "alt+i", "Invite link", "Show your own invite link, for others to write to you."),
    _client(
        "timer",
        "alt+t",
        "Disappearing messages",
        "Choose how long messages of this chat stay.",
        argument="[TIME]",
    ),
    _client(
        "attach",
        "alt+f",
        "Send a file",
        "Send a file to this chat, with a caption.",
        argument="PATH [CAPTION]",
    ),
    _client(
        "view_once", "", "Send to view once", "Send a file that can be opened one time.", argument="PATH"
    ),
    _client("once", "", "Write to read once", "Send a text that can be read one time.", argument="TEXT"),
    _client(
        "paste",
        "alt+v",
        "Send the clipboard's picture",
        "Send the picture in the system's clipboard, with a caption.",
        argument="[CAPTION]",
    ),
    _client("voice", "alt+s", "Voice note", "Record a voice note, and send it to this chat."),
    _client("date", "alt+d", "Go to a day", "Go to the first message of a day.", argument="DAY"),
    _client(
        "mute",
        "alt+m",
        "Mute or unmute",
        "Let this chat be quiet for a time or for good, or not.",
        argument="[TIME]",
    ),
    _client(
        "quiet",
        "",
        "Do not disturb",
        "Let nothing notify you for a while; off ends it.",
        argument="[TIME]",
    ),
    _client(
        "read", "", "Mark as read", "Let what you saw of this chat count as read, where that waits for you."
    ),
    _client("pin", "alt+p", "Pin or unpin", "Keep this chat on top of the list, or not."),
    _client(
        "archive", "alt+z", "Archive, or take back", "Put this chat out of sight until somebody writes in it."
    ),
    _client("archived", "", "Archived chats", "List the archived chats, or the others again."),
    _client(
        "export",
        "alt+e",
        "Export this chat",
        "Write it to a file: a record that can be checked (.jsonl), a page (.html) or text (.txt).",
        argument="FILE",
    ),
    _client(
        "share",
        "",
        "Share a contact",
        "Send somebody's contact to this chat: whoever opens it can write to them.",
        argument="[WHO]",
    ),
    _client(
        "block",
        "",
        "Block",
        "Drop whatever this person sends from now on.",
        keyless="a slip of the finger must not lead there",
    ),
    _client("xray", "f12", "X-ray", "Beside the chat: a message's layers, and what each party saw of it."),
    _client("profile", "f6", "Profile", "Your handle, account, device and invite link."),
    _client("notifications", "", "Notifications", "The bell, and what shows outside the window."),
    _client("storage", "f7", "Storage", "What your messages and files take on this disk."),
    _client("theme", "", "Theme", "Choose the colours.", argument="[NAME]"),
    _client("back_up", "", "Back up now", "Back up, while the chat goes on."),
    _client("quit", "ctrl+q", "Leave", "Close the program; what is written and not sent is kept."),
    _composer("send", "enter", "Send", "Send the message.", _WRITES),
    _composer("newline", "ctrl+j,alt+enter,shift+enter", "New line", "Begin a new line.", _WRITES),
    _composer(
        "up", "up", "Edit last", "In an empty composer: edit your last message.", "/edit does the same."
    ),
    _composer("editor", "ctrl+e", "Editor", "Write this text in your own editor ($EDITOR)."),
    _composer("page_up", "pageup", "Scroll up", "Scroll the messages one page up.", _MOVES),
    _composer("page_down", "pagedown", "Scroll down", "Scroll the messages one page down.", _MOVES),
    _composer(
        "leave", "escape", "To the messages", "Stop replying or editing; else go to the messages.", _MOVES
    ),
    _list("up", "up,k", "cursor(-1)", "Up", "Go one up."),
    _list("down", "down,j", "cursor(1)", "Down", "Go one down."),
    _list("page_up", "pageup", "page(-1)", "Page up", "Go one page up."),
    _list("page_down", "pagedown", "page(1)", "Page down", "Go one page down."),
    _list("half_up", "ctrl+u", "half_page(-1)", "Half a page up", "Go half a page up."),
    _list("half_down", "ctrl+d", "half_page(1)", "Half a page down", "Go half a page down."),
    _list("first", "home,g", "first", "First", "Go to the first."),
    _list("last", "end,G", "last", "Last", "Go to the last, and stay at the end."),
    _message("search", "slash", "Search", "Find messages by their words, in every chat.", _TWICE),
    _message("next_unread", "n", "Next unread", "Open the next chat with unread messages.", _TWICE),
    _message("menu", "m", "Menu", "Choose among all that can be done with it."),
    _message("reply", "r", "Reply", "Answer this message."),
    _message("edit", "e", "Edit", "Change the text of your own message."),
    _message("delete", "d", "Delete", "Delete it here, or on both sides."),
    _message("react", "plus", "React", "Put an emoji on it."),
    _message("copy", "y", "Copy", "Copy its text, or what is selected."),
    _message(
        "open", "o,enter", "Open", "Show all of it, save its file, go to what it answers, or send it again."
    ),
    _message("view", "v", "View", "Show its picture as large as the terminal allows."),
    _message("play", "space", "Play", "Play its sound, or stop it."),
    _message("launch", "O", "Open outside", "Save its file, and open it with the system's program."),
    _message("forward", "f", "Forward", "Say it in another chat, as your own."),
    _message("history", "h", "Earlier texts", "Read what it said before it was changed."),
    _message("pause", "p", "Pause", "Stop its file where it is, or let it go on."),
    _message("cancel", "x", "Cancel", "Give up sending its file."),
    _message("info", "i", "Message info", "How it travelled: times, sizes, ratchet."),
    _message("jump", "q", "Go to the quoted", "Go to the message that this one answers."),
    _message("write", "escape", "Write", "Go back to writing.", _MOVES),
)


VIM: Final[Mapping[str, str]] = {"message.write": "i,a,escape", "message.info": "I"}
"""What `vim = true` changes; j, k, g, G, ctrl+d, ctrl+u, / and n do what hands know in every list anyway."""


def bindings(where: Where) -> list[Binding]:
    """Return the bindings of one place; those that work anywhere come before the composer's own keys."""
    return [
        Binding(
            spec.keys,
            spec.action,
            spec.title,
            show=spec.footer,
            priority=spec.where is Where.CLIENT,
            id=spec.id,
        )
        for spec in COMMANDS
        if spec.where is where and spec.keys
    ]


def actions(where: Where, keymap: Mapping[str, str]) -> dict[str, str]:
    """Return what each key of one place does, for a widget that must take its keys in order."""
    return {
        key.strip(): spec.action
        for spec in COMMANDS
        if spec.where is where
        for key in keymap.get(spec.id, spec.keys).split(",")
        if key.strip()
    }


def slashes(specs: Iterable[CommandSpec] = COMMANDS) -> dict[str, CommandSpec]:
    """Return what can be typed behind a slash, with its command."""
    return {spec.word: spec for spec in specs if not spec.alone}


def keys_of(spec: CommandSpec, keymap: Mapping[str, str] | None = None) -> str:
    """Return a command's keys for reading, such as ctrl+k or alt+up."""
    keys = (keymap or {}).get(spec.id, spec.keys)
    return ", ".join({"plus": "+"}.get(key.strip(), key.strip()) for key in keys.split(",") if key.strip())


def clashes(keymap: Mapping[str, str], specs: Iterable[CommandSpec] = COMMANDS) -> list[str]:
    """Return one sentence for every key that two commands of one place would share, and every unknown id."""
    specs = tuple(specs)
    known = {spec.id for spec in specs}
    found = [f"there is no command {name!r} to give a key to" for name in keymap if name not in known]
    taken: dict[tuple[Where, str], CommandSpec] = {}
    for spec in specs:
        for key in filter(None, (key.strip() for key in keymap.get(spec.id, spec.keys).split(","))):
            other = taken.setdefault((spec.where, key), spec)
            if other is not spec:
                found.append(f"{key} is given to both {other.id} and {spec.id}")
    return found

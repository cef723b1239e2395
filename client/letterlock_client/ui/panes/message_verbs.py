"""What the keys on a message do: each is one call of the messenger, a question before it, or a screen.

Must not know how messages are drawn, nor what the client's other commands do.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from letterlock_client.config import downloads_folder
from letterlock_client.formatting import true_host
from letterlock_client.models import Delivery, Message, MessageKind, TransferState
from letterlock_client.sanitize import body_of, clean, file_name_of, fit, links_in
from letterlock_client.ui import intents
from letterlock_client.ui.commands import COMMANDS, Where, keys_of
from letterlock_client.ui.panes.launching import launch
from letterlock_client.ui.panes.player import Player
from letterlock_client.ui.panes.suiting import suits
from letterlock_client.ui.screens.choose import Choice, ChooseScreen
from letterlock_client.ui.screens.history import HistoryScreen
from letterlock_client.ui.screens.message_info import MessageInfoScreen
from letterlock_client.ui.screens.picture import PictureScreen, room_for
from letterlock_client.ui.screens.react import ReactScreen
from letterlock_client.ui.screens.reader import ReaderScreen
from letterlock_client.ui.screens.switch import SwitchScreen
from letterlock_client.ui.wording import card_of, preview

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from letterlock.ids import ConversationId, MessageId
    from letterlock_client.ui.panes.calls import Calls
    from letterlock_client.ui.widgets.message_log import MessageLog


MOST_LINKS: Final = 12
MENU_TITLES: Final = 18
"""Columns of a menu for what is done."""


def addresses_in(message: Message) -> list[tuple[str, str]]:
    """Return the web addresses of a text with the hosts they lead to, each once."""
    if message.deleted or message.view_once:
        return []
    text = body_of(message.text).text
    return list({text[link.start : link.stop]: true_host(link.host) for link in links_in(text)}.items())


def _meant(log: MessageLog, verb: str, answered: MessageId | None) -> Message | None:
    """Return the message under the cursor, if the keys go to it; else the one being answered; else the newest fit."""
    if log.screen.focused is log and (message := log.message_at_cursor()) is not None:
        return message
    return (log.window.find(answered) if answered else None) or log.window.newest(partial(suits, verb))


class MessageVerbs:
    """The verbs of `commands.COMMANDS` with `Where.MESSAGE`, for one client pane."""

    def __init__(self, pane: Calls) -> None:
        self._pane = pane
        self._player = Player(pane)
        self._verbs: dict[str, Callable[[Message], None]] = {
            "menu": self.menu,
            "reply": self.reply,
            "edit": self.edit,
            "delete": self.delete,
            "react": self.react,
            "copy": self.copy,
            "open": self.open,
            "view": self.view,
            "play": self._player.toggle,
            "launch": self.launch,
            "forward": self.forward,
            "history": self.history,
            "pause": self.pause,
            "cancel": self.cancel,
            "info": self.info,
            "jump": self.jump,
        }

    def do(self, verb: str, message: Message) -> None:
        """Do what a key on a message means; not while a dialog is open that an earlier key has opened."""
        if self._pane.screen is self._pane.app.screen:
            self._verbs[verb](message)

    def begin(self, verb: str, answered: MessageId | None = None) -> None:
        """Do what was asked for without a message at hand, with the one that is meant, and show which that is."""
        view = self._pane.view
        if view is None:
            self._pane.tell("Open a chat first.")
            return
        log = view.log_view

        def do() -> None:
            message = _meant(log, verb, answered)
            if message is None:
                self._pane.tell("No message near the end is one for that. Choose one: escape, then arrows.")
            else:
                log.jump_to(message.id)
                self.do(verb, message)

        view.happened(do)

    def menu(self, message: Message) -> None:
        """Show what can be done with it, and by which keys."""
        offered = [spec for spec in COMMANDS if spec.where is Where.MESSAGE and not spec.alone]
        choices = [
            Choice(spec.name, f"{spec.title.ljust(MENU_TITLES)}{keys_of(spec, self._pane.around.keymap)}")
            for spec in offered
            if spec.name != "menu" and suits(spec.name, message)
        ]

        def chosen(verb: str | None) -> None:
            if verb is not None:
                self.do(verb, message)

        screen = ChooseScreen("What to do with this message", choices, facts=[preview(message)])
        self._pane.app.push_screen(screen, chosen)

    def reply(self, message: Message) -> None:
        """Begin an answer to it."""
        view = self._pane.view
        if view is not None and suits("reply", message):
            view.begin_reply(message)

    def edit(self, message: Message) -> None:
        """Begin to change it."""
        view = self._pane.view
        if view is not None and suits("edit", message):
            view.begin_edit(message)
        else:
            self._pane.tell("Only your own texts can be changed.")

    def delete(self, message: Message) -> None:
        """Delete it, after asking where."""
        pane = self._pane

        def chosen(for_everyone: bool | None) -> None:
            if for_everyone is not None:
                pane.errand(pane.messenger.delete(message.id, for_everyone=for_everyone))

        choices = [Choice(False, "Delete for me: here, on this device")]
        if message.mine and not message.deleted:
            choices.append(Choice(True, "Delete for everyone: the other side is asked to delete it too"))
        pane.app.push_screen(ChooseScreen("Delete this message?", choices, facts=[preview(message)]), chosen)

    def react(self, message: Message) -> None:
        """Choose an emoji for it."""
        pane = self._pane
        own = pane.messenger.profile.account
        mine = next((one.emoji for one in message.reactions if one.author == own), "")

        def chosen(emoji: str | None) -> None:
            if emoji is not None:
                pane.errand(pane.messenger.react(message.id, "" if emoji == mine else emoji))

        pane.app.push_screen(ReactScreen(mine), chosen)

    def copy(self, message: Message) -> None:
        """Copy its text: whoever pastes it into a terminal gets nothing that a terminal would obey."""
        if suits("copy", message):
            self._pane.app.copy_to_clipboard(clean(message.text))
            self._pane.tell("Copied.")

    def forward(self, message: Message) -> None:
        """Choose a chat, and say it there as one's own."""
        pane = self._pane
        if not suits("forward", message):
            pane.tell("This cannot be forwarded.")
            return

        def chosen(conversation: ConversationId | None) -> None:
            if conversation is not None:
                pane.errand(self._forward(message.id, conversation), in_order=True)

        pane.app.push_screen(SwitchScreen(pane.chat_list.chats, pane.around, "Forward to"), chosen)

    async def _forward(self, message: MessageId, conversation: ConversationId) -> None:
        await self._pane.messenger.forward(message, conversation)
        self._later("Forwarded.")

    def history(self, message: Message) -> None:
        """Show its earlier texts."""
        if suits("history", message):
            self._pane.app.push_screen(HistoryScreen(self._pane.messenger, message))
        else:
            self._pane.tell("This message was never changed.")

    def info(self, message: Message) -> None:
        """Show how it travelled."""
        self._pane.app.push_screen(MessageInfoScreen(self._pane.messenger, message))

    def jump(self, message: Message) -> None:
        """Go to the message that it answers."""
        if message.reply_to is not None and self._pane.view is not None:
            self._pane.view.post_message(intents.JumpTo(message.conversation, message.reply_to))

    # Its file.

    def open(self, message: Message) -> None:
        """Do the obvious with it."""
        pane = self._pane
        file = message.attachment
        if message.delivery is Delivery.FAILED:
            pane.errand(pane.messenger.resend(message.id))
        elif message.view_once and not message.mine and not message.viewed:
            self._ask_view_once(message)
        elif file is not None and file.state in (TransferState.MOVING, TransferState.PAUSED):
            self.pause(message)
        elif file is not None and file.state is not TransferState.GONE and not message.view_once:
            pane.errand(self._save(message.id))
        elif card_of(message):
            pane.errand(self._write_to(message.text))
        elif body_of(message.text).hidden_lines:
            pane.app.push_screen(ReaderScreen(message.text, "The whole message"))
        elif links := addresses_in(message):
            self._ask_link(links)
        else:
            self.jump(message)

    async def _write_to(self, card: str) -> None:
        """Look up whom a card names, as if it had been typed: another account than the card's is refused."""
        self._pane.post_message(intents.OpenChat(await self._pane.messenger.find(card)))

    def _ask_link(self, links: list[tuple[str, str]]) -> None:
        app = self._pane.app

        def chosen(address: str | None) -> None:
            if address is not None:
                app.open_url(address)

        choices = [Choice(address, f"{host}: {fit(address, 60)}") for address, host in links[:MOST_LINKS]]
        app.push_screen(ChooseScreen("Open in the browser? These are the true hosts.", choices), chosen)

    def _ask_view_once(self, message: Message) -> None:
        pane = self._pane
        text = pane.messenger.reads_once(message)

        def chosen(answer: str | None) -> None:
            if answer == "show":
                pane.errand(self._view(message))
            elif answer == "open":
                pane.errand(self._view_once(message.id, None if text else downloads_folder()))

        choices = [Choice("", "Not now")]
        if message.kind is MessageKind.IMAGE:
            choices.append(Choice("show", "Show it here, this one time"))
        choices.append(
            Choice("open", "Read it, this one time" if text else "Save its file in your downloads")
        )
        title = "This message can be viewed once: now, and never again."
        pane.app.push_screen(ChooseScreen(title, choices), chosen)

    def view(self, message: Message) -> None:
        """Show its picture."""
        if not suits("view", message):
            self._pane.tell("This message has no picture.")
        elif message.view_once:
            self.open(message)
        else:
            self._pane.errand(self._view(message))

    async def _view(self, message: Message) -> None:
        app, file = self._pane.app, message.attachment
        graphics = self._pane.around.graphics
        picture = await self._pane.messenger.whole_picture(message.id, *room_for(app.size, graphics))
        if picture is None or file is None:
            self._later("This picture cannot be shown here. Nothing was opened.")
            return
        heading = "View once" if message.view_once else file_name_of(file.name)
        app.call_later(partial(app.push_screen, PictureScreen(picture, heading, graphics)))

    async def _view_once(self, message: MessageId, folder: Path | None) -> None:
        found = await self._pane.messenger.view_once(message, folder)
        if isinstance(found, str):
            app = self._pane.app
            app.call_later(partial(app.push_screen, ReaderScreen(found, "View once")))
        else:
            self._told_path(found)

    async def _save(self, message: MessageId) -> None:
        self._told_path(await self._pane.messenger.save(message, downloads_folder()))

    def _told_path(self, path: Path) -> None:
        self._later(f"Saved as {path}")

    def launch(self, message: Message) -> None:
        """Save its file and give it to the system's program, after asking."""
        pane, file = self._pane, message.attachment
        if file is None or not suits("launch", message):
            pane.tell("This message has no file to open.")
            return

        def chosen(really: bool | None) -> None:
            if really:
                pane.errand(self._launch(message.id))

        name = file_name_of(file.name)
        title = f"Give {name} to another program? Whoever sent it may use a flaw of that program."
        choices = [Choice(False, "Keep it closed"), Choice(True, "Save it, and open it outside Letterlock")]
        pane.app.push_screen(ChooseScreen(title, choices), chosen)

    async def _launch(self, message: MessageId) -> None:
        path = await self._pane.messenger.save(message, downloads_folder())
        self._told_path(path)
        await launch(path)

    def pause(self, message: Message) -> None:
        """Stop its file where it is, or let it go on."""
        pane, file = self._pane, message.attachment
        if file is None:
            return
        if file.state is TransferState.MOVING:
            pane.errand(pane.messenger.pause(message.id))
        elif file.state is TransferState.PAUSED and message.mine:
            pane.errand(pane.messenger.resend(message.id))
        elif file.state in (TransferState.PAUSED, TransferState.REMOTE) and not message.view_once:
            pane.errand(pane.messenger.download(message.id))

    def cancel(self, message: Message) -> None:
        """Give up sending its file: the message leaves with it. A file that comes is only paused."""
        pane = self._pane
        if not suits("cancel", message):
            pane.tell("Nothing of this message is on its way.")
            return
        if not message.mine:
            pane.errand(pane.messenger.pause(message.id))
            return

        def chosen(give_up: bool | None) -> None:
            if give_up:
                pane.errand(pane.messenger.delete(message.id, for_everyone=False))

        choices = [Choice(True, "Give up, and delete the message here"), Choice(False, "Go on sending")]
        pane.app.push_screen(ChooseScreen("Stop sending this file?", choices), chosen)

    def _later(self, text: str) -> None:
        self._pane.app.call_later(partial(self._pane.tell, text))

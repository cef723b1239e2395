"""Words about messages: answering, changing, forwarding, files, and how one travelled."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from letterlock_client import clipboard
from letterlock_client.emoji import named
from letterlock_client.errors import ClientError, Code
from letterlock_client.file_paths import file_of, path_of
from letterlock_client.plain.speaking import Action, Verbs, say
from letterlock_client.shapes import local_time, many


class MessageVerbs(Verbs):
    """The words."""

    @property
    def words(self) -> Mapping[str, tuple[Action, str]]:
        """See `Verbs`."""
        return {
            "reply": (self.reply, "MESSAGE TEXT: answer a message"),
            "react": (
                self.react,
                "MESSAGE [EMOJI]: react to a message, also by a name such as :heart:; without one take it back",
            ),
            "edit": (self.edit, "MESSAGE TEXT: change an own message"),
            "edits": (self.edits, "MESSAGE: what a message said before it was changed"),
            "delete": (self.delete, "MESSAGE: delete an own message for everyone, another's here"),
            "forward": (self.forward, "MESSAGE WHO: say a message again in another chat"),
            "again": (self.again, "MESSAGE: send one again that was not sent"),
            "info": (self.info, "MESSAGE: how it travelled, and when it was delivered and read"),
            "attach": (self.file, "PATH [CAPTION]: send a file; quotes around a path with spaces"),
            "view-once": (self.file_once, "PATH [CAPTION]: send a file that opens one time"),
            "once": (self.once, "TEXT: send a text that can be read one time"),
            "paste": (self.paste, "[CAPTION]: send the picture in the system's clipboard"),
            "save": (self.save, "MESSAGE [PATH]: save a message's file, here under its name or as PATH"),
        }

    async def say_there(self, text: str) -> None:
        """Send a text to the present chat."""
        chat = self.present.require()
        try:
            await self.messenger.send_text(chat, text)
        except ClientError as error:
            if error.code is not Code.TOO_LARGE:
                raise
            await self.messenger.send_long_text(chat, text)
            say("This text is too long for a message: it goes as the file message.txt.")

    async def reply(self, rest: str) -> None:
        """Answer a message."""
        target, text = await self.message_and_text(rest)
        await self.messenger.send_text(target.conversation, text, reply_to=target.id)

    async def react(self, rest: str) -> None:
        """React to a message."""
        target, emoji = await self.message_and_text(rest)
        await self.messenger.react(target.id, named(emoji))

    async def edit(self, rest: str) -> None:
        """Change an own message."""
        target, text = await self.message_and_text(rest)
        await self.messenger.edit(target.id, text)

    async def edits(self, rest: str) -> None:
        """Show the earlier texts of a message, the oldest first."""
        target, _ = await self.message_and_text(rest)
        texts = await self.messenger.edits(target.id)
        for text in texts:
            say(text.replace("\n", "\n    "))
        if not texts:
            say("This message was never changed.")

    async def delete(self, rest: str) -> None:
        """Delete an own message on both sides, or another's here."""
        target, _ = await self.message_and_text(rest)
        await self.messenger.delete(target.id, for_everyone=target.mine)

    async def forward(self, rest: str) -> None:
        """Say a message again in another chat."""
        target, to = await self.message_and_text(rest)
        await self.messenger.forward(target.id, await self.messenger.find(to))
        say("Forwarded.")

    async def again(self, rest: str) -> None:
        """Send a message again that was given up."""
        target, _ = await self.message_and_text(rest)
        await self.messenger.resend(target.id)
        say("It is tried again.")

    async def info(self, rest: str) -> None:
        """Say how a message travelled."""
        target, _ = await self.message_and_text(rest)
        say(f"{target.delivery.value.capitalize()}{': ' if target.failure else ''}{target.failure}.")
        for name, at in (("Delivered", target.delivered_at), ("Read", target.read_at)):
            if at:
                say(f"{name} {local_time(at)}: when the first receipt came, by this clock.")
        known = await self.messenger.inspect(target.id)
        devices = many(known.devices, "device")
        say(
            f"{known.text_bytes} bytes of text, {known.padded_bytes} padded, {known.sealed_bytes} sealed,"
            f" {known.envelope_bytes} that the relay sees, for {devices};"
            f" ratchet step {known.ratchet_step}, chain index {known.chain_index}."
        )

    async def file(self, rest: str, *, once: bool = False) -> None:
        """Send a file to the present chat."""
        chat = self.present.require()
        path, caption = await asyncio.to_thread(file_of, rest)
        await self.messenger.send_file(chat, path, caption=caption, view_once=once)
        say("The file is on its way.")

    async def paste(self, rest: str) -> None:
        """Send the clipboard's picture to the present chat."""
        chat = self.present.require()
        async with clipboard.picture() as path:
            await self.messenger.send_file(chat, path, caption=rest)
        say("The picture is on its way.")

    async def file_once(self, rest: str) -> None:
        """Send a file that can be opened one time."""
        await self.file(rest, once=True)

    async def once(self, rest: str) -> None:
        """Send a text that can be read one time."""
        await self.messenger.send_once(self.present.require(), rest)
        say("The text is on its way.")

    async def save(self, rest: str) -> None:
        """Save a message's file; a view-once one this one time, and its text is said where no path is given."""
        target, path = await self.message_and_text(rest)
        place = await asyncio.to_thread(path_of, path or ".")
        saved: str | Path
        if target.view_once and not target.mine:
            said = not path and self.messenger.reads_once(target)
            saved = await self.messenger.view_once(target.id, None if said else place)
        else:
            saved = await self.messenger.save(target.id, place)
        say(f"Saved as {saved}." if isinstance(saved, Path) else saved)

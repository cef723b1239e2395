"""A chat as pages for people: one HTML file that needs nothing else and runs nothing, or plain text.

Everything in a message is somebody else's text: cleaned as for a terminal, then escaped. Must not know files
or storage.
"""

import base64
import html
from dataclasses import dataclass
from typing import Final

from letterlock.ids import message_text
from letterlock_client.models import Conversation, Message, MessageKind
from letterlock_client.sanitize import clean, line_of
from letterlock_client.shapes import message_body, message_line, when, who

MAX_INLINE: Final = 16 * 1024 * 1024
"""The greatest file that stands inside the HTML; others are named only."""
_SHOWN: Final = {
    MessageKind.IMAGE: "img",
    MessageKind.AUDIO: "audio",
    MessageKind.VOICE: "audio",
    MessageKind.VIDEO: "video",
}
_SAFE_TYPES: Final = frozenset(
    f"{kind}/{name}"
    for kind, names in {
        "image": "png jpeg gif webp avif",
        "audio": "ogg mpeg mp4 wav webm flac aac",
        "video": "mp4 webm ogg",
    }.items()
    for name in names.split()
)
"""What a page shows in place. SVG is not among them: it is a document of its own."""
_STYLE: Final = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;"
    "color:#1b1b1b;background:#fff}article{margin:.5rem 0;padding:.5rem .75rem;border:1px solid #bbb;"
    "border-radius:.5rem;white-space:pre-wrap;overflow-wrap:anywhere}article.mine{margin-left:3rem;"
    "border-style:dashed}header{font-size:.85rem;color:#555}img,video{max-width:100%}"
    "@media(prefers-color-scheme:dark){body{color:#eee;background:#181818}header{color:#aaa}}"
)


@dataclass(frozen=True, slots=True)
class Media:
    """A message's file as an export has it: beside the page (`place`), or inside it (`data`)."""

    place: str = ""
    """Relative to the export's own folder."""
    digest: str = ""
    """SHA-256 of the whole file, in hex."""
    data: bytes = b""


NO_MEDIA: Final = Media()


class TextPage:
    """Plain text: what `history` prints."""

    def __init__(self, chat: Conversation, own: str) -> None:
        self._chat = chat
        self._own = own

    def begin(self) -> bytes:
        """The heading."""
        return f"Chat of {line_of(self._own)} with {line_of(who(self._chat.contact))}\n\n".encode()

    def message(self, message: Message, media: Media) -> bytes:
        """One message, with what came of it and where its file is."""
        lines = [message_line(message, self._chat, self._own)]
        if media.place:
            lines.append(f"    file: {media.place}")
        return ("\n".join(lines) + "\n").encode()

    def end(self, left_out: int, *, whole: bool) -> bytes:
        """The closing line."""
        return "".join(f"\n{each}\n" for each in _missing(left_out, whole=whole)).encode()


class HtmlPage:
    """One HTML file: no script, no address outside itself, and a policy that forbids both."""

    def __init__(self, chat: Conversation, own: str) -> None:
        self._name = line_of(who(chat.contact))
        self._own = line_of(own)

    def begin(self) -> bytes:
        """All before the first message."""
        title = html.escape(f"{self._own} and {self._name}")
        policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; media-src data:"
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">'
            '<meta name="viewport" content="width=device-width"><meta name="referrer" content="no-referrer">'
            f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>\n"
        ).encode()

    def message(self, message: Message, media: Media) -> bytes:
        """One message."""
        author = html.escape(self._own if message.mine else self._name)
        answers = message.reply_to and f'<a href="#{message_text(message.reply_to)}">answers a message</a>'
        marks = " · ".join(
            mark
            for mark in (author, when(message.sent_at), "edited" if message.edits else "", answers)
            if mark
        )
        reactions = " ".join(html.escape(line_of(each.emoji)) for each in message.reactions)
        body = html.escape(clean(message_body(message)))
        return (
            f'<article id="{message_text(message.id)}" class="{"mine" if message.mine else "theirs"}">'
            f"<header>{marks}</header>{body}"
            f"{_embedded(message, media)}{f'<footer>{reactions}</footer>' if reactions else ''}</article>\n"
        ).encode()

    def end(self, left_out: int, *, whole: bool) -> bytes:
        """All after the last message."""
        notes = "".join(f"<p>{each}</p>" for each in _missing(left_out, whole=whole))
        return f"{notes}</body></html>\n".encode()


def _embedded(message: Message, media: Media) -> str:
    tag = _SHOWN.get(message.kind)
    if not media.data or message.attachment is None or tag is None:
        return ""
    kind = message.attachment.media_type
    if kind not in _SAFE_TYPES:
        return ""
    source = f"data:{kind};base64,{base64.b64encode(media.data).decode()}"
    if tag == "img":
        return f'<p><img alt="{html.escape(line_of(message.attachment.name))}" src="{source}"></p>'
    return f'<p><{tag} controls src="{source}"></{tag}></p>'


def _missing(left_out: int, *, whole: bool) -> list[str]:
    """What is not on the page, in a sentence each."""
    said = []
    if left_out:
        are = "messages are" if left_out > 1 else "message is"
        said.append(f"{left_out} disappearing or view-once {are} not in this export.")
    if not whole:
        said.append("A restore was not complete: what had not come back by then is not in this export.")
    return said

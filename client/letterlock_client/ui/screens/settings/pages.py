"""The tree of settings: its pages, what stands on each, and the search. Data only.

Only what the program really does has an entry. Must not know widgets.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing on a page: its name, other words to find it by, and the id of its widget."""

    name: str
    words: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of the settings and the pages below it."""

    id: str
    title: str
    entries: tuple[Entry, ...] = ()
    below: tuple["Page", ...] = ()


PAGES: Final = (
    Page(
        "account",
        "Account",
        (
            Entry("Handle and account id", "name who me identity number"),
            Entry("Relay", "server address"),
            Entry("This device", "number passphrase lock"),
            Entry("Invite link", "qr code share contact", "invite"),
        ),
    ),
    Page(
        "privacy",
        "Privacy",
        (
            Entry("Read receipts", "ticks seen read", "read_receipts"),
            Entry("When a message counts as read", "receipt trigger seen answered", "read_when"),
            Entry("Typing", "writing indicator", "typing"),
            Entry("Presence", "online last seen connected", "presence"),
            Entry("Disappearing messages in new chats", "timer expire delete default", "timer"),
        ),
        (Page("blocked", "Blocked people", (Entry("Unblock somebody", "ban mute contact", "people"),)),),
    ),
    Page(
        "chats",
        "Chats",
        (),
        (
            Page(
                "backup",
                "Chat backup",
                (
                    Entry("Back up now", "save copy history", "door"),
                    Entry("Backup frequency", "daily weekly monthly schedule automatic", "door"),
                    Entry("Photos, files and videos in the backup", "media include", "door"),
                    Entry("Backup folder", "provider where storage cloud", "door"),
                ),
                (
                    Page(
                        "encrypted",
                        "End-to-end encrypted backup",
                        (
                            Entry("Turn encrypted backup on or off", "e2e e2ee delete", "door"),
                            Entry("Backup password", "change forgot vault", "door"),
                            Entry("64-digit key", "recovery secret", "door"),
                            Entry("Recovery sheet", "print paper", "door"),
                            Entry("Failed tries", "attempts history ledger guesses", "door"),
                            Entry("Verify or rehearse the backup", "check test restore", "door"),
                            Entry("Who could still learn what", "leak provider thief privacy", "door"),
                        ),
                    ),
                ),
            ),
        ),
    ),
    Page(
        "notifications",
        "Notifications",
        (
            Entry("Bell", "sound ring alert", "bell"),
            Entry("Desktop notification", "alert popup outside window", "desktop"),
            Entry("Text in notifications", "preview content privacy", "preview"),
        ),
    ),
    Page(
        "appearance",
        "Appearance",
        (
            Entry("Theme", "colour color dark light", "theme"),
            Entry("ASCII signs", "icons font plain", "ascii"),
            Entry("No animation", "reduced motion still", "still"),
        ),
    ),
    Page(
        "storage",
        "Storage",
        (
            Entry("Space on this disk", "size bytes database attachments files"),
            Entry("Make room", "clean up delete free files old large", "clean_up"),
            Entry("Files fetched by themselves", "prefetch download automatic media", "prefetch"),
        ),
    ),
    Page(
        "about",
        "About",
        (Entry("Version", "release number"), Entry("Features and why they are on", "gradual available")),
    ),
)


@dataclass(frozen=True, slots=True)
class Place:
    """A line of the tree, or of what was found: the page, how deep it stands, and what on it is meant."""

    page: Page
    depth: int
    path: tuple[str, ...]
    """The titles of the pages above, the outermost first."""
    entry: Entry | None = None


def every(pages: tuple[Page, ...] = PAGES, depth: int = 0, path: tuple[str, ...] = ()) -> Iterator[Place]:
    """Return every page, as the tree shows them."""
    for page in pages:
        yield Place(page, depth, path)
        yield from every(page.below, depth + 1, (*path, page.title))


def found(text: str) -> list[Place]:
    """Return the pages and entries that all words of `text` fit; those whose name fits come first."""
    wanted = text.casefold().split()
    by_name: list[Place] = []
    by_words: list[Place] = []
    for place in every():
        if all(word in place.page.title.casefold() for word in wanted):
            by_name.append(place)
        for entry in place.page.entries:
            one = Place(place.page, place.depth, (*place.path, place.page.title), entry)
            if all(word in entry.name.casefold() for word in wanted):
                by_name.append(one)
            elif all(word in f"{entry.name} {entry.words}".casefold() for word in wanted):
                by_words.append(one)
    return by_name + by_words

"""From what the owner typed to a provider: `folder:DIR`."""

import os
import unicodedata
from pathlib import Path
from typing import Final

from letterlock_client.config import make_private_folder
from letterlock_client.errors import ClientError, Code
from letterlock_client.providers.folder import FolderProvider
from letterlock_client.providers.interface import Provider

_FOLDER: Final = "folder"


def normal(text: str) -> str:
    """Return the one spelling of a provider, with its whole path, to be kept. Raises code bad_input."""
    kind, colon, place = text.strip().partition(":")
    # The place is shown, and stands on a line of the recovery sheet.
    if kind != _FOLDER or not colon or not place.strip() or any(map(_is_control, place)):
        raise ClientError(
            Code.BAD_INPUT, "a provider is folder:DIR, as in folder:~/Backups; others are not built in"
        )
    try:
        return f"{_FOLDER}:{Path(place.strip()).expanduser().absolute()}"
    except RuntimeError as error:
        raise ClientError(Code.BAD_INPUT, f"there is no home folder for {place.strip()}") from error


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc"


def open_provider(text: str, *, create: bool = False) -> Provider:
    """Return the provider that `text` names. Raises code bad_input.

    `create` makes a folder that is not there, for turning backups on: afterwards a folder that is gone is a
    disk that is not connected. Raises codes file_failed and provider_refused then.
    """
    folder = Path(normal(text).partition(":")[2])
    if create and not folder.is_dir():
        if folder.exists():
            raise ClientError(Code.BAD_INPUT, f"{folder} is a file, and no folder")
        make(folder)
    if create and not os.access(folder, os.W_OK | os.X_OK):
        raise ClientError(
            Code.PROVIDER_REFUSED, f"nothing may be written into {folder}; choose another folder"
        )
    return FolderProvider(folder)


def make(folder: Path) -> None:
    """Make a folder for backups. Raises code file_failed."""
    try:
        make_private_folder(folder)
    except ClientError as error:
        why = error.message.removeprefix(f"{folder}: ")
        raise ClientError(
            error.code, f"the folder {folder} cannot be made: {why}; choose another", **error.facts
        ) from error

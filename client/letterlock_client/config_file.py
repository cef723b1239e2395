"""What the owner configured: config.toml, read strictly and written without losing comments.

A key that does not exist names itself and its nearest right spelling. Must not know what a setting does.
"""

import difflib
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from letterlock_client.config import Home, file_failed, make_private_folder, write_private_file
from letterlock_client.errors import ClientError, Code


class Appearance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the client looks."""

    theme: str = ""
    """A theme's name, as Settings › Appearance lists them; empty is the default."""
    ascii_icons: bool = False
    """Draw signs in plain ASCII."""
    reduced_motion: bool = False
    """Animate nothing."""


class Notifications(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """When the terminal calls for attention."""

    bell: bool = True
    """Ring the terminal's bell for a message while another window has the focus."""
    desktop: bool = True
    """Ask the terminal for a notification then, where it can."""
    preview: bool = False
    """Show the text in it, and not only whose message it is."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What config.toml may say; every key has a default."""

    relay: str = ""
    """The relay that the first screen proposes."""
    vim: bool = False
    """On a message `i` and `a` write, `I` informs; j, k, g, G, ctrl+d, ctrl+u, / and n work in lists anyway."""
    appearance: Appearance = Appearance()
    notifications: Notifications = Notifications()
    keys: dict[str, str] = {}
    """A command's name and the keys that it has instead of its own."""


def load_config(home: Home) -> Config:
    """Read the configuration; a missing file is all defaults. Raises code bad_config."""
    path = home.config_file
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Config()
    except OSError as error:
        raise file_failed(path, error) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ClientError(Code.BAD_CONFIG, f"{path.name}: {error}", file=str(path)) from error
    check_keys(raw, Config, path)
    try:
        return msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ClientError(Code.BAD_CONFIG, f"{path.name}: {error}", file=str(path)) from error


def check_keys(raw: Mapping[str, Any], shape: type[msgspec.Struct], path: Path, within: str = "") -> None:
    """Refuse a key that `shape` does not have, and name the nearest that it has. Raises code bad_config."""
    known = {each.name: each.type for each in msgspec.structs.fields(shape)}
    for key, value in raw.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f"; did you mean {within}{near[0]}?" if near else f"; known here: {', '.join(known)}"
            raise ClientError(
                Code.BAD_CONFIG,
                f"{path.name}: there is no setting {within}{key}{hint}",
                file=str(path),
                key=within + key,
            )
        kind = known[key]
        if isinstance(kind, type) and issubclass(kind, msgspec.Struct) and isinstance(value, dict):
            check_keys(value, kind, path, f"{within}{key}.")


def save_config(home: Home, config: Config) -> None:
    """Write what differs from the file, keeping the owner's comments and order. Raises as `load_config`."""
    # Every command loads this module, and only this function writes: not worth its share of each start.
    import tomlkit

    path = home.config_file
    make_private_folder(home.config)
    try:
        document = tomlkit.parse(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        document = tomlkit.document()
    except (OSError, UnicodeDecodeError, tomlkit.exceptions.ParseError) as error:
        raise ClientError(Code.BAD_CONFIG, f"{path.name}: {error}", file=str(path)) from error
    _merge(document, msgspec.to_builtins(config), msgspec.to_builtins(Config()), tomlkit.table)
    write_private_file(path, tomlkit.dumps(document).encode())


def _merge(
    target: Any, wanted: dict[str, Any], defaults: dict[str, Any], new_table: Callable[[], Any]
) -> None:
    for key in [key for key in target if key not in wanted]:
        del target[key]
    for key, value in wanted.items():
        default = defaults.get(key)
        if isinstance(value, dict):
            if key not in target and value == default:
                continue
            if key not in target:
                target[key] = new_table()
            _merge(target[key], value, default if isinstance(default, dict) else {}, new_table)
        elif key in target:
            if target[key] != value:
                target[key] = value
        elif value != default:
            target[key] = value

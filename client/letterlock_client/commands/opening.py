"""The client itself, without a verb: Textual, or line mode with --plain.

Opens the last or only profile; where there is none, the first-run screen makes it.
"""

import asyncio
import sys
from argparse import Namespace
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import msgspec

from letterlock_client.commands.session import (
    UsageError,
    run_command,
    run_with_messenger,
    told_passphrase,
)
from letterlock_client.config import (
    DEFAULT_PROFILE,
    NO_PASSPHRASE,
    Home,
    Unlock,
)
from letterlock_client.config_file import Config, load_config, save_config
from letterlock_client.one_heap import share_one_heap
from letterlock_client.output import DONE, Output
from letterlock_client.storage.keyring import has_passphrase
from letterlock_client.storage_use import storage_use
from letterlock_client.ui.commands import VIM
from letterlock_client.ui.doors import Doors, Registration, Start, Tastes
from letterlock_client.ui.graphics import ask_terminal

if TYPE_CHECKING:
    from letterlock_client.backup_models import RestoreRequest, UnfinishedRestore
    from letterlock_client.messenger import Messenger
    from letterlock_client.restoration import Restoration

DEFAULT_RELAY: Final = "ws://127.0.0.1:8710"


def run(verb: str, given: Namespace, output: Output) -> int:
    """Open the client; return its exit status."""
    del verb
    share_one_heap()
    home = Home.find()
    given.profile = given.profile or home.default_profile()
    if given.plain:
        from letterlock_client.plain.talk import chat

        return run_with_messenger(chat, given, output)
    return run_textual(home, given, output)


def run_textual(home: Home, given: Namespace, output: Output) -> int:
    """Show the Textual client until the person leaves."""
    from letterlock_client.ui.app import run as show

    async def prepare() -> int:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            raise UsageError("the client needs a terminal; --plain reads and writes lines anywhere")
        # What can be wrong before the screen is taken over is said as an ordinary error.
        home.profile(given.profile)
        load_config(home)
        told_passphrase(given)
        return DONE

    if (status := run_command(prepare, output)) != DONE:
        return status
    config = load_config(home)
    return show(doors(home, given, config), tastes(home, given.profile, config))


def doors(home: Home, given: Namespace, config: Config) -> Doors:
    """Lend the interface the ways into this profile."""
    name = given.profile
    told = told_passphrase(given)

    async def open_with(passphrase: str) -> "Messenger":
        # Loaded behind the first screen, which somebody who types a passphrase need not wait for.
        from letterlock_client.messenger import Messenger

        messenger = await Messenger.open(home, name, unlock(home, name, passphrase or told))
        home.remember_profile(name)
        return messenger

    async def register(wanted: Registration) -> "Messenger":
        from letterlock_client.messenger import Messenger

        messenger = await Messenger.register(
            home,
            name,
            handle=wanted.handle,
            relay=wanted.relay,
            unlock=Unlock(wanted.passphrase),
            invite=wanted.invite,
            insecure=given.insecure,
        )
        home.remember_profile(name)
        return messenger

    async def restore(wanted: "RestoreRequest") -> "Restoration":
        from letterlock_client.restoration import Restoration

        # The messenger of the restored profile is opened by `open_with`, which remembers it.
        wanted = replace(wanted, insecure=given.insecure or wanted.insecure)
        return await Restoration.begin(home, name, wanted)

    async def unfinished(passphrase: str) -> "UnfinishedRestore | None":
        from letterlock_client.restoration import Restoration

        return await Restoration.unfinished(home, name, unlock(home, name, passphrase or told))

    return Doors(
        start(home, name, told),
        open_with,
        register,
        suggested_relay=given.relay or config.relay or DEFAULT_RELAY,
        suggested_handle="" if name == DEFAULT_PROFILE else name,
        restore=restore,
        unfinished=unfinished,
    )


def unlock(home: Home, name: str, passphrase: str | None) -> Unlock:
    """Say how this profile is unlocked, where it is."""
    return Unlock(passphrase) if has_passphrase(home.profile(name)) else NO_PASSPHRASE


def start(home: Home, name: str, told: str | None) -> Start:
    """Choose the first screen."""
    places = home.profile(name)
    if not places.exists():
        return Start.REGISTER
    return Start.UNLOCK if has_passphrase(places) and told is None else Start.OPEN


def tastes(home: Home, profile: str, config: Config) -> Tastes:
    """Lend the interface what the owner configured."""

    def keep_looks(**changes: str | bool) -> None:
        now = load_config(home)
        looks = msgspec.structs.replace(now.appearance, **changes)
        save_config(home, msgspec.structs.replace(now, appearance=looks))

    def keep_call(name: str, on: bool) -> None:
        now = load_config(home)
        calls = msgspec.structs.replace(now.notifications, **{name: on})
        save_config(home, msgspec.structs.replace(now, notifications=calls))

    fleet = home.config / "fleet.toml"
    return Tastes(
        config.appearance.theme,
        config.appearance.ascii_icons,
        {**VIM, **config.keys} if config.vim else config.keys,
        config.notifications.bell,
        config.notifications.desktop,
        config.notifications.preview,
        save_theme=lambda theme: keep_looks(theme=theme),
        save_ascii_icons=lambda on: keep_looks(ascii_icons=on),
        save_call=keep_call,
        graphics=ask_terminal(),
        reduced_motion=config.appearance.reduced_motion,
        save_reduced_motion=lambda on: keep_looks(reduced_motion=on),
        fleet=fleet if fleet.is_file() else None,
        measure=lambda: asyncio.to_thread(storage_use, home.profile(profile)),
    )

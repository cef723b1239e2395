"""register, invite: verbs about the own account."""

from argparse import Namespace

from letterlock.ids import account_text
from letterlock_client.commands.session import new_unlock, profile_name, run_command, run_with_messenger
from letterlock_client.config import Home
from letterlock_client.messenger import Messenger
from letterlock_client.output import DONE, Output


def run(verb: str, given: Namespace, output: Output) -> int:
    """Run one of this file's verbs; return its exit status."""
    if verb == "register":
        return run_command(lambda: register(given, output), output)
    return run_with_messenger(invite, given, output)


async def register(given: Namespace, output: Output) -> int:
    """Make the account here and at the relay."""
    home, name = Home.find(), profile_name(given)
    messenger = await Messenger.register(
        home,
        name,
        handle=given.handle,
        relay=given.relay,
        unlock=new_unlock(given),
        invite=given.invite,
        insecure=given.insecure,
    )
    async with messenger:
        own = messenger.profile
        home.remember_profile(name)
        account = account_text(own.account)
        output.result(
            {"account": account, "handle": own.handle, "device": own.device},
            f"You are {own.handle} ({account}), device {own.device}, at {own.relay}.",
        )
    return DONE


async def invite(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Print the own invite link."""
    link = await messenger.invite_link()
    output.result({"invite": link}, link)
    return DONE

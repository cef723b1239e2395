"""accept, block, unblock, contacts, verify: verbs about other people."""

from argparse import Namespace

from letterlock_client.commands.session import look_up, run_with_messenger
from letterlock_client.errors import ClientError, Code
from letterlock_client.messenger import Messenger
from letterlock_client.models import Contact
from letterlock_client.output import DONE, Output
from letterlock_client.shapes import contact_shape, who


def run(verb: str, given: Namespace, output: Output) -> int:
    """Run one of this file's verbs; return its exit status."""
    works = {"contacts": contacts, "verify": verify}
    return run_with_messenger(works.get(verb, stand), given, output)


async def stand(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Accept, block or unblock somebody."""
    conversation = await look_up(messenger, given.who)
    change = {"accept": messenger.accept, "block": messenger.block, "unblock": messenger.unblock}[given.verb]
    await change(conversation)
    contact = (await messenger.conversation(conversation)).contact
    output.result(contact_shape(contact), f"{who(contact)} is {contact.standing.value} now.")
    return DONE


async def contacts(messenger: Messenger, given: Namespace, output: Output) -> int:
    """List everybody known."""
    everybody = await messenger.contacts()
    for contact in everybody:
        output.result(contact_shape(contact), contact_line(contact))
    if not everybody and not output.as_json:
        output.result({}, "Nobody yet: letterlock send WHO TEXT, or give somebody your letterlock invite.")
    return DONE


def contact_line(contact: Contact) -> str:
    """One contact for people."""
    marks = [contact.standing.value, "verified" if contact.verified else "not verified"]
    warning = f"  ! {contact.warning}" if contact.warning else ""
    return f"{who(contact):<34}{', '.join(marks)}{warning}"


async def verify(messenger: Messenger, given: Namespace, output: Output) -> int:
    """Show the safety number, or confirm it with the digits the other side reads out."""
    conversation = await look_up(messenger, given.who)
    if given.confirm is not None and not await messenger.confirm_verified(conversation, given.confirm):
        raise ClientError(
            Code.WRONG_NUMBER,
            "these are not the digits: compare again, and do not trust this chat before they agree",
        )
    number = await messenger.safety_number(conversation)
    state = (
        "verified"
        if number.verified
        else "not verified: compare, then letterlock verify WHO --confirm DIGITS"
    )
    groups = [number.digits[at : at + 5] for at in range(0, 60, 5)]
    rows = [" ".join(groups[at : at + 4]) for at in range(0, 12, 4)]
    output.result({"safety_number": number.digits, "verified": number.verified}, "\n".join([*rows, state]))
    return DONE

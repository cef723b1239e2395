"""Invite links: how one person hands another an account id that no relay can swap.

::

    letterlock:add?id=<32 of a-z 2-7>&handle=<handle>&relay=<host[:port]>

One link, one spelling: what does not read back to itself is refused. Spec: shared/spec/devices.md,
"Invite links". Must not know terminals or QR codes.
"""

import re
from typing import Final

import msgspec

from letterlock.devices.login import check_relay_name
from letterlock.errors import MalformedError
from letterlock.ids import AccountId, account_text, check_account_bytes, check_handle, parse_account

SCHEME: Final = "letterlock:"
MAX_INVITE: Final = 400

_LINK = re.compile(r"letterlock:add\?id=([a-z2-7]{32})&handle=([^&]*)&relay=([^&]*)")


class Invite(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Whom to add, what they call themselves, and the relay (host[:port]) that knows them."""

    account: AccountId
    handle: str
    relay: str


def invite_link(invite: Invite) -> str:
    """Write an invite as a link. Raises MalformedError where a part of it is not legal."""
    account = account_text(check_account_bytes(invite.account))
    # Brackets stand in a relay's name only around an IPv6 address; RFC 3986 keeps them out of a query.
    relay = check_relay_name(invite.relay).replace("[", "%5B").replace("]", "%5D")
    return f"{SCHEME}add?id={account}&handle={check_handle(invite.handle)}&relay={relay}"


def parse_invite(text: str) -> Invite:
    """Read an invite link exactly as `invite_link` writes it. Raises MalformedError."""
    match = _LINK.fullmatch(text) if len(text) <= MAX_INVITE else None
    if match is None:
        raise MalformedError("this is not an invite link (letterlock:add?id=…&handle=…&relay=…)")
    account, handle, relay = match.groups()
    if "[" in relay or "]" in relay:
        raise MalformedError("brackets in an invite link are written %5B and %5D")
    return Invite(
        account=parse_account(account),
        handle=check_handle(handle),
        relay=check_relay_name(relay.replace("%5B", "[").replace("%5D", "]")),
    )

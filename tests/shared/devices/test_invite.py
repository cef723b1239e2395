"""What an invite link promises: it says who, by an id that nobody can swap, and has one spelling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from letterlock.devices.invite import Invite, invite_link, parse_invite
from letterlock.errors import MalformedError
from letterlock.ids import AccountId
from tests.shared.devices.people import ALICE

INVITE = Invite(account=ALICE.account, handle="alice", relay="relay.example:443")
LINK = invite_link(INVITE)
ID = LINK.split("id=")[1][:32]

labels = st.from_regex(r"[a-z0-9_]([a-z0-9_-]{0,8}[a-z0-9_])?", fullmatch=True)
hosts = st.one_of(
    st.lists(labels, min_size=1, max_size=4).map(".".join),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda ip: f"[{ip.compressed}]"),
)
relays = st.one_of(hosts, st.builds(lambda h, p: f"{h}:{p}", hosts, st.integers(1, 65535)))
handles = st.from_regex(r"[a-z0-9][a-z0-9._-]{2,30}", fullmatch=True)
invites = st.builds(
    Invite, account=st.binary(min_size=20, max_size=20).map(AccountId), handle=handles, relay=relays
)


@given(invites)
def test_an_invite_reads_back_from_its_link(invite: Invite) -> None:
    link = invite_link(invite)
    assert parse_invite(link) == invite
    assert link.isascii()
    assert not set(link) & set(" \"<>[]\\^`{|}'\n")


def test_a_link_looks_like_this() -> None:
    assert f"letterlock:add?id={ID}&handle=alice&relay=relay.example:443" == LINK
    six = Invite(account=ALICE.account, handle="alice", relay="[::1]:8765")
    assert invite_link(six).endswith("&relay=%5B::1%5D:8765")


@given(invites, st.data())
def test_whatever_reads_is_the_one_spelling_of_its_invite(invite: Invite, data: st.DataObject) -> None:
    link = invite_link(invite)
    at = data.draw(st.integers(0, len(link) - 1))
    altered = link[:at] + data.draw(st.characters()) + link[at + 1 :]
    try:
        read = parse_invite(altered)
    except MalformedError:
        return
    assert invite_link(read) == altered


@pytest.mark.parametrize(
    "text",
    [
        "",
        "letterlock:add?",
        LINK + "\n",
        " " + LINK,
        LINK + "&",
        LINK + "&x=1",
        LINK + "#fragment",
        LINK.upper(),
        LINK.replace("letterlock:", "letterlock://"),
        LINK.replace("letterlock:", "https:"),
        LINK.replace("id=", "ID="),
        LINK.replace("alice", "Alice"),
        LINK.replace("alice", ""),
        LINK.replace("alice", "al%69ce"),
        LINK.replace("alice", ID),
        LINK.replace(":443", "%3A443"),
        LINK.replace(ID, ID[:-1]),
        LINK.replace(ID, ID + "a"),
        LINK.replace("relay.example:443", ""),
        LINK.replace("relay.example:443", "relay.example:0443"),
        LINK.replace("relay.example:443", "[::1]:443"),
        LINK.replace("relay.example:443", "%5b::1%5d:443"),
        f"letterlock:add?handle=alice&id={ID}&relay=relay.example:443",
        f"letterlock:add?id={ID}&id={ID}&handle=alice&relay=relay.example:443",
        f"letterlock:add?id={ID}&handle=alice",
        f"letterlock:add?id={ID}&handle=../../etc&relay=relay.example",
        f"letterlock:add?id={ID}&handle=alice&relay=" + "x." * 1000 + "x",
        "a" * 1_000_000,
    ],
)
def test_what_is_not_an_invite_link_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        parse_invite(text)


@pytest.mark.parametrize(
    "invite",
    [
        Invite(account=AccountId(bytes(19)), handle="alice", relay="relay"),
        Invite(account=ALICE.account, handle="a&relay=evil", relay="relay"),
        Invite(account=ALICE.account, handle="alice", relay="relay&x=y"),
    ],
)
def test_an_invite_that_would_not_read_back_is_not_written(invite: Invite) -> None:
    with pytest.raises(MalformedError):
        invite_link(invite)

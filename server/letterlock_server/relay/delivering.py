"""From the store to the device: fresh envelopes straight from the commit, a backlog page by page.

::

    behind --page short, nothing new meanwhile--> caught up (Drained, once)
    caught up --no credit, or the client does not read--> behind

A peer is delivered to in the order of sequences, each at most once per connection, at most CREDIT
unacknowledged. Must not know where envelopes come from.
"""

from collections.abc import Sequence
from typing import Final

from letterlock.wire import frames
from letterlock.wire.frames import CREDIT
from letterlock_server.relay.state import Box, Peer, Relay
from letterlock_server.stores.interfaces import Copy, Kept, StoreError

_PAGE: Final = 64


def ring(relay: Relay, box: Box, sequence: int, copy: Copy) -> None:
    """Tell whoever reads this mailbox of a copy that is now on disk under `sequence`."""
    peer = box.peer
    if peer is None or sequence <= peer.cursor:
        # A page can be read after a commit and before the news of it arrives here.
        return
    if peer.behind:
        peer.more = True
    elif _may(peer):
        _deliver(relay, peer, Kept(sequence, copy.envelope, copy.received_ms, copy.body))
    else:
        peer.behind = peer.more = True


def pass_on(relay: Relay, box: Box, copy: Copy) -> None:
    """Hand an ephemeral copy to whoever reads this mailbox now, if there is credit for it."""
    peer = box.peer
    if peer is None or peer.behind or not _may(peer):
        return
    # One that is also kept must stay the kept one: its acknowledgement is what deletes it.
    if copy.envelope not in peer.unacknowledged:
        _deliver(relay, peer, Kept(0, copy.envelope, copy.received_ms, copy.body))


def go_on(relay: Relay, peer: Peer) -> None:
    """Deliver more of the backlog, if there is any and room for it; harmless at any time."""
    if peer.behind and not peer.paging and peer.box is not None and _may(peer) and not relay.closing:
        peer.paging = True
        relay.spawn(_page(relay, peer, peer.box))


def look_again(relay: Relay, peer: Peer) -> None:
    """Deliver what lies in the mailbox although nobody rang for it; then as `go_on`. For a poll."""
    box = peer.box
    if box is not None and not peer.behind and box.held > sum(map(bool, peer.unacknowledged.values())):
        peer.behind = peer.more = True
    go_on(relay, peer)


async def _page(relay: Relay, peer: Peer, box: Box) -> None:
    try:
        while _may(peer) and box.peer is peer:
            peer.more = False
            room = min(_PAGE, CREDIT - len(peer.unacknowledged))
            page = await relay.store.mail.page(box.mailbox, peer.cursor, room)
            if box.peer is not peer or not _deliver_page(relay, peer, box, page):
                return
            if len(page) < room and not peer.more:
                _caught_up(relay, peer)
                return
    except StoreError:
        # The sweep asks again: see `gateway`.
        relay.counts.page_failures += 1
    finally:
        peer.paging = False


def _deliver_page(relay: Relay, peer: Peer, box: Box, page: Sequence[Kept]) -> bool:
    for kept in page:
        if not _may(peer):
            return False
        if kept.sequence in box.leaving:
            peer.cursor = kept.sequence
        else:
            _deliver(relay, peer, kept)
    return True


def _caught_up(relay: Relay, peer: Peer) -> None:
    peer.behind = False
    if not peer.drained:
        peer.drained = True
        relay.tell(peer, frames.Drained())


def _may(peer: Peer) -> bool:
    return len(peer.unacknowledged) < CREDIT and not peer.fenced and not peer.connection.congested()


def _deliver(relay: Relay, peer: Peer, kept: Kept) -> None:
    # A sender may give a passing copy and a kept one the same id. It stands for one delivery, and so for one
    # acknowledgement: a second would be refused, together with all that is named beside it.
    delivered = kept.envelope in peer.unacknowledged
    peer.unacknowledged[kept.envelope] = kept.sequence
    if kept.sequence:
        peer.cursor = kept.sequence
    if delivered:
        return
    relay.counts.delivered += 1
    relay.tell(peer, frames.Deliver(kept.envelope, kept.received_ms, kept.body))

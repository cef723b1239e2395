"""Mail: keep an envelope before ringing for it, ring before answering; forget what was acknowledged.

`submit_now` and `acknowledge` are the relay's hot path: no task, no await, answered from the commit. Must
not know who reads a mailbox beyond `delivering`, nor keep anything that leads from an envelope to its sender.
"""

from collections.abc import Sequence
from typing import Final

from letterlock.ids import AccountId, EnvelopeId
from letterlock.wire import frames, refusals
from letterlock_server.relay import delivering
from letterlock_server.relay.state import Box, Hold, Peer, Refuse, Relay
from letterlock_server.stores.interfaces import Copy, Listing, Numbers

MAX_HELD: Final = 100_000
"""Envelopes one mailbox holds; past it senders are told."""
RETRY_MS: Final = 1_000
HOLD_MS: Final = 10_000
"""How long a refused envelope holds its recipient's line beyond the time its sender was told to wait."""
MAX_HOLDS: Final = 256
"""Lines held on one connection; past it the oldest is let go."""


def submit_now(relay: Relay, peer: Peer, frame: frames.Submit, size: int) -> bool:
    """Take an envelope if memory knows everything about its recipient; else say False, and change nothing."""
    listing = relay.known_listing(AccountId(frame.account))
    if listing is None:
        return False
    if Numbers(frame.list_epoch, frame.list_version) != listing.numbers:
        return False
    boxes = []
    for sealed in frame.sealed:
        listed = listing.devices.get(sealed.device)
        box = None if listed is None else relay.known_box(listed.mailbox)
        if box is None:
            return False
        boxes.append(box)
    _admit(relay, peer, frame)
    _check_devices(peer, frame, listing)
    _take(relay, peer, frame, (boxes, size))
    return True


async def submit(relay: Relay, peer: Peer, frame: frames.Submit, size: int) -> frames.Frame | None:
    """-> Submit. The same as `submit_now`, after asking the store for what memory lacks."""
    account = AccountId(frame.account)
    listing = await relay.listing(account)
    if listing is None:
        raise Refuse(refusals.UNKNOWN_ACCOUNT, "no such account here")
    theirs = Numbers(frame.list_epoch, frame.list_version)
    if theirs < listing.numbers:
        record = await relay.store.accounts.find(account)
        if record is None:
            raise Refuse(refusals.UNKNOWN_ACCOUNT, "no such account here")
        return frames.StaleList(frame.id, record.list_certificate, record.device_list)
    if theirs > listing.numbers:
        raise Refuse(refusals.BAD_OBJECT, "this relay knows no such device list of that account")
    _admit(relay, peer, frame)
    _check_devices(peer, frame, listing)
    boxes = [await relay.box(listing.devices[one.device].mailbox) for one in frame.sealed]
    if relay.known_listing(account) is not listing:
        # The list moved while the store was read: whatever is true now is decided anew.
        return await submit(relay, peer, frame, size)
    _take(relay, peer, frame, (boxes, size))
    return None


def _admit(relay: Relay, peer: Peer, frame: frames.Submit) -> None:
    """Refuse what comes too fast, and what would get ahead of something that was refused for now.

    Submits fly many at a time: without this, one that was refused would be overtaken by those behind it.
    So it holds the line for its recipient until it is offered again.
    """
    account, now = AccountId(frame.account), relay.now()
    held = None if frame.ephemeral else peer.holds.get(account)
    if held is not None and held.envelope != frame.envelope and now < held.until_ms:
        raise Refuse(refusals.RATE, "one before it comes first", RETRY_MS)
    retry = relay.rates.submit.take(peer.identity(), now)
    if retry:
        if not frame.ephemeral:
            _hold(peer, frame, now, retry)
        raise Refuse(refusals.RATE, "too many messages", retry)
    if held is not None:
        del peer.holds[account]


def _hold(peer: Peer, frame: frames.Submit, now: int, retry_ms: int) -> None:
    """Hold the recipient's line for this envelope, unless one before it holds the line already."""
    account = AccountId(frame.account)
    held = peer.holds.get(account)
    if held is None or held.envelope == frame.envelope or now >= held.until_ms:
        peer.holds[account] = Hold(EnvelopeId(frame.envelope), now + retry_ms + HOLD_MS)
        if len(peer.holds) > MAX_HOLDS:
            del peer.holds[next(iter(peer.holds))]


def _check_devices(peer: Peer, frame: frames.Submit, listing: Listing) -> None:
    named = {sealed.device for sealed in frame.sealed}
    wanted = set(listing.devices)
    if peer.account == frame.account:
        # A device writes to its siblings, not to itself.
        wanted.discard(peer.device)
        named.discard(peer.device)
    if named != wanted or len(frame.sealed) > len(listing.devices) or len(named) < 1:
        raise Refuse(refusals.BAD_OBJECT, "sealed for other devices than the list names")


def _take(relay: Relay, peer: Peer, frame: frames.Submit, where: tuple[Sequence[Box], int]) -> None:
    boxes, size = where
    now = relay.now()
    copies = [
        Copy(box.mailbox, EnvelopeId(frame.envelope), now, sealed.body)
        for box, sealed in zip(boxes, frame.sealed, strict=True)
    ]
    if frame.ephemeral:
        for box, copy in zip(boxes, copies, strict=True):
            delivering.pass_on(relay, box, copy)
        relay.counts.ephemeral += 1
        relay.answer(peer, frames.Accepted(frame.id), size)
        return
    if any(box.held >= MAX_HELD for box in boxes):
        relay.counts.mailbox_full += 1
        raise Refuse(refusals.MAILBOX_FULL, "a mailbox of that account is full")
    for box in boxes:
        box.held += 1

    def kept(sequences: Sequence[int] | None) -> None:
        _kept(relay, boxes, copies, sequences)
        if sequences is None:
            _hold(peer, frame, relay.now(), RETRY_MS)
            answer: frames.Frame = frames.Refused(frame.id, refusals.NOT_NOW, "not kept", RETRY_MS)
        else:
            relay.counts.accepted += 1
            answer = frames.Accepted(frame.id)
        relay.answer(peer, answer, size)

    relay.store.mail.keep(copies, kept)


def _kept(
    relay: Relay, boxes: Sequence[Box], copies: Sequence[Copy], sequences: Sequence[int] | None
) -> None:
    if sequences is None:
        relay.counts.not_kept += 1
        for box in boxes:
            box.held -= 1
        return
    for box, copy, sequence in zip(boxes, copies, sequences, strict=True):
        if sequence:
            # Memory may have let the mailbox go while the disk was busy, and its reader came back since.
            delivering.ring(relay, relay.known_box(copy.mailbox) or box, sequence, copy)
        else:
            relay.counts.repeats += 1
            box.held -= 1


def acknowledge(relay: Relay, peer: Peer, frame: frames.Acknowledge, size: int) -> bool:
    """-> Acknowledge. Delete exactly what was delivered on this connection, or nothing."""
    box, delivered = peer.mailbox(), peer.unacknowledged
    if peer.fenced or any(envelope not in delivered for envelope in frame.envelopes):
        raise Refuse(refusals.NOT_YOURS, "not delivered on this connection")
    # Popped one by one: naming one twice in a frame is naming it once.
    taken = {EnvelopeId(one): delivered.pop(EnvelopeId(one)) for one in set(frame.envelopes)}
    sequences = [sequence for sequence in taken.values() if sequence]

    def forgotten(done: Sequence[int] | None) -> None:
        box.leaving.difference_update(sequences)
        if done is None:
            # They are still there, and the next login delivers them again.
            box.held += len(sequences)
        else:
            relay.counts.acknowledged += len(sequences)

    if sequences:
        box.held -= len(sequences)
        box.leaving.update(sequences)
        relay.store.mail.forget(box.mailbox, sequences, forgotten)
    # Not after the flush: a deletion that a crash undoes is one more delivery, which the reader expects.
    relay.answer(peer, frames.Done(frame.id), size)
    delivering.go_on(relay, peer)
    return True

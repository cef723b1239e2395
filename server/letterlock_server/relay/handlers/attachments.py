"""Attachments: sealed bytes under a random id, put there in chunks, fetched by whoever knows the id.

Only the account that began an upload may go on with it; once whole, nothing says whose it was. Must not
know files or SQL.
"""

from letterlock.ids import BlobId
from letterlock.primitives.derivation import keyed_hash
from letterlock.wire import frames, refusals
from letterlock_server.relay.state import Peer, Refuse, Relay
from letterlock_server.stores.interfaces import FullError, NotUploadingError


async def begin_upload(relay: Relay, peer: Peer, frame: frames.BeginUpload, _size: int) -> frames.Frame:
    """-> BeginUpload. Says where to go on from: 0 for a new one."""
    blob, uploader = BlobId(frame.blob), _uploader(relay, peer)
    try:
        state = await relay.store.blobs.begin(blob, uploader, frame.size, relay.now())
    except NotUploadingError as error:
        raise Refuse(refusals.NOT_YOURS, "this id is taken") from error
    except FullError as error:
        raise Refuse(refusals.TOO_LARGE, "this relay has no room for more attachments") from error
    return frames.UploadAt(frame.id, state.offset, state.expires_ms)


async def put_chunk(relay: Relay, peer: Peer, frame: frames.PutChunk, _size: int) -> frames.Frame:
    """-> PutChunk. Answered once the bytes are on disk."""
    retry = relay.rates.upload.take(peer.identity(), relay.now(), len(frame.data))
    if retry:
        raise Refuse(refusals.RATE, "too many bytes uploaded today", retry)
    blob, uploader = BlobId(frame.blob), _uploader(relay, peer)
    try:
        state = await relay.store.blobs.append(blob, uploader, frame.offset, frame.data)
    except NotUploadingError as error:
        raise Refuse(refusals.NOT_YOURS, "no upload of yours stands there; begin it again") from error
    return frames.UploadAt(frame.id, state.offset, state.expires_ms)


async def fetch_chunk(relay: Relay, _peer: Peer, frame: frames.FetchChunk, _size: int) -> frames.Frame:
    """-> FetchChunk. Past the end there is an empty chunk."""
    found = await relay.store.blobs.read(BlobId(frame.blob), frame.offset, frame.length)
    if found is None:
        raise Refuse(refusals.NO_BLOB, "no such attachment, or it expired")
    total, data = found
    return frames.Chunk(frame.id, total, data)


def _uploader(relay: Relay, peer: Peer) -> bytes:
    return keyed_hash(relay.store.secret, b"uploader" + peer.identity())[:16]

"""Any legal content and payload, for property tests."""

from hypothesis import strategies as st

from letterlock.devices.device_list import ListView
from letterlock.ids import AccountId, BlobId, EnvelopeId, MessageId
from letterlock.messaging.attachments import CHUNK_BYTES, MAX_ATTACHMENT_BYTES, MIN_CHUNK_BYTES, plan
from letterlock.messaging.content import (
    Attachment,
    AttachmentKind,
    Content,
    Delete,
    Edit,
    Mention,
    ProfileUpdate,
    Reaction,
    Receipt,
    ReceiptKind,
    Retry,
    SessionReset,
    Text,
    TimerChange,
    Typing,
    Unknown,
)
from letterlock.messaging.content_limits import MAX_COUNT, MAX_PIXELS, MAX_TIMER_S
from letterlock.messaging.payload import Payload


def texts(most: int) -> st.SearchStrategy[str]:
    return st.text(max_size=most).filter(lambda text: len(text.encode()) <= most)


message_ids = st.binary(min_size=16, max_size=16).map(MessageId)
bodies = texts(400)
replies = st.none() | message_ids


@st.composite
def mentions(draw: st.DrawFn, body: str) -> tuple[Mention, ...]:
    cuts = draw(st.lists(st.integers(0, len(body)), unique=True, max_size=8).map(sorted))
    return tuple(
        Mention(start, end - start, AccountId(draw(st.binary(min_size=20, max_size=20))))
        for start, end in zip(cuts[::2], cuts[1::2], strict=False)
    )


@st.composite
def text_messages(draw: st.DrawFn) -> Text:
    body = draw(bodies)
    return Text(body, draw(replies), draw(mentions(body)))


@st.composite
def edits(draw: st.DrawFn) -> Edit:
    body = draw(bodies)
    return Edit(draw(message_ids), body, draw(mentions(body)))


@st.composite
def attachments(draw: st.DrawFn) -> Attachment:
    planned = plan(
        draw(st.integers(0, MAX_ATTACHMENT_BYTES)), draw(st.integers(MIN_CHUNK_BYTES, CHUNK_BYTES))
    )
    return Attachment(
        kind=draw(st.sampled_from(AttachmentKind)),
        blob=BlobId(draw(st.binary(min_size=16, max_size=16))),
        key=draw(st.binary(min_size=32, max_size=32)),
        digest=draw(st.binary(min_size=32, max_size=32)),
        size=planned.size,
        sealed_size=planned.sealed_size,
        chunk_bytes=planned.chunk_bytes,
        name=draw(texts(255)),
        media_type=draw(
            st.from_regex(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}", fullmatch=True)
        ),
        caption=draw(bodies),
        width=draw(st.integers(0, MAX_PIXELS)),
        height=draw(st.integers(0, MAX_PIXELS)),
        duration_ms=draw(st.integers(0, MAX_COUNT)),
        preview=draw(st.binary(max_size=400)),
        view_once=draw(st.booleans()),
        reply_to=draw(replies),
    )


known_contents: st.SearchStrategy[Content] = st.one_of(
    text_messages(),
    attachments(),
    st.builds(Reaction, message_ids, texts(64)),
    edits(),
    st.builds(Delete, message_ids),
    st.builds(
        Receipt, st.sampled_from(ReceiptKind), st.lists(message_ids, min_size=1, max_size=200).map(tuple)
    ),
    st.builds(Typing, st.booleans()),
    st.builds(TimerChange, st.integers(0, MAX_TIMER_S)),
    st.builds(ProfileUpdate, texts(255), texts(512)),
    st.just(SessionReset()),
    st.builds(Retry, st.binary(min_size=16, max_size=16).map(EnvelopeId)),
)

unknown_contents = st.builds(
    lambda tag, rest: Unknown(bytes([0x91 + len(rest), tag]) + b"".join(rest)),
    st.integers(12, 127),
    st.lists(st.sampled_from([b"\xc0", b"\x01", b"\xa1x", b"\x91\x02", b"\x81\x01\xc3"]), max_size=14),
)

contents: st.SearchStrategy[Content] = known_contents | unknown_contents

views = st.builds(
    ListView, st.integers(0, MAX_COUNT), st.integers(0, MAX_COUNT), st.binary(min_size=32, max_size=32)
)

payloads = st.builds(
    Payload,
    message=message_ids,
    sent_at=st.integers(0, MAX_COUNT),
    timer_s=st.integers(0, MAX_TIMER_S),
    own_view=views,
    peer_view=views,
    content=contents,
    handle_entry=st.binary(max_size=300),
)

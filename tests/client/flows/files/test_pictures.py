"""A picture that is sent loses what its camera said, and arrives with a small one that can be shown at once."""

import io
import tempfile
from pathlib import Path

import pytest
from PIL import Image

from letterlock_client.errors import ClientError, Code
from letterlock_client.events import SentAsIs
from letterlock_client.models import MessageKind
from tests.client.pictures.test_decoding import PLACE, jpeg_of_a_camera
from tests.town import Pair


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "photo.jpg"
    path.write_bytes(jpeg_of_a_camera())
    return path


async def test_a_photo_arrives_clean_with_its_size_and_a_preview(pair: Pair, photo: Path) -> None:
    sent = await pair.alice.send_file(pair.to_bob, photo)
    await pair.settle()
    (got,) = [one for one in await pair.bob.history(pair.to_alice, 9) if one.id == sent.id]
    assert got.attachment is not None
    assert (got.kind, got.attachment.width, got.attachment.height) == (MessageKind.IMAGE, 30, 60)
    picture = await pair.bob.picture(got)
    assert picture is not None
    assert picture.height > picture.width
    with tempfile.TemporaryDirectory() as folder:
        raw = (await pair.bob.save(got.id, Path(folder))).read_bytes()
    assert PLACE not in raw
    assert Image.open(io.BytesIO(raw)).format == "JPEG"


async def test_a_view_once_photo_leaves_no_preview(pair: Pair, photo: Path) -> None:
    sent = await pair.alice.send_file(pair.to_bob, photo, view_once=True)
    await pair.settle()
    (got,) = [one for one in await pair.bob.history(pair.to_alice, 9) if one.id == sent.id]
    assert got.attachment is not None
    assert got.attachment.preview == b""
    assert await pair.bob.picture(got) is None
    whole = await pair.bob.whole_picture(got.id, 200, 200)
    assert whole is not None
    assert (whole.width, whole.height) == (30, 60)
    with pytest.raises(ClientError) as raised:
        await pair.bob.whole_picture(got.id, 200, 200)
    assert raised.value.code is Code.ALREADY_VIEWED
    assert (await pair.bob.message(got.id)).viewed
    assert list(pair.town.home.profile("bob").attachments.rglob("sealed")) == []


async def test_a_view_once_picture_that_cannot_be_shown_is_not_spent(pair: Pair, tmp_path: Path) -> None:
    (tmp_path / "odd.png").write_bytes(b"no picture")
    sent = await pair.alice.send_file(pair.to_bob, tmp_path / "odd.png", view_once=True)
    await pair.settle()
    assert await pair.bob.whole_picture(sent.id, 200, 200) is None
    assert not (await pair.bob.message(sent.id)).viewed


async def test_a_picture_that_goes_as_it_is_is_told(pair: Pair, tmp_path: Path) -> None:
    path = tmp_path / "drawing.png"
    path.write_bytes(b"not a picture at all")
    events = pair.alice.events()
    await pair.alice.send_file(pair.to_bob, path)
    async for event in events:
        if isinstance(event, SentAsIs):
            assert event.name == "drawing.png"
            assert event.reason
            break

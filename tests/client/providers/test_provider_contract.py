"""What every provider promises: whole objects or none, never overwritten, and names that reach nothing else."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from letterlock.errors import MisuseError
from letterlock_client.flows.backup.objects import Objects
from letterlock_client.providers.folder import FolderProvider
from letterlock_client.providers.interface import Found, MissingError, Provider
from letterlock_client.providers.memory import MemoryProvider
from tests.client.providers.faulty import FaultyProvider

MAKERS: dict[str, Callable[[Path], Provider]] = {
    "memory": lambda _: MemoryProvider(),
    "folder": FolderProvider,
    "faulty without faults": lambda place: FaultyProvider(FolderProvider(place)),
}


@pytest.fixture(params=MAKERS.values(), ids=MAKERS)
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> Provider:
    made: Provider = request.param(tmp_path)
    return made


async def parts(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_an_object_comes_back_whole_and_in_ranges(provider: Provider) -> None:
    assert await provider.put("a/segment/1", b"0123456789")
    assert await provider.get("a/segment/1") == b"0123456789"
    assert await provider.get("a/segment/1", 3) == b"3456789"
    assert await provider.get("a/segment/1", 3, 4) == b"3456"
    assert await provider.get("a/segment/1", 8, 100) == b"89"
    assert await provider.get("a/segment/1", 10, 1) == b""
    assert await provider.get("a/segment/1", 99) == b""
    assert await provider.get("a/segment/1", 2, 0) == b""


async def test_a_stream_is_kept_as_its_bytes_joined(provider: Provider) -> None:
    pieces = [b"x" * 700_000, b"", b"y" * 700_000, b"z"]
    assert await provider.put("a/media/1", parts(*pieces))
    assert await provider.get("a/media/1") == b"".join(pieces)
    assert await provider.put("a/media/2", parts())
    assert await provider.get("a/media/2") == b""


@pytest.mark.parametrize("streamed", [False, True])
async def test_an_object_is_never_overwritten(provider: Provider, streamed: bool) -> None:
    assert await provider.put("a/b", b"first")
    assert not await provider.put("a/b", parts(b"second") if streamed else b"second")
    assert await provider.get("a/b") == b"first"
    assert [found.name for found in await provider.list("a")] == ["a/b"]


async def test_a_stream_that_breaks_off_leaves_nothing(provider: Provider) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        raise KeyError("gone")

    with pytest.raises(KeyError):
        await provider.put("a/b", breaking())
    assert await provider.list("a") == []
    with pytest.raises(MissingError):
        await provider.get("a/b")
    assert await provider.put("a/b", b"again")


async def test_an_upload_that_is_cancelled_leaves_nothing_or_all(provider: Provider) -> None:
    reached = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * 2_000_000
        reached.set()
        await asyncio.Event().wait()

    running = asyncio.create_task(provider.put("a/b", endless()))
    await reached.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await provider.list("a") == []


async def test_of_many_writers_of_one_name_one_wins(provider: Provider) -> None:
    done = await asyncio.gather(*(provider.put("a/b", bytes([n]) * 9) for n in range(8)))
    assert done.count(True) == 1
    assert await provider.get("a/b") == bytes([done.index(True)]) * 9


async def test_a_list_has_what_lies_under_a_folder_in_order(provider: Provider) -> None:
    assert await provider.list("a") == []
    for name in ("a/segment/2", "a/segment/1", "a/media/1", "ab/segment/1", "a/segment-x/1"):
        await provider.put(name, name.encode())
    assert await provider.list("a/segment") == [Found("a/segment/1", 11), Found("a/segment/2", 11)]
    assert [found.name for found in await provider.list("a")] == [
        "a/media/1", "a/segment-x/1", "a/segment/1", "a/segment/2",
    ]  # fmt: skip


async def test_what_is_deleted_is_gone_and_may_be_deleted_again(provider: Provider) -> None:
    await provider.put("a/b", b"x")
    for _ in range(2):
        await provider.delete("a/b")
    with pytest.raises(MissingError) as missing:
        await provider.get("a/b")
    assert (missing.value.name, missing.value.code.value) == ("a/b", "backup_missing")
    assert await provider.list("a") == []
    await provider.delete("never/was")


@pytest.mark.parametrize(
    "name",
    ["", "/", "a/", "/a", "../a", "a/../b", "a/./b", "A/b", "a//b", "a/b/c/d/e", "a\0", "a\n", "-a", "a/.part-1",
     "a\\b", "a b", "ä", "con:", "x" * 129],
)  # fmt: skip
async def test_a_name_that_could_reach_anything_else_is_refused(provider: Provider, name: str) -> None:
    for call in (provider.put(name, b""), provider.get(name), provider.list(name), provider.delete(name)):
        with pytest.raises(MisuseError):
            await call


async def test_what_is_put_by_one_name_of_a_place_lies_there_by_its_others(
    provider: Provider, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    again = tmp_path_factory.mktemp("names") / "again"
    again.symlink_to(tmp_path)
    same = FolderProvider(again) if (await provider.info()).kind == "folder" else provider
    other = FolderProvider(tmp_path_factory.mktemp("other"))
    for one, two, expected in ((provider, same, True), (same, provider, True), (provider, other, False)):
        async with Objects(one, asyncio.sleep).marked("a/segment/1"):
            assert await Objects(two, asyncio.sleep).has("a/segment/1") is expected
        assert await one.list("a") == await two.list("a") == []


async def test_a_range_before_the_beginning_is_refused(provider: Provider) -> None:
    await provider.put("a/b", b"x")
    for start, length in ((-1, None), (0, -1)):
        with pytest.raises(MisuseError):
            await provider.get("a/b", start, length)


async def test_it_says_where_it_is(provider: Provider) -> None:
    info = await provider.info()
    assert info.place
    assert info.free is None or info.free > 0


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.lists(
        st.tuples(st.sampled_from("pgd"), st.sampled_from(["x/a", "x/b", "y/a"]), st.binary(max_size=4))
    )
)
async def test_a_folder_does_what_the_reference_does(
    steps: list[tuple[str, str, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    both: tuple[Provider, Provider] = (MemoryProvider(), FolderProvider(tmp_path_factory.mktemp("provider")))
    for step, name, data in steps:
        answers = [await _answer(each, step, name, data) for each in both]
        assert answers[0] == answers[1]
    assert await both[0].list("x") == await both[1].list("x")


async def _answer(provider: Provider, step: str, name: str, data: bytes) -> object:
    try:
        if step == "p":
            return await provider.put(name, data)
        return await provider.get(name, len(data)) if step == "g" else await provider.delete(name)
    except MissingError as error:
        return error.message

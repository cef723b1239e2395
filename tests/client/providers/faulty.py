"""A provider that misbehaves as told: truncates, swaps, loses, lists what was, fails or stops at the n-th call."""

from collections.abc import AsyncIterator, Callable

from letterlock_client.providers.interface import Found, MissingError, Provider, ProviderInfo, check_range


class FaultyProvider:
    """Stands before another provider. Without a fault set it changes nothing."""

    def __init__(self, inner: Provider) -> None:
        self.inner = inner
        self.calls: list[tuple[str, str]] = []
        """(method, name) of every call."""
        self.truncated: dict[str, int] = {}
        """Objects that are cut to so many bytes."""
        self.swapped: dict[str, str] = {}
        """Objects in whose place another one is given."""
        self.flipped: dict[str, int] = {}
        """Objects of which one bit of this byte is another."""
        self.lost: set[str] = set()
        """Objects that are listed and not there."""
        self.stale: list[Found] | None = None
        """What is listed, whatever is there."""
        self.at_call: dict[int, Callable[[], BaseException]] = {}
        """What is raised before the n-th call from now (1 is the next) does anything."""
        self.after_call: dict[int, Callable[[], BaseException]] = {}
        """What is raised after the n-th call has done what it does."""

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        after = self._call("put", name)
        done = await self.inner.put(name, data)
        self._end(after)
        return done

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        check_range(start, length)
        after = self._call("get", name)
        if name in self.lost:
            raise MissingError(name)
        whole = await self.inner.get(self.swapped.get(name, name))
        if name in self.flipped:
            at = self.flipped[name] % len(whole)
            whole = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]
        whole = whole[: self.truncated.get(name, len(whole))]
        self._end(after)
        return whole[start : None if length is None else start + length]

    async def list(self, prefix: str) -> list[Found]:
        after = self._call("list", prefix)
        if self.stale is not None:
            return [each for each in self.stale if each.name.startswith(f"{prefix}/")]
        found = await self.inner.list(prefix)
        self._end(after)
        return found

    async def delete(self, name: str) -> None:
        after = self._call("delete", name)
        await self.inner.delete(name)
        self._end(after)

    async def info(self) -> ProviderInfo:
        after = self._call("info", "")
        found = await self.inner.info()
        self._end(after)
        return found

    def _call(self, method: str, name: str) -> Callable[[], BaseException] | None:
        self.calls.append((method, name))
        self.at_call = {number - 1: what for number, what in self.at_call.items()}
        self.after_call = {number - 1: what for number, what in self.after_call.items()}
        if 0 in self.at_call:
            raise self.at_call.pop(0)()
        return self.after_call.pop(0, None)

    def _end(self, after: Callable[[], BaseException] | None) -> None:
        if after is not None:
            raise after()

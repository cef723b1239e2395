"""The reference provider: objects in memory, for tests and for trying a restore without touching a disk."""

from collections.abc import AsyncIterator

from letterlock_client.providers.interface import (
    Found,
    FullError,
    MissingError,
    ProviderInfo,
    check_name,
    check_range,
)


class MemoryProvider:
    """Keeps objects until the process ends."""

    def __init__(self, room: int | None = None) -> None:
        """Begin empty, with room for so many bytes, or for any number."""
        self.objects: dict[str, bytes] = {}
        self._room = room

    async def put(self, name: str, data: bytes | AsyncIterator[bytes]) -> bool:
        """Keep an object. Raises FullError."""
        check_name(name)
        whole = data if isinstance(data, bytes) else b"".join([part async for part in data])
        if name in self.objects:
            return False
        free = self._free()
        if free is not None and len(whole) > free:
            raise FullError("there is no room for more of the backup; make some, then try again")
        self.objects[name] = whole
        return True

    async def get(self, name: str, start: int = 0, length: int | None = None) -> bytes:
        """Return a part of an object, or all of it. Raises MissingError."""
        check_range(start, length)
        if check_name(name) not in self.objects:
            raise MissingError(name)
        return self.objects[name][start : None if length is None else start + length]

    async def list(self, prefix: str) -> list[Found]:
        """Return what lies under a folder."""
        below = f"{check_name(prefix)}/"
        return [
            Found(name, len(self.objects[name])) for name in sorted(self.objects) if name.startswith(below)
        ]

    async def delete(self, name: str) -> None:
        """Forget an object."""
        self.objects.pop(check_name(name), None)

    async def info(self) -> ProviderInfo:
        """Say that this is memory."""
        return ProviderInfo("memory", "in memory", self._free())

    def _free(self) -> int | None:
        return None if self._room is None else self._room - sum(map(len, self.objects.values()))

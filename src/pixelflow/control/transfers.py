"""How many calls to other machines are under way at once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


class OursFailed(Exception):
    """The storage failed by ``cause``, and the other machine did not."""

    def __init__(self, cause: OSError) -> None:
        super().__init__(str(cause))
        self.cause = cause


@dataclass(slots=True)
class _Line:
    """Those who call one host, or wait to."""

    free: asyncio.Semaphore
    there: int = 0


@dataclass(slots=True)
class Transfers:
    """At most ``most`` in all and ``per_host`` to one host, so that a slow one does not delay the others."""

    most: int
    per_host: int
    _free: asyncio.Semaphore = field(init=False)
    _lines: dict[str, _Line] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self._free = asyncio.Semaphore(self.most)

    @asynccontextmanager
    async def to(self, host: str) -> AsyncIterator[None]:
        """Wait for a turn and hold it for the block."""
        line = self._lines.setdefault(host, _Line(asyncio.Semaphore(self.per_host)))
        line.there += 1
        try:
            async with line.free, self._free:
                yield
        finally:
            line.there -= 1
            if not line.there:
                del self._lines[host]

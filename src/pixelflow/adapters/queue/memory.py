"""The bell of a process that is alone."""

import asyncio
from collections import deque

from pixelflow.ports.queue import Queue

MAX_RINGS = 1024
"""More rings than this are one and the same news: try until there is nothing to claim."""


class MemoryQueue(Queue):
    """Counts rings until someone waits; all that came go to the one who waited longest."""

    def __init__(self, max_rings: int = MAX_RINGS) -> None:
        self._max_rings = max_rings
        self._rings = 0
        self._waiters: deque[asyncio.Future[None]] = deque()

    async def ring(self, count: int = 1) -> None:
        self._rings = min(self._rings + count, self._max_rings)
        self._wake()

    async def wait(self, timeout_seconds: float) -> int:
        if not self._rings:
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                async with asyncio.timeout(timeout_seconds):
                    await waiter
            except TimeoutError:
                pass
            except asyncio.CancelledError:
                self._wake()  # the ring that this waiter was woken for is another's now
                raise
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        rings, self._rings = self._rings, 0
        return rings

    def _wake(self) -> None:
        while self._rings and self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    async def acknowledge(self, count: int) -> None:
        """Nothing to do: a ring is lost only with the whole process, and the keeper rings at its start."""

    async def close(self) -> None:
        """Nothing to give back."""

"""Jobs that wait for a time: scheduled ones, and those that had a fault."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from pixelflow.ports.queue import Queue
from pixelflow.ports.store import JobStore

LEAST_SECONDS = 0.001
"""The grain of the loop's clock."""


@dataclass
class Waker:
    """The keeper's duty that makes them claimable; ``wanted`` is set when the next one is due, so that it
    need not wait for a period."""

    store: JobStore
    queue: Queue
    clock: Callable[[], float]
    batch: int = 500
    wanted: asyncio.Event = field(default_factory=asyncio.Event)
    _alarm: asyncio.TimerHandle | None = None
    _due: float = 0.0
    """Of the alarm, by the loop's clock; a handle of uvloop does not tell it when it is due at once."""

    async def wake(self) -> int:
        """Wake what is due, ring for it, and set the alarm for the next."""
        woken = await self.store.wake(self.batch)
        if woken.next_seconds is not None:
            self._set(woken.next_seconds)
        if woken.jobs:
            await self.queue.ring(woken.jobs)
        return woken.jobs

    def expect(self, at: float | None) -> None:
        """A job waits until then, in Unix seconds."""
        if at is not None:
            self._set(at - self.clock())

    def _set(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time() + max(LEAST_SECONDS, seconds)
        if self._alarm is not None:
            if self._due <= due:
                return
            self._alarm.cancel()
        self._due, self._alarm = due, loop.call_at(due, self._ring)

    def _ring(self) -> None:
        self._alarm = None  # it may be early by the loop's grain: the same job is then to be woken again
        self.wanted.set()

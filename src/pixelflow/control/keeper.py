"""What has to be done again and again so that nothing is forgotten; each duty may run anywhere, any number
of times."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import structlog

from pixelflow.domain.errors import PixelFlowError

log = structlog.get_logger()

OVERDUE_PERIODS = 3
"""A duty that did not go well for so many periods more than its own is told."""
OVERDUE_SECONDS = 10.0
"""But not before this lag, however short the period."""


@dataclass(frozen=True, slots=True)
class Duty:
    """One thing to do, and how often in seconds; it must do no harm when several keepers run it at once."""

    name: str
    period_seconds: float
    run: Callable[[], Awaitable[int]]
    """Answers how much it found to do."""
    batch: int | None = None
    """A run that found so much is followed by the next at once."""
    wake: asyncio.Event | None = None
    """Set by whoever knows that there is something to do before the period is over."""


@dataclass(slots=True)
class Record:
    """How a duty went: times in Unix seconds, ``seconds`` and ``count`` of the last run, ``found`` and
    ``failures`` since the start; ``error`` is the last there was, ``failing`` whether it still is."""

    duty: Duty
    good_at: float
    """When a run last ended well, at first the keeper's start."""
    last_run: float | None = None
    seconds: float = 0.0
    count: int = 0
    found: int = 0
    failures: int = 0
    failing: bool = False
    error: str | None = None

    def lag_seconds(self, now: float) -> float:
        """For how long a run that goes well is due."""
        return max(0.0, now - self.good_at - self.duty.period_seconds)

    def overdue(self, now: float) -> bool:
        """Whether an operator should look."""
        return self.lag_seconds(now) > max(OVERDUE_SECONDS, OVERDUE_PERIODS * self.duty.period_seconds)


@dataclass(frozen=True)
class Keeper:
    """Runs each duty at its own pace and keeps a record of it; ``clock`` tells Unix seconds."""

    duties: Sequence[Duty]
    clock: Callable[[], float] = time.time
    records: dict[str, Record] = field(default_factory=dict)
    """By the duties' names, once it runs."""

    async def run(self) -> None:
        """Every duty at its own pace; never returns."""
        for duty in self.duties:
            self.records[duty.name] = Record(duty, good_at=self.clock())
        async with asyncio.TaskGroup() as group:
            for record in self.records.values():
                group.create_task(self._keep(record), name=record.duty.name)

    async def _keep(self, record: Record) -> None:
        duty = record.duty
        while True:
            if duty.wake is not None:
                duty.wake.clear()
            await self._once(record)
            if not record.failing and duty.batch is not None and record.count >= duty.batch:
                continue
            if duty.wake is None or record.failing:
                await asyncio.sleep(duty.period_seconds)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(duty.wake.wait(), duty.period_seconds)

    async def _once(self, record: Record) -> None:
        begun = time.perf_counter()
        record.last_run = self.clock()
        try:
            record.count = await record.duty.run()
        except Exception as error:  # one duty's mistake must not end the others
            record.failures += 1
            record.count, record.failing, record.error = 0, True, str(error) or type(error).__name__
            unforeseen = None if isinstance(error, OSError | PixelFlowError) else error
            log.warning("keeper failed", duty=record.duty.name, error=record.error, exc_info=unforeseen)
        else:
            record.failing, record.good_at = False, self.clock()
            record.found += record.count
            if record.count:
                log.info("keeper", duty=record.duty.name, count=record.count)
        record.seconds = time.perf_counter() - begun

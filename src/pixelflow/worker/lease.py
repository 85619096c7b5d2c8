"""Which claims this worker holds, and what to stop when one is lost."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pixelflow.domain.job import Claim
from pixelflow.worker.running import Running

T = TypeVar("T")


class ClaimLost(Exception):
    """The claim is no longer held, and what was under way for it was broken off."""


@dataclass(slots=True)
class Lease:
    """One held claim: its task once the pool has it, and how far that is; ``transfer`` while bytes come from
    another machine or go there."""

    running: Running | None = None
    percent: int = 0
    lost: bool = False
    transfer: "asyncio.Task[Any] | None" = None

    async def during(self, transfer: Coroutine[Any, Any, T]) -> T:
        """The transfer's result; raises ClaimLost when ``stop`` broke it off."""
        if self.lost:
            transfer.close()
            raise ClaimLost
        task = asyncio.create_task(transfer)
        self.transfer = task
        try:
            return await task
        except asyncio.CancelledError:
            whole = asyncio.current_task()
            if whole is None or not whole.cancelling():
                raise ClaimLost from None
            raise
        finally:
            self.transfer = None

    def stop(self) -> None:
        """Kill the task: whatever it makes would be refused."""
        self.lost = True
        if self.transfer is not None:
            self.transfer.cancel()
        if self.running is not None:
            self.running.stop()

    def attach(self, running: Running) -> None:
        """The pool has the task; a lease that was lost meanwhile stops it at once."""
        self.running = running
        if self.lost:
            running.stop()


@dataclass(frozen=True)
class Leases:
    """All held claims of one worker."""

    by_claim: dict[Claim, Lease] = field(default_factory=dict)

    @property
    def percents(self) -> Mapping[Claim, int]:
        """What a renewal sends: each held claim and how far it is."""
        return {claim: lease.percent for claim, lease in self.by_claim.items()}

    @property
    def preparing(self) -> int:
        """How many are claimed and not yet with the pool, those left out that wait for another machine."""
        return sum(1 for lease in self.by_claim.values() if lease.running is None and not lease.transfer)

    @property
    def transferring(self) -> int:
        """How many wait for another machine."""
        return sum(1 for lease in self.by_claim.values() if lease.transfer)

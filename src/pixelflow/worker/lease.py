"""Which claims this worker holds, and what to stop when one is lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pixelflow.domain.job import Claim
from pixelflow.worker.running import Running


@dataclass(slots=True)
class Lease:
    """One held claim: its task once the pool has it, and how far that is."""

    running: Running | None = None
    percent: int = 0
    lost: bool = False

    def stop(self) -> None:
        """Kill the task: whatever it makes would be refused."""
        self.lost = True
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
        """How many are claimed and not yet with the pool."""
        return sum(1 for lease in self.by_claim.values() if lease.running is None)

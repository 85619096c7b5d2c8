"""Live news of jobs."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

from pixelflow.domain.event import Event
from pixelflow.domain.job import Job


class Subscription(Protocol):
    """A bounded inbox; when a slow reader overflows it, the oldest progress goes first, then ``get`` says
    ``None``."""

    async def get(self, timeout_seconds: float) -> tuple[Event, Job] | None:
        """The next event with the job as it was then; ``None`` on a time-out or when something was dropped:
        read the store."""


class EventHub(Protocol):
    """Hands events on to those who listen now; the store keeps them, so nothing depends on a delivery
    here."""

    def publish(self, event: Event, job: Job) -> None: ...

    def watch(self, told: Callable[[Event, Job], None]) -> AbstractContextManager[None]:
        """Have every event of this process told as it is published; ``told`` must not wait or raise."""

    def subscribe(self, tenant: str, job_id: str | None = None) -> AbstractContextManager[Subscription]:
        """Events of one job, or of all of a tenant's jobs."""

"""The bell: "there is work"."""

from typing import Protocol


class Queue(Protocol):
    """Tells workers that a claim is worth trying; a lost ring is rung again by the keeper, a doubled one
    finds nothing."""

    async def ring(self, count: int = 1) -> None:
        """Announce ``count`` jobs."""

    async def wait(self, timeout_seconds: float) -> int:
        """Wait for rings and answer how many came, 0 when none did in time."""

    async def acknowledge(self, count: int) -> None:
        """Tell the broker that the rings led to a claim, or to nothing to claim."""

    async def close(self) -> None: ...

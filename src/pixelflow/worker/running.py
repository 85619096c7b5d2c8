"""A task on its way through the pool, and how it can end."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from pixelflow.imaging import wire

if TYPE_CHECKING:
    from asyncio import Future


@dataclass(frozen=True, slots=True)
class Died:
    """The decoder ended under the task: it broke down, ran out of memory, or took too long."""

    kind: Literal["crash", "oom", "timeout"]
    detail: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """Somebody called ``stop``, or the pool was closed."""


Outcome = wire.Finished | wire.Failed | Died | Stopped


@dataclass(eq=False, slots=True)
class Running:
    """A task that the pool has taken.

    ``outcome`` raises OSError when a descriptor failed, on a full disk for instance: it can be tried again.
    ``fds`` have to stay open until it is there, so that the task can be sent to another decoder.
    """

    task: wire.Task
    fds: Sequence[int]
    on_progress: Callable[[int], None]
    outcome: "Future[Outcome]"
    on_written: Callable[[wire.Made], None] = lambda made: None
    """Told of an output that is complete before the task is."""
    seconds: float | None = None
    """How long it may take, where that is less than others may."""
    written: set[str] = field(default_factory=set)
    """The steps whose outputs it was told of."""
    begun: bool = False
    """Whether a decoder works on it now, and no longer waits behind another task."""
    take_back: Callable[["Running"], None] = field(default=lambda running: None, repr=False)
    """How whoever holds it gives it up."""

    def stop(self) -> None:
        """End it as ``Stopped``; its decoder is killed if it works on it, not if another task comes first."""
        if not self.outcome.done():
            self.outcome.set_result(Stopped())
            self.take_back(self)

    def abandoned(self, outcome: "Future[Outcome]") -> None:
        """Whoever awaited the outcome was cancelled: nobody needs it any more."""
        if outcome.cancelled():
            self.take_back(self)

    def end(self, outcome: Outcome | OSError) -> None:
        """Tell whoever waits, unless it was stopped before."""
        if self.outcome.done():
            return
        if isinstance(outcome, OSError):
            self.outcome.set_exception(outcome)
        else:
            self.outcome.set_result(outcome)

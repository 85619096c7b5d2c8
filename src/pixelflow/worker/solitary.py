"""Decoders that do one task each and end with it: what they draw shares no process with other pictures."""

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from pixelflow.imaging import wire
from pixelflow.imaging.cage import MISSING
from pixelflow.worker.decoder import Cage, Decoder
from pixelflow.worker.running import Died, Outcome, Running, Stopped
from pixelflow.worker.slot import Slot
from pixelflow.worker.zygote import Zygote


class Solitary:
    """At most ``size`` of them at once, the others wait their turn; all on the pool's event loop."""

    def __init__(
        self,
        cage: Cage,
        zygote: Zygote,
        *,
        job_seconds: float,
        start_seconds: float,
        on_room: Callable[[], None],
        on_reaped: Callable[[Decoder], None],
    ) -> None:
        self._cage = cage
        self._zygote = zygote
        self._job_seconds = job_seconds
        self._start_seconds = start_seconds
        self._on_room = on_room
        self._on_reaped = on_reaped
        self._waiting: deque[Running] = deque()
        self._slots: dict[Slot, Running] = {}

    @property
    def load(self) -> int:
        """Tasks that are done here or wait."""
        return len(self._slots) + len(self._waiting)

    def submit(self, running: Running, size: int) -> Sequence[Decoder]:
        """Take a task; returns decoders that were started for it."""
        running.take_back = self._take_back
        self._waiting.append(running)
        return self.feed(size)

    def feed(self, size: int) -> Sequence[Decoder]:
        """Start what may be; returns the decoders."""
        begun = []
        while self._waiting and len(self._slots) < size:
            running = self._waiting.popleft()
            try:
                slot = Slot(
                    self._cage,
                    self._zygote,
                    self,
                    job_seconds=self._job_seconds,
                    start_seconds=self._start_seconds,
                )
            except OSError as error:
                running.end(error)
                continue
            self._slots[slot] = running
            begun.append(slot.decoder)
        return begun

    def close(self) -> None:
        """Kill all; their tasks end as ``Stopped``."""
        for running in self._waiting:
            running.end(Stopped())
        self._waiting.clear()
        for slot in list(self._slots):
            self._end(slot, Stopped())

    def started(self, slot: Slot, ready: wire.Ready) -> None:
        missing = [part for part, state in ready.cage.items() if state.startswith(MISSING)]
        if missing and self._cage.sandbox == "required":
            return slot.refuse(f"the cage lacks {', '.join(missing)}")
        slot.give(self._slots[slot])
        return slot.leave()

    def unstarted(self, slot: Slot, reason: str) -> None:
        if running := self._slots.pop(slot, None):
            running.end(Died("crash", f"a decoder does not start: {reason}"))
        self._on_room()

    def answered(self, slot: Slot) -> None:
        pass

    def lost(self, slot: Slot, waiting: Sequence[Running]) -> None:
        self._slots.pop(slot, None)
        self._on_room()

    def reaped(self, decoder: Decoder) -> None:
        self._on_reaped(decoder)

    def _take_back(self, running: Running) -> None:
        with suppress(ValueError):
            self._waiting.remove(running)
            return
        for slot, held in list(self._slots.items()):
            if held is running:
                self._end(slot, None)

    def _end(self, slot: Slot, outcome: Outcome | None) -> None:
        running = self._slots.pop(slot)
        slot.kill(outcome)
        if outcome is not None:
            running.end(outcome)

"""The pool of caged decoders: one child process a slot, a few tasks in flight in each."""

import asyncio
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from pixelflow.domain.errors import Busy, StartupError
from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.media import SNIFF_BYTES, sniff
from pixelflow.imaging import wire
from pixelflow.imaging.cage import MISSING
from pixelflow.worker.decoder import Cage, Decoder
from pixelflow.worker.running import Running, Stopped
from pixelflow.worker.slot import MOST_PLACES, Slot, Stage
from pixelflow.worker.solitary import Solitary
from pixelflow.worker.zygote import Zygote

log = structlog.get_logger()

UNHEALTHY_STARTS = 3
"""So many decoders in a row that ended before they were ready make the pool unhealthy."""
WARM_UP_BYTES = 64 * 1024
"""A decoder can write files of this size at least, or it could not try itself out."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """How many decoders there are and when one is replaced; times in seconds."""

    size: int
    sandbox: Literal["auto", "required", "off"]
    job_seconds: float
    memory_bytes: int
    max_jobs: int
    max_rss_bytes: int
    svg: bool = False
    """Whether SVG is drawn, by decoders that do one task each."""
    fork: bool = True
    """Whether decoders are forked from one that is prepared, rather than each started by itself."""
    start_seconds: float = 30.0
    first_backoff_seconds: float = 0.1
    longest_backoff_seconds: float = 30.0


class Pool:
    """Hands tasks to decoders, and has as many of these as asked for; all on one event loop.

    ``on_room`` is called whenever it takes more tasks than before. ``cage`` and ``versions`` are what the
    decoders said of themselves.
    """

    def __init__(self, options: PoolOptions, limits: ImageLimits, on_room: Callable[[], None]) -> None:
        self._options = options
        largest_file = max(limits.max_output_bytes, WARM_UP_BYTES)
        self._cage = Cage(options.sandbox, options.memory_bytes, largest_file)
        self._on_room = on_room
        self._zygote = Zygote()
        self._solitary = Solitary(
            replace(self._cage, svg=True),
            self._zygote,
            job_seconds=options.job_seconds,
            start_seconds=options.start_seconds,
            on_room=self._after_solitary,
            on_reaped=self.reaped,
        )
        self._target = 0
        self._slots: list[Slot] = []
        self._decoders: set[Decoder] = set()
        self._waiting: deque[Running] = deque()
        self._failed_starts = 0
        self._failure = ""
        self._balancing = False
        self._retry: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self.cage: Mapping[str, str] = {}
        self.versions: Mapping[str, str] = {}

    def load(self) -> None:
        """Begin to load what decoders need, while the caller has other things to open; ``close`` ends it."""
        if self._options.fork:
            self._zygote.begin()

    async def start(self) -> wire.Ready:
        """Start all slots; raises StartupError, naming what is missing and the remedy."""
        if self._options.fork:
            await self._zygote.start(self._options.start_seconds)
        await self.resize(self._options.size)
        return wire.Ready(dict(self.cage), dict(self.versions))

    async def resize(self, size: int) -> None:
        """Have that many decoders: new ones are ready on return, surplus ones first finish what they have.

        Raises StartupError when a new one does not start.
        """
        self._target = size
        self._failed_starts = 0
        self._balance()
        while any(slot.stage is Stage.STARTING for slot in self._slots) and not self._failed_starts:
            self._changed.clear()
            await self._changed.wait()
        if self._failed_starts:
            raise StartupError(f"a decoder does not start: {self._failure}")

    async def close(self) -> None:
        """Kill all decoders and wait until no process is left; tasks in flight end as ``Stopped``."""
        self._target = 0
        self._zygote.close()
        if self._retry is not None:
            self._retry.cancel()
        for slot in list(self._slots):
            slot.kill(Stopped())
        for running in self._waiting:
            running.end(Stopped())
        self._waiting.clear()
        self._solitary.close()
        while self._decoders:
            self._changed.clear()
            await self._changed.wait()

    @property
    def size(self) -> int:
        """How many decoders there should be."""
        return self._target

    @property
    def busy(self) -> int:
        """How many decoders have work."""
        return sum(1 for slot in self._slots if slot.load)

    @property
    def room(self) -> int:
        """How many more tasks it takes now."""
        return max(0, sum(slot.room for slot in self._slots) - len(self._waiting) - self._solitary.load)

    @property
    def healthy(self) -> bool:
        """False while decoders end before they are ready, again and again."""
        return self._failed_starts < UNHEALTHY_STARTS

    @property
    def pids(self) -> Sequence[int]:
        """The processes of all slots, the oldest first."""
        return [slot.decoder.pid for slot in self._slots]

    @property
    def zygote(self) -> int | None:
        """The process that forks decoders, if there is one that can."""
        return self._zygote.pid

    def submit(
        self,
        task: wire.Task,
        fds: Sequence[int],
        on_progress: Callable[[int], None],
        on_written: Callable[[wire.Made], None] = lambda made: None,
        seconds: float | None = None,
    ) -> Running:
        """Have a task done; ``fds`` stay open until its outcome, or one until its output is told to be
        written; ``seconds`` bounds it where they are fewer than the pool's. Raises Busy when there is no
        room.

        Room that a dying decoder took away since the caller asked is no reason to refuse.
        """
        if len(self._waiting) >= MOST_PLACES * self._target:
            raise Busy("the decoders have all they can take", retry_after=1)
        running = Running(task, fds, on_progress, asyncio.get_running_loop().create_future(), on_written)
        running.seconds = seconds
        running.outcome.add_done_callback(running.abandoned)
        if self._options.svg and any(_is_svg(file) for file in fds[: 1 + len(task.assets)]):
            self._decoders.update(self._solitary.submit(running, self._target))
            return running
        running.take_back = self._take_back
        self._waiting.append(running)
        self._feed()
        return running

    def started(self, slot: Slot, ready: wire.Ready) -> None:
        missing = [
            f"{part} ({state.removeprefix(MISSING)})"
            for part, state in ready.cage.items()
            if state.startswith(MISSING)
        ]
        if missing and self._options.sandbox == "required":
            return slot.refuse(
                f"the cage lacks {', '.join(missing)}; "
                "use a kernel that has it, or SANDBOX=auto to go on without"
            )
        self.cage, self.versions = ready.cage, ready.versions
        self._failed_starts = 0
        self._balance()
        self._changed.set()
        self._feed()
        return self._on_room()

    def unstarted(self, slot: Slot, reason: str) -> None:
        if slot in self._slots:
            self._slots.remove(slot)
        self._not_started(reason)

    def _not_started(self, reason: str) -> None:
        self._failed_starts += 1
        self._failure = reason
        log.error("decoder does not start", reason=reason, times=self._failed_starts)
        self._changed.set()
        if self._retry is None and self._target:
            doubled: float = self._options.first_backoff_seconds * 2 ** min(self._failed_starts - 1, 20)
            wait = min(doubled, self._options.longest_backoff_seconds)
            self._retry = asyncio.get_running_loop().call_later(wait, self._try_again)

    def answered(self, slot: Slot) -> None:
        options = self._options
        if not slot.worn and (
            slot.done >= options.max_jobs or slot.decoder.resident_bytes() > options.max_rss_bytes
        ):
            slot.worn = True
            self._balance()
        self._feed()
        if self.room:
            self._on_room()

    def lost(self, slot: Slot, waiting: Sequence[Running]) -> None:
        self._slots.remove(slot)
        for running in reversed(waiting):
            running.take_back = self._take_back
            self._waiting.appendleft(running)
        self._balance()
        self._feed()

    def _after_solitary(self) -> None:
        self._decoders.update(self._solitary.feed(self._target))
        if self.room:
            self._on_room()

    def reaped(self, decoder: Decoder) -> None:
        self._decoders.discard(decoder)
        self._changed.set()

    def _take_back(self, running: Running) -> None:
        with suppress(ValueError):
            self._waiting.remove(running)

    def _try_again(self) -> None:
        self._retry = None
        self._balance()

    def _balance(self) -> None:
        """Start what is missing; let go what is too much, worn slots first."""
        if self._balancing:
            return  # a slot that goes reports back at once
        self._balancing = True
        try:
            starting = [slot for slot in self._slots if slot.stage is Stage.STARTING]
            serving = [slot for slot in self._slots if slot.stage is Stage.SERVING]
            serving.sort(key=lambda slot: (not slot.worn, slot.load))
            surplus = max(0, len(serving) - self._target)
            kept = serving[surplus:]
            wanted = self._target + any(slot.worn for slot in kept) - len(kept)
            for slot in serving[:surplus]:
                slot.leave()
            for slot in starting[max(0, wanted) :]:
                slot.kill()
            for _ in range(wanted - len(starting)):
                if self._retry is None:
                    self._spawn()
        finally:
            self._balancing = False

    def _spawn(self) -> None:
        options = self._options
        try:
            slot = Slot(
                self._cage,
                self._zygote,
                self,
                job_seconds=options.job_seconds,
                start_seconds=options.start_seconds,
            )
        except OSError as error:
            self._not_started(str(error))
        else:
            self._slots.append(slot)
            self._decoders.add(slot.decoder)

    def _feed(self) -> None:
        while self._waiting:
            slot = min((slot for slot in self._slots if slot.room), key=lambda slot: slot.load, default=None)
            if slot is None:
                return
            slot.give(self._waiting.popleft())


def _is_svg(file: int) -> bool:
    return sniff(os.pread(file, SNIFF_BYTES, 0)) == "svg"

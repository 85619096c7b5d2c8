"""A place in the pool: one decoder, a few tasks in flight in it, and the judgement on how each ends."""

import asyncio
import signal
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from enum import Enum
from typing import Protocol

import structlog

from pixelflow.imaging import wire
from pixelflow.worker.answers import implausible, unasked
from pixelflow.worker.decoder import Cage, Decoder
from pixelflow.worker.running import Died, Outcome, Running
from pixelflow.worker.zygote import Zygote

log = structlog.get_logger()

PLACES = 2
"""Tasks in flight: the second waits in the decoder's socket, so that no gap arises between two."""
MOST_PLACES = 4
"""The same for short tasks, which a decoder ends sooner than the store commits the claim of the next."""
AHEAD_SECONDS = 0.03
"""More than two are in flight only as long as those that wait are done within this."""
WITHDRAWN_SECONDS = 1.0
"""A task that was taken back just as it began gets this long before its decoder is killed."""
_PROGRESS_PER_SECOND = 10
_PROGRESS_SLACK = 50
_OUT_OF_MEMORY = (
    b"failed to allocate",
    b"out of memory",
    b"memoryerror",
    b"cannot allocate memory",
    b"bad_alloc",
    b"malloc of size",
)


class Stage(Enum):
    """Where a slot is in its life; it only moves on."""

    STARTING = "starting"
    SERVING = "serving"
    LEAVING = "leaving"
    """It finishes what it has and takes no more."""
    GONE = "gone"


class Owner(Protocol):
    """The pool, as a slot sees it."""

    def started(self, slot: "Slot", ready: wire.Ready) -> None:
        """The decoder is caged and waits."""

    def unstarted(self, slot: "Slot", reason: str) -> None:
        """The decoder ended before it was ready."""

    def answered(self, slot: "Slot") -> None:
        """A task ended, and there is room."""

    def lost(self, slot: "Slot", waiting: Sequence[Running]) -> None:
        """The decoder is gone; these tasks it had not begun."""

    def reaped(self, decoder: Decoder) -> None:
        """No process is left of it."""


class Slot:
    """One decoder from its start to its end."""

    def __init__(
        self, cage: Cage, zygote: Zygote, owner: Owner, *, job_seconds: float, start_seconds: float
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._owner = owner
        self._job_seconds = job_seconds
        self._messages = 0
        self._begun_at = 0.0
        self._usual_seconds = AHEAD_SECONDS
        self._queue: deque[Running] = deque()
        self.stage = Stage.STARTING
        self.done = 0
        """Tasks that ended here."""
        self.worn = False
        """To be replaced as soon as another decoder is ready."""
        self.decoder = Decoder(cage, zygote, self, owner.reaped)
        reason = f"not ready after {start_seconds:g} seconds"
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(start_seconds, self.refuse, reason)

    @property
    def load(self) -> int:
        """Tasks in flight."""
        return len(self._queue)

    @property
    def room(self) -> int:
        """How many more tasks it takes now."""
        if self.stage is not Stage.SERVING:
            return 0
        return max(0, places(self._usual_seconds) - len(self._queue))

    def give(self, running: Running) -> None:
        """Send it a task; only with room."""
        running.take_back = self._take_back
        self._queue.append(running)
        try:
            self.decoder.send(wire.pack(running.task), running.fds)
        except OSError as error:
            self._queue.pop()
            running.end(error)
            return
        if len(self._queue) == 1:
            self._begin()

    def leave(self) -> None:
        """Finish what is in flight, then end the decoder."""
        self.stage = Stage.LEAVING
        if not self._queue:
            self.stage = Stage.GONE
            self.decoder.dismiss()
            self._owner.lost(self, ())

    def kill(self, outcome: Outcome | None = None) -> None:
        """End the decoder at once, and its running task with this outcome, unless that was stopped before."""
        self.decoder.kill()
        self._over(outcome)

    def refuse(self, reason: str) -> None:
        """End a decoder that cannot be used from the start."""
        self._cancel_timer()
        self.stage = Stage.GONE
        self.decoder.kill()
        self._owner.unstarted(self, reason)

    def heard(self, reply: wire.Reply) -> None:
        if isinstance(reply, wire.Ready):
            if self.stage is not Stage.STARTING:
                return self.garbled("ready twice")
            self._cancel_timer()
            self.stage = Stage.SERVING
            return self._owner.started(self, reply)
        if self.stage is Stage.STARTING:
            return self.refuse(
                reply.message if isinstance(reply, wire.Failed) else "an answer before it was ready"
            )
        if not self._queue:
            return self.garbled("an answer to no task")
        if isinstance(reply, wire.Progress):
            return self._progressed(reply.percent)
        if isinstance(reply, wire.Written):
            return self._wrote(reply.made)
        return self._answered(reply)

    def garbled(self, reason: str) -> None:
        if self.stage is Stage.STARTING:
            return self.refuse(reason)
        log.warning("decoder not to be trusted", pid=self.decoder.pid, reason=reason)
        return self.kill(Died("crash", "the decoder sent what no decoder sends"))

    def ended(self) -> None:
        if self.stage is Stage.STARTING:
            return self.refuse(self._cause_of_start())
        died = self._classify()
        words = self.decoder.words()
        log.warning("decoder ended", pid=self.decoder.pid, kind=died.kind, detail=died.detail, stderr=words)
        return self._over(died)

    def _begin(self) -> None:
        head = self._queue[0]
        head.begun = True
        self._messages = 0
        self._begun_at = self._loop.time()
        self._cancel_timer()
        own = head.seconds if head.seconds is not None and head.seconds < self._job_seconds else None
        seconds = WITHDRAWN_SECONDS if head.outcome.done() else own or self._job_seconds
        self._timer = self._loop.call_later(seconds, self._overdue, own)

    def _overdue(self, own_seconds: float | None) -> None:
        if own_seconds is not None:
            words = f"took longer than {own_seconds:g} seconds (the job's deadline_seconds)"
        else:
            words = f"took longer than {self._job_seconds:g} seconds (MAX_JOB_SECONDS)"
        self.kill(Died("timeout", words))

    def _progressed(self, percent: int) -> None:
        self._messages += 1
        if self._messages > _PROGRESS_SLACK + _PROGRESS_PER_SECOND * (self._loop.time() - self._begun_at):
            return self.garbled("a flood of progress")
        head = self._queue[0]
        if not head.outcome.done():
            head.on_progress(min(100, max(0, percent)))
        return None

    def _wrote(self, made: wire.Made) -> None:
        head = self._queue[0]
        if reason := unasked(made, head):
            return self.garbled(reason)
        head.written.add(made.step)
        if not head.outcome.done():
            head.on_written(made)
        return None

    def _answered(self, reply: wire.Finished | wire.Failed) -> None:
        head = self._queue[0]
        if reason := implausible(reply, head):
            return self.garbled(reason)
        if isinstance(reply, wire.Failed) and reply.code == "oom":
            return self.kill(Died("oom", reply.message))
        if isinstance(reply, wire.Failed) and reply.code == "internal":
            log.error("task failed unexpectedly", reason=reply.message, stderr=self.decoder.words())
        self._queue.popleft()
        self.done += 1
        self._usual_seconds += (self._loop.time() - self._begun_at - self._usual_seconds) / 8
        self.decoder.last_words = b""
        self._cancel_timer()
        if isinstance(reply, wire.Failed) and reply.code == "storage":
            number = int(reply.message)
            head.end(OSError(number, "the decoder could not read its source or write an output"))
        else:
            head.end(reply)
        if self._queue:
            self._begin()
        elif self.stage is Stage.LEAVING:
            return self.leave()
        return self._owner.answered(self)

    def _take_back(self, running: Running) -> None:
        if running not in self._queue:
            return
        if running is self._queue[0]:
            self.kill()
        elif running is self._queue[-1]:  # one between two others is cut short when it begins
            with suppress(OSError):
                self.decoder.send(wire.WITHDRAW)

    def _over(self, outcome: Outcome | None) -> None:
        if self.stage is Stage.GONE:
            return
        self._cancel_timer()
        self.stage = Stage.GONE
        if self._queue:
            head = self._queue.popleft()
            if outcome is not None:
                head.end(outcome)
        waiting = [running for running in self._queue if not running.outcome.done()]
        self._queue.clear()
        for running in waiting:
            running.begun = False
        self._owner.lost(self, waiting)

    def _cancel_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _classify(self) -> Died:
        code = self.decoder.returncode or 0
        name = _signal_name(code)
        words = self.decoder.last_words.lower()
        if code == -signal.SIGXCPU:
            return Died("timeout", "used more CPU time than allowed (MAX_CPU_SECONDS)")
        if code == -signal.SIGKILL:
            return Died("oom", "the system killed the decoder, as it does when memory runs out")
        if any(sign in words for sign in _OUT_OF_MEMORY):
            return Died("oom", f"memory ran out (MAX_MEMORY_BYTES), the decoder died of {name}")
        return Died("crash", f"the decoder died of {name}")

    def _cause_of_start(self) -> str:
        lines = self.decoder.words().strip().splitlines()
        return lines[-1] if lines else f"it died of {_signal_name(self.decoder.returncode or 0)}"


def places(usual_seconds: float) -> int:
    """How many tasks may be in flight in a decoder that usually takes so long for one."""
    ahead = 1 + int(AHEAD_SECONDS / max(usual_seconds, AHEAD_SECONDS / MOST_PLACES))
    return min(MOST_PLACES, max(PLACES, ahead))


def _signal_name(code: int) -> str:
    try:
        return signal.Signals(-code).name if code < 0 else f"exit status {code}"
    except ValueError:
        return f"signal {-code}"

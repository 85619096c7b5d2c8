"""The outputs of one attempt: staged, then durable, then told of, those of a long job before its end."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from pixelflow.domain.errors import PixelFlowError
from pixelflow.domain.event import Event
from pixelflow.domain.job import Job, Output
from pixelflow.domain.media import media_type
from pixelflow.imaging import wire
from pixelflow.ports.events import EventHub
from pixelflow.ports.storage import Staged, Storage, Stored
from pixelflow.ports.store import JobStore


@dataclass
class Results:
    """What an attempt has so far; the files of ``ready`` go when the attempt comes to nothing."""

    job: Job
    """As the book has it: claimed, and with the outputs that were told of."""
    store: JobStore
    storage: Storage
    hub: EventHub
    announce_at: float
    """When, by the loop's clock, outputs that are ready then are told of; later ones at once."""
    lost: Callable[[], None]
    """Called when the claim turns out to be lost, or an announcement fails: the attempt need not go on."""
    staged: dict[str, Staged] = field(default_factory=dict)
    """Files that somebody still writes to, by step."""
    ready: dict[str, Output] = field(default_factory=dict)
    """Outputs that are durable, by step."""
    _written: list[wire.Made] = field(default_factory=list)
    _alarm: asyncio.TimerHandle | None = None
    _telling: "asyncio.Task[None] | None" = None

    def stage(self, step: str, key: str) -> int:
        """A descriptor for a step's output."""
        self.staged[step] = self.storage.stage(key)
        return self.staged[step].fd

    def written(self, made: wire.Made) -> None:
        """An output is complete while others are still to come."""
        self._written.append(made)
        self.tell()

    def tell(self) -> None:
        """Announce what is ready, when it is time for that."""
        if self._alarm is None and self._telling is None:
            self._alarm = asyncio.get_running_loop().call_at(self.announce_at, self._begin)

    async def complete(self, done: wire.Finished) -> Sequence[Output]:
        """All outputs, durable, in the pipeline's order; raises OSError when one of them is not."""
        await self.stop()
        for each in done.skipped:
            if each.step in self.staged:
                await self.storage.discard([self.staged.pop(each.step)])
        await self._commit(made for made in done.made if made.step in self.staged)
        return self._ordered()

    async def stop(self) -> None:
        """Tell of nothing more; raises what went wrong with telling of something."""
        if self._alarm is not None:
            self._alarm.cancel()
        if self._telling is not None:
            await self._telling

    async def discard(self) -> None:
        """Forget what is staged; nothing is under way any more then."""
        with suppress(OSError, PixelFlowError):
            await self.stop()
        files = list(self.staged.values())
        self.staged.clear()
        await self.storage.discard(files)

    async def withdraw(self) -> None:
        """Remove what is durable; only once no row names it."""
        await self.storage.delete([output.key for output in self.ready.values()])

    def _begin(self) -> None:
        self._alarm = None
        self._telling = asyncio.create_task(self._tell(), name=f"outputs of {self.job.id}")

    async def _tell(self) -> None:
        try:
            await self._announce()
        except Exception:
            self.lost()  # what is announced must be kept, so the attempt has failed
            raise
        self._telling = None

    async def _announce(self) -> None:
        told = -1
        while told < len(self.ready) + len(self._written):
            written, self._written = self._written, []
            await self._commit(written)
            told = len(self.ready)
            noted = await self.store.announce(self.job.claim, self._ordered())
            if noted is None:
                self.lost()
                return
            fresh = [output for output in noted.outputs if self.ready[output.id].ready_at is None]
            self.job = noted
            self.ready.update({output.id: output for output in noted.outputs})
            for event in Event.ready(noted, fresh):
                self.hub.publish(event, noted)

    async def _commit(self, written: Iterable[wire.Made]) -> None:
        made = list(written)
        stored = await self.storage.commit([self.staged.pop(each.step) for each in made])
        self.ready.update({each.step: _output(each, file) for each, file in zip(made, stored, strict=True)})

    def _ordered(self) -> list[Output]:
        names = (step["id"] for step in self.job.pipeline)
        return [self.ready[name] for name in names if name in self.ready]


def _output(made: wire.Made, file: Stored) -> Output:
    return Output(
        id=made.step,
        key=file.key,
        format=made.format,
        media_type=media_type(made.format),
        bytes=file.bytes,
        sha256=file.sha256,
        width=made.width,
        height=made.height,
        choice=made.choice,
    )

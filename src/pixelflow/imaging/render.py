"""One task: a source in, every kept step's file out, decoded once."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import pyvips

from pixelflow.domain.errors import ImageError
from pixelflow.domain.media import BY_NAME
from pixelflow.imaging import memory, native, wire
from pixelflow.imaging.applying import Applier
from pixelflow.imaging.facts import SourceFacts, probed
from pixelflow.imaging.picture import Picture
from pixelflow.imaging.plan import Work, derivations, planned
from pixelflow.imaging.references import Pictures
from pixelflow.imaging.source import Reading, Source, complaint, mapped, open_source
from pixelflow.imaging.writing import Writer
from pixelflow.operations.registry import operations

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pixelflow.operations.pipeline import Pipeline, Step


def prepare() -> dict[str, str]:
    """Load and limit the native libraries and all operations, since no file can be opened once sealed.

    Returns versions; raises StartupError when the libraries are missing or too old. Computes no pixel:
    libvips would start threads for it, and a seal holds for the threads that come after it.
    """
    versions = native.load()
    for model in operations().values():
        model.model_rebuild()
    return versions


def warm_up(scratch: Sequence[int]) -> None:
    """Use each codec once, in ``warmup.SCRATCH`` empty files; once sealed it shows that nothing lacks."""
    from pixelflow.imaging import warmup

    warmup.run(render, scratch)


def render(
    task: wire.Task,
    source_fd: int,
    asset_fds: Sequence[int],
    output_fds: Sequence[int],
    report: Callable[[int], None],
    written: Callable[[wire.Made], None] = lambda made: None,
) -> wire.Finished:
    """Do a task; ``report`` gets the percentage of steps done, ``written`` each output but the last.

    Raises ImageError, and OSError when an output cannot be written.
    """
    with ExitStack() as files:
        source = open_source(files.enter_context(mapped(source_fd, task.limits)), task.limits)
        if not task.steps:
            return wire.Finished([], [], probed(source), {})
        pipeline, works = planned(task.steps)
        descriptors = dict(zip(task.assets, asset_fds, strict=True))
        operations = [step.operation for step in pipeline.steps]
        pictures = Pictures(source, descriptors, task.limits, files, operations)
        writer = Writer(source, task.limits, dict(zip(task.outputs, output_fds, strict=True)))
        metadata = any(step.operation.needs_metadata for step in pipeline.steps)
        applier = Applier(source, SourceFacts(source), pictures, task.limits, writer, metadata)
        return _Rendering(pipeline, works, source, pictures, applier, writer, report, written).run()


@dataclass(slots=True)
class _Rendering:
    """A task under way: the work is a tree, walked depth first, so that no picture is kept for long."""

    pipeline: Pipeline
    works: Sequence[Work]
    source: Source
    pictures: Pictures
    applier: Applier
    writer: Writer
    report: Callable[[int], None]
    written: Callable[[wire.Made], None]
    made: dict[str, wire.Made] = field(default_factory=dict)
    skipped: dict[str, wire.Skipped] = field(default_factory=dict)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    ended: set[str] = field(default_factory=set)
    """Ids of the steps that are done or skipped."""
    referred: frozenset[str] = frozenset()
    """Ids of the steps whose results others refer to."""
    postponed: list[tuple[Work, Picture, Reading]] = field(default_factory=list)
    """What waits for results that it refers to, with the picture that it takes."""

    def run(self) -> wire.Finished:
        size = self.source.width, self.source.height
        self.referred = frozenset[str]().union(*(step.refers for step in self.pipeline.steps))
        order = list(derivations(self.works, size))
        takers = [work for work, sibling in order if sibling is None]
        with self._timed("decode"):
            picture, reading = self.source.decode(
                min(work.operation.shrink(*size) for work in takers),
                reading=self._reading(takers),
                animated=self._animated(),
                metadata=self.applier.metadata,
                scaled=all(work.operation.scaled(*size) for work in takers),
                hdr=any(step.operation.wants_gain_map for step in self.pipeline.steps),
                own=any(step.operation.wants_colors for step in self.pipeline.steps),
            )
        self._walk(order, picture, reading)
        while self.postponed:
            waiting, self.postponed = self.postponed, []
            for work, given, how in waiting:
                self._walk([(work, None)], given, how, kept=True)
        return wire.Finished(
            made=[self.made[name] for name in self.writer.outputs if name in self.made],
            skipped=list(self.skipped.values()),
            source=wire.Facts(self.source.format, *size),
            seconds=dict(self.seconds),
        )

    def _reading(self, takers: Sequence[Work]) -> Reading:
        first = takers[0]
        # After one that was skipped, others would read the stream again.
        once = len(takers) == 1 and first.streams and not first.may_fail
        if once and self.source.orientation == 1 and not self._animated():
            return "stream"
        return "lazy" if all(work.operation.produces == "json" for work in takers) else "memory"

    def _animated(self) -> bool:
        """Whether any step chooses among the frames, or any output has room for more than the first."""
        return self.source.frames > 1 and any(
            step.operation.chooses_frames
            or (step.output and step.operation.produces == "image" and self._has_room(step))
            for step in self.pipeline.steps
        )

    def _has_room(self, step: Step) -> bool:
        """Whether its file may be of a format that has frames."""
        return any(BY_NAME[name].animated for name in step.encoding.possible(self.source.format))

    def _walk(
        self,
        order: Sequence[tuple[Work, Work | None]],
        picture: Picture,
        reading: Reading,
        *,
        kept: bool = False,
    ) -> None:
        """Do all that is done to one picture, and all that follows from it; it may be ``kept`` for others."""
        results: dict[str, Picture] = {}
        waiting = Counter(sibling.id for _, sibling in order if sibling)
        # A sibling that may be skipped leaves its takers to the picture; what waits may need it at any time.
        last = [work for work, sibling in order if sibling is None or sibling.may_fail][-1]
        lasting = kept or any(not self._ready(work) for work, _ in order)
        for work, sibling in order:
            if not self._ready(work):
                self.postponed.append((work, picture, reading))
                continue
            given = results.get(sibling.id, picture) if sibling else picture
            uses = waiting[work.id] + len(work.takers)
            uses += sum(step.output + (step.id in self.referred) for step in work.steps)
            again = any(step.output and step.encoding.searched for step in work.steps)
            shared = uses > 1 or again or not all(taker.streams for taker in work.takers)
            done = self._done(work, given, picture, reading, last=work is last and not lasting, shared=shared)
            self.report(100 * len(self.ended) // len(self.pipeline.steps))
            if done is not None:
                if waiting[work.id]:
                    results[work.id] = done
                if takers := work.takers:
                    how: Reading = reading if done.lazy else "memory"
                    smaller = bool(waiting[work.id])
                    self._walk(list(derivations(takers, done.size)), done, how, kept=smaller)
            if sibling:
                waiting[sibling.id] -= 1
                if not waiting[sibling.id]:
                    results.pop(sibling.id, None)

    def _ready(self, work: Work) -> bool:
        """Whether all that it refers to has ended."""
        return work.refers <= self.ended

    def _done(
        self, work: Work, given: Picture, picture: Picture, reading: Reading, *, last: bool, shared: bool
    ) -> Picture | None:
        """Do one operation and write what its steps keep; returns its image if it makes one.

        It is done to what is given: ``picture``, or a smaller one made of it. After its last taker
        ``picture`` is let go of, before an encoder needs memory.
        """
        action = work.operation.action
        for name in work.refers & self.skipped.keys():
            self._skip(work.steps, self.skipped[name].code, _gone(name))
        steps = [step for step in work.steps if step.id not in self.skipped]
        unread = reading != "memory" and (given.unfinished is not None or given.lazy)
        made: Any = None
        with self._skipping(steps, action, unread):
            if steps:
                with self._timed("decode" if unread else action):
                    made = self.applier.apply(work, given, picture.size, shared=shared)
        if last:
            picture.release()
        result = made if isinstance(made, Picture) else None
        unread = unread and result is not None and result.lazy
        for step in steps if made is not None else ():
            if step.output:
                with self._skipping([step], action, unread), self._timed("encode"):
                    self._keep(step, self.writer.write(step, made))
            if result is not None and step.id in self.referred:
                self.pictures.keep(step.id, result.converted().image)
            self.ended.add(step.id)
        return result

    @contextmanager
    def _skipping(self, steps: Sequence[Step], action: str, unread: bool) -> Iterator[None]:
        """What fails in it ends the task, or is left out where all these steps allow it.

        A stream that breaks off always ends it: nobody else could read it. Whether it did, or the operation
        could not be done, shows when it is read again for itself.
        """
        try:
            try:
                yield
            except pyvips.Error as error:
                if memory.ran_out(error):
                    raise MemoryError(f"{action} cannot be done: {complaint(error)}") from error
                if unread:
                    self.source.check()
                raise ImageError("invalid", f"{action} cannot be done: {complaint(error)}") from error
        except ImageError as error:
            strict = next((step for step in steps if step.on_error == "fail"), None)
            if strict or (error.code == "corrupt" and unread):
                error.step = (strict or steps[0]).id
                raise
            self._skip(steps, error.code, error.detail)

    def _keep(self, step: Step, made: wire.Made) -> None:
        self.made[step.id] = made
        outputs = self.writer.outputs
        if len(self.made.keys() | self.skipped.keys() & outputs.keys()) < len(outputs):
            self.written(made)

    def _skip(self, steps: Sequence[Step], code: str, message: str) -> None:
        """The steps, and those that would have followed from them."""
        for step in steps:
            self.skipped[step.id] = wire.Skipped(step.id, code, message)
            self.ended.add(step.id)
            followers = [taker for taker in self.pipeline.steps if taker.source == step.id]
            self._skip(followers, code, _gone(step.id))

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] += perf_counter() - start


def _gone(name: str) -> str:
    return f"step {name!r}, whose image it takes, was skipped"

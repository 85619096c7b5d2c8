"""One task: a source in, every kept step's file out, decoded once."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec
import pyvips

from pixelflow.domain.errors import ImageError
from pixelflow.domain.media import BY_NAME, DRAWN, PAGED, same_as
from pixelflow.imaging import memory, native, srgb, wire
from pixelflow.imaging.choice import Encoded, encoded
from pixelflow.imaging.decoders.view import View
from pixelflow.imaging.facts import SourceFacts, probed
from pixelflow.imaging.limits import check_output, check_picture
from pixelflow.imaging.picture import SETTLED_PIXELS, Picture, Pixels, settled
from pixelflow.imaging.plan import Work, derivations, planned
from pixelflow.imaging.references import Pictures
from pixelflow.imaging.source import Reading, Source, complaint, mapped, open_source
from pixelflow.imaging.srgb import SCALABLE
from pixelflow.operations import gain_map
from pixelflow.operations.base import Context
from pixelflow.operations.frames import first_frame
from pixelflow.operations.registry import operations
from pixelflow.operations.resampling import resample, resample_strip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pixelflow.domain.limits import ImageLimits
    from pixelflow.operations.encoding import Encoding
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
        outputs = dict(zip(task.outputs, output_fds, strict=True))
        metadata = any(step.operation.needs_metadata for step in pipeline.steps)
        return _Rendering(
            pipeline,
            works,
            source,
            pictures,
            task.limits,
            outputs,
            report,
            written,
            metadata,
            SourceFacts(source),
        ).run()


@dataclass(slots=True)
class _Rendering:
    """A task under way: the work is a tree, walked depth first, so that no picture is kept for long."""

    pipeline: Pipeline
    works: Sequence[Work]
    source: Source
    pictures: Pictures
    limits: ImageLimits
    outputs: Mapping[str, int]
    report: Callable[[int], None]
    written: Callable[[wire.Made], None]
    metadata: bool
    facts: SourceFacts
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
                metadata=self.metadata,
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
            made=[self.made[name] for name in self.outputs if name in self.made],
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

    def _format(self, step: Step) -> str:
        return same_as(self.source.format) if step.encoding.format == "same" else step.encoding.format

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
                    made = self._applied(work, given, picture.size, shared=shared)
        if last:
            picture.release()
        result = made if isinstance(made, Picture) else None
        unread = unread and result is not None and result.lazy
        for step in steps if made is not None else ():
            if step.output:
                with self._skipping([step], action, unread), self._timed("encode"):
                    self._keep(step, made)
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

    def _applied(self, work: Work, given: Picture, size: tuple[int, int], *, shared: bool) -> Any:
        """The result of the operation: a picture, or what its JSON says."""
        operation, wanted = work.operation, work.operation.target(*size)
        check_picture(*wanted, self.limits, step=work.id)
        scaled = operation.scaled(*size)
        # An operation scales each frame by itself, and does not know of pixels that are only partly filled.
        if scaled and (operation.pure_resize or given.filled or _moves(given.image)):
            found = self._scaled(given, scaled)
            if operation.pure_resize:
                return self._result(work, found, shared=shared)
            image = found.image if isinstance(found, Pixels) else found
        else:
            given.finish()
            image = given.image
        if srgb.native(image) and not operation.leaves_colors:
            image = srgb.convert(image)
        if not operation.animated and _moves(image):
            raise ImageError("invalid", f"{operation.action} cannot be done to an animation")
        original = work.steps[0].source is None
        page = self._page if original and self.source.format in PAGED | DRAWN else None
        context = Context(self.pictures, self.facts, work.id, size, original, page, self._encoded)
        found = operation.apply(image, context)
        if operation.produces == "image":
            found = gain_map.followed(operation, image, found, context)
        return self._result(work, found, shared=shared) if operation.produces == "image" else found

    def _page(self, number: int, dpi: float | None) -> pyvips.Image:
        return self.source.page(View(number, dpi))

    def _scaled(self, given: Picture, wanted: tuple[int, int]) -> pyvips.Image | Pixels:
        """The whole picture at this size, finished."""
        if given.unfinished is None and given.pixels is not None:
            return given.pixels.scaled(*wanted, given.filled)
        if (
            given.unfinished is not None
            and self.source.frames == 1
            and given.image.interpretation in SCALABLE
        ):
            stored = (wanted[1], wanted[0]) if self.source.turned else wanted
            return given.unfinished(resample(given.image, *stored, filled=given.filled))
        given.finish()
        if _moves(given.image):
            return resample_strip(given.image, *wanted)
        return resample(first_frame(given.image), *wanted, filled=given.filled)

    def _result(self, work: Work, made: pyvips.Image | Pixels, *, shared: bool) -> Picture:
        if isinstance(made, Pixels):
            return Picture(made, (made.width, made.height))
        frame = made.width, made.get_page_height()
        check_picture(*frame, self.limits, frames=made.height // frame[1], step=work.id)
        if made.width * made.height > SETTLED_PIXELS and not shared:
            return Picture(made, frame, lazy=True)
        return Picture(settled(made, metadata=self.metadata), frame)

    def _keep(self, step: Step, result: Any) -> None:
        if isinstance(result, Picture):
            name = self._format(step)
            picture = result.converted() if step.encoding.searched else result
            file = self._file(picture, name, step.encoding)
            content, made = file.content, wire.Made(step.id, file.format, *picture.size, file.choice)
        else:
            content = result if isinstance(result, bytes) else msgspec.json.encode(result)
            made = wire.Made(step.id, step.operation.produces)
        check_output(len(content), self.limits, step.id)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self.outputs[step.id], rest) :]
        self.made[step.id] = made
        if len(self.made.keys() | self.skipped.keys() & self.outputs.keys()) < len(self.outputs):
            self.written(made)

    def _encoded(self, image: pyvips.Image, options: Encoding) -> tuple[bytes, str]:
        name = same_as(self.source.format) if options.format == "same" else options.format
        file = self._file(Picture(image, (image.width, image.get_page_height())), name, options)
        return file.content, file.format

    def _file(self, picture: Picture, name: str, options: Encoding) -> Encoded:
        try:
            return encoded(picture, name, options)
        except (pyvips.Error, RuntimeError, OSError, MemoryError) as error:
            if picture.lazy:
                self.source.check()
            if memory.lacked(error, picture.size):
                sides = f"{picture.size[0]:,} × {picture.size[1]:,}"
                raise MemoryError(f"the {name} of {sides} pixels cannot be written") from error
            raise

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


def _moves(image: pyvips.Image) -> bool:
    return bool(image.get_page_height() < image.height)

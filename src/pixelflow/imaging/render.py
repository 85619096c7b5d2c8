"""One task: a source in, every kept step's file out, decoded once."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any

import msgspec
import pyvips

from pixelflow.domain.errors import ImageError
from pixelflow.domain.media import BY_NAME
from pixelflow.imaging import native, wire
from pixelflow.imaging.encode import encode
from pixelflow.imaging.facts import SourceFacts
from pixelflow.imaging.limits import check_output, check_picture
from pixelflow.imaging.picture import SETTLED_PIXELS, Picture, Pixels, settled
from pixelflow.imaging.plan import checked, derivations
from pixelflow.imaging.source import Reading, Source, complaint, damaged, mapped, open_source
from pixelflow.imaging.srgb import SCALABLE
from pixelflow.operations.base import Context
from pixelflow.operations.frames import first_frame
from pixelflow.operations.registry import operations
from pixelflow.operations.resampling import resample, resample_strip

if TYPE_CHECKING:
    from pixelflow.domain.limits import ImageLimits
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
) -> wire.Finished:
    """Do a task; ``report`` gets the percentage of steps done.

    Raises ImageError, and OSError when an output cannot be written.
    """
    pipeline = checked(task.steps)
    with ExitStack() as files:
        source = open_source(files.enter_context(mapped(source_fd, task.limits)), task.limits)
        assets = _Assets(dict(zip(task.assets, asset_fds, strict=True)), task.limits, files)
        outputs = dict(zip(task.outputs, output_fds, strict=True))
        metadata = any(step.operation.needs_metadata for step in pipeline.steps)
        return _Rendering(
            pipeline, source, assets, task.limits, outputs, report, metadata, SourceFacts(source)
        ).run()


class _Assets(Mapping[str, pyvips.Image]):
    """The pictures that steps refer to, each decoded when first asked for."""

    def __init__(self, descriptors: Mapping[str, int], limits: ImageLimits, files: ExitStack) -> None:
        self._descriptors = descriptors
        self._limits = limits
        self._files = files
        self._decoded: dict[str, pyvips.Image] = {}

    def __getitem__(self, key: str) -> pyvips.Image:
        if key not in self._decoded:
            try:
                source = open_source(
                    self._files.enter_context(mapped(self._descriptors[key], self._limits)), self._limits
                )
                asset, _ = source.decode(1.0, reading="memory", animated=False, metadata=False)
                asset.finish()
                self._decoded[key] = asset.image
            except ImageError as error:
                raise ImageError(error.code, f"asset {key}: {error.detail}") from error
        return self._decoded[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._descriptors)

    def __len__(self) -> int:
        return len(self._descriptors)


@dataclass(slots=True)
class _Rendering:
    """A task under way: the pipeline is a tree, walked depth first, so that no picture is kept for long."""

    pipeline: Pipeline
    source: Source
    assets: _Assets
    limits: ImageLimits
    outputs: Mapping[str, int]
    report: Callable[[int], None]
    metadata: bool
    facts: SourceFacts
    made: dict[str, wire.Made] = field(default_factory=dict)
    skipped: list[wire.Skipped] = field(default_factory=list)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    done: int = 0

    def run(self) -> wire.Finished:
        size = self.source.width, self.source.height
        order = list(derivations(self._takers(None), size))
        takers = [step for step, sibling in order if sibling is None]
        with self._timed("decode"):
            picture, reading = self.source.decode(
                min(step.operation.shrink(*size) for step in takers),
                reading=self._reading(takers),
                animated=self._animated(),
                metadata=self.metadata,
                scaled=all(step.operation.scaled(*size) for step in takers),
            )
        self._walk(order, picture, reading)
        return wire.Finished(
            made=[self.made[name] for name in self.outputs if name in self.made],
            skipped=self.skipped,
            source=wire.Facts(self.source.format, *size),
            seconds=dict(self.seconds),
        )

    def _reading(self, takers: Sequence[Step]) -> Reading:
        if all(step.operation.produces == "json" for step in takers):
            return "lazy"
        first = takers[0]
        # After one that was skipped, others would read the stream again.
        once = len(takers) == 1 and first.operation.pure_resize and first.on_error == "fail"
        return "stream" if once and self.source.orientation == 1 and not self._animated() else "memory"

    def _animated(self) -> bool:
        """Whether any step chooses among the frames, or any output has room for more than the first."""
        return self.source.frames > 1 and any(
            step.operation.chooses_frames
            or (step.output and step.operation.produces == "image" and BY_NAME[self._format(step)].animated)
            for step in self.pipeline.steps
        )

    def _format(self, step: Step) -> str:
        return self.source.format if step.encoding.format == "same" else step.encoding.format

    def _takers(self, source: str | None) -> list[Step]:
        return [step for step in self.pipeline.steps if step.source == source]

    def _walk(self, order: Sequence[tuple[Step, Step | None]], picture: Picture, reading: Reading) -> None:
        """Do the steps that take one picture, and all that follow from them."""
        results: dict[str, Picture] = {}
        waiting = Counter(sibling.id for _, sibling in order if sibling)
        # A sibling that may be skipped leaves its takers to the picture.
        last = [step for step, sibling in order if sibling is None or sibling.on_error == "skip"][-1]
        for step, sibling in order:
            given = results.get(sibling.id, picture) if sibling else picture
            try:
                uses = int(step.output) + waiting[step.id] + len(self._takers(step.id))
                result = self._step(step, given, picture, reading, last=step is last, shared=uses > 1)
            except ImageError as error:
                error.step = error.step or step.id
                if step.on_error == "fail" or (error.code == "corrupt" and reading != "memory"):
                    raise
                self._skip(step, error.code, error.detail)
                result = None
            self.report(100 * (self.done + len(self.skipped)) // len(self.pipeline.steps))
            if result is not None:
                if waiting[step.id]:
                    results[step.id] = result
                if takers := self._takers(step.id):
                    self._walk(list(derivations(takers, result.size)), result, "memory")
            if sibling:
                waiting[sibling.id] -= 1
                if not waiting[sibling.id]:
                    results.pop(sibling.id, None)

    def _step(
        self, step: Step, given: Picture, picture: Picture, reading: Reading, *, last: bool, shared: bool
    ) -> Picture | None:
        """Do one step and write what it makes; returns its image if it makes one.

        It is done to what is given: ``picture``, or a smaller one made of it. After its last taker
        ``picture`` is let go of, before an encoder needs memory.
        """
        action = step.operation.action
        unread = reading != "memory" and given.unfinished is not None
        try:
            with self._timed("decode" if unread else action):
                found = self._applied(step, given, picture.size)
                image = step.operation.produces == "image"
                result = self._result(step, found, shared=shared) if image else None
            if last:
                picture.release()
            unread = unread and result is not None and result.lazy
            if step.output:
                with self._timed("encode"):
                    self._keep(step, found if result is None else result)
        except pyvips.Error as error:
            if unread:
                raise damaged(self.source.format, error) from error
            raise ImageError("invalid", f"{action} cannot be done: {complaint(error)}") from error
        self.done += 1
        return result

    def _applied(self, step: Step, given: Picture, size: tuple[int, int]) -> Any:
        operation, wanted = step.operation, step.operation.target(*size)
        check_picture(*wanted, self.limits, step=step.id)
        scaled = operation.scaled(*size)
        # An operation scales each frame by itself, and does not know of pixels that are only partly filled.
        if scaled and (operation.pure_resize or given.filled or _moves(given.image)):
            found = self._scaled(given, scaled)
            if operation.pure_resize:
                return found
            image = found.image if isinstance(found, Pixels) else found
        else:
            given.finish()
            image = given.image
        if not operation.animated and _moves(image):
            raise ImageError("invalid", f"{operation.action} cannot be done to an animation")
        return operation.apply(
            image, Context(self.assets, self.facts, step.id, size, original=step.source is None)
        )

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

    def _result(self, step: Step, made: pyvips.Image | Pixels, *, shared: bool) -> Picture:
        if isinstance(made, Pixels):
            return Picture(made, (made.width, made.height))
        frame = made.width, made.get_page_height()
        check_picture(*frame, self.limits, frames=made.height // frame[1], step=step.id)
        if made.width * made.height > SETTLED_PIXELS and not shared:
            return Picture(made, frame, lazy=True)
        return Picture(settled(made, metadata=self.metadata), frame)

    def _keep(self, step: Step, result: Any) -> None:
        if isinstance(result, Picture):
            name = self._format(step)
            content = encode(result, name, step.encoding)
            made = wire.Made(step.id, name, *result.size)
        else:
            content = msgspec.json.encode(result)
            made = wire.Made(step.id, "json")
        check_output(len(content), self.limits, step.id)
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(self.outputs[step.id], rest) :]
        self.made[step.id] = made

    def _skip(self, step: Step, code: str, message: str) -> None:
        """The step, and the steps that would have followed from it."""
        self.skipped.append(wire.Skipped(step.id, code, message))
        for taker in self._takers(step.id):
            self._skip(taker, code, f"step {step.id!r}, whose image it takes, was skipped")

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        start = perf_counter()
        try:
            yield
        finally:
            self.seconds[phase] += perf_counter() - start


def _moves(image: pyvips.Image) -> bool:
    return bool(image.get_page_height() < image.height)

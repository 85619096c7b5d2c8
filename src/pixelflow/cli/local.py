"""Pictures through a pipeline without a server: the pool and its cage, between files."""

import asyncio
import errno
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from pixelflow.cli.inputs import Input
from pixelflow.domain.limits import ImageLimits
from pixelflow.domain.media import BY_NAME
from pixelflow.imaging import wire
from pixelflow.imaging.prediction import Origin
from pixelflow.operations.pipeline import Pipeline
from pixelflow.worker.pool import Pool, PoolOptions
from pixelflow.worker.probe import probe
from pixelflow.worker.running import Died, Outcome
from pixelflow.worker.slot import MOST_PLACES


@dataclass(frozen=True, slots=True)
class Written:
    """A result on disk: sides in pixels, ``size`` in bytes."""

    step: str
    path: Path
    format: str
    width: int | None
    height: int | None
    size: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a picture, or one step of it, has no result."""

    code: str
    message: str
    step: str | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What became of one picture, in how many seconds from its turn to its last file."""

    name: str
    seconds: float
    written: Sequence[Written] = ()
    skipped: Sequence[Refused] = ()
    error: Refused | None = None


async def process(
    inputs: Sequence[Input],
    pipeline: Pipeline,
    assets: Mapping[str, Path],
    options: PoolOptions,
    limits: ImageLimits,
    done: Callable[[Report], None],
) -> None:
    """Have every picture done and each told to ``done``; raises StartupError when no decoder starts."""
    run = _Run(Pool(options, limits, lambda: None), pipeline, assets, limits, _resolved(inputs))
    queue = iter(inputs)

    async def lane() -> None:
        for each in queue:
            done(await run.one(each))

    try:
        await run.pool.start()
        async with asyncio.TaskGroup() as group:
            for _ in range(min(len(inputs), MOST_PLACES * options.size)):
                group.create_task(lane())
    finally:
        await run.pool.close()


async def header(picture: Path, options: PoolOptions, limits: ImageLimits) -> Origin:
    """What a file says of itself, read in the cage; raises ImageError, OSError and StartupError."""
    pool = Pool(options, limits, lambda: None)
    file = os.open(picture, os.O_RDONLY | os.O_CLOEXEC)
    try:
        await pool.start()
        return await probe(pool, file, limits)
    finally:
        await pool.close()
        os.close(file)


@dataclass(frozen=True)
class _Run:
    pool: Pool
    pipeline: Pipeline
    assets: Mapping[str, Path]
    limits: ImageLimits
    kept: frozenset[Path]
    """The inputs themselves, which no result may replace."""

    async def one(self, picture: Input) -> Report:
        begun = time.perf_counter()
        files: list[int] = []
        drafts: dict[str, Path] = {}
        try:
            self._open(picture, files, drafts)
            outcome = await self.pool.submit(self._task(), files, lambda percent: None).outcome
            report = self._kept(picture, outcome, drafts)
        except OSError as error:
            where = f"{error.filename}: " if error.filename else ""
            report = Report(picture.name, 0.0, error=Refused("io", f"{where}{error.strerror or error}"))
        finally:
            for file in files:
                os.close(file)
            for draft in drafts.values():
                with suppress(FileNotFoundError):
                    draft.unlink()
        return replace(report, seconds=time.perf_counter() - begun)

    def _open(self, picture: Input, files: list[int], drafts: dict[str, Path]) -> None:
        files.append(picture.open())
        files += [
            os.open(self.assets[name], os.O_RDONLY | os.O_CLOEXEC) for name in sorted(self.pipeline.needs)
        ]
        picture.folder.mkdir(parents=True, exist_ok=True)
        for step in self.pipeline.outputs:
            draft = picture.folder / f".{picture.stem}_{step.id}.{secrets.token_hex(4)}"
            files.append(os.open(draft, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
            drafts[step.id] = draft

    def _task(self) -> wire.Task:
        return wire.Task(
            steps=[dict(step) for step in self.pipeline.raw],
            assets=sorted(self.pipeline.needs),
            outputs=[step.id for step in self.pipeline.outputs],
            limits=self.limits,
        )

    def _kept(self, picture: Input, outcome: Outcome, drafts: Mapping[str, Path]) -> Report:
        match outcome:
            case wire.Finished():
                skipped = [Refused(each.code, each.message, each.step) for each in outcome.skipped]
                written = list(self._written(picture, outcome.made, drafts))
                return Report(picture.name, 0.0, written, skipped)
            case wire.Failed():
                return Report(picture.name, 0.0, error=Refused(outcome.code, outcome.message, outcome.step))
            case Died():
                return Report(picture.name, 0.0, error=Refused(outcome.kind, outcome.detail))
        raise AssertionError(outcome)  # nobody stops a picture but the end of the command

    def _written(
        self, picture: Input, made: Sequence[wire.Made], drafts: Mapping[str, Path]
    ) -> Iterator[Written]:
        names = {}
        for each in made:
            extension = BY_NAME[each.format].extensions[0] if each.format in BY_NAME else each.format
            path = names[each.step] = picture.folder / f"{picture.stem}_{each.step}.{extension}"
            if path.resolve() in self.kept:
                raise FileExistsError(
                    errno.EEXIST, "this result would replace an input; choose another folder", str(path)
                )
        for each in made:
            size = drafts[each.step].stat().st_size
            drafts[each.step].replace(names[each.step])
            yield Written(each.step, names[each.step], each.format, each.width, each.height, size)


def _resolved(inputs: Sequence[Input]) -> frozenset[Path]:
    return frozenset(Path(each.name).resolve() for each in inputs)

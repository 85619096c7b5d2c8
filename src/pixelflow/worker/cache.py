"""Outputs that the tenant has already: made of the same bytes, by the same step, with the same software."""

import hashlib
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import structlog

from pixelflow import __version__
from pixelflow.domain.job import Job, Output
from pixelflow.domain.limits import ImageLimits
from pixelflow.imaging import wire
from pixelflow.operations.pipeline import Pipeline
from pixelflow.operations.registry import operations
from pixelflow.ports.storage import Staged, Storage
from pixelflow.ports.store import JobStore, Recalled

log = structlog.get_logger()

KEY_BYTES = 16
"""Of a SHA-256: enough that no two steps of a tenant ever share a key."""


@dataclass(frozen=True, slots=True)
class Found:
    """By step: the keys under which a job's outputs are found, now or later, and those that there are."""

    keys: Mapping[str, bytes]
    outputs: Mapping[str, Recalled]

    @property
    def finished(self) -> wire.Finished:
        """What a task with nothing left to do would have said; only with an output that is there."""
        source = next(iter(self.outputs.values())).source
        facts = wire.Facts(source.format or "", source.width or 0, source.height or 0)
        return wire.Finished(made=[], skipped=[], source=facts, seconds={})


@dataclass(frozen=True)
class StepCache:
    """Asks the book for outputs of earlier jobs; entries live and die with the job that made them."""

    store: JobStore
    storage: Storage
    limits: ImageLimits
    versions: Callable[[], Mapping[str, str]]
    """What the decoders have loaded; nothing while no decoder has told."""
    counted: Callable[[int, int], None] = lambda hits, misses: None
    """Told of each job how many of its outputs were there and how many were not."""

    async def find(self, job: Job, pipeline: Pipeline) -> Found:
        """What the book knows; a step that an operation forbids to be kept is in neither mapping."""
        versions = self.versions()
        if not versions or job.source.sha256 is None:
            return NOTHING
        base = software(tuple(versions.items()), self.limits) + bytes.fromhex(job.source.sha256)
        keys = {}
        for step, identity in pipeline.identities.items():
            others = [await self._sha256(job.tenant, other) for other in identity.jobs]
            if identity.cacheable and None not in others:
                whole = b"".join((base, identity.digest, *filter(None, others)))
                keys[step] = hashlib.sha256(whole).digest()[:KEY_BYTES]
        there = await self.store.recall(job.tenant, list(keys.values()))
        return Found(keys, {step: there[key] for step, key in keys.items() if key in there})

    async def reuse(self, found: Found, places: Mapping[str, str]) -> Mapping[str, Output]:
        """Copy to its step's place each output whose file is still there, and whole; answers those."""
        copies: dict[str, Staged] = {}
        try:
            for step, recalled in found.outputs.items():
                with suppress(KeyError):
                    copies[step] = await self.storage.stage_copy(recalled.output.key, places[step])
        except BaseException:
            await self.storage.discard(list(copies.values()))
            raise
        stored = await self.storage.commit(list(copies.values()))
        outputs = {}
        for step, file in zip(copies, stored, strict=True):
            original = found.outputs[step].output
            if file.sha256 == original.sha256:
                outputs[step] = replace(
                    original, id=step, key=file.key, cached=True, ready_at=None, delivered=None
                )
            else:
                log.warning("a stored output is damaged, it is made anew", file=original.key)
                await self.storage.delete([file.key])
        self.counted(len(outputs), len(found.keys) - len(outputs))
        return outputs

    async def _sha256(self, tenant: str, job_id: str) -> bytes | None:
        other = await self.store.get(tenant, job_id)
        return bytes.fromhex(other.source.sha256) if other and other.source.sha256 else None


NOTHING = Found({}, {})


@lru_cache(maxsize=8)
def software(versions: tuple[tuple[str, str], ...], limits: ImageLimits) -> bytes:
    """A digest of all but the job that decides what comes out: libraries, limits, and the code itself."""
    return hashlib.sha256(repr((sorted(versions), limits)).encode() + _code()).digest()


@cache
def _code() -> bytes:
    """Whoever changes an operation, or a font, gets new pictures without having to raise a version."""
    digest = hashlib.sha256(repr((__version__, sorted(_installed()))).encode())
    package = Path(__file__).parents[1]
    ours = {file for room in ("imaging", "operations") for file in (package / room).rglob("*")}
    added = {Path(str(sys.modules[model.__module__].__file__)) for model in operations().values()}
    for file in sorted(ours | added):
        if file.is_file() and file.suffix != ".pyc":
            digest.update(f"{file.name}\0".encode() + file.read_bytes())
    return digest.digest()


def _installed() -> Iterable[str]:
    """Every installed package with its version, as its folder is called: any may decode, or draw."""
    for folder in sys.path:
        yield from (found.name for found in Path(folder).glob("*.dist-info"))

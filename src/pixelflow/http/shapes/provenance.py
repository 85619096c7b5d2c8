"""Manifests and comparisons as the API shows them."""

from typing import Any

from pydantic import Field

from pixelflow.domain.job import Output
from pixelflow.domain.manifest import Comparison, Manifest, Pair
from pixelflow.http.shapes.shape import JOB_ID, SHA256, Moment, Shape
from pixelflow.http.view import moment


class ManifestSource(Shape):
    """The picture that was taken in."""

    sha256: str | None = Field(examples=[SHA256])
    bytes: int | None = Field(examples=[557596])
    format: str | None = Field(examples=["png"])
    width: int | None = Field(examples=[768])
    height: int | None = Field(examples=[512])


class ManifestPipeline(Shape):
    """What was done: the SHA-256 of the steps' canonical JSON."""

    sha256: str = Field(examples=[SHA256])
    template: str | None = Field(examples=["thumb@3"])


class ManifestOutput(Shape):
    """One file that came out; `cached` when an earlier job had made it."""

    id: str = Field(examples=["thumb_small"])
    sha256: str = Field(examples=[SHA256])
    bytes: int = Field(examples=[4870])
    format: str = Field(examples=["webp"])
    width: int | None = Field(examples=[150])
    height: int | None = Field(examples=[100])
    cached: bool


class ManifestSoftware(Shape):
    """What it was done with: versions by name, the limits of the decoders, and a digest of all that decides
    on pixels, the code itself included."""

    digest: str | None = Field(examples=[SHA256])
    versions: dict[str, Any] = Field(examples=[{"pixelflow": "0.1.0", "libvips": "8.18.7"}])
    limits: dict[str, Any] = Field(examples=[{"max_image_area": 50_000_000}])


class ManifestShape(Shape):
    """What a job's outputs were made of, by what, with what, and in which time."""

    job_id: str = Field(examples=[JOB_ID])
    status: str = Field(examples=["completed"])
    attempt: int = Field(examples=[1])
    finished_at: Moment | None
    replay_of: str | None = Field(examples=[None])
    source: ManifestSource
    pipeline: ManifestPipeline
    outputs: list[ManifestOutput]
    seconds: dict[str, float] = Field(
        examples=[{"decode": 0.0041, "resize": 0.0023, "encode": 0.0062}],
        description="CPU seconds by phase: decode, encode, each operation's name",
    )
    software: ManifestSoftware


class Side(Shape):
    """One of two outputs."""

    sha256: str = Field(examples=[SHA256])
    bytes: int = Field(examples=[4870])
    format: str = Field(examples=["webp"])
    width: int | None = Field(examples=[150])
    height: int | None = Field(examples=[100])


class PairShape(Shape):
    """One step's output in both jobs; null where one has none."""

    id: str = Field(examples=["thumb_small"])
    equal: bool = Field(description="Byte for byte")
    original: Side | None
    replay: Side | None


class ComparisonShape(Shape):
    """A job and its replay; `software` has each version and limit that differs, of both."""

    equal: bool
    job_id: str = Field(examples=[JOB_ID])
    replay_of: str = Field(examples=[JOB_ID])
    outputs: list[PairShape]
    software: dict[str, list[Any]] = Field(examples=[{"libvips": ["8.18.6", "8.18.7"]}])


def manifest_view(manifest: Manifest) -> dict[str, Any]:
    """The whole manifest."""
    job, source = manifest.job, manifest.job.source
    return {
        "job_id": job.id,
        "status": job.state,
        "attempt": job.attempt,
        "finished_at": moment(job.finished_at),
        "replay_of": job.replay_of,
        "source": {name: getattr(source, name) for name in ("sha256", "bytes", "format", "width", "height")},
        "pipeline": {"sha256": manifest.pipeline_sha256, "template": job.template},
        "outputs": [{"id": each.id, **_facts(each), "cached": each.cached} for each in job.outputs],
        "seconds": manifest.seconds,
        "software": {
            "digest": manifest.digest,
            "versions": manifest.software.get("versions", {}),
            "limits": manifest.software.get("limits", {}),
        },
    }


def comparison_view(found: Comparison) -> dict[str, Any]:
    """Output by output."""
    return {
        "equal": found.equal,
        "job_id": found.replay.id,
        "replay_of": found.original.id,
        "outputs": [_pair(pair) for pair in found.pairs],
        "software": found.software,
    }


def _pair(pair: Pair) -> dict[str, Any]:
    return {
        "id": pair.id,
        "equal": pair.equal,
        "original": _facts(pair.original) if pair.original else None,
        "replay": _facts(pair.replay) if pair.replay else None,
    }


def _facts(output: Output) -> dict[str, Any]:
    return {name: getattr(output, name) for name in ("sha256", "bytes", "format", "width", "height")}

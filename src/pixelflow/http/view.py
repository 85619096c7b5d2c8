"""Jobs and their kin as the API shows them."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import msgspec

from pixelflow.control.line import Place
from pixelflow.domain.asset import Asset
from pixelflow.domain.job import Failure, Job, Output
from pixelflow.domain.urls import shown
from pixelflow.imaging.prediction import Prediction

encode = msgspec.json.Encoder().encode


def moment(seconds: float | None) -> str | None:
    """RFC 3339 in UTC with milliseconds."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def job_view(
    job: Job, base: str = "", progress: int | None = None, place: Place | None = None
) -> dict[str, Any]:
    """The whole job; ``base`` stands before its outputs' paths, ``progress`` is a later one than its own,
    ``place`` that of one which waits."""
    source = job.source
    return {
        "id": job.id,
        "job_id": job.id,
        "status": job.state,
        "source": {
            "type": source.kind,
            "url": shown(job.remote.url) if job.remote else None,
            "bytes": source.bytes,
            "sha256": source.sha256,
            "format": source.format,
            "width": source.width,
            "height": source.height,
            "gone_at": moment(job.gone.source) if job.gone else None,
        },
        "pipeline": job.pipeline,
        "template": job.template,
        "batch_id": job.batch_id,
        "outputs": [output_view(job, output, base) for output in job.outputs]
        + [
            {"id": skipped.id, "status": "skipped", "error": _failure(skipped.error), "url": None}
            for skipped in job.skipped
        ],
        "progress": job.progress if progress is None else progress,
        "position": place.position if place else None,
        "eta_seconds": place.eta_seconds if place else None,
        "attempt": job.attempt,
        "faults": job.faults,
        "scheduled_at": moment(job.scheduled_at),
        "not_before": moment(job.not_before),
        "deadline_seconds": job.deadline_seconds,
        "hold": job.hold,
        "priority": job.priority,
        "error": _failure(job.error),
        "metadata": job.metadata,
        "webhook_url": job.webhook_url,
        "store": {"url": shown(job.target.url), "naming": job.target.naming} if job.target else None,
        "created_at": moment(job.created_at),
        "queued_at": moment(job.queued_at),
        "started_at": moment(job.started_at),
        "finished_at": moment(job.finished_at),
        "expires_at": moment(job.expires_at),
        "keep": job.keep,
        "replay_of": job.replay_of,
    }


def output_view(job: Job, output: Output, base: str = "") -> dict[str, Any]:
    """One output; it is told of at the job's end, if not before."""
    return {
        "id": output.id,
        "job_id": job.id,
        "status": "completed",
        "format": output.format,
        "media_type": output.media_type,
        "bytes": output.bytes,
        "width": output.width,
        "height": output.height,
        "sha256": output.sha256,
        "cached": output.cached,
        "choice": output.choice,
        "ready_at": moment(output.ready_at or job.finished_at),
        "gone_at": moment(job.gone.outputs) if job.gone else None,
        "delivered": output.delivered,
        "url": f"{base}/v1/jobs/{job.id}/outputs/{output.id}" if output.key else None,
    }


def created_view(job: Job, base: str = "", upload: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What creating, starting and retrying a job answer."""
    path = f"{base}/v1/jobs/{job.id}"
    shown: dict[str, Any] = {
        "id": job.id,
        "job_id": job.id,
        "status": job.state,
        "links": {"self": path, "events": path + "/events", "outputs": path + "/outputs"},
    }
    if upload is not None:
        shown["upload"] = upload
    return shown


def asset_view(asset: Asset) -> dict[str, Any]:
    """An asset without the place where it is stored."""
    return {
        "id": asset.id,
        "format": asset.format,
        "media_type": asset.media_type,
        "bytes": asset.bytes,
        "sha256": asset.sha256,
        "created_at": moment(asset.created_at),
    }


def plan_view(plan: Prediction) -> dict[str, Any]:
    """A prediction, field by field."""
    return asdict(plan)


def _failure(failure: Failure | None) -> dict[str, Any] | None:
    if failure is None:
        return None
    return {"code": failure.code, "message": failure.message, "step": failure.step}

"""Jobs, assets and events as rows; lists and mappings are JSON text, NULL when empty."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from pixelflow.domain.asset import Asset
from pixelflow.domain.event import Event, EventKind
from pixelflow.domain.job import (
    Completion,
    Failure,
    Header,
    Job,
    JobState,
    Output,
    Remote,
    SkippedOutput,
    Source,
    Target,
)
from pixelflow.domain.keep import Gone, Keep
from pixelflow.ports.store import Recalled

Row = tuple[Any, ...]

JOB_COLUMNS = (
    "tenant, id, state, pipeline, source, "
    "created_at, updated_at, outputs, skipped, progress, priority, attempt, crashes, losses, "
    "owner, lease_until, error, metadata, webhook_url, "
    "queued_at, started_at, finished_at, expires_at, sequence, "
    "not_before, scheduled_at, deadline_seconds, hold, template, batch_id, faults, remote, target, "
    "cost, manifest, keep, sweep_at, gone, pixels, charged_on, spent, replay_of"
)
ASSET_COLUMNS = "tenant, id, storage_key, format, media_type, bytes, sha256, created_at"
EVENT_COLUMNS = "tenant, job_id, kind, at, sequence, attempt, progress, output"

_STATES = {state.value: state for state in JobState}
_KINDS = {kind.value: kind for kind in EventKind}

_to_json = msgspec.json.Encoder().encode
_to_object = msgspec.json.Decoder().decode
_to_source = msgspec.json.Decoder(Source).decode
_to_outputs = msgspec.json.Decoder(tuple[Output, ...]).decode
_to_skipped = msgspec.json.Decoder(tuple[SkippedOutput, ...]).decode
_to_failure = msgspec.json.Decoder(Failure).decode
_to_remote = msgspec.json.Decoder(Remote).decode
_to_keep = msgspec.json.Decoder(Keep).decode
_to_gone = msgspec.json.Decoder(Gone).decode
_to_target = msgspec.json.Decoder(Target).decode


def json_text(value: object) -> str | None:
    """JSON, ``None`` for an empty value; raises TypeError or ValueError for what JSON cannot hold."""
    return _to_json(value).decode() if value else None


def job_values(job: Job) -> dict[str, object]:
    """A new job's columns by name, without those that the store itself decides."""
    return {
        "tenant": job.tenant,
        "id": job.id,
        "state": job.state.value,
        "pipeline": _to_json(job.pipeline).decode(),
        "source": source_text(job.source),
        "priority": job.priority,
        "metadata": json_text(job.metadata),
        "webhook_url": job.webhook_url,
        "expires_at": job.expires_at,
        "not_before": job.not_before,
        "scheduled_at": job.scheduled_at,
        "deadline_seconds": job.deadline_seconds,
        "hold": job.hold,
        "template": job.template,
        "batch_id": job.batch_id,
        "remote": json_text(job.remote),
        "target": json_text(job.target),
        "cost": job.cost,
        "keep": json_text(job.keep),
        "pixels": job.pixels,
        "replay_of": job.replay_of,
    }


def source_text(source: Source) -> str:
    """A source's column."""
    return _to_json(source).decode()


def completion_values(completion: Completion) -> dict[str, object]:
    """The columns that the end of an attempt sets, by name."""
    state = JobState.FAILED if completion.failure else JobState.COMPLETED
    found = {
        "format": completion.source_format,
        "width": completion.source_width,
        "height": completion.source_height,
    }
    return {
        "state": state.value,
        "progress": 0 if completion.failure else 100,
        "outputs": json_text(completion.outputs),
        "skipped": json_text(completion.skipped),
        "error": json_text(completion.failure),
        "found": json_text({name: value for name, value in found.items() if value is not None}),
        "manifest": json_text(completion.manifest),
        "pixels": (completion.source_width or 0) * (completion.source_height or 0) or None,
        "spent": None if completion.spent is None else sum(completion.spent.values()),
    }


def header_values(found: Header | None) -> dict[str, object]:
    """The columns that keep what is known of a picture which nobody could finish, by name."""
    if found is None:
        return {"found": None, "cost": None}
    facts = {"format": found.format, "width": found.width, "height": found.height}
    return {"found": json_text(facts), "cost": found.cost}


def asset_values(asset: Asset) -> dict[str, object]:
    """An asset's columns by name."""
    return {
        "tenant": asset.tenant,
        "id": asset.id,
        "storage_key": asset.key,
        "format": asset.format,
        "media_type": asset.media_type,
        "bytes": asset.bytes,
        "sha256": asset.sha256,
        "created_at": asset.created_at,
    }


def to_job(row: Row) -> Job:
    """A row of ``JOB_COLUMNS``."""
    (tenant, job_id, state, pipeline, source, created_at, updated_at, outputs, skipped, progress, priority,
     attempt, crashes, losses, owner, lease_until, error, metadata, webhook_url,
     queued_at, started_at, finished_at, expires_at, sequence,
     not_before, scheduled_at, deadline_seconds, hold, template, batch_id, faults, remote, target,
     cost, manifest, keep, sweep_at, gone, pixels, charged_on, spent, replay_of) = row  # fmt: skip
    return Job(
        tenant,
        job_id,
        _STATES[state],
        _to_object(pipeline),
        _to_source(source),
        created_at,
        updated_at,
        _to_outputs(outputs) if outputs else (),
        _to_skipped(skipped) if skipped else (),
        progress,
        priority,
        attempt,
        crashes,
        losses,
        owner,
        lease_until,
        _to_failure(error) if error else None,
        _to_object(metadata) if metadata else {},
        webhook_url,
        queued_at,
        started_at,
        finished_at,
        expires_at,
        sequence,
        not_before,
        scheduled_at,
        deadline_seconds,
        bool(hold),
        template,
        batch_id,
        faults,
        _to_remote(remote) if remote else None,
        _to_target(target) if target else None,
        cost,
        _to_object(manifest) if manifest else None,
        _to_keep(keep) if keep else None,
        sweep_at,
        _to_gone(gone) if gone else None,
        pixels,
        charged_on,
        spent,
        replay_of,
    )


def to_jobs(rows: Sequence[Row]) -> list[Job]:
    """Rows of ``JOB_COLUMNS``."""
    return [to_job(row) for row in rows]


def to_keys(row: Row) -> list[str]:
    """The storage keys in a row of ``GET_JOB_FILES``."""
    source, outputs, _ = row
    keys = [_to_source(source).key, *(output.key for output in (_to_outputs(outputs) if outputs else ()))]
    return [key for key in keys if key]


def to_recalled(row: Row) -> Recalled | None:
    """A row of ``RECALL``."""
    step, outputs, source = row
    found = (output for output in _to_outputs(outputs) if output.id == step) if outputs else iter(())
    output = next(found, None)
    return Recalled(output, _to_source(source)) if output else None


def to_asset(row: Row) -> Asset:
    """A row of ``ASSET_COLUMNS``."""
    return Asset(*row)


def to_event(row: Row) -> Event:
    """A row of ``EVENT_COLUMNS``."""
    tenant, job_id, kind, *rest = row
    return Event(tenant, job_id, _KINDS[kind], *rest)


def event_values(job: Job, kind: EventKind, output: str | None) -> Mapping[str, object]:
    """The columns of the event that a job's last change is, or one of its outputs' being ready."""
    return {
        "sequence": job.sequence,
        "tenant": job.tenant,
        "job_id": job.id,
        "kind": kind.value,
        "at": job.updated_at,
        "attempt": job.attempt,
        "progress": job.progress,
        "output": output,
    }

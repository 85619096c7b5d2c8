"""What a caller does to many jobs at once."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pixelflow.control.idempotency import Promise
from pixelflow.control.jobs import Jobs
from pixelflow.control.reading import unknown_fields
from pixelflow.control.selecting import read_filter, shown
from pixelflow.domain.bulk import Bulk, BulkAction
from pixelflow.domain.errors import InvalidRequest, Problem, UnknownId
from pixelflow.domain.event import Event
from pixelflow.domain.job import JobState, new_id
from pixelflow.ports.bulks import BulkStore
from pixelflow.ports.store import JobFilter, Page

FIELDS = ("action", "filter", "dry_run")
STEP_JOBS = 50
"""Jobs in one transaction, which holds up the others for some milliseconds."""
STEPS = 20
"""Steps in one run of the duty."""
FORGOTTEN = 100
"""Operations that go in one transaction."""


@dataclass(frozen=True)
class Bulks:
    """Counts first, then does it step by step; ``wanted`` wakes the keeper's duty."""

    store: BulkStore
    jobs: Jobs
    record_seconds: float | None = None
    """How long one is kept after its end; ``None`` for ever."""
    wanted: asyncio.Event = field(default_factory=asyncio.Event)

    async def order(
        self, tenant: str, actor: str, given: Mapping[str, Any], promise: Promise
    ) -> tuple[Bulk | None, int, bool]:
        """The operation, how many jobs it is for, and whether the key made it before; without one for a
        ``dry_run``. Raises InvalidRequest."""
        action, where = self._read(given)
        # What is created later is not meant, and would never let it end.
        where = replace(where, created_before=min(where.created_before or float("inf"), self.jobs.clock()))
        total = await self.jobs.store.count_jobs(tenant, where)
        if given.get("dry_run"):
            return None, total, False
        now = self.jobs.clock()
        bulk = Bulk(tenant, new_id(), action, shown(where), actor, total, now, now)
        kept, replayed = await self.store.create(bulk, promise(given, None))
        self.wanted.set()
        return kept, kept.total, replayed

    async def get(self, tenant: str, bulk_id: str) -> Bulk:
        """Raises UnknownId."""
        bulk = await self.store.get(tenant, bulk_id)
        if bulk is None:
            raise UnknownId("there is no such operation", bulk_id=bulk_id)
        return bulk

    async def list(self, tenant: str, limit: int, cursor: str | None) -> Page[Bulk]:
        """Newest first; raises MalformedRequest for a cursor that is not ours."""
        return await self.store.list(tenant, limit, cursor)

    async def forget(self) -> int:
        """The keeper's other duty: those that were finished long ago go, as the records of jobs do."""
        seconds = self.record_seconds
        return 0 if seconds is None else await self.store.forget(seconds, FORGOTTEN)

    async def run(self) -> int:
        """The keeper's duty: some steps of those that are not finished."""
        changed = 0
        for _ in range(STEPS):
            stepped = await self.store.step(_filter, STEP_JOBS)
            if stepped is None:
                return changed
            changed += len(stepped.jobs)
            queued, files = 0, list[str]()
            for job in stepped.jobs:
                deleted = stepped.bulk.action is BulkAction.DELETE
                self.jobs.hub.publish(Event.deleted(job) if deleted else Event.of(job), job)
                files += job.keys if deleted else []
                queued += job.state is JobState.QUEUED and not deleted
            if files:
                await self.jobs.storage.delete(files)
            if queued:
                await self.jobs.ring(queued)
            if stepped.waits:
                return changed
        self.wanted.set()
        return changed

    def _read(self, given: Mapping[str, Any]) -> tuple[BulkAction, JobFilter]:
        problems = unknown_fields(given, FIELDS)
        action, allowed = given.get("action"), ", ".join(BulkAction)
        if not isinstance(action, str) or action not in set(BulkAction):
            problems.append(
                Problem(f"action must be one of {allowed}", "action", value=action, allowed=allowed)
            )
        if not isinstance(given.get("dry_run", False), bool):
            problems.append(
                Problem(
                    "dry_run must be true or false", "dry_run", value=given["dry_run"], allowed="true, false"
                )
            )
        where = JobFilter()
        filtered = given.get("filter")
        if not isinstance(filtered, dict):
            text = 'filter must be an object, as {"status": "failed"}; {} is every job'
            problems.append(Problem(text, "filter", value=filtered, allowed="an object"))
        else:
            try:
                where = read_filter(filtered)
            except InvalidRequest as error:
                problems.extend(error.problems)
        if problems:
            raise InvalidRequest(problems)
        return BulkAction(str(action)), where


def _filter(bulk: Bulk) -> JobFilter:
    return read_filter(bulk.where)

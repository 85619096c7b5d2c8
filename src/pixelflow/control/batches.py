"""Many pictures in one call: made, held, ended, and told of."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pixelflow.control.batch_lines import Line, Refused, lines_of, read_items, refused_item
from pixelflow.control.batch_sources import Sources
from pixelflow.control.idempotency import Promise
from pixelflow.control.jobs import Jobs
from pixelflow.control.planning import Planner
from pixelflow.control.templates import Templates
from pixelflow.domain.batch import (
    DEFAULT_IN_FLIGHT,
    MAX_IN_FLIGHT,
    UNSUCCESSFUL,
    Batch,
    Item,
    ItemState,
)
from pixelflow.domain.errors import (
    InvalidRequest,
    Problem,
    UnknownId,
)
from pixelflow.domain.job import new_id
from pixelflow.domain.urls import shown
from pixelflow.imaging.prediction import Prediction
from pixelflow.ports.batches import BatchStore
from pixelflow.ports.store import Page

FIELDS = ("sources", "prefix", "after", "max_in_flight", "all_or_nothing", "dry_run", "sample")
TYPICAL = {"width": 4000, "height": 3000, "format": "jpeg"}
"""What a plan takes for a picture of which nothing is known."""
PAGE = 1000
TOLD = 1000
"""Refused lines that an answer lists; ``failures.csv`` has all of them."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet computes (OWASP, CSV injection)."""
COLUMNS = ("line", "source", "status", "code", "message", "job_id")


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a batch will take: ``sample`` stands for every picture; ``bytes`` and ``cpu_seconds`` of all,
    ``seconds`` with all decoders at it; ``None`` is not known."""

    sample: Mapping[str, Any]
    each: Prediction
    bytes: int | None
    cpu_seconds: float | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Made:
    """What came of a request: no ``batch`` for one that only asked."""

    total: int
    refused: Sequence[Refused]
    batch: Batch | None = None
    forecast: Forecast | None = None
    next_after: str | None = None


@dataclass(frozen=True)
class Batches:
    """Every method is for one tenant."""

    store: BatchStore
    sources: Sources
    jobs: Jobs
    templates: Templates
    planner: Planner
    decoders: Callable[[], int]
    """How many there are."""

    async def make(
        self, tenant: str, given: Mapping[str, Any], lines: Sequence[Line] | None, promise: Promise
    ) -> Made:
        """A batch of ``lines``, or of those that the request's fields name; raises InvalidRequest, Busy."""
        problems: list[Problem] = []
        most = _in_flight(given.get("max_in_flight"), problems)
        whole, dry = (_flag(given, name, problems) for name in ("all_or_nothing", "dry_run"))
        try:
            order = await self.templates.order(tenant, given, FIELDS)
        except InvalidRequest as error:
            raise InvalidRequest([*problems, *error.problems], code=error.code) from None
        next_after = None
        if lines is not None and "prefix" in given:
            problems.append(Problem("lines and a prefix do not go together", "prefix", allowed="one of them"))
        elif "prefix" in given:
            if "sources" in given:
                problems.append(Problem("sources and prefix do not go together", "sources"))
            lines, next_after = await self.sources.below(tenant, given["prefix"], given.get("after", ""))
        elif "after" in given:
            problems.append(Problem("after goes with prefix", "after", allowed="prefix"))
        if lines is None:
            lines = lines_of(given.get("sources"))
        elif "prefix" not in given and "sources" in given:
            problems.append(Problem("sources go into a JSON body", "sources", allowed="application/json"))
        if problems:
            raise InvalidRequest(problems)
        items, refused = await asyncio.to_thread(read_items, lines)
        items, more = await self.sources.there(tenant, items)
        refused = sorted([*refused, *more], key=lambda each: each.number)
        if refused and (whole or not items) and not dry:
            raise InvalidRequest([_of_line(each) for each in refused[:TOLD]], code="batch_refused")
        if dry:
            forecast = await self._forecast(tenant, given, len(items))
            return Made(len(lines), refused, forecast=forecast, next_after=next_after)
        await self.jobs.admission.check()
        draft = await self.jobs.draft(tenant, order)
        batch = Batch(tenant, new_id(), draft, len(lines), len(refused), len(items), most, draft.created_at)
        kept = [*items, *map(refused_item, refused)]
        # What lies below a prefix may change between a request and its repetition.
        sent = [] if "prefix" in given else [(each.number, each.value) for each in lines]
        fields = {**given, "lines": sent}
        batch = await self.store.add(batch, kept, promise(fields, None))
        return Made(len(lines), refused, batch, next_after=next_after)

    async def get(self, tenant: str, batch_id: str) -> Batch:
        """Raises UnknownId."""
        return _known(await self.store.get(tenant, batch_id), batch_id)

    async def list(self, tenant: str, limit: int, cursor: str | None) -> Page[Batch]:
        """Newest first; raises MalformedRequest for a cursor that is not ours."""
        return await self.store.list(tenant, limit, cursor)

    async def items(
        self, tenant: str, batch_id: str, state: ItemState | None, after: int, limit: int
    ) -> Page[Item]:
        """Lines in their order; raises UnknownId."""
        batch = await self.get(tenant, batch_id)
        states = tuple(ItemState) if state is None else _stored(batch, state)
        found = await self.store.items(tenant, batch_id, states, after, limit + 1)
        return Page(found[:limit], str(found[limit - 1].number) if len(found) > limit else None)

    async def pause(self, tenant: str, batch_id: str) -> Batch:
        """Raises UnknownId and StateConflict, as the following."""
        return _known(await self.store.pause(tenant, batch_id), batch_id)

    async def resume(self, tenant: str, batch_id: str) -> Batch:
        """Go on where it was paused."""
        return _known(await self.store.resume(tenant, batch_id), batch_id)

    async def cancel(self, tenant: str, actor: str, batch_id: str) -> Batch:
        """No further jobs; the keeper cancels those there are, at once."""
        return _known(await self.store.cancel(tenant, batch_id, actor), batch_id)

    async def retry(self, tenant: str, batch_id: str, promise: Promise) -> Batch:
        """Lines that did not go well run again, as new jobs."""
        return _known(await self.store.retry(tenant, batch_id, promise({}, None)), batch_id)

    async def delete(self, tenant: str, actor: str, batch_id: str) -> None:
        """A batch that has ended, without its jobs."""
        if not await self.store.delete(tenant, batch_id, actor):
            raise _unknown(batch_id)

    async def failures(self, tenant: str, batch_id: str) -> AsyncIterator[bytes]:
        """Every line that did not go well, as CSV (RFC 4180) with a heading; raises UnknownId first."""
        return self._rows(await self.get(tenant, batch_id))

    async def _rows(self, batch: Batch) -> AsyncIterator[bytes]:
        yield _csv([COLUMNS])
        states = [stored for state in UNSUCCESSFUL for stored in _stored(batch, state)]
        after = -1
        while found := await self.store.items(batch.tenant, batch.id, states, after, PAGE):
            yield _csv(
                (
                    each.number,
                    shown(each.remote.url) if each.remote else "",
                    batch.shown(each.state).value,
                    each.code,
                    each.error,
                    each.job_id,
                )
                for each in found
            )
            after = found[-1].number

    async def _forecast(self, tenant: str, given: Mapping[str, Any], pictures: int) -> Forecast:
        sample = TYPICAL if given.get("sample") is None else given["sample"]
        asked = {name: given[name] for name in ("pipeline", "template") if name in given}
        try:
            each = await self.planner.plan(tenant, {**asked, "source": sample})
        except InvalidRequest as error:
            raise InvalidRequest([_of_sample(found) for found in error.problems], code=error.code) from None
        cpu = [output.cpu_seconds for output in each.outputs]
        sizes = [output.bytes for output in each.outputs]
        seconds = None if None in cpu else pictures * sum(filter(None, cpu))
        size = None if None in sizes else pictures * sum(filter(None, sizes))
        wall = None if seconds is None else seconds / max(1, self.decoders())
        return Forecast(sample, each, size, seconds, wall)


def _of_sample(problem: Problem) -> Problem:
    """As a plan says it of its source."""
    part, dot, rest = problem.field.partition(".")
    return replace(problem, field=f"sample{dot}{rest}") if part == "source" else problem


def _stored(batch: Batch, state: ItemState) -> Sequence[ItemState]:
    """What the lines are in the store that the batch shows as that."""
    return [each for each in ItemState if batch.shown(each) is state]


def _in_flight(given: object, problems: list[Problem]) -> int:
    if given is None:
        return DEFAULT_IN_FLIGHT
    if isinstance(given, int) and not isinstance(given, bool) and 1 <= given <= MAX_IN_FLIGHT:
        return given
    allowed = f"a whole number from 1 to {MAX_IN_FLIGHT}"
    problems.append(
        Problem(f"max_in_flight must be {allowed}", "max_in_flight", value=given, allowed=allowed)
    )
    return DEFAULT_IN_FLIGHT


def _flag(given: Mapping[str, Any], name: str, problems: list[Problem]) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        problems.append(Problem(f"{name} is true or false", name, value=value, allowed="true or false"))
    return value is True


def _of_line(refused: Refused) -> Problem:
    problem = refused.problem
    line = f"line {refused.number}"
    return replace(problem, field=f"{line}: {problem.field}", message=f"{line}: {problem.message}")


def _cell(value: object) -> object:
    """What a spreadsheet would take for a formula is marked as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _csv(rows: Any) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([_cell(each) for each in row] for row in rows)
    return text.getvalue().encode()


def _known(batch: Batch | None, batch_id: str) -> Batch:
    if batch is None:
        raise _unknown(batch_id)
    return batch


def _unknown(batch_id: str) -> UnknownId:
    return UnknownId("there is no such batch", batch_id=batch_id[:100])

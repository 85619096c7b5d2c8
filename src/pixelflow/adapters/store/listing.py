"""Which of a tenant's jobs: each filter that may lead has an index, the others are looked at on the way.

Where few of those on the way are meant, one statement could go through all of a tenant's jobs, and nobody
else would be answered meanwhile. So each looks at SCANNED of them at most, down to an edge, and the next goes
on there.
"""
# ruff: noqa: S608 - only this package's own column lists and conditions are put into statements

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import msgspec

from pixelflow.adapters.store.cursors import LAST_ID, id_ceiling, id_floor, read_job_cursor
from pixelflow.adapters.store.database import Database
from pixelflow.adapters.store.rows import JOB_COLUMNS, Row, to_jobs
from pixelflow.domain.job import Job
from pixelflow.ports.store import MAX_METADATA_FILTERS, JobFilter, Page

MAX_SEARCHED = 64
"""Keys of a job's metadata that it is found by, the first ones."""
MAX_SEARCHED_CHARACTERS = 500
"""Longer keys and values are kept with the job, and not searched."""
SCANNED = 2000
"""Jobs that one statement looks at, in some milliseconds."""
COUNTED = 20_000
"""The same of one that only counts, in a thread."""
LOOKS = 20
"""Statements for one page: what was found until then is answered, with a cursor to go on."""
Read = Callable[[str, Mapping[str, object]], list[Row]]

_COLUMNS = ", ".join(f"job.{name}" for name in JOB_COLUMNS.split(", "))
_NAME = "substr(job.template, 1, instr(job.template, '@') - 1)"
_ALSO = "".join(
    f"""
    AND (:key{number} IS NULL OR EXISTS (SELECT 1 FROM job_metadata
        WHERE tenant = :tenant AND key = :key{number} AND value = :value{number} AND job_id = job.id))"""
    for number in range(1, MAX_METADATA_FILTERS)
)
_ON_THE_WAY = f"""
    AND (:state IS NULL OR job.state = :state)
    AND job.created_at > :created_after AND job.created_at < :created_before
    AND (:template IS NULL OR :template IN (job.template, {_NAME}))
    AND (:batch_id IS NULL OR job.batch_id = :batch_id){_ALSO}
"""
_RANGE = "id < :before AND id >= :floor"
_JOBS = f"FROM job WHERE tenant = :tenant AND {_RANGE}"
_JOBS_IN_STATE = f"FROM job WHERE tenant = :tenant AND state = :state AND {_RANGE}"
_JOBS_OF_BATCH = f"FROM job WHERE tenant = :tenant AND batch_id = :batch_id AND {_RANGE}"
_JOBS_OF_VERSION = f"FROM job WHERE tenant = :tenant AND template = :template AND {_RANGE}"
_JOBS_OF_TEMPLATE = f"""
FROM job WHERE tenant = :tenant AND template IS NOT NULL AND {_NAME.replace("job.", "")} = :template
    AND {_RANGE}
"""
_SOUGHT = """
WHERE sought.tenant = :tenant AND sought.key = :key0 AND sought.value = :value0
    AND sought.job_id < :before AND sought.job_id >= :floor
"""
# SQLite is told the order: it knows no sizes, and might look through all jobs for one key.
_WITH_METADATA = f"""
FROM job_metadata AS sought CROSS JOIN job ON job.tenant = sought.tenant AND job.id = sought.job_id
{_SOUGHT} {_ON_THE_WAY}
"""
_PAGE = f"{_ON_THE_WAY} ORDER BY job.id DESC LIMIT :limit"
_EDGE = "ORDER BY id DESC LIMIT 1 OFFSET :scanned"

LIST_JOBS = f"SELECT {_COLUMNS} {_JOBS} {_PAGE}"
LIST_JOBS_IN_STATE = f"SELECT {_COLUMNS} {_JOBS_IN_STATE} {_PAGE}"
LIST_JOBS_OF_BATCH = f"SELECT {_COLUMNS} {_JOBS_OF_BATCH} {_PAGE}"
LIST_JOBS_OF_VERSION = f"SELECT {_COLUMNS} {_JOBS_OF_VERSION} {_PAGE}"
LIST_JOBS_OF_TEMPLATE = f"SELECT {_COLUMNS} {_JOBS_OF_TEMPLATE} {_PAGE}"
LIST_JOBS_WITH_METADATA = f"SELECT {_COLUMNS} {_WITH_METADATA} ORDER BY sought.job_id DESC LIMIT :limit"
COUNT_JOBS = f"SELECT count(*) {_JOBS} {_ON_THE_WAY}"
COUNT_JOBS_IN_STATE = f"SELECT count(*) {_JOBS_IN_STATE} {_ON_THE_WAY}"
COUNT_JOBS_OF_BATCH = f"SELECT count(*) {_JOBS_OF_BATCH} {_ON_THE_WAY}"
COUNT_JOBS_OF_VERSION = f"SELECT count(*) {_JOBS_OF_VERSION} {_ON_THE_WAY}"
COUNT_JOBS_OF_TEMPLATE = f"SELECT count(*) {_JOBS_OF_TEMPLATE} {_ON_THE_WAY}"
COUNT_JOBS_WITH_METADATA = f"SELECT count(*) {_WITH_METADATA}"
EDGE_OF_JOBS = f"SELECT id {_JOBS} {_EDGE}"
EDGE_OF_JOBS_IN_STATE = f"SELECT id {_JOBS_IN_STATE} {_EDGE}"
EDGE_OF_JOBS_OF_BATCH = f"SELECT id {_JOBS_OF_BATCH} {_EDGE}"
EDGE_OF_JOBS_OF_VERSION = f"SELECT id {_JOBS_OF_VERSION} {_EDGE}"
EDGE_OF_JOBS_OF_TEMPLATE = f"SELECT id {_JOBS_OF_TEMPLATE} {_EDGE}"
EDGE_OF_JOBS_WITH_METADATA = f"""
SELECT sought.job_id FROM job_metadata AS sought {_SOUGHT}
ORDER BY sought.job_id DESC LIMIT 1 OFFSET :scanned
"""

ADD_METADATA = """
INSERT INTO job_metadata (tenant, key, value, job_id) VALUES (:tenant, :key, :value, :job_id)
ON CONFLICT (tenant, key, value, job_id) DO NOTHING
"""
DELETE_JOB_METADATA = "DELETE FROM job_metadata WHERE tenant = :tenant AND job_id = :id"


def leading(where: JobFilter) -> str:
    """Which filter's index is gone through: the end of the statements' names."""
    if where.batch_id is not None:
        return "_OF_BATCH"
    if where.metadata:
        return "_WITH_METADATA"
    if where.template is not None:
        return "_OF_VERSION" if "@" in where.template else "_OF_TEMPLATE"
    return "_IN_STATE" if where.state is not None else ""


async def page(
    database: Database, tenant: str, where: JobFilter, limit: int, cursor: str | None
) -> Page[Job]:
    """Newest first; others read between two looks."""
    values = {**filter_values(tenant, where, cursor), "limit": limit + 1}
    found: list[Row] = []
    edge = None
    for _ in range(LOOKS):
        rows, edge = await database.read(partial(_list, where, values))
        found += rows
        if edge is None or len(found) > limit:
            break
        values |= {"before": edge, "limit": limit + 1 - len(found)}
    jobs = to_jobs(found[:limit])
    return Page(jobs, jobs[-1].id if len(found) > limit else edge)


async def count(database: Database, tenant: str, where: JobFilter) -> int:
    """All of them."""
    values, total = filter_values(tenant, where, None), 0
    while True:
        [counted], edge = await database.read(partial(_count, where, values))
        total += int(counted[0])
        if edge is None:
            return total
        values["before"] = edge


def look(read: Read, where: JobFilter, values: Mapping[str, object]) -> tuple[list[Row], str | None]:
    """Up to a ``limit`` of jobs as rows, and the id down to which was looked, ``None`` where that is the end;
    for what stands above it alone."""
    return _look(read, "LIST_JOBS", where, values, SCANNED)


def _list(
    where: JobFilter, values: Mapping[str, object], connection: sqlite3.Connection
) -> tuple[list[Row], str | None]:
    read = _reading(connection)
    if _led_alone(where):
        return read(_statement("LIST_JOBS", where), values), None
    return look(read, where, values)


def _count(
    where: JobFilter, values: Mapping[str, object], connection: sqlite3.Connection
) -> tuple[list[Row], str | None]:
    return _look(_reading(connection), "COUNT_JOBS", where, values, COUNTED)


def _look(
    read: Read, what: str, where: JobFilter, values: Mapping[str, object], scanned: int
) -> tuple[list[Row], str | None]:
    edges = [
        (rows[0][0] if (rows := read(_statement("EDGE_OF_JOBS", where), way)) else "", way)
        for way in _ways(where, {**values, "scanned": scanned})
    ]
    # The rarest pair of metadata has its edge the furthest back.
    edge, way = min(edges, key=lambda each: each[0])
    return read(_statement(what, where), {**way, "floor": edge} if edge else way), edge or None


def _ways(where: JobFilter, values: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The values with each pair of metadata as the first one, where that leads."""
    yield values
    if leading(where) == "_WITH_METADATA":
        for number in range(1, len(where.metadata)):
            first = {"key0": values[f"key{number}"], "value0": values[f"value{number}"]}
            yield {**values, **first, f"key{number}": values["key0"], f"value{number}": values["value0"]}


def _led_alone(where: JobFilter) -> bool:
    """Whether whatever the leading index finds is meant."""
    facts = (where.state, where.template, where.batch_id, *where.metadata)
    timed = where.created_after is not None or where.created_before is not None
    return not timed and sum(each is not None for each in facts) <= 1


def _statement(what: str, where: JobFilter) -> str:
    return str(globals()[what + leading(where)])


def _reading(connection: sqlite3.Connection) -> Read:
    return lambda statement, values: connection.execute(statement, values).fetchall()


def filter_values(tenant: str, where: JobFilter, cursor: str | None) -> dict[str, Any]:
    """What the statements need but a limit; raises MalformedRequest for a cursor that is not ours."""
    before = LAST_ID if cursor is None else read_job_cursor(cursor)
    after, until = where.created_after, where.created_before
    values: dict[str, Any] = {
        "tenant": tenant,
        "before": before if until is None else min(before, id_ceiling(until)),
        "floor": "" if after is None else id_floor(after),
        "created_after": float("-inf") if after is None else after,
        "created_before": float("inf") if until is None else until,
        "state": where.state and where.state.value,
        "template": where.template,
        "batch_id": where.batch_id,
    }
    pairs = [*where.metadata.items(), *[(None, None)] * MAX_METADATA_FILTERS]
    for number, (key, value) in enumerate(pairs[:MAX_METADATA_FILTERS]):
        values |= {f"key{number}": key, f"value{number}": value}
    return values


def searched(metadata: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The keys that a job is found by, with their values as text: those on top that are no list or object."""
    pairs = ((key, value) for key, value in metadata.items() if not isinstance(value, dict | list))
    for number, (key, value) in enumerate(pairs):
        text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
        if number >= MAX_SEARCHED:
            return
        if len(key) <= MAX_SEARCHED_CHARACTERS and len(text) <= MAX_SEARCHED_CHARACTERS:
            yield key, text

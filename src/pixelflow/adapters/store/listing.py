"""Which of a tenant's jobs: each filter that may lead has an index, the others are looked at on the way."""
# ruff: noqa: S608 - only this package's own column lists and conditions are put into statements

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pixelflow.adapters.store.cursors import LAST_ID, id_ceiling, id_floor, read_job_cursor
from pixelflow.adapters.store.rows import JOB_COLUMNS
from pixelflow.ports.store import MAX_METADATA_FILTERS, JobFilter

MAX_SEARCHED = 64
"""Keys of a job's metadata that it is found by, the first ones."""
MAX_SEARCHED_CHARACTERS = 500
"""Longer keys and values are kept with the job, and not searched."""

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
_RANGE = f"id < :before AND id >= :floor {_ON_THE_WAY}"
_ALL = f"FROM job WHERE tenant = :tenant AND {_RANGE}"
_IN_STATE = f"FROM job WHERE tenant = :tenant AND state = :state AND {_RANGE}"
_OF_BATCH = f"FROM job WHERE tenant = :tenant AND batch_id = :batch_id AND {_RANGE}"
_OF_VERSION = f"FROM job WHERE tenant = :tenant AND template = :template AND {_RANGE}"
_OF_TEMPLATE = f"""
FROM job WHERE tenant = :tenant AND template IS NOT NULL AND {_NAME.replace("job.", "")} = :template
    AND {_RANGE}
"""
# SQLite is told the order: it knows no sizes, and might look through all jobs for one key.
_WITH_METADATA = f"""
FROM job_metadata AS sought CROSS JOIN job ON job.tenant = sought.tenant AND job.id = sought.job_id
WHERE sought.tenant = :tenant AND sought.key = :key0 AND sought.value = :value0
    AND sought.job_id < :before AND sought.job_id >= :floor {_ON_THE_WAY}
"""
_PAGE = "ORDER BY job.id DESC LIMIT :limit"

LIST_JOBS = f"SELECT {_COLUMNS} {_ALL} {_PAGE}"
LIST_JOBS_IN_STATE = f"SELECT {_COLUMNS} {_IN_STATE} {_PAGE}"
LIST_JOBS_OF_BATCH = f"SELECT {_COLUMNS} {_OF_BATCH} {_PAGE}"
LIST_JOBS_OF_VERSION = f"SELECT {_COLUMNS} {_OF_VERSION} {_PAGE}"
LIST_JOBS_OF_TEMPLATE = f"SELECT {_COLUMNS} {_OF_TEMPLATE} {_PAGE}"
LIST_JOBS_WITH_METADATA = f"SELECT {_COLUMNS} {_WITH_METADATA} ORDER BY sought.job_id DESC LIMIT :limit"
COUNT_JOBS = f"SELECT count(*) {_ALL}"
COUNT_JOBS_IN_STATE = f"SELECT count(*) {_IN_STATE}"
COUNT_JOBS_OF_BATCH = f"SELECT count(*) {_OF_BATCH}"
COUNT_JOBS_OF_VERSION = f"SELECT count(*) {_OF_VERSION}"
COUNT_JOBS_OF_TEMPLATE = f"SELECT count(*) {_OF_TEMPLATE}"
COUNT_JOBS_WITH_METADATA = f"SELECT count(*) {_WITH_METADATA}"

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


def list_statement(where: JobFilter) -> str:
    """The statement for a page."""
    return str(globals()["LIST_JOBS" + leading(where)])


def count_statement(where: JobFilter) -> str:
    """The statement that counts all."""
    return str(globals()["COUNT_JOBS" + leading(where)])


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

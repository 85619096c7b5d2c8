"""The SQL of batches; the counters of a batch are those of its lines."""
# ruff: noqa: S608 - only this module's own column lists are put into statements

from pixelflow.adapters.store.rows import JOB_COLUMNS

BATCH_COLUMNS = (
    "tenant, id, draft, total, refused, unfinished, max_in_flight, created_at, state, in_flight, "
    "completed, failed, cancelled, quarantined, finished_at"
)
ITEM_COLUMNS = "number, source, state, code, error, job_id"

INSERT_BATCH = f"""
INSERT INTO batch ({BATCH_COLUMNS}, fed_at, sequence, announced)
VALUES (:tenant, :id, :draft, :total, :refused, :unfinished, :max_in_flight, :now, :state, 0,
        0, 0, 0, 0, NULL, 0, 0, 0)
"""

# One statement for all lines: ten thousand of their own would hold up everybody else.
INSERT_ITEMS = """
INSERT INTO batch_item (tenant, batch_id, number, source, state, code, error, job_id)
SELECT :tenant, :id, json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]'),
    json_extract(value, '$[3]'), json_extract(value, '$[4]'), NULL
FROM json_each(:items)
"""

GET_BATCH = f"SELECT {BATCH_COLUMNS} FROM batch WHERE tenant = :tenant AND id = :id"

LIST_BATCHES = f"""
SELECT {BATCH_COLUMNS} FROM batch WHERE tenant = :tenant AND id < :before ORDER BY id DESC LIMIT :limit
"""

# SQLite is told the indexes: it knows no sizes, and might look through all lines of a batch.
ITEMS_IN_STATE = f"""
SELECT {ITEM_COLUMNS} FROM batch_item INDEXED BY item_of_state
WHERE tenant = :tenant AND batch_id = :id AND state = :state AND number > :after
ORDER BY number LIMIT :limit
"""

ITEM_OF_JOB = """
SELECT number, state FROM batch_item INDEXED BY item_of_job
WHERE tenant = :tenant AND batch_id = :id AND job_id = :job_id AND job_id IS NOT NULL
"""

PUT_ITEM = """
UPDATE batch_item SET state = :state, code = :code, error = :error, job_id = :job_id
WHERE tenant = :tenant AND batch_id = :id AND number = :number
"""

COUNT = f"""
UPDATE batch SET unfinished = unfinished + :unfinished, in_flight = in_flight + :in_flight,
    completed = completed + :completed, failed = failed + :failed, cancelled = cancelled + :cancelled,
    quarantined = quarantined + :quarantined
WHERE tenant = :tenant AND id = :id
RETURNING {BATCH_COLUMNS}
"""

FINISH_BATCH = f"""
UPDATE batch SET finished_at = :now, sequence = :sequence,
    state = CASE state WHEN 'cancelled' THEN 'cancelled' ELSE 'completed' END
WHERE tenant = :tenant AND id = :id AND finished_at IS NULL AND unfinished = 0
RETURNING {BATCH_COLUMNS}
"""

SET_STATE = f"""
UPDATE batch SET state = :state WHERE tenant = :tenant AND id = :id AND state = :was
RETURNING {BATCH_COLUMNS}
"""

CANCEL_BATCH = f"""
UPDATE batch SET state = 'cancelled', cancelled = cancelled + unfinished - in_flight, unfinished = in_flight
WHERE tenant = :tenant AND id = :id AND state IN ('running', 'paused')
RETURNING {BATCH_COLUMNS}
"""

RETRY_ITEMS = """
UPDATE batch_item SET state = 'pending', code = NULL, error = NULL, job_id = NULL
WHERE tenant = :tenant AND batch_id = :id AND state = :state
"""

RETRY_BATCH = f"""
UPDATE batch SET state = 'running', unfinished = unfinished + failed + quarantined + cancelled, failed = 0,
    quarantined = 0, cancelled = 0, finished_at = NULL, announced = 0
WHERE tenant = :tenant AND id = :id
RETURNING {BATCH_COLUMNS}
"""

FORGOTTEN = """
SELECT tenant, id FROM batch WHERE finished_at IS NOT NULL AND finished_at < :horizon
ORDER BY finished_at LIMIT :limit
"""

DELETE_BATCH = "DELETE FROM batch WHERE tenant = :tenant AND id = :id"
DELETE_ITEMS = "DELETE FROM batch_item WHERE tenant = :tenant AND batch_id = :id"

HUNGRY = f"""
SELECT {BATCH_COLUMNS} FROM batch
WHERE state = 'running' AND unfinished > in_flight AND in_flight < max_in_flight AND fed_at >= 0
ORDER BY fed_at LIMIT 1
"""

FED = """
UPDATE batch SET in_flight = in_flight + :jobs, fed_at = :now WHERE tenant = :tenant AND id = :id
"""

STOPPING = "SELECT tenant, id FROM batch WHERE state = 'cancelled' AND finished_at IS NULL LIMIT :limit"

JOBS_IN_FLIGHT = f"""
SELECT {", ".join(f"job.{name}" for name in JOB_COLUMNS.split(", "))}
FROM batch_item INDEXED BY item_of_state
JOIN job ON job.tenant = batch_item.tenant AND job.id = batch_item.job_id
WHERE batch_item.tenant = :tenant AND batch_item.batch_id = :id AND batch_item.state = 'submitted'
LIMIT :limit
"""

ENDED = f"""
SELECT {BATCH_COLUMNS}, sequence FROM batch
WHERE finished_at IS NOT NULL AND announced = 0 ORDER BY finished_at LIMIT :limit
"""

ANNOUNCED = "UPDATE batch SET announced = 1 WHERE tenant = :tenant AND id = :id"

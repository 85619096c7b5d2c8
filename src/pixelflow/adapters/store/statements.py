"""The store's SQL, with named parameters; standard where nothing else is said, for other databases to share.

States are written as literals, since a partial index is only used for a condition that repeats its own.
"""
# ruff: noqa: S608 - only this package's own column lists and conditions are put into statements

from pixelflow.adapters.store.rows import ASSET_COLUMNS, EVENT_COLUMNS, JOB_COLUMNS

FENCE = "tenant = :tenant AND id = :id AND state = 'processing' AND attempt = :attempt AND owner = :owner"
TERMINAL = "state IN ('completed', 'failed', 'cancelled', 'quarantined')"

INSERT_JOB = f"""
INSERT INTO job ({JOB_COLUMNS})
VALUES (:tenant, :id, :state, :pipeline, :source,
        :now, :now, NULL, NULL, 0, :priority, 0, 0, 0,
        NULL, NULL, NULL, :metadata, :webhook_url,
        :queued_at, NULL, NULL, :expires_at, :sequence,
        :not_before, :scheduled_at, :deadline_seconds, :hold, :template, :batch_id, 0, :remote, :target,
        :cost, NULL, :keep, NULL, NULL, :pixels, date(:now, 'unixepoch'), NULL, :replay_of)
"""

INSERT_EVENT = """
INSERT INTO event (sequence, tenant, job_id, kind, at, attempt, progress, output)
VALUES (:sequence, :tenant, :job_id, :kind, :at, :attempt, :progress, :output)
"""

GET_JOB = f"SELECT {JOB_COLUMNS} FROM job WHERE tenant = :tenant AND id = :id"

GET_JOB_FILES = """
SELECT source, outputs, CASE state WHEN 'processing' THEN attempt END FROM job
WHERE tenant = :tenant AND id = :id
"""

ATTACH = """
UPDATE job SET updated_at = :now, source = :source, cost = :cost, pixels = :pixels
WHERE tenant = :tenant AND id = :id AND state = 'awaiting_upload'
"""

START = f"""
UPDATE job SET state = 'queued', queued_at = :now, updated_at = :now, sequence = :sequence,
    source = :source
WHERE tenant = :tenant AND id = :id AND state = 'awaiting_upload'
    AND (source = :source OR json_extract(source, '$.key') IS NULL)
RETURNING {JOB_COLUMNS}
"""

# A lane is a priority and a tenant with queued jobs; triggers keep the age of its oldest. So a claim costs
# the lanes of the highest priority, whatever the number of their jobs. SQLite is told the indexes: it knows
# no sizes, and might sort a million jobs.
CLAIM = f"""
UPDATE job SET state = 'processing', attempt = attempt + 1, owner = :owner, lease_until = :lease_until,
    started_at = :now, updated_at = :now, progress = 0, sequence = :sequence
WHERE state = 'queued' AND not_before IS NULL AND rowid = (
    SELECT rowid FROM job INDEXED BY job_to_claim
    WHERE state = 'queued' AND not_before IS NULL AND (priority, tenant) = (
        SELECT lane.priority, lane.tenant FROM lane LEFT JOIN tenant ON tenant.tenant = lane.tenant
        WHERE priority = (SELECT max(priority) FROM lane)
        ORDER BY (SELECT count(*) FROM job INDEXED BY job_in_flight
                  WHERE state = 'processing' AND job.tenant = lane.tenant) / coalesce(tenant.weight, 1.0),
                 oldest, lane.tenant
        LIMIT 1)
    ORDER BY queued_at, rowid LIMIT 1)
RETURNING {JOB_COLUMNS}
"""

RENEW = f"UPDATE job SET lease_until = :lease_until, progress = :progress WHERE {FENCE}"

FETCHED = f"UPDATE job SET updated_at = :now, source = :source WHERE {FENCE} RETURNING {JOB_COLUMNS}"

REFERRED_SO_FAR = f"SELECT coalesce(referred_bytes, 0), charged_on FROM job WHERE {FENCE}"
REFERRED = f"UPDATE job SET referred_bytes = :bytes WHERE {FENCE}"
ADD_BYTES = "UPDATE usage SET bytes = bytes + :bytes WHERE tenant = :tenant AND day = :day"

ANNOUNCE = f"""
UPDATE job SET updated_at = :now, outputs = :outputs, sequence = :sequence
WHERE {FENCE}
RETURNING {JOB_COLUMNS}
"""

FINISH = f"""
UPDATE job SET state = :state, updated_at = :now, finished_at = :now, progress = :progress,
    outputs = :outputs, skipped = :skipped, error = :error, manifest = :manifest,
    source = coalesce(json_patch(source, :found), source),
    pixels = coalesce(:pixels, CASE WHEN source ->> '$.key' IS NULL THEN 0 ELSE pixels END), spent = :spent,
    owner = NULL, lease_until = NULL, sequence = :sequence
WHERE {FENCE}
RETURNING {JOB_COLUMNS}
"""

PUT_STEP = """
INSERT INTO step_cache (tenant, key, job_id, step) VALUES (:tenant, :key, :job_id, :step)
ON CONFLICT (tenant, key, job_id) DO NOTHING
"""

# Only completed jobs have rows there, and nothing but a deletion changes those.
RECALL = """
SELECT step_cache.step, job.outputs, job.source
FROM step_cache JOIN job ON job.tenant = step_cache.tenant AND job.id = step_cache.job_id
WHERE step_cache.tenant = :tenant AND step_cache.key = :key
ORDER BY step_cache.job_id DESC LIMIT 1
"""

CRASHED = f"""
UPDATE job SET crashes = crashes + 1, updated_at = :now, progress = 0, outputs = NULL,
    source = coalesce(json_patch(source, :found), source), cost = coalesce(:cost, cost),
    state = CASE WHEN crashes + 1 >= :max_crashes THEN 'quarantined' ELSE 'queued' END,
    error = CASE WHEN crashes + 1 >= :max_crashes THEN :error END,
    finished_at = CASE WHEN crashes + 1 >= :max_crashes THEN :now END,
    owner = NULL, lease_until = NULL, sequence = :sequence
WHERE {FENCE}
RETURNING {JOB_COLUMNS}
"""

RELEASE = f"""
UPDATE job SET state = 'queued', updated_at = :now, progress = 0, outputs = NULL, not_before = :not_before,
    owner = NULL, lease_until = NULL, sequence = :sequence
WHERE {FENCE}
RETURNING {JOB_COLUMNS}
"""

FAULT = f"""
UPDATE job SET faults = faults + 1, updated_at = :now, progress = 0, outputs = NULL,
    state = CASE WHEN :not_before IS NULL THEN 'failed' ELSE 'queued' END,
    not_before = :not_before,
    error = CASE WHEN :not_before IS NULL THEN :error END,
    finished_at = CASE WHEN :not_before IS NULL THEN :now END,
    owner = NULL, lease_until = NULL, sequence = :sequence
WHERE {FENCE}
RETURNING {JOB_COLUMNS}
"""

# What was scheduled waits since it could be claimed, what was put off since it was queued.
WAKE = """
UPDATE job SET queued_at = CASE WHEN not_before = scheduled_at THEN not_before ELSE queued_at END,
    not_before = NULL
WHERE state = 'queued' AND not_before IS NOT NULL AND rowid IN (
    SELECT rowid FROM job
    WHERE state = 'queued' AND not_before IS NOT NULL AND not_before <= :now ORDER BY not_before LIMIT :limit)
"""

NEXT_TO_WAKE = """
SELECT not_before FROM job WHERE state = 'queued' AND not_before IS NOT NULL ORDER BY not_before LIMIT 1
"""

CANCEL = f"""
UPDATE job SET state = 'cancelled', updated_at = :now, finished_at = :now, outputs = NULL, not_before = NULL,
    owner = NULL, lease_until = NULL, sequence = :sequence
WHERE tenant = :tenant AND id = :id AND state IN ('awaiting_upload', 'queued', 'processing')
RETURNING {JOB_COLUMNS}
"""

RETRY = f"""
UPDATE job SET state = 'queued', queued_at = :now, updated_at = :now, started_at = NULL, finished_at = NULL,
    progress = 0, crashes = 0, losses = 0, faults = 0, not_before = NULL,
    outputs = NULL, skipped = NULL, error = NULL, manifest = NULL,
    gone = NULL, sequence = :sequence, charged_on = date(:now, 'unixepoch'), spent = NULL,
    referred_bytes = NULL
WHERE tenant = :tenant AND id = :id AND state IN ('failed', 'cancelled', 'quarantined')
RETURNING {JOB_COLUMNS}
"""

DELETE_JOB = f"DELETE FROM job WHERE tenant = :tenant AND id = :id AND hold = 0 RETURNING {JOB_COLUMNS}"

HOLD = f"""
UPDATE job SET hold = :hold WHERE tenant = :tenant AND id = :id AND hold <> :hold RETURNING {JOB_COLUMNS}
"""
DELETE_JOB_EVENTS = "DELETE FROM event WHERE tenant = :tenant AND job_id = :id"
DELETE_JOB_STEPS = "DELETE FROM step_cache WHERE tenant = :tenant AND job_id = :id"
DELETE_JOB_KEYS = "DELETE FROM idempotency WHERE tenant = :tenant AND job_id = :id"

# Whoever opens the file owns it, so that no lease in it can be anybody's any more.
ABANDON = "UPDATE job SET lease_until = 0 WHERE state = 'processing' AND lease_until > 0"

LOST = """
SELECT tenant, id FROM job WHERE state = 'processing' AND lease_until < :now ORDER BY lease_until LIMIT :limit
"""

RESCUE = f"""
UPDATE job SET losses = losses + 1, updated_at = :now, progress = 0, outputs = NULL,
    state = CASE WHEN losses + 1 >= :max_losses THEN 'quarantined' ELSE 'queued' END,
    error = CASE WHEN losses + 1 >= :max_losses THEN :error END,
    finished_at = CASE WHEN losses + 1 >= :max_losses THEN :now END,
    owner = NULL, lease_until = NULL, sequence = :sequence
WHERE tenant = :tenant AND id = :id AND state = 'processing' AND lease_until < :now
RETURNING {JOB_COLUMNS}
"""

NEVER_UPLOADED = """
SELECT tenant, id FROM job
WHERE state = 'awaiting_upload' AND created_at < :created_before ORDER BY created_at LIMIT :limit
"""

EXPIRE_UPLOAD = f"""
UPDATE job SET state = 'failed', updated_at = :now, finished_at = :now, error = :error, not_before = NULL,
    sequence = :sequence
WHERE tenant = :tenant AND id = :id AND state = 'awaiting_upload' AND created_at < :created_before
RETURNING {JOB_COLUMNS}
"""

JOB_EVENTS = f"""
SELECT {EVENT_COLUMNS} FROM event
WHERE tenant = :tenant AND job_id = :id AND sequence > :after ORDER BY sequence LIMIT :limit
"""

TENANT_EVENTS = f"""
SELECT {EVENT_COLUMNS} FROM event
WHERE tenant = :tenant AND sequence > :after ORDER BY sequence LIMIT :limit
"""

FORGET_DELETED = """
DELETE FROM event WHERE sequence IN (
    SELECT sequence FROM event WHERE kind = 'job.deleted' AND at < :horizon ORDER BY at LIMIT :limit)
"""

OLDEST_QUEUED = "SELECT oldest FROM lane ORDER BY oldest LIMIT 1"

# Grouped by tenant first, since that is the index's order.
COUNT_BY_STATE = """
SELECT state, sum(jobs) FROM (SELECT state, count(*) AS jobs FROM job GROUP BY tenant, state) GROUP BY state
"""

GET_KEY = """
SELECT fingerprint, job_id, created_at, answer FROM idempotency WHERE tenant = :tenant AND key = :key
"""

PUT_KEY = """
INSERT INTO idempotency (tenant, key, fingerprint, job_id, answer, created_at)
VALUES (:tenant, :key, :fingerprint, :job_id, :answer, :now)
ON CONFLICT (tenant, key) DO UPDATE SET fingerprint = excluded.fingerprint,
    job_id = excluded.job_id, answer = excluded.answer, created_at = excluded.created_at
"""

FORGET_KEYS = """
DELETE FROM idempotency WHERE (tenant, key) IN (
    SELECT tenant, key FROM idempotency WHERE created_at <= :horizon ORDER BY created_at LIMIT :limit)
"""

ADD_USAGE_OF_OPERATION = """
INSERT INTO usage_of_operation (tenant, day, operation, jobs, cpu_seconds)
VALUES (:tenant, :day, :operation, :jobs, :cpu_seconds)
ON CONFLICT (tenant, day, operation) DO UPDATE SET
    jobs = jobs + excluded.jobs, cpu_seconds = cpu_seconds + excluded.cpu_seconds
"""

PUT_ASSET = f"""
INSERT INTO asset ({ASSET_COLUMNS})
VALUES (:tenant, :id, :storage_key, :format, :media_type, :bytes, :sha256, :created_at)
ON CONFLICT (tenant, id) DO NOTHING
"""

ASSET_KEY = "SELECT storage_key FROM asset WHERE tenant = :tenant AND storage_key = :key"

GET_ASSET = f"SELECT {ASSET_COLUMNS} FROM asset WHERE tenant = :tenant AND id = :id"

LIST_ASSETS = f"""
SELECT {ASSET_COLUMNS} FROM asset
WHERE tenant = :tenant AND (created_at, id) < (:created_before, :before)
ORDER BY created_at DESC, id DESC LIMIT :limit
"""

DELETE_ASSET = f"DELETE FROM asset WHERE tenant = :tenant AND id = :id RETURNING {ASSET_COLUMNS}"

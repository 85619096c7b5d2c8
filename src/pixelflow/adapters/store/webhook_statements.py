"""The SQL of webhooks, as in ``statements``."""
# ruff: noqa: S608 - only this package's own column lists and conditions are put into statements

from pixelflow.adapters.store.webhook_rows import DELIVERY_COLUMNS, ENDPOINT_COLUMNS, MESSAGE_COLUMNS

ENDED = "state IN ('delivered', 'dead')"

ADD_ENDPOINT = f"""
INSERT INTO endpoint ({ENDPOINT_COLUMNS})
VALUES (:tenant, :id, :url, :events, :secrets, :description, 'enabled', NULL, NULL, :now)
RETURNING {ENDPOINT_COLUMNS}
"""
COUNT_ENDPOINTS = "SELECT count(*) FROM endpoint WHERE tenant = :tenant"
GET_ENDPOINT = f"SELECT {ENDPOINT_COLUMNS} FROM endpoint WHERE tenant = :tenant AND id = :id"
ENDPOINTS = f"SELECT {ENDPOINT_COLUMNS} FROM endpoint WHERE tenant = :tenant ORDER BY id DESC"
RECEIVERS = "SELECT id, url, events, state, reason FROM endpoint WHERE tenant = :tenant"
CHANGE_ENDPOINT = f"""
UPDATE endpoint SET url = :url, events = :events, description = :description
WHERE tenant = :tenant AND id = :id RETURNING {ENDPOINT_COLUMNS}
"""
ENABLE_ENDPOINT = f"""
UPDATE endpoint SET state = 'enabled', reason = NULL, failing_since = NULL
WHERE tenant = :tenant AND id = :id RETURNING {ENDPOINT_COLUMNS}
"""
DISABLE_ENDPOINT = f"""
UPDATE endpoint SET state = 'disabled', reason = :reason
WHERE tenant = :tenant AND id = :id AND state = 'enabled' RETURNING {ENDPOINT_COLUMNS}
"""
FAILS = """
UPDATE endpoint SET failing_since = :now WHERE tenant = :tenant AND id = :id AND failing_since IS NULL
"""
WORKS = """
UPDATE endpoint SET failing_since = NULL WHERE tenant = :tenant AND id = :id AND failing_since IS NOT NULL
"""
KEEP_ENDPOINT_SECRETS = f"""
UPDATE endpoint SET secrets = :secrets WHERE tenant = :tenant AND id = :id RETURNING {ENDPOINT_COLUMNS}
"""
REMOVE_ENDPOINT = f"DELETE FROM endpoint WHERE tenant = :tenant AND id = :id RETURNING {ENDPOINT_COLUMNS}"

GET_TENANT_SECRETS = "SELECT secrets FROM tenant WHERE tenant = :tenant"
KEEP_TENANT_SECRETS = """
INSERT INTO tenant (tenant, secrets) VALUES (:tenant, :secrets)
ON CONFLICT (tenant) DO UPDATE SET secrets = excluded.secrets
"""

ADD_MESSAGE = f"""
INSERT INTO message ({MESSAGE_COLUMNS})
VALUES (:tenant, :id, :kind, :job_id, :batch_id, :sequence, :at, :output, :snapshot)
"""
GET_MESSAGE = f"SELECT {MESSAGE_COLUMNS} FROM message WHERE tenant = :tenant AND id = :id"

ADD_DELIVERY = f"""
INSERT INTO delivery ({DELIVERY_COLUMNS})
VALUES (:tenant, :id, :message_id, :kind, :endpoint_id, :job_id, :url, :lane, :state, 0, 0,
        :now, :now, :ended_at, NULL, :error)
"""
GET_DELIVERY = f"SELECT {DELIVERY_COLUMNS} FROM delivery WHERE tenant = :tenant AND id = :id"
NARROWED = """
    AND id < :before AND (:state IS NULL OR state = :state) AND (:endpoint IS NULL OR endpoint_id = :endpoint)
ORDER BY id DESC LIMIT :limit
"""
DELIVERIES = f"SELECT {DELIVERY_COLUMNS} FROM delivery WHERE tenant = :tenant {NARROWED}"
DELIVERIES_OF_JOB = f"""
SELECT {DELIVERY_COLUMNS} FROM delivery WHERE tenant = :tenant AND job_id = :job_id {NARROWED}
"""
DELIVERIES_OF_ENDPOINT = f"""
SELECT {DELIVERY_COLUMNS} FROM delivery
WHERE tenant = :tenant AND endpoint_id = :endpoint AND id < :before AND (:state IS NULL OR state = :state)
ORDER BY id DESC LIMIT :limit
"""
DELIVERIES_IN_STATE = f"""
SELECT {DELIVERY_COLUMNS} FROM delivery WHERE tenant = :tenant AND state = :state AND id < :before
ORDER BY id DESC LIMIT :limit
"""

LANES = "SELECT tenant, lane, next_at FROM delivery_lane ORDER BY next_at LIMIT :limit"
DUE = """
SELECT rowid FROM delivery
WHERE state = 'pending' AND tenant = :tenant AND lane = :lane AND next_at <= :now
ORDER BY next_at LIMIT :limit
"""
TAKE = f"""
UPDATE delivery SET owner = :owner, next_at = :lease_until, url = coalesce(:url, url) WHERE rowid IN ({DUE})
RETURNING {DELIVERY_COLUMNS}
"""
GIVE_UP = f"""
UPDATE delivery SET state = 'dead', ended_at = :now, error = :error, owner = NULL WHERE rowid IN ({DUE})
"""
CONCLUDE = """
UPDATE delivery SET state = :state, attempts = attempts + 1, next_at = :next_at, ended_at = :ended_at,
    status = :status, error = :error, owner = NULL
WHERE tenant = :tenant AND id = :id AND state = 'pending' AND owner = :owner AND next_at = :lease_until
"""
ADD_ATTEMPT = """
INSERT INTO delivery_attempt (tenant, delivery_id, number, at, seconds, status, error, request, answer)
VALUES (:tenant, :id, :number, :at, :seconds, :status, :error, :request, :answer)
"""
ATTEMPTS = """
SELECT number, at, seconds, status, error, request, answer FROM delivery_attempt
WHERE tenant = :tenant AND delivery_id = :id ORDER BY number
"""
RELEASE_DELIVERY = """
UPDATE delivery SET owner = NULL, next_at = :now
WHERE tenant = :tenant AND id = :id AND state = 'pending' AND owner = :owner AND next_at = :lease_until
"""
# Whoever opens the file owns it, so that nobody any more holds what is held in it.
ABANDON_DELIVERIES = "UPDATE delivery SET owner = NULL, next_at = 0 WHERE owner IS NOT NULL"

REDELIVER = f"""
UPDATE delivery SET state = 'pending', earlier = attempts, next_at = :now, ended_at = NULL, error = NULL
WHERE tenant = :tenant AND id = :id AND {ENDED} RETURNING {DELIVERY_COLUMNS}
"""
HASTEN = f"""
UPDATE delivery SET next_at = :now WHERE tenant = :tenant AND id = :id AND state = 'pending' AND owner IS NULL
RETURNING {DELIVERY_COLUMNS}
"""
ENDED_SINCE = f"""
SELECT id FROM delivery
WHERE tenant = :tenant AND endpoint_id = :endpoint AND id > :after AND created_at >= :since
    AND {ENDED} AND (:state IS NULL OR state = :state)
ORDER BY id LIMIT :limit
"""

PENDING = "SELECT coalesce(sum(pending), 0), min(next_at) FROM delivery_lane"

OF_JOB = "SELECT id FROM delivery WHERE tenant = :tenant AND job_id = :id"
FORGET_ATTEMPTS = "DELETE FROM delivery_attempt WHERE tenant = :tenant AND delivery_id = :id"
FORGET_DELIVERY = "DELETE FROM delivery WHERE tenant = :tenant AND id = :id"
FORGET_JOB_MESSAGES = "DELETE FROM message WHERE tenant = :tenant AND job_id = :id AND job_id IS NOT NULL"
OLD_DELIVERIES = """
SELECT tenant, id, message_id FROM delivery
WHERE ended_at IS NOT NULL AND ended_at < :horizon ORDER BY ended_at LIMIT :limit
"""
FORGET_MESSAGE = """
DELETE FROM message WHERE tenant = :tenant AND id = :id AND NOT EXISTS (
    SELECT 1 FROM delivery WHERE delivery.tenant = :tenant AND delivery.message_id = :id)
"""

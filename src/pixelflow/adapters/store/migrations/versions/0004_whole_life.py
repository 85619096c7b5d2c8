"""What surrounds a job: when it may run, what it counts for, templates, batches, webhooks, tenants."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Float, Integer, Text

from pixelflow.adapters.store.migrations.counters import COUNT_ALL, TENANT_TRIGGERS

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

Columns = list[str | sa.TextClause]

WAITS = "{0}.state = 'queued' AND {0}.not_before IS NULL"
JOINS_LANE = """
INSERT INTO lane (priority, tenant, oldest, jobs) VALUES (NEW.priority, NEW.tenant, NEW.queued_at, 1)
ON CONFLICT (priority, tenant) DO UPDATE
SET oldest = min(lane.oldest, excluded.oldest), jobs = lane.jobs + 1;
"""
LEAVES_LANE = """
UPDATE lane SET jobs = jobs - 1, oldest = CASE WHEN oldest < OLD.queued_at THEN oldest ELSE (
    SELECT queued_at FROM job
    WHERE state = 'queued' AND not_before IS NULL AND priority = OLD.priority AND tenant = OLD.tenant
    ORDER BY queued_at LIMIT 1) END
WHERE priority = OLD.priority AND tenant = OLD.tenant;
DELETE FROM lane WHERE priority = OLD.priority AND tenant = OLD.tenant AND jobs <= 0;
"""
NEW, OLD = WAITS.format("NEW"), WAITS.format("OLD")
CHANGED = "AFTER UPDATE OF state, not_before ON job WHEN"
LANE_TRIGGERS = (
    f"CREATE TRIGGER lane_new AFTER INSERT ON job WHEN {NEW} BEGIN {JOINS_LANE} END",
    f"CREATE TRIGGER lane_in {CHANGED} {NEW} AND NOT ({OLD}) BEGIN {JOINS_LANE} END",
    f"CREATE TRIGGER lane_out {CHANGED} {OLD} AND NOT ({NEW}) BEGIN {LEAVES_LANE} END",
    f"CREATE TRIGGER lane_gone AFTER DELETE ON job WHEN {OLD} BEGIN {LEAVES_LANE} END",
)
"""A lane is a priority and a tenant with jobs to claim: how many, and since when the oldest waits."""

JOINS_DELIVERIES = """
INSERT INTO delivery_lane (tenant, lane, pending, next_at) VALUES (NEW.tenant, NEW.lane, 1, NEW.next_at)
ON CONFLICT (tenant, lane) DO UPDATE
SET pending = pending + 1, next_at = min(delivery_lane.next_at, excluded.next_at);
"""
NEXT_DELIVERY = """
UPDATE delivery_lane SET {0} next_at = coalesce((
    SELECT next_at FROM delivery
    WHERE state = 'pending' AND tenant = OLD.tenant AND lane = OLD.lane ORDER BY next_at LIMIT 1), next_at)
WHERE tenant = OLD.tenant AND lane = OLD.lane;
"""
LEAVES_DELIVERIES = (
    NEXT_DELIVERY.format("pending = pending - 1,")
    + """
DELETE FROM delivery_lane WHERE tenant = OLD.tenant AND lane = OLD.lane AND pending <= 0;
"""
)
PENDS, PENDED = "NEW.state = 'pending'", "OLD.state = 'pending'"
MOVED = "AFTER UPDATE OF state, next_at ON delivery WHEN"
DELIVERY_TRIGGERS = (
    f"CREATE TRIGGER delivery_new AFTER INSERT ON delivery WHEN {PENDS} BEGIN {JOINS_DELIVERIES} END",
    f"CREATE TRIGGER delivery_in {MOVED} {PENDS} AND NOT {PENDED} BEGIN {JOINS_DELIVERIES} END",
    f"CREATE TRIGGER delivery_on {MOVED} {PENDS} AND {PENDED} BEGIN {NEXT_DELIVERY.format('')} END",
    f"CREATE TRIGGER delivery_out {MOVED} {PENDED} AND NOT {PENDS} BEGIN {LEAVES_DELIVERIES} END",
    f"CREATE TRIGGER delivery_gone AFTER DELETE ON delivery WHEN {PENDED} BEGIN {LEAVES_DELIVERIES} END",
)
"""A receiver with deliveries that are not done: how many, and when the first of them is due."""


def upgrade() -> None:
    """Add it all."""
    for column in (
        Column("not_before", Float),
        Column("scheduled_at", Float),
        Column("deadline_seconds", Float),
        Column("hold", Integer, nullable=False, server_default="0"),
        Column("template", Text),
        Column("batch_id", Text),
        Column("faults", Integer, nullable=False, server_default="0"),
        Column("remote", Text),
        Column("target", Text),
        Column("cost", Float),
        Column("manifest", Text),
        Column("keep", Text),
        Column("sweep_at", Float),
        Column("gone", Text),
        Column("pixels", Integer),
        Column("charged_on", Text),
        Column("spent", Float),
        Column("replay_of", Text),
        Column("referred_bytes", Integer),
    ):
        op.add_column("job", column)
    _lanes()
    op.drop_index("job_to_expire", "job")
    op.execute("UPDATE job SET sweep_at = expires_at WHERE expires_at IS NOT NULL")
    # What is seldom so stands first: every change of a job is held against it.
    ended = "state IN ('completed', 'failed', 'cancelled', 'quarantined')"
    _index("job_to_sweep", "job", ["sweep_at"], f"sweep_at IS NOT NULL AND hold = 0 AND {ended}")
    _index("job_scheduled", "job", ["not_before"], "state = 'queued' AND not_before IS NOT NULL")
    _index("job_of_batch", "job", ["tenant", "batch_id", "id"], "batch_id IS NOT NULL")
    _index("job_of_template", "job", ["tenant", "template", "id"], "template IS NOT NULL")
    name = sa.text("substr(template, 1, instr(template, '@') - 1)")
    _index("job_of_template_name", "job", [sa.text("tenant"), name, sa.text("id")], "template IS NOT NULL")
    op.create_table(
        "job_metadata",
        Column("tenant", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("value", Text, primary_key=True),
        Column("job_id", Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    op.create_index("metadata_of_job", "job_metadata", ["tenant", "job_id"])
    op.add_column("idempotency", Column("answer", Text))
    _tenants()
    _templates()
    _batches()
    _bulks()
    _webhooks()


def _lanes() -> None:
    for name in ("lane_new", "lane_in", "lane_out", "lane_gone"):
        op.execute(f"DROP TRIGGER {name}")
    op.drop_index("job_to_claim", "job")
    columns: Columns = [sa.text("priority DESC"), "state", "tenant", "not_before", "queued_at"]
    _index("job_to_claim", "job", columns, "state = 'queued' AND not_before IS NULL")
    op.add_column("lane", Column("jobs", Integer, nullable=False, server_default="0"))
    op.execute(
        "UPDATE lane SET jobs = (SELECT count(*) FROM job "
        "WHERE state = 'queued' AND job.priority = lane.priority AND job.tenant = lane.tenant)"
    )
    for trigger in LANE_TRIGGERS:
        op.execute(trigger)


def _tenants() -> None:
    op.create_table(
        "tenant",
        Column("tenant", Text, primary_key=True),
        Column("weight", Float, nullable=False, server_default="1"),
        Column("limits", Text),
        Column("keep", Text),
        Column("secrets", Text),
        Column("stored_bytes", Integer, nullable=False, server_default="0"),
        Column("queued_jobs", Integer, nullable=False, server_default="0"),
        Column("queued_milliseconds", Integer, nullable=False, server_default="0"),
    )
    _index("tenant_with_limits", "tenant", ["tenant"], "limits IS NOT NULL")
    op.create_table(
        "usage",
        Column("tenant", Text, primary_key=True),
        Column("day", Text, primary_key=True),
        Column("jobs", Integer, nullable=False, server_default="0"),
        Column("bytes", Integer, nullable=False, server_default="0"),
        Column("pixels", Integer, nullable=False, server_default="0"),
        Column("cpu_seconds", Float, nullable=False, server_default="0"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "usage_of_operation",
        Column("tenant", Text, primary_key=True),
        Column("day", Text, primary_key=True),
        Column("operation", Text, primary_key=True),
        Column("jobs", Integer, nullable=False),
        Column("cpu_seconds", Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.execute(COUNT_ALL)
    for trigger in TENANT_TRIGGERS:
        op.execute(trigger)
    op.create_table(
        "software", Column("digest", Text, primary_key=True), Column("facts", Text, nullable=False)
    )
    op.create_table(
        "audit",
        Column("sequence", Integer, primary_key=True),
        Column("tenant", Text, nullable=False),
        Column("at", Float, nullable=False),
        Column("actor", Text, nullable=False),
        Column("action", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("detail", Text),
        sqlite_autoincrement=True,
    )
    op.create_index("audit_of_tenant", "audit", ["tenant", "sequence"])
    op.create_index("audit_of_action", "audit", ["tenant", "action", "sequence"])
    op.create_index("audit_of_subject", "audit", ["tenant", "subject", "sequence"])
    op.create_index("audit_age", "audit", ["at", "sequence"])
    op.execute(
        "CREATE TRIGGER audit_stays BEFORE UPDATE ON audit "
        "BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END"
    )


def _templates() -> None:
    op.create_table(
        "template",
        Column("tenant", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("version", Integer, primary_key=True, autoincrement=False),
        Column("pipeline", Text, nullable=False),
        Column("description", Text),
        Column("created_at", Float, nullable=False),
        Column("deleted_at", Float),
        Column("keep", Text),
    )
    op.create_table(
        "template_alias",
        Column("tenant", Text, primary_key=True),
        Column("name", Text, primary_key=True),
        Column("alias", Text, primary_key=True),
        Column("version", Integer, nullable=False),
        Column("history", Text, nullable=False),
        Column("updated_at", Float, nullable=False),
    )


def _bulks() -> None:
    op.create_table(
        "bulk",
        Column("tenant", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("action", Text, nullable=False),
        Column("filter", Text, nullable=False),
        Column("actor", Text, nullable=False),
        Column("total", Integer, nullable=False),
        Column("created_at", Float, nullable=False),
        Column("updated_at", Float, nullable=False),
        Column("changed", Integer, nullable=False),
        Column("skipped", Integer, nullable=False),
        Column("cursor", Text),
        Column("finished_at", Float),
    )
    _index("bulk_running", "bulk", ["updated_at"], "finished_at IS NULL")
    _index("bulk_finished", "bulk", ["finished_at"], "finished_at IS NOT NULL")


def _batches() -> None:
    op.create_table(
        "batch",
        Column("tenant", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("draft", Text, nullable=False),
        Column("total", Integer, nullable=False),
        Column("refused", Integer, nullable=False),
        Column("unfinished", Integer, nullable=False),
        Column("max_in_flight", Integer, nullable=False),
        Column("created_at", Float, nullable=False),
        Column("state", Text, nullable=False),
        Column("in_flight", Integer, nullable=False),
        Column("completed", Integer, nullable=False),
        Column("failed", Integer, nullable=False),
        Column("cancelled", Integer, nullable=False),
        Column("quarantined", Integer, nullable=False),
        Column("finished_at", Float),
        Column("fed_at", Float, nullable=False),
        Column("sequence", Integer, nullable=False),
        Column("announced", Integer, nullable=False),
    )
    hungry = "state = 'running' AND unfinished > in_flight AND in_flight < max_in_flight"
    _index("batch_hungry", "batch", ["fed_at"], hungry)
    _index("batch_stopping", "batch", ["finished_at"], "state = 'cancelled' AND finished_at IS NULL")
    _index("batch_finished", "batch", ["finished_at"], "finished_at IS NOT NULL")
    _index("batch_ended", "batch", ["finished_at"], "finished_at IS NOT NULL AND announced = 0")
    op.create_table(
        "batch_item",
        Column("tenant", Text, primary_key=True),
        Column("batch_id", Text, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("source", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("code", Text),
        Column("error", Text),
        Column("job_id", Text),
        sqlite_with_rowid=False,
    )
    op.create_index("item_of_state", "batch_item", ["tenant", "batch_id", "state", "number"])
    _index("item_of_job", "batch_item", ["tenant", "batch_id", "job_id"], "job_id IS NOT NULL")


def _webhooks() -> None:
    op.create_table(
        "endpoint",
        Column("tenant", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("url", Text, nullable=False),
        Column("events", Text, nullable=False),
        Column("description", Text),
        Column("secrets", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("reason", Text),
        Column("failing_since", Float),
        Column("created_at", Float, nullable=False),
    )
    op.create_table(
        "message",
        Column("tenant", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("kind", Text, nullable=False),
        Column("job_id", Text),
        Column("batch_id", Text),
        Column("sequence", Integer, nullable=False),
        Column("at", Float, nullable=False),
        Column("output", Text),
        Column("snapshot", Text, nullable=False),
    )
    _index("message_of_job", "message", ["tenant", "job_id"], "job_id IS NOT NULL")
    op.create_table(
        "delivery",
        Column("tenant", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("message_id", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("endpoint_id", Text),
        Column("job_id", Text),
        Column("url", Text, nullable=False),
        Column("lane", Text, nullable=False),
        Column("state", Text, nullable=False),
        Column("attempts", Integer, nullable=False),
        Column("earlier", Integer, nullable=False),
        Column("next_at", Float, nullable=False),
        Column("created_at", Float, nullable=False),
        Column("ended_at", Float),
        Column("status", Integer),
        Column("error", Text),
        Column("owner", Text),
    )
    _index("delivery_due", "delivery", ["tenant", "lane", "next_at"], "state = 'pending'")
    _index("delivery_ended", "delivery", ["ended_at"], "ended_at IS NOT NULL")
    _index("delivery_held", "delivery", ["owner"], "owner IS NOT NULL")
    op.create_index("delivery_of_message", "delivery", ["tenant", "message_id"])
    op.create_index("delivery_of_endpoint", "delivery", ["tenant", "endpoint_id", "id"])
    op.create_index("delivery_of_job", "delivery", ["tenant", "job_id", "id"])
    op.create_index("delivery_of_state", "delivery", ["tenant", "state", "id"])
    op.create_table(
        "delivery_attempt",
        Column("tenant", Text, primary_key=True),
        Column("delivery_id", Text, primary_key=True),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("at", Float, nullable=False),
        Column("seconds", Float, nullable=False),
        Column("status", Integer),
        Column("error", Text),
        Column("request", Text),
        Column("answer", Text),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "delivery_lane",
        Column("tenant", Text, primary_key=True),
        Column("lane", Text, primary_key=True),
        Column("pending", Integer, nullable=False),
        Column("next_at", Float, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("delivery_lane_due", "delivery_lane", ["next_at"])
    for trigger in DELIVERY_TRIGGERS:
        op.execute(trigger)


def _index(name: str, table: str, columns: Columns, where: str) -> None:
    op.create_index(name, table, columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))

"""Jobs, their events, idempotency keys and assets."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy import Column, Float, Integer, Text

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


JOINS_LANE = """
INSERT INTO lane (priority, tenant, oldest) VALUES (NEW.priority, NEW.tenant, NEW.queued_at)
ON CONFLICT (priority, tenant) DO UPDATE SET oldest = excluded.oldest WHERE excluded.oldest < lane.oldest;
"""
LEAVES_LANE = """
UPDATE lane SET oldest = (
    SELECT queued_at FROM job
    WHERE state = 'queued' AND priority = OLD.priority AND tenant = OLD.tenant ORDER BY queued_at LIMIT 1)
WHERE priority = OLD.priority AND tenant = OLD.tenant AND oldest = OLD.queued_at;
DELETE FROM lane WHERE priority = OLD.priority AND tenant = OLD.tenant AND oldest IS NULL;
"""
LANE_TRIGGERS = (
    f"CREATE TRIGGER lane_new AFTER INSERT ON job WHEN NEW.state = 'queued' BEGIN {JOINS_LANE} END",
    f"CREATE TRIGGER lane_in AFTER UPDATE OF state ON job WHEN NEW.state = 'queued' BEGIN {JOINS_LANE} END",
    f"CREATE TRIGGER lane_out AFTER UPDATE OF state ON job WHEN OLD.state = 'queued' BEGIN {LEAVES_LANE} END",
    f"CREATE TRIGGER lane_gone AFTER DELETE ON job WHEN OLD.state = 'queued' BEGIN {LEAVES_LANE} END",
)
"""A lane is a priority and a tenant with queued jobs; its row tells since when the oldest waits."""


def upgrade() -> None:
    """Create everything."""
    op.create_table(
        "job",
        Column("tenant", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("state", Text, nullable=False),
        Column("pipeline", Text, nullable=False),
        Column("source", Text, nullable=False),
        Column("created_at", Float, nullable=False),
        Column("updated_at", Float, nullable=False),
        Column("outputs", Text),
        Column("skipped", Text),
        Column("progress", Integer, nullable=False),
        Column("priority", Integer, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("crashes", Integer, nullable=False),
        Column("losses", Integer, nullable=False),
        Column("owner", Text),
        Column("lease_until", Float),
        Column("error", Text),
        Column("metadata", Text),
        Column("webhook_url", Text),
        Column("queued_at", Float),
        Column("started_at", Float),
        Column("finished_at", Float),
        Column("expires_at", Float),
        Column("sequence", Integer, nullable=False),
    )
    op.create_index("job_of_state", "job", ["tenant", "state", "id"])
    _partial("job_to_claim", [sa.text("priority DESC"), "state", "tenant", "queued_at"], "state = 'queued'")
    _partial("job_in_flight", ["tenant"], "state = 'processing'")
    _partial("job_lease", ["lease_until"], "state = 'processing'")
    _partial("job_to_upload", ["created_at"], "state = 'awaiting_upload'")
    ended = "state IN ('completed', 'failed', 'cancelled', 'quarantined') AND expires_at IS NOT NULL"
    _partial("job_to_expire", ["expires_at"], ended)
    op.create_table(
        "lane",
        Column("priority", Integer, primary_key=True, autoincrement=False),
        Column("tenant", Text, primary_key=True),
        Column("oldest", Float),
        sqlite_with_rowid=False,
    )
    for trigger in LANE_TRIGGERS:
        op.execute(trigger)
    op.create_table(
        "event",
        Column("sequence", Integer, primary_key=True),
        Column("tenant", Text, nullable=False),
        Column("job_id", Text, nullable=False),
        Column("kind", Text, nullable=False),
        Column("at", Float, nullable=False),
        Column("attempt", Integer, nullable=False),
        Column("progress", Integer, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_index("event_of_tenant", "event", ["tenant", "sequence"])
    op.create_index("event_of_job", "event", ["job_id", "sequence"])
    where = sa.text("kind = 'job.deleted'")
    op.create_index("event_of_deletion", "event", ["at"], sqlite_where=where, postgresql_where=where)
    op.create_table(
        "idempotency",
        Column("tenant", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("fingerprint", Text, nullable=False),
        Column("job_id", Text, nullable=False),
        Column("created_at", Float, nullable=False),
    )
    op.create_index("idempotency_of_job", "idempotency", ["tenant", "job_id"])
    op.create_index("idempotency_age", "idempotency", ["created_at"])
    op.create_table(
        "asset",
        Column("tenant", Text, primary_key=True),
        Column("id", Text, primary_key=True),
        Column("storage_key", Text, nullable=False),
        Column("format", Text, nullable=False),
        Column("media_type", Text, nullable=False),
        Column("bytes", Integer, nullable=False),
        Column("sha256", Text, nullable=False),
        Column("created_at", Float, nullable=False),
    )
    op.create_index("asset_of_tenant", "asset", ["tenant", "created_at", "id"])
    op.create_index("asset_of_key", "asset", ["tenant", "storage_key"])


def _partial(name: str, columns: list[str | sa.TextClause], where: str) -> None:
    op.create_index(name, "job", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))

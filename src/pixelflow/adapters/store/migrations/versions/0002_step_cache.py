"""Which output of which job was made of the same bytes by the same step."""

from alembic import op
from sqlalchemy import Column, LargeBinary, Text

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table; every job that has such an output has a row, so that any of them may go."""
    op.create_table(
        "step_cache",
        Column("tenant", Text, primary_key=True),
        Column("key", LargeBinary, primary_key=True),
        Column("job_id", Text, primary_key=True),
        Column("step", Text, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("step_of_job", "step_cache", ["tenant", "job_id"])

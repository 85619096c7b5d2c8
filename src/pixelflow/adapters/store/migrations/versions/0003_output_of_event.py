"""Events tell which output is ready."""

from alembic import op
from sqlalchemy import Column, Text

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; it is NULL for events of the whole job."""
    op.add_column("event", Column("output", Text))

"""What docks say stands in their bays."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; docks say it anew when they connect."""
    op.add_column("dock", sa.Column("bays", sa.JSON(none_as_null=True)))

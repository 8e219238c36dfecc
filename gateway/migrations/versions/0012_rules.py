"""Rule packs that were adopted."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "rules_adopted",
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("jurisdiction", sa.String(200), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("kid", sa.LargeBinary(32), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("adopted_index", sa.BigInteger(), nullable=False),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("rules_adopted_pk")),
        sa.UniqueConstraint("adopted_index", name=op.f("rules_adopted_one_adopted_index")),
    )

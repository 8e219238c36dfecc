"""Requests that were made with a key, and their answers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "keyed_request",
        sa.Column("asker", sa.String(32), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(32), nullable=False),
        sa.Column("log_size", sa.BigInteger(), nullable=False),
        sa.Column("begun_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.BigInteger()),
        sa.Column("media_type", sa.String(100)),
        sa.Column("tag", sa.String(100)),
        sa.Column("body", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("asker", "key", name=op.f("keyed_request_pk")),
    )
    op.create_index("keyed_request_by_age", "keyed_request", ["begun_at"])

"""Receivers of events, and what became of each delivery."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "webhook",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("client", sa.String(32), nullable=False),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("kinds", sa.JSON(none_as_null=True)),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("set_index", sa.BigInteger(), nullable=False),
        sa.Column("url", sa.Text()),
        sa.Column("secret", sa.LargeBinary()),
        sa.Column("old_secret", sa.LargeBinary()),
        sa.Column("old_until", sa.DateTime(timezone=True)),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True)),
        sa.Column("next_try", sa.DateTime(timezone=True)),
        sa.Column("stopped_at", sa.DateTime(timezone=True)),
        sa.Column("stopped_why", sa.String(200)),
        sa.PrimaryKeyConstraint("token", name=op.f("webhook_pk")),
        sa.ForeignKeyConstraint(["client"], ["client.token"], name=op.f("webhook_of_client")),
    )
    op.create_index(op.f("webhook_by_client"), "webhook", ["client"])
    op.create_table(
        "webhook_delivery",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("webhook", sa.String(32), nullable=False),
        sa.Column("event_index", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("attempt", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("took_ms", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.BigInteger()),
        sa.Column("problem", sa.String(200)),
        sa.Column("resent", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("webhook_delivery_pk")),
        sa.ForeignKeyConstraint(
            ["webhook"], ["webhook.token"], name=op.f("webhook_delivery_of_webhook")
        ),
    )
    op.create_index("webhook_delivery_of", "webhook_delivery", ["webhook", "id"])

"""Accounts that sign in through a provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the column and the table."""
    op.add_column("account", sa.Column("provider", sa.String(500)))
    op.create_table(
        "oidc_identity",
        sa.Column("issuer", sa.String(500), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("oidc_identity_pk")),
        sa.UniqueConstraint("issuer", "account", name=op.f("oidc_identity_one_issuer_account")),
        sa.ForeignKeyConstraint(
            ["account"], ["account.token"], name=op.f("oidc_identity_of_account")
        ),
    )

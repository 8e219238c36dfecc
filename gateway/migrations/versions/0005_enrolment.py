"""Certificates that were issued, and invitations to enrol."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables; before them, every key was handed over by hand."""
    op.create_table(
        "certificate",
        sa.Column("serial", sa.String(40), nullable=False),
        sa.Column("purpose", sa.String(16), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("kid", sa.LargeBinary(32), nullable=False),
        sa.Column("der", sa.LargeBinary(), nullable=False),
        sa.Column("not_before", _MOMENT, nullable=False),
        sa.Column("not_after", _MOMENT, nullable=False),
        sa.Column("revoked_at", _MOMENT),
        sa.Column("revoked_by", sa.String(200)),
        sa.Column("revoked_reason", sa.Text()),
        sa.PrimaryKeyConstraint("serial", name=op.f("certificate_pk")),
    )
    op.create_index("certificate_by_name", "certificate", ["purpose", "name"])
    op.create_index(op.f("certificate_by_kid"), "certificate", ["kid"])
    op.create_table(
        "invitation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dock", sa.String(23), nullable=False),
        sa.Column("token", sa.LargeBinary(32), nullable=False),
        sa.Column("made_by", sa.String(200), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("tls_kid", sa.LargeBinary(32)),
        sa.Column("statement_kid", sa.LargeBinary(32)),
        sa.Column("bound_at", _MOMENT),
        sa.Column("used_at", _MOMENT),
        sa.Column("withdrawn_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("invitation_pk")),
        sa.UniqueConstraint("token", name=op.f("invitation_one_token")),
    )
    op.create_index(op.f("invitation_by_dock"), "invitation", ["dock"])

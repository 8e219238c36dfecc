"""Holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "hold",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("case", sa.String(32), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("authority", sa.String(200), nullable=False),
        sa.Column("document", sa.String(200), nullable=True),
        sa.Column("review_after", sa.String(10), nullable=True),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("placed_index", sa.BigInteger(), nullable=False),
        sa.Column("placed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lifted_index", sa.BigInteger(), nullable=True),
        sa.Column("lifted_by", sa.String(200), nullable=True),
        sa.Column("lift_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("token", name=op.f("hold_pk")),
        sa.UniqueConstraint("placed_index", name=op.f("hold_one_placed_index")),
        sa.UniqueConstraint("lifted_index", name=op.f("hold_one_lifted_index")),
        sa.ForeignKeyConstraint(["case"], ["case_file.token"], name=op.f("hold_of_case")),
    )
    op.create_index("hold_on_case", "hold", ["case", "lifted_index"])
    op.create_table(
        "hold_clip",
        sa.Column("hold", sa.String(32), nullable=False),
        sa.Column("dock", sa.String(23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("hold", "dock", "epoch", "seq", name=op.f("hold_clip_pk")),
        sa.ForeignKeyConstraint(["hold"], ["hold.token"], name=op.f("hold_clip_of_hold")),
        sa.ForeignKeyConstraint(
            ["dock", "epoch", "seq"],
            ["clip.dock", "clip.epoch", "clip.seq"],
            name=op.f("hold_clip_of_dock_epoch_seq"),
        ),
    )
    op.create_index("hold_clip_by_clip", "hold_clip", ["dock", "epoch", "seq"])

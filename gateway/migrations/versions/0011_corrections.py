"""What was claimed of clips and put right; which clips were imported by hand."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and the columns of clips that follow from it."""
    op.create_table(
        "clip_correction",
        sa.Column("dock", sa.String(23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.String(16), nullable=False),
        sa.Column("claimed", sa.Text(), nullable=True),
        sa.Column("value", sa.String(200), nullable=True),
        sa.Column("error_ms", sa.BigInteger(), nullable=True),
        sa.Column("known_by", sa.Text(), nullable=True),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("correction_index", sa.BigInteger(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dock", "epoch", "seq", "number", name=op.f("clip_correction_pk")),
        sa.UniqueConstraint("correction_index", name=op.f("clip_correction_one_correction_index")),
        sa.ForeignKeyConstraint(
            ["dock", "epoch", "seq"],
            ["clip.dock", "clip.epoch", "clip.seq"],
            name=op.f("clip_correction_of_dock_epoch_seq"),
        ),
    )
    op.add_column("clip", sa.Column("corrected_officer", sa.String(200), nullable=True))
    op.add_column("clip", sa.Column("corrected_unit", sa.String(200), nullable=True))
    op.add_column("clip", sa.Column("corrected_started", sa.String(40), nullable=True))
    op.add_column("clip", sa.Column("imported", sa.JSON(none_as_null=True), nullable=True))

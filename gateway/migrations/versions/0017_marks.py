"""What is to be heeded about clips, and who took note of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table, and the column of views."""
    op.create_table(
        "clip_mark",
        sa.Column("mark", sa.String(32), nullable=False),
        sa.Column("dock", sa.String(23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("label", sa.String(16), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mark_index", sa.BigInteger(), nullable=False),
        sa.Column("marked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("unmark_index", sa.BigInteger(), nullable=True),
        sa.Column("unmarked_by", sa.String(200), nullable=True),
        sa.Column("unmark_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("mark", name=op.f("clip_mark_pk")),
        sa.UniqueConstraint("mark_index", name=op.f("clip_mark_one_mark_index")),
        sa.UniqueConstraint("unmark_index", name=op.f("clip_mark_one_unmark_index")),
        sa.ForeignKeyConstraint(
            ["dock", "epoch", "seq"],
            ["clip.dock", "clip.epoch", "clip.seq"],
            name=op.f("clip_mark_of_dock_epoch_seq"),
        ),
    )
    op.create_index("clip_mark_of_clip", "clip_mark", ["dock", "epoch", "seq", "mark_index"])
    op.create_index("clip_mark_by_label", "clip_mark", ["label", "mark_index"])
    op.add_column("clip_view", sa.Column("acknowledged", sa.JSON(none_as_null=True)))

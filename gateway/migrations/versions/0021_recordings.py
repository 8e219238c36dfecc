"""Which clips are the chapters of one recording."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "recording",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("group_index", sa.BigInteger(), nullable=False),
        sa.Column("ungroup_index", sa.BigInteger(), nullable=True),
        sa.Column("ungrouped_by", sa.String(200), nullable=True),
        sa.Column("ungroup_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("token", name=op.f("recording_key")),
        sa.UniqueConstraint("group_index", name=op.f("recording_one_group_index")),
        sa.UniqueConstraint("ungroup_index", name=op.f("recording_one_ungroup_index")),
    )
    op.create_table(
        "recording_clip",
        sa.Column("recording", sa.String(32), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("dock", sa.String(23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("recording", "place", name=op.f("recording_clip_key")),
        sa.ForeignKeyConstraint(
            ["recording"], ["recording.token"], name=op.f("recording_clip_of_recording")
        ),
        sa.ForeignKeyConstraint(
            ["dock", "epoch", "seq"],
            ["clip.dock", "clip.epoch", "clip.seq"],
            name=op.f("recording_clip_of_dock_epoch_seq"),
        ),
    )
    op.create_index("recording_clip_of_clip", "recording_clip", ["dock", "epoch", "seq"])

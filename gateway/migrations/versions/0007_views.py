"""Who said that he looks at a clip."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table; before it, content was given to the gateway's own machine alone."""
    op.create_table(
        "clip_view",
        sa.Column("view", sa.String(32), nullable=False),
        sa.Column("dock", sa.String(23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("asker", sa.String(32), nullable=False),
        sa.Column("how", sa.String(16), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("view_index", sa.BigInteger(), nullable=False),
        sa.Column("viewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("view", name=op.f("clip_view_pk")),
        sa.UniqueConstraint("view_index", name=op.f("clip_view_one_view_index")),
        sa.ForeignKeyConstraint(
            ["dock", "epoch", "seq"],
            ["clip.dock", "clip.epoch", "clip.seq"],
            name=op.f("clip_view_of_dock_epoch_seq"),
        ),
    )
    op.create_index(
        "clip_view_of_asker", "clip_view", ["dock", "epoch", "seq", "asker", "view_index"]
    )

"""Keys of encrypted clips, and an index by which the next copy of a kind is found at once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table and change the index."""
    op.create_table(
        "clip_key",
        sa.Column("dock", sa.String(23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("key_index", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary()),
        sa.PrimaryKeyConstraint("dock", "epoch", "seq", name=op.f("clip_key_pk")),
        sa.ForeignKeyConstraint(
            ["dock", "epoch", "seq"],
            ["clip.dock", "clip.epoch", "clip.seq"],
            name=op.f("clip_key_of_dock_epoch_seq"),
        ),
    )
    op.drop_index("preview_by_turn", "preview")
    op.create_index("preview_by_turn", "preview", ["kind", "state", "place", "newest"])

"""What officers said at docks: case numbers for clips, and notes of dockings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; before them, no dock had a way to state either."""
    op.create_table(
        "officer_tag",
        sa.Column("dock", sa.String(length=23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.Column("clip_epoch", sa.BigInteger(), nullable=False),
        sa.Column("clip_seq", sa.BigInteger(), nullable=False),
        sa.Column("link", sa.String(length=32), nullable=False),
        sa.Column("case_no", sa.String(length=200), nullable=False),
        sa.Column("officer", sa.String(length=200), nullable=True),
        sa.Column("settled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["dock", "clip_epoch", "clip_seq"],
            ["clip.dock", "clip.epoch", "clip.seq"],
            name=op.f("officer_tag_of_dock_clip_epoch_clip_seq"),
        ),
        sa.PrimaryKeyConstraint("dock", "epoch", "seq", name=op.f("officer_tag_pk")),
        sa.UniqueConstraint("entry_index", name=op.f("officer_tag_one_entry_index")),
        sa.UniqueConstraint("link", name=op.f("officer_tag_one_link")),
    )
    with op.batch_alter_table("officer_tag", schema=None) as batch_op:
        batch_op.create_index("officer_tag_waiting", ["settled", "entry_index"], unique=False)
    op.create_table(
        "session_note",
        sa.Column("dock", sa.String(length=23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.String(length=60), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("officer", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("dock", "epoch", "seq", name=op.f("session_note_pk")),
        sa.UniqueConstraint("entry_index", name=op.f("session_note_one_entry_index")),
    )
    with op.batch_alter_table("session_note", schema=None) as batch_op:
        batch_op.create_index("session_note_by_dock", ["dock", "entry_index"], unique=False)

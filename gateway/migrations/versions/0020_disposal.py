"""Disposals, and the place of a clip's tombstone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_INDICES = ("proposed_index", "approved_index", "refused_index", "closed_index")


def upgrade() -> None:
    """Make the tables; no clip of an earlier version was disposed of."""
    op.add_column("clip", sa.Column("disposed_index", sa.BigInteger(), nullable=True))
    op.create_table(
        "disposal",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("unit", sa.String(200), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("rules_version", sa.BigInteger(), nullable=False),
        sa.Column("rules_sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("clips", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("proposer", sa.String(32), nullable=False),
        sa.Column("proposed_by", sa.String(200), nullable=False),
        sa.Column("proposed_index", sa.BigInteger(), nullable=False),
        sa.Column("proposed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("approver", sa.String(32), nullable=True),
        sa.Column("approved_by", sa.String(200), nullable=True),
        sa.Column("approve_reason", sa.Text(), nullable=True),
        sa.Column("approved_index", sa.BigInteger(), nullable=True),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("wait_s", sa.BigInteger(), nullable=False),
        sa.Column("waited_s", sa.Float(), nullable=False),
        sa.Column("refused_by", sa.String(200), nullable=True),
        sa.Column("refuse_reason", sa.Text(), nullable=True),
        sa.Column("refused_index", sa.BigInteger(), nullable=True),
        sa.Column("closed_index", sa.BigInteger(), nullable=True),
        sa.Column("disposed", sa.BigInteger(), nullable=True),
        sa.Column("disposed_bytes", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("token", name=op.f("disposal_pk")),
        *(sa.UniqueConstraint(name, name=op.f(f"disposal_one_{name}")) for name in _INDICES),
    )
    op.create_index("disposal_by_state", "disposal", ["state", "proposed_index"])
    op.create_table(
        "disposal_item",
        sa.Column("disposal", sa.String(32), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("dock", sa.String(23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(32), nullable=False),
        sa.Column("due", sa.String(40), nullable=False),
        sa.Column("disposed_index", sa.BigInteger(), nullable=True),
        sa.Column("left_code", sa.String(200), nullable=True),
        sa.Column("left_reason", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("disposal", "place", name=op.f("disposal_item_pk")),
        sa.ForeignKeyConstraint(
            ["disposal"], ["disposal.token"], name=op.f("disposal_item_of_disposal")
        ),
        sa.ForeignKeyConstraint(
            ["dock", "epoch", "seq"],
            ["clip.dock", "clip.epoch", "clip.seq"],
            name=op.f("disposal_item_of_dock_epoch_seq"),
        ),
    )
    op.create_index("disposal_item_by_clip", "disposal_item", ["dock", "epoch", "seq"])

"""Derived copies of clips: what waits for them, and what became of it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_PLACES = {"thumbnail": 1, "contact-strip": 2, "preview": 3}


def upgrade() -> None:
    """Make the table; what is stored already waits like what comes."""
    table = op.create_table(
        "preview",
        sa.Column("dock", sa.String(23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("newest", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(32)),
        sa.Column("detail", sa.Text()),
        sa.Column("object_key", sa.String(200)),
        sa.Column("size", sa.BigInteger()),
        sa.Column("sha256", sa.LargeBinary(32)),
        sa.Column("source_sha256", sa.LargeBinary(32)),
        sa.Column("tool", sa.String(200)),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True)),
        sa.PrimaryKeyConstraint("dock", "epoch", "seq", "kind", name=op.f("preview_pk")),
        sa.ForeignKeyConstraint(
            ["dock", "epoch", "seq"],
            ["clip.dock", "clip.epoch", "clip.seq"],
            name=op.f("preview_of_dock_epoch_seq"),
        ),
    )
    op.create_index("preview_by_turn", "preview", ["state", "place", "newest"])
    clip = sa.table("clip", *(sa.column(name) for name in ("dock", "epoch", "seq", "stored_index")))
    columns = ["dock", "epoch", "seq", "kind", "state", "place", "newest", "attempts"]
    for kind, place in _PLACES.items():
        rows = sa.select(
            clip.c.dock,
            clip.c.epoch,
            clip.c.seq,
            sa.literal(kind),
            sa.literal("waiting"),
            sa.literal(place),
            clip.c.stored_index,
            sa.literal(0),
            sa.literal({}, sa.JSON()),
            sa.literal({}, sa.JSON()),
        ).where(clip.c.stored_index.is_not(None))
        op.execute(table.insert().from_select([*columns, "parameters", "facts"], rows))

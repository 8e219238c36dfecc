"""Every key that a dock had, so that one which was given up becomes nobody else's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_POSITION = sa.BigInteger()


def upgrade() -> None:
    """Make the table; before it, a dock had the one key that it was enrolled with."""
    op.create_table(
        "dock_key",
        sa.Column("kid", sa.LargeBinary(length=32), nullable=False),
        sa.Column("dock", sa.String(length=23), nullable=False),
        sa.Column("epoch", _POSITION, nullable=True),
        sa.Column("seq", _POSITION, nullable=True),
        sa.Column("statement_key", sa.Text(), nullable=False),
        sa.Column("entry_index", _POSITION, nullable=False),
        sa.Column("stated_index", _POSITION, nullable=True),
        sa.PrimaryKeyConstraint("kid", name=op.f("dock_key_pk")),
        sa.UniqueConstraint("entry_index", name=op.f("dock_key_one_entry_index")),
    )
    with op.batch_alter_table("dock_key", schema=None) as batch_op:
        batch_op.create_index("dock_key_by_dock", ["dock", "entry_index"], unique=False)
    op.execute(
        "INSERT INTO dock_key (kid, dock, statement_key, entry_index, stated_index)"
        " SELECT kid, id, statement_key, enrolled_index, enrolled_index FROM dock"
    )

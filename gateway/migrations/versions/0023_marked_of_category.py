"""Marked clips of a category, by when they began: a search by all three is one walk."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_MARKED = sa.text("marked = true")


def upgrade() -> None:
    """Make the index."""
    op.create_index(
        "clip_marked_of_category",
        "clip",
        ["tagged_category", "started_earliest"],
        sqlite_where=_MARKED,
        postgresql_where=_MARKED,
    )

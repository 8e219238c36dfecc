"""With which rights a request with a key was made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the column; answers from before are given to nobody again, and forgotten in two days."""
    op.add_column("keyed_request", sa.Column("rights", sa.LargeBinary(32)))

"""Accounts, case systems, and what they show."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables; before them, only programs on the gateway's own machine could ask."""
    op.create_table(
        "account",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("officer", sa.String(200)),
        sa.Column("roles", sa.JSON(), nullable=False),
        sa.Column("unit", sa.String(200)),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("account_pk")),
        sa.UniqueConstraint("login", name=op.f("account_one_login")),
    )
    op.create_table(
        "client",
        sa.Column("token", sa.String(32), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("unit", sa.String(200)),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("client_pk")),
        sa.UniqueConstraint("name", name=op.f("client_one_name")),
    )
    _make_secrets()


def _make_secrets() -> None:
    op.create_table(
        "credential",
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("password", sa.String(200), nullable=False),
        sa.Column("totp", sa.LargeBinary(32), nullable=False),
        sa.Column("totp_step", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("closed_until", _MOMENT),
        sa.PrimaryKeyConstraint("account", name=op.f("credential_pk")),
        sa.ForeignKeyConstraint(["account"], ["account.token"], name=op.f("credential_of_account")),
    )
    op.create_table(
        "setup_link",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("account", sa.String(32)),
        sa.Column("totp", sa.LargeBinary(32), nullable=False),
        sa.Column("made_by", sa.String(200), nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("used_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name=op.f("setup_link_pk")),
        sa.UniqueConstraint("digest", name=op.f("setup_link_one_digest")),
        sa.ForeignKeyConstraint(["account"], ["account.token"], name=op.f("setup_link_of_account")),
    )
    op.create_index(op.f("setup_link_by_account"), "setup_link", ["account"])
    op.create_table(
        "signed_in",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("account", sa.String(32), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("seen_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("signed_in_pk")),
        sa.ForeignKeyConstraint(["account"], ["account.token"], name=op.f("signed_in_of_account")),
    )
    op.create_index(op.f("signed_in_by_account"), "signed_in", ["account"])
    op.create_index(op.f("signed_in_by_seen_at"), "signed_in", ["seen_at"])
    op.create_table(
        "key_of_client",
        sa.Column("client", sa.String(32), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("client", name=op.f("key_of_client_pk")),
        sa.ForeignKeyConstraint(["client"], ["client.token"], name=op.f("key_of_client_of_client")),
    )
    op.create_index("key_of_client_by_digest", "key_of_client", ["digest"], unique=True)

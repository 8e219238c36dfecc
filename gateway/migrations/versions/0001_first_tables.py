"""Every table of the first version."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "alarm",
        sa.Column("dock", sa.String(length=23), nullable=False),
        sa.Column("by", sa.String(length=8), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("about", sa.String(length=200), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("since", sa.String(length=40), nullable=False),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.Column("times", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("dock", "by", "code", "about", name=op.f("alarm_pk")),
    )
    op.create_table(
        "case_file",
        sa.Column("token", sa.String(length=32), nullable=False),
        sa.Column("case_no", sa.String(length=200), nullable=False),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("category", sa.String(length=200), nullable=True),
        sa.Column("unit", sa.String(length=200), nullable=True),
        sa.Column("opened_by", sa.String(length=200), nullable=False),
        sa.Column("opened_index", sa.BigInteger(), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            server_default=sa.text("(CURRENT_TIMESTAMP)"),
            nullable=False,
        ),
        sa.PrimaryKeyConstraint("token", name=op.f("case_file_pk")),
        sa.UniqueConstraint("case_no", name=op.f("case_file_one_case_no")),
        sa.UniqueConstraint("opened_index", name=op.f("case_file_one_opened_index")),
    )
    op.create_table(
        "clip",
        sa.Column("dock", sa.String(length=23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.Column("statement_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(length=32), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("leaves", sa.BigInteger(), nullable=False),
        sa.Column("session", sa.String(length=60), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("camera", sa.Text(), nullable=True),
        sa.Column("volume", sa.Text(), nullable=False),
        sa.Column("officer", sa.Text(), nullable=True),
        sa.Column("unit", sa.Text(), nullable=True),
        sa.Column("started_claim", sa.Text(), nullable=True),
        sa.Column("camera_clock", sa.JSON(), nullable=False),
        sa.Column("sealed_at", sa.Text(), nullable=False),
        sa.Column("sealed_clock", sa.JSON(), nullable=False),
        sa.Column("marked", sa.Boolean(), nullable=False),
        sa.Column("media", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("received_bytes", sa.BigInteger(), nullable=False),
        sa.Column("object_key", sa.String(length=200), nullable=True),
        sa.Column("stored_index", sa.BigInteger(), nullable=True),
        sa.Column("erased_index", sa.BigInteger(), nullable=True),
        sa.Column("tagged_case", sa.Text(), nullable=True),
        sa.Column("tagged_category", sa.Text(), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("dock", "epoch", "seq", name=op.f("clip_pk")),
        sa.UniqueConstraint("entry_index", name=op.f("clip_one_entry_index")),
        sa.UniqueConstraint("stored_index", name=op.f("clip_one_stored_index")),
    )
    with op.batch_alter_table("clip", schema=None) as batch_op:
        batch_op.create_index("clip_by_session", ["session"], unique=False)
        batch_op.create_index("clip_by_sha256", ["sha256"], unique=False)
        batch_op.create_index("clip_by_state", ["state", "entry_index"], unique=False)

    op.create_table(
        "dock",
        sa.Column("id", sa.String(length=23), nullable=False),
        sa.Column("statement_key", sa.Text(), nullable=False),
        sa.Column("kid", sa.LargeBinary(length=32), nullable=False),
        sa.Column("how", sa.String(length=200), nullable=False),
        sa.Column("enrolled_index", sa.BigInteger(), nullable=False),
        sa.Column("revoked_index", sa.BigInteger(), nullable=True),
        sa.Column("trusted_epoch", sa.BigInteger(), nullable=True),
        sa.Column("trusted_seq", sa.BigInteger(), nullable=True),
        sa.Column("last_head", sa.JSON(), nullable=True),
        sa.Column("head_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=16), nullable=True),
        sa.Column("version", sa.String(length=64), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("dock_pk")),
        sa.UniqueConstraint("enrolled_index", name=op.f("dock_one_enrolled_index")),
        sa.UniqueConstraint("kid", name=op.f("dock_one_kid")),
    )
    op.create_table(
        "dock_unknown",
        sa.Column("id", sa.String(length=23), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("dock_unknown_pk")),
    )
    op.create_table(
        "epoch_approval",
        sa.Column("dock", sa.String(length=23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(length=200), nullable=False),
        sa.Column("approved_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dock", "epoch", name=op.f("epoch_approval_pk")),
    )
    op.create_table(
        "lease",
        sa.Column("dock", sa.String(length=23), nullable=False),
        sa.Column("worker", sa.String(length=31), nullable=False),
        sa.Column("term", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("dock", name=op.f("lease_pk")),
    )
    op.create_table(
        "log_checkpoint",
        sa.Column(
            "size",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("log_checkpoint_pk")),
    )
    op.create_table(
        "log_entry",
        sa.Column(
            "index",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.Column("leaf", sa.LargeBinary(length=32), nullable=False),
        sa.Column("statement_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("issuer", sa.String(length=255), nullable=False),
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("dock", sa.String(length=23), nullable=True),
        sa.Column("epoch", sa.BigInteger(), nullable=True),
        sa.Column("seq", sa.BigInteger(), nullable=True),
        sa.Column("subject_seq", sa.BigInteger(), nullable=True),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("index", name=op.f("log_entry_pk")),
        sa.UniqueConstraint("dock", "epoch", "seq", name=op.f("log_entry_one_dock_epoch_seq")),
        sa.UniqueConstraint("statement_hash", name=op.f("log_entry_one_statement_hash")),
        sa.UniqueConstraint(
            "subject", "subject_seq", name=op.f("log_entry_one_subject_subject_seq")
        ),
    )
    op.create_table(
        "log_node",
        sa.Column("level", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.PrimaryKeyConstraint("level", "index", name=op.f("log_node_pk")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "quarantine",
        sa.Column("dock", sa.String(length=23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("entry_index", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("dock", "epoch", "seq", name=op.f("quarantine_pk")),
        sa.UniqueConstraint("entry_index", name=op.f("quarantine_one_entry_index")),
    )
    op.create_table(
        "refusal",
        sa.Column("dock", sa.String(length=23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("code", sa.String(length=200), nullable=False),
        sa.Column("statement_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("retry", sa.String(length=16), nullable=False),
        sa.Column("statement", sa.LargeBinary(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "dock", "epoch", "seq", "code", "statement_hash", name=op.f("refusal_pk")
        ),
    )
    op.create_table(
        "case_link",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("case", sa.String(length=32), nullable=False),
        sa.Column("dock", sa.String(length=23), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("how", sa.String(length=32), nullable=False),
        sa.Column("who", sa.String(length=200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("link_index", sa.BigInteger(), nullable=False),
        sa.Column("unlink_index", sa.BigInteger(), nullable=True),
        sa.Column("unlinked_by", sa.String(length=200), nullable=True),
        sa.Column("unlink_why", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["case"], ["case_file.token"], name=op.f("case_link_of_case")),
        sa.ForeignKeyConstraint(
            ["dock", "epoch", "seq"],
            ["clip.dock", "clip.epoch", "clip.seq"],
            name=op.f("case_link_of_dock_epoch_seq"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("case_link_pk")),
        sa.UniqueConstraint("link_index", name=op.f("case_link_one_link_index")),
        sa.UniqueConstraint("unlink_index", name=op.f("case_link_one_unlink_index")),
    )
    with op.batch_alter_table("case_link", schema=None) as batch_op:
        batch_op.create_index(
            "case_link_active",
            ["case", "dock", "epoch", "seq"],
            unique=True,
            sqlite_where=sa.text("unlink_index IS NULL"),
            postgresql_where=sa.text("unlink_index IS NULL"),
        )
        batch_op.create_index("case_link_by_clip", ["dock", "epoch", "seq"], unique=False)

    op.create_table(
        "log_entry_subject",
        sa.Column("subject", sa.String(length=255), nullable=False),
        sa.Column("index", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["index"], ["log_entry.index"], name=op.f("log_entry_subject_of_index")
        ),
        sa.PrimaryKeyConstraint("subject", "index", name=op.f("log_entry_subject_pk")),
        sqlite_with_rowid=False,
    )

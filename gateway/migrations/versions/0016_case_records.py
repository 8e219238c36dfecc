"""The whole record of a case: particulars, numbers, mergers, seals, and what was not proposed."""

from __future__ import annotations

import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_POSITION = sa.BigInteger()
_TOKEN = sa.String(length=32)
_MOMENT = sa.DateTime(timezone=True)
_NOW = sa.text("unlink_index IS NULL")


def _bytewise(length: int) -> sa.String:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def _of_case(table: str, column: str = "case") -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], ["case_file.token"], name=op.f(f"{table}_of_{column}"))


def upgrade() -> None:
    """Make the tables; a case of before has its number, its title and its links."""
    _case_file()
    _case_link()
    _case_number()
    _officers_and_stages()
    _words()
    _excuses()
    _rejections()


def _case_file() -> None:
    for column in (
        sa.Column("cause", sa.Text(), nullable=True),
        sa.Column("filed", sa.Date(), nullable=True),
        sa.Column("archive_no", sa.String(200), nullable=True),
        sa.Column("particulars", sa.JSON(), nullable=True),
        sa.Column("sought", sa.Text(), nullable=True),
        sa.Column("set_index", _POSITION, nullable=True),
        sa.Column("changed_index", _POSITION, nullable=False, server_default=sa.text("0")),
        sa.Column("sealed_index", _POSITION, nullable=True),
        sa.Column("merged_into", _TOKEN, nullable=True),
        sa.Column("survivor", _TOKEN, nullable=True),
    ):
        op.add_column("case_file", column)
    op.execute("UPDATE case_file SET changed_index = opened_index")
    op.create_index("case_by_change", "case_file", ["changed_index"])
    op.create_index("case_by_survivor", "case_file", ["survivor"])
    op.create_index("case_by_category", "case_file", ["category", "opened_index"])
    op.create_index("case_by_unit", "case_file", ["unit", "opened_index"])
    op.create_index("case_by_filed", "case_file", ["filed"])
    op.create_index("case_by_sealing", "case_file", ["sealed_index"])


def _case_link() -> None:
    op.add_column("case_link", sa.Column("filed_under", _TOKEN, nullable=False, server_default=""))
    op.execute('UPDATE case_link SET filed_under = "case"')
    op.drop_index("case_link_active", "case_link")
    op.create_index(
        "case_link_active",
        "case_link",
        ["filed_under", "dock", "epoch", "seq"],
        unique=True,
        sqlite_where=_NOW,
        postgresql_where=_NOW,
    )
    op.create_index("case_link_by_case", "case_link", ["case", "link_index"])


def _case_number() -> None:
    op.create_table(
        "case_number",
        sa.Column("case_no", sa.String(200), nullable=False),
        sa.Column("ordered", _bytewise(200), nullable=False),
        sa.Column("case", _TOKEN, nullable=False),
        sa.Column("origin", _TOKEN, nullable=False),
        sa.Column("since_index", _POSITION, nullable=False),
        sa.PrimaryKeyConstraint("case_no", name=op.f("case_number_pk")),
        _of_case("case_number"),
        _of_case("case_number", "origin"),
    )
    op.create_index("case_number_by_start", "case_number", ["ordered"])
    op.create_index("case_number_of_case", "case_number", ["case"])
    op.create_index("case_number_of_origin", "case_number", ["origin"])
    op.execute(
        'INSERT INTO case_number (case_no, ordered, "case", origin, since_index)'
        " SELECT case_no, case_no, token, token, opened_index FROM case_file"
    )


def _officers_and_stages() -> None:
    op.create_table(
        "case_officer",
        sa.Column("case", _TOKEN, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("number", sa.String(200), nullable=True),
        sa.Column("regular", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("case", "place", name=op.f("case_officer_pk")),
        _of_case("case_officer"),
    )
    op.create_index("case_officer_by_number", "case_officer", ["number", "case"])
    op.create_index("case_officer_by_name", "case_officer", ["name", "case"])
    op.create_table(
        "case_stage",
        sa.Column("case", _TOKEN, nullable=False),
        sa.Column("place", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("case", "place", name=op.f("case_stage_pk")),
        _of_case("case_stage"),
    )
    op.create_index("case_stage_by_name", "case_stage", ["name", "case"])
    op.create_index("case_stage_by_start", "case_stage", ["started_at", "case"])


def _words() -> None:
    grams = op.create_table(
        "case_gram",
        sa.Column("gram", _bytewise(2), nullable=False),
        sa.Column("case", _TOKEN, nullable=False),
        sa.PrimaryKeyConstraint("gram", "case", name=op.f("case_gram_pk")),
        _of_case("case_gram"),
    )
    connection = op.get_bind()
    titled = sa.text("SELECT token, title FROM case_file WHERE title IS NOT NULL")
    for token, title in connection.execute(titled).all():
        sought = " ".join(unicodedata.normalize("NFKC", title).casefold().split())
        told = sa.text("UPDATE case_file SET sought = :sought WHERE token = :token")
        connection.execute(told, {"sought": sought, "token": token})
        pieces = {sought[at : at + 2] for at in range(len(sought))}
        op.bulk_insert(grams, [{"gram": piece, "case": token} for piece in sorted(pieces)])


def _excuses() -> None:
    op.create_table(
        "case_excuse",
        sa.Column("excuse_index", _POSITION, autoincrement=False, nullable=False),
        sa.Column("case", _TOKEN, nullable=False),
        sa.Column("stage", sa.String(200), nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("excuse_index", name=op.f("case_excuse_pk")),
        _of_case("case_excuse"),
    )
    op.create_index("case_excuse_of_case", "case_excuse", ["case", "excuse_index"])


def _rejections() -> None:
    op.create_table(
        "proposal_rejection",
        sa.Column("rejected_index", _POSITION, autoincrement=False, nullable=False),
        sa.Column("case", _TOKEN, nullable=False),
        sa.Column("dock", sa.String(23), nullable=False),
        sa.Column("epoch", _POSITION, nullable=False),
        sa.Column("seq", _POSITION, nullable=False),
        sa.Column("who", sa.String(200), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("rejected_index", name=op.f("proposal_rejection_pk")),
        _of_case("proposal_rejection"),
    )
    op.create_index(
        "proposal_rejection_of_clip", "proposal_rejection", ["dock", "epoch", "seq", "case"]
    )
    op.create_index("proposal_rejection_of_case", "proposal_rejection", ["case", "rejected_index"])

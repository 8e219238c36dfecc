"""Clips by time, unit and everything else that lists ask for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from alembic import op

from gateway.cases.counting import reckon
from gateway.evidence.times import moment_of, times_of

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_AT_A_TIME = 1000
_MOMENT = sa.DateTime(timezone=True)
_CLIP = sa.table(
    "clip",
    *(sa.column(name, sa.BigInteger()) for name in ("entry_index", "stored_index", "delay_ms")),
    *(sa.column(name, sa.Text()) for name in ("name", "name_start", "unit", "sealed_at")),
    *(sa.column(name, sa.Text()) for name in ("dock", "officer")),
    *(sa.column(name, sa.Text()) for name in ("corrected_unit", "corrected_officer")),
    *(sa.column(name, sa.BigInteger()) for name in ("epoch", "seq")),
    *(sa.column(name, sa.JSON()) for name in ("camera_clock", "media")),
    *(
        sa.column(name, _MOMENT)
        for name in (
            *("started_earliest", "started_latest", "ended_latest"),
            *("sealed_time", "stored_time"),
        )
    ),
    sa.column("linked", sa.Boolean()),
)
_ENTRY = sa.table(
    "log_entry", sa.column("index", sa.BigInteger()), sa.column("admitted_at", _MOMENT)
)
_LINK = sa.table(
    "case_link",
    *(sa.column(name, sa.Text()) for name in ("case", "dock")),
    *(sa.column(name, sa.BigInteger()) for name in ("epoch", "seq", "unlink_index")),
)
_CASE = sa.table("case_file", sa.column("token", sa.Text()), sa.column("unit", sa.Text()))
_COUNTED = sa.table(
    "clip_counts_to",
    sa.column("kind", sa.Text()),
    sa.column("name", sa.Text()),
    sa.column("entry_index", sa.BigInteger()),
    sa.column("own", sa.Boolean()),
)
_LISTS = (
    *("dock", "camera", "tagged_case", "tagged_category", "marked", "linked"),
    *("session", "sha256"),
)


def upgrade() -> None:
    """Add the columns, fill them from what the rows say already, then make the indexes."""
    for name in ("started_earliest", "started_latest", "ended_latest", "sealed_time"):
        op.add_column("clip", sa.Column(name, _MOMENT, nullable=True))
    op.add_column("clip", sa.Column("stored_time", _MOMENT, nullable=True))
    op.add_column("clip", sa.Column("delay_ms", sa.BigInteger(), nullable=True))
    op.add_column(
        "clip", sa.Column("linked", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column("clip", sa.Column("name_start", sa.String(64), server_default="", nullable=False))
    op.create_table(
        "clip_counts_to",
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("entry_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("own", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_index"], ["clip.entry_index"], name=op.f("clip_counts_to_of_entry_index")
        ),
        sa.PrimaryKeyConstraint("kind", "name", "entry_index", name=op.f("clip_counts_to_pk")),
        sqlite_with_rowid=False,
    )
    _fill(op.get_bind())
    _index()


def _index() -> None:
    op.drop_index("clip_by_session", "clip")
    op.drop_index("clip_by_sha256", "clip")
    for name in _LISTS:
        op.create_index(f"clip_by_{name}", "clip", [name, "entry_index"])
    op.create_index("clip_by_name", "clip", ["name_start", "entry_index"])
    op.create_index("clip_by_start", "clip", ["started_earliest", "entry_index", "started_latest"])
    op.create_index("clip_by_end", "clip", ["ended_latest", "entry_index"])
    op.create_index("clip_by_sealed", "clip", ["sealed_time", "entry_index"])
    op.create_index("clip_by_stored", "clip", ["stored_time", "entry_index"])
    op.create_index("clip_by_delay", "clip", ["delay_ms", "entry_index"])
    op.create_index("clip_counts_to_by_entry", "clip_counts_to", ["entry_index"])


def _fill(connection: sa.Connection) -> None:
    query = (
        sa.select(*_CLIP.c, _ENTRY.c.admitted_at)
        .select_from(_CLIP.outerjoin(_ENTRY, _ENTRY.c.index == _CLIP.c.stored_index))
        .order_by(_CLIP.c.entry_index)
        .limit(_AT_A_TIME)
    )
    last = -1
    while rows := connection.execute(query.where(_CLIP.c.entry_index > last)).mappings().all():
        _fill_some(connection, rows)
        last = rows[-1]["entry_index"]


def _fill_some(connection: sa.Connection, rows: Sequence[sa.RowMapping]) -> None:
    linked = _units_of_cases(connection, rows)
    sets: dict[str, object] = {
        name: sa.bindparam(name)
        for name in (
            *("started_earliest", "started_latest", "ended_latest", "sealed_time"),
            *("stored_time", "delay_ms", "linked", "name_start"),
        )
    }
    change = sa.update(_CLIP).where(_CLIP.c.entry_index == sa.bindparam("at")).values(**sets)
    connection.execute(change, [_values(row, linked=row["entry_index"] in linked) for row in rows])
    counted = [
        {"kind": kind, "name": name, "entry_index": row["entry_index"], "own": own}
        for row in rows
        for (kind, name), own in _whose(row, linked.get(row["entry_index"], ())).items()
    ]
    if counted:
        connection.execute(sa.insert(_COUNTED), counted)


def _whose(row: sa.RowMapping, cases: Iterable[str | None]) -> Mapping[tuple[str, str], bool]:
    units = (row["unit"], row["corrected_unit"])
    return reckon(units, (row["officer"], row["corrected_officer"]), cases)


def _units_of_cases(
    connection: sa.Connection, rows: Sequence[sa.RowMapping]
) -> dict[int, list[str | None]]:
    """The units of the cases that have these clips now, by the clips' log positions."""
    query = (
        sa.select(_CLIP.c.entry_index, _CASE.c.unit)
        .select_from(
            _CLIP.join(
                _LINK,
                sa.and_(*(_CLIP.c[name] == _LINK.c[name] for name in ("dock", "epoch", "seq"))),
            ).join(_CASE, _CASE.c.token == _LINK.c.case)
        )
        .where(_LINK.c.unlink_index.is_(None))
        .where(_CLIP.c.entry_index.between(rows[0]["entry_index"], rows[-1]["entry_index"]))
    )
    found: dict[int, list[str | None]] = {}
    for index, unit in connection.execute(query):
        found.setdefault(index, []).append(unit)
    return found


def _values(row: sa.RowMapping, *, linked: bool) -> dict[str, object]:
    times = times_of(row["camera_clock"], row["media"].get("duration_ms"), row["sealed_at"])
    stored = None if row["admitted_at"] is None else _utc(row["admitted_at"])
    ended = times.ended_latest
    delay = None if stored is None or ended is None else stored - ended
    return {
        "at": row["entry_index"],
        "started_earliest": times.started_earliest,
        "started_latest": times.started_latest,
        "ended_latest": ended,
        "sealed_time": moment_of(row["sealed_at"]),
        "stored_time": stored,
        "delay_ms": None if delay is None else delay // timedelta(milliseconds=1),
        "linked": linked,
        "name_start": row["name"][:64],
    }


def _utc(moment: datetime) -> datetime:
    # SQLite gives it back without its zone.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)

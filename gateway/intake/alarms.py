"""Alarms: what a person has to see to, raised once and cleared once, in a caller's transaction.

An alarm never decides anything; whoever raises it has already refused, waited or gone on.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from gateway.intake.models import CODE_LENGTH, Alarm
from protocols.shown import shown

BY_DOCK = "dock"
BY_GATEWAY = "gateway"

READ_BACK = "store-read-back"
WRONG_BYTES = "clip-wrong-bytes"
CONTENT_MISSING = "content-missing"
STORE_FULL = "store-full"
STOPPED = "intake-stopped"
FORKED = "ledger-forked"
REWOUND = "log-rewound"
CLAIMED = "checkpoint-unknown"
BEYOND = "entries-after-revocation"
CONTESTED = "invitation-contested"
ROTATION_CONTESTED = "rotation-contested"
WEBHOOK_STOPPED = "webhook-stopped"
AUTHORITY_AWAY = "authority-away"
AUTHORITY_ENDS = "authority-ends"


async def raise_alarm(
    session: AsyncSession,
    *,
    dock: str,
    by: str,
    code: str,
    about: str | None,
    text: str,
    since: str,
) -> bool:
    """Raise an alarm, or count it once more while it is up.

    Args:
        session: the caller's transaction.
        dock: the dock concerned; empty for the gateway as a whole.
        by: ``BY_DOCK`` or ``BY_GATEWAY``.
        code: short stable word.
        about: what it is about, such as a clip.
        text: what a person reads.
        since: UTC text.

    Returns:
        Whether it was not up before.
    """
    row = await session.get(Alarm, _key(dock, by, code, about))
    if row is not None and not row.cleared:
        row.times, row.text = row.times + 1, shown(text)
        return False
    if row is None:
        dock_, by_, code_, about_ = _key(dock, by, code, about)
        row = Alarm(dock=dock_, by=by_, code=code_, about=about_)
        session.add(row)
    row.text, row.since, row.cleared, row.times = shown(text), since, False, 1
    await session.flush()
    return True


async def clear_alarm(
    session: AsyncSession, *, dock: str, by: str, code: str, about: str | None
) -> bool:
    """Note that an alarm's cause is gone; returns whether it was up."""
    row = await session.get(Alarm, _key(dock, by, code, about))
    if row is None or row.cleared:
        return False
    row.cleared = True
    return True


async def standing(session: AsyncSession) -> Sequence[Alarm]:
    """Alarms that are up, oldest first."""
    query = select(Alarm).where(Alarm.cleared.is_(False)).order_by(Alarm.since)
    return (await session.scalars(query)).all()


def _key(dock: str, by: str, code: str, about: str | None) -> tuple[str, str, str, str]:
    return dock, by, shown(code)[:CODE_LENGTH], shown(about or "")[:CODE_LENGTH]

"""Rows that follow from logged entries: a stored clip is to get its copies."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from gateway.evidence.service import get_clip
from gateway.previews.models import Preview, waiting
from gateway.previews.wanted import Kind
from protocols.ids import ClipId


async def wait(session: AsyncSession, clip: ClipId, newest: int) -> None:
    """Let a clip that was stored get its copies; the same again changes nothing.

    Args:
        session: the transaction of ``clip.stored``.
        clip: its clip.
        newest: its position in the log.
    """
    if await get_clip(session, clip) is None:
        return
    key = (clip.dock, clip.epoch, clip.seq)
    if await session.get(Preview, (*key, Kind.THUMBNAIL.value)) is not None:
        return
    session.add_all(waiting(clip, kind, newest) for kind in Kind)
    await session.flush()

"""Channels: people edit them, batches look one up."""

from collections.abc import Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.channels.models import Channel
from yundian.platform.outbox.door import Door, brand_of, fetch


async def standing_of(door: Door, *, code: str) -> tuple[str, bool] | None:
    """A channel's zone, and whether it is switched on."""
    query = "SELECT time_zone, is_active FROM channels_channel WHERE brand_id = $1 AND code = $2"
    rows = await fetch(door, query, brand_of(door), code)
    return (rows[0][0], rows[0][1]) if rows else None


async def list_all(session: AsyncSession) -> Sequence[Channel]:
    """By code."""
    query = select(Channel).where(col(Channel.brand_id) == brand_of(session)).order_by(col(Channel.code))
    return (await session.exec(query)).all()


async def by_code(session: AsyncSession, *, code: str) -> Channel | None:
    query = select(Channel).where(col(Channel.brand_id) == brand_of(session), col(Channel.code) == code)
    return (await session.exec(query)).first()

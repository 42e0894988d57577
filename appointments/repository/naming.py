"""Statements about what a shop's people are called in English."""

import uuid
from collections.abc import Collection

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.models.setup import Staff
from appointments.states import Status
from yundian.platform.outbox.door import brand_of


async def at_home(
    session: AsyncSession, *, shop_ids: Collection[uuid.UUID], is_locked: bool = False
) -> list[Staff]:
    """Who serves and has one of these shops as home, by name: who is a guest there is named at home."""
    statement = (
        select(Staff)
        .where(
            col(Staff.brand_id) == brand_of(session),
            col(Staff.home_shop_id).in_(shop_ids),
            col(Staff.status) == Status.ACTIVE,
        )
        .order_by(col(Staff.display_name), col(Staff.id))
    )
    if is_locked:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return list((await session.exec(statement)).all())

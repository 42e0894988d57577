"""What HQ and members decide: templates, the policy, choices."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.messaging.models import Policy, Template
from yundian.messaging.types import MessageClass
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.door import Door, brand_of, fetch, run

_CHOICES = """
SELECT DISTINCT ON (member_id, message_class) member_id, message_class, is_allowed, created_at
FROM messaging_choice WHERE brand_id = $1 AND member_id = ANY($2::uuid[])
ORDER BY member_id, message_class, id DESC
"""

_CHOOSE = """
INSERT INTO messaging_choice (brand_id, id, created_at, member_id, message_class, is_allowed, text_version, via)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""


async def templates(session: AsyncSession, *, brand_id: uuid.UUID) -> Sequence[Template]:
    return (await session.exec(select(Template).where(col(Template.brand_id) == brand_id))).all()


async def template(session: AsyncSession, *, brand_id: uuid.UUID, code: str) -> Template | None:
    query = select(Template).where(col(Template.brand_id) == brand_id, col(Template.code) == code)
    return (await session.exec(query)).one_or_none()


async def policy(session: AsyncSession, *, brand_id: uuid.UUID) -> Policy | None:
    return (await session.exec(select(Policy).where(col(Policy.brand_id) == brand_id))).one_or_none()


async def choices(
    door: Door, *, ids: Collection[uuid.UUID]
) -> dict[tuple[uuid.UUID, MessageClass], tuple[bool, dt.datetime]]:
    """The newest decision of each member about each class, and when."""
    rows = await fetch(door, _CHOICES, brand_of(door), sorted(ids))
    return {(row[0], MessageClass(row[1])): (row[2], row[3]) for row in rows}


async def choose(
    door: Door,
    *,
    member_id: uuid.UUID,
    message_class: MessageClass,
    is_allowed: bool,
    text_version: str,
    via: str,
    now: dt.datetime,
) -> None:
    await run(
        door, _CHOOSE, brand_of(door), new_id(), now, member_id, message_class.value, is_allowed, text_version, via
    )

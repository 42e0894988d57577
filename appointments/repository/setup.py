"""Statements about what is set up: services, people, plans, chairs, days of shops."""

import datetime as dt
import uuid
from collections.abc import Collection, Sequence
from typing import TypeVar

import msgspec
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import SQLModel, col, delete, select
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import ServiceUnknown
from appointments.models.setup import (
    PlanSpan,
    Resource,
    Service,
    ShopDay,
    ShopRule,
    Skill,
    Staff,
    StaffDay,
    StaffShop,
)
from appointments.states import DayKind, Status
from appointments.types import ServiceView
from yundian.platform.core.words import Words
from yundian.platform.outbox.door import Door, brand_of, fetch

R = TypeVar("R", bound=SQLModel)


class StaffDayView(msgspec.Struct, frozen=True, kw_only=True):
    """What is different on a date."""

    id: uuid.UUID
    day: dt.date
    kind: DayKind
    shop_id: uuid.UUID | None
    starts: int | None
    ends: int | None
    reason: str


class ResourceView(msgspec.Struct, frozen=True, kw_only=True):
    """A chair or a room."""

    id: uuid.UUID
    shop_id: uuid.UUID
    kind: str
    name: str
    status: Status
    version: int


_SERVICE = "SELECT row_to_json(s)::text FROM appointments_service s WHERE s.brand_id = $1 AND s.id = $2"

_OFFERED = """
SELECT row_to_json(s)::text FROM appointments_service s
WHERE s.brand_id = $1 AND s.status = 'active' AND ($2::uuid IS NULL OR EXISTS (
    SELECT FROM appointments_skill k
    JOIN appointments_staff_shop h ON h.brand_id = $1 AND h.staff_id = k.staff_id AND h.shop_id = $2
    JOIN appointments_staff p ON p.brand_id = $1 AND p.id = k.staff_id AND p.status = 'active'
    WHERE k.brand_id = $1 AND k.service_id = s.id)
    AND (s.chair_kind = '' OR EXISTS (SELECT FROM appointments_resource r
        WHERE r.brand_id = $1 AND r.shop_id = $2 AND r.kind = s.chair_kind AND r.status = 'active')))
ORDER BY s.category, s.name, s.id
"""

_SHOPS_WITH_STAFF = """
SELECT DISTINCT h.shop_id FROM appointments_staff_shop h
JOIN appointments_staff p ON p.brand_id = h.brand_id AND p.id = h.staff_id AND p.status = 'active'
WHERE h.brand_id = $1
"""


_SHOPS_OFFERING = """
SELECT DISTINCT h.shop_id FROM appointments_service s
JOIN appointments_skill k ON k.brand_id = $1 AND k.service_id = s.id
JOIN appointments_staff_shop h ON h.brand_id = $1 AND h.staff_id = k.staff_id
JOIN appointments_staff p ON p.brand_id = $1 AND p.id = k.staff_id AND p.status = 'active'
WHERE s.brand_id = $1 AND s.id = $2 AND s.status = 'active'
AND (s.chair_kind = '' OR EXISTS (SELECT FROM appointments_resource r
    WHERE r.brand_id = $1 AND r.shop_id = h.shop_id AND r.kind = s.chair_kind AND r.status = 'active'))
"""


async def get_service(door: Door, *, service_id: uuid.UUID) -> ServiceView:
    """A service as it stands; ``ServiceUnknown`` when there is none."""
    rows = await fetch(door, _SERVICE, brand_of(door), service_id)
    if not rows:
        raise ServiceUnknown
    return msgspec.json.decode(rows[0][0], type=ServiceView)


async def offered(door: Door, *, shop_id: uuid.UUID | None) -> list[ServiceView]:
    """Services that somebody performs in a shop (``None``: anywhere or nowhere), by category and name."""
    rows = await fetch(door, _OFFERED, brand_of(door), shop_id)
    return [msgspec.json.decode(row[0], type=ServiceView) for row in rows]


async def shops_with_staff(door: Door) -> set[uuid.UUID]:
    """Where anybody serves."""
    return {row[0] for row in await fetch(door, _SHOPS_WITH_STAFF, brand_of(door))}


async def shops_offering(door: Door, *, service_id: uuid.UUID) -> set[uuid.UUID]:
    """Where somebody performs it, on the chairs it needs."""
    return {row[0] for row in await fetch(door, _SHOPS_OFFERING, brand_of(door), service_id)}


async def services(session: AsyncSession) -> list[Service]:
    statement = select(Service).where(col(Service.brand_id) == brand_of(session))
    return list((await session.exec(statement.order_by(col(Service.category), col(Service.name)))).all())


async def staff(session: AsyncSession, *, shop_id: uuid.UUID | None) -> list[Staff]:
    """Everybody, or those who may serve in a shop, by name."""
    statement = select(Staff).where(col(Staff.brand_id) == brand_of(session))
    if shop_id is not None:
        here = select(StaffShop.staff_id).where(
            col(StaffShop.brand_id) == brand_of(session), col(StaffShop.shop_id) == shop_id
        )
        statement = statement.where(col(Staff.id).in_(here))
    return list((await session.exec(statement.order_by(col(Staff.display_name), col(Staff.id)))).all())


async def get(session: AsyncSession, kind: type[R], thing_id: uuid.UUID) -> R | None:
    return await session.get(kind, (brand_of(session), thing_id))


async def shops_of(session: AsyncSession, *, staff_ids: Collection[uuid.UUID]) -> list[StaffShop]:
    statement = select(StaffShop).where(
        col(StaffShop.brand_id) == brand_of(session), col(StaffShop.staff_id).in_(staff_ids)
    )
    return list((await session.exec(statement)).all())


async def skills_of(session: AsyncSession, *, staff_ids: Collection[uuid.UUID]) -> list[Skill]:
    statement = select(Skill).where(col(Skill.brand_id) == brand_of(session), col(Skill.staff_id).in_(staff_ids))
    return list((await session.exec(statement)).all())


async def plan_of(session: AsyncSession, *, staff_id: uuid.UUID) -> list[PlanSpan]:
    statement = select(PlanSpan).where(
        col(PlanSpan.brand_id) == brand_of(session), col(PlanSpan.staff_id) == staff_id
    )
    return list((await session.exec(statement.order_by(col(PlanSpan.weekday), col(PlanSpan.starts)))).all())


async def days_of(session: AsyncSession, *, staff_id: uuid.UUID, since: dt.date) -> list[StaffDay]:
    statement = select(StaffDay).where(
        col(StaffDay.brand_id) == brand_of(session), col(StaffDay.staff_id) == staff_id, col(StaffDay.day) >= since
    )
    return list((await session.exec(statement.order_by(col(StaffDay.day), col(StaffDay.starts)))).all())


async def forget(session: AsyncSession, kind: type[StaffShop | Skill | PlanSpan], *, staff_id: uuid.UUID) -> None:
    """All of somebody's rows of one kind, to be written anew."""
    await session.exec(delete(kind).where(col(kind.brand_id) == brand_of(session), col(kind.staff_id) == staff_id))


async def lock_staff(session: AsyncSession, *, staff_id: uuid.UUID) -> None:
    """Whoever says something of her days at the same moment says it afterwards."""
    statement = select(Staff.id).where(col(Staff.brand_id) == brand_of(session), col(Staff.id) == staff_id)
    await session.exec(statement.with_for_update(key_share=True))


async def say_days(session: AsyncSession, days: Sequence[StaffDay]) -> None:
    """Write them; a break that was said before is the same one."""
    values = [one.model_dump() for one in days]
    one_break = ["brand_id", "staff_id", "day", "starts", "ends"]
    statement = insert(StaffDay).on_conflict_do_nothing(
        index_elements=one_break, index_where=text("kind = 'break'")
    )
    await session.exec(statement.values(values))


async def forget_staff_day(session: AsyncSession, *, staff_id: uuid.UUID, day_id: uuid.UUID) -> dt.date | None:
    """Its date; ``None`` where there was none."""
    statement = delete(StaffDay).where(
        col(StaffDay.brand_id) == brand_of(session),
        col(StaffDay.staff_id) == staff_id,
        col(StaffDay.id) == day_id,
    )
    return (await session.exec(statement.returning(col(StaffDay.day)))).scalar_one_or_none()


async def forget_off_days(session: AsyncSession, *, staff_id: uuid.UUID, first: dt.date, last: dt.date) -> None:
    """What was said of these dates, to be said anew."""
    await session.exec(
        delete(StaffDay).where(
            col(StaffDay.brand_id) == brand_of(session),
            col(StaffDay.staff_id) == staff_id,
            col(StaffDay.day).between(first, last),
        )
    )


async def resources(session: AsyncSession, *, shop_id: uuid.UUID) -> list[Resource]:
    statement = select(Resource).where(
        col(Resource.brand_id) == brand_of(session), col(Resource.shop_id) == shop_id
    )
    return list((await session.exec(statement.order_by(col(Resource.kind), col(Resource.name)))).all())


async def shop_rule(session: AsyncSession, *, shop_id: uuid.UUID) -> ShopRule | None:
    statement = select(ShopRule).where(
        col(ShopRule.brand_id) == brand_of(session), col(ShopRule.shop_id) == shop_id
    )
    return (await session.exec(statement)).one_or_none()


async def follows_holidays(door: Door) -> bool:
    """Whether any shop treats holidays or make-up workdays in its own way."""
    sql = (
        "SELECT EXISTS (SELECT FROM appointments_shop_rule WHERE brand_id = $1"
        " AND (holidays <> 'as_usual' OR workdays <> 'as_usual'))"
    )
    return bool((await fetch(door, sql, brand_of(door)))[0][0])


async def shop_days(session: AsyncSession, *, shop_id: uuid.UUID, since: dt.date) -> Sequence[ShopDay]:
    statement = select(ShopDay).where(
        col(ShopDay.brand_id) == brand_of(session), col(ShopDay.shop_id) == shop_id, col(ShopDay.day) >= since
    )
    return (await session.exec(statement.order_by(col(ShopDay.day)))).all()


async def forget_shop_day(session: AsyncSession, *, shop_id: uuid.UUID, day: dt.date) -> None:
    await session.exec(
        delete(ShopDay).where(
            col(ShopDay.brand_id) == brand_of(session), col(ShopDay.shop_id) == shop_id, col(ShopDay.day) == day
        )
    )


async def staff_names(door: Door, *, staff_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Words]:
    """What customers call them."""
    sql = "SELECT id, display_name, display_name_en FROM appointments_staff WHERE brand_id = $1 AND id = ANY($2)"
    rows = await fetch(door, sql, brand_of(door), list(staff_ids))
    return {row[0]: Words(row[1], row[2]) for row in rows}

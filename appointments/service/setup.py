"""What HQ sets up: services, people with their week, chairs, and the days of shops."""

import datetime as dt
import itertools
import uuid
from collections import defaultdict
from collections.abc import Collection
from typing import Any

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import CodeTaken, NameTaken, ResourceUnknown, ServiceUnknown, SpanTaken, StaffUnknown
from appointments.events import PlansChanged
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
from appointments.repository import setup as repository
from appointments.repository import waits
from appointments.repository.setup import ResourceView, StaffDayView
from appointments.rules.days import knows_holidays
from appointments.service import planned
from appointments.states import DayKind, DayRule, SpanKind, Status
from appointments.types import (
    PlanLine,
    ServiceFields,
    ServiceView,
    ShopDayView,
    StaffDayFields,
    StaffFields,
    StaffView,
)
from stores import api as stores
from stores.errors import ShopUnknown
from stores.types import ShopView
from yundian.brands import api as brands
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput, VersionConflict
from yundian.platform.db.conflicts import conflicts
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import brand_of

# A longer absence is a retirement.
MAX_AWAY_DAYS = 366


async def list_services(session: AsyncSession) -> list[ServiceView]:
    """Every service, retired ones too."""
    return [msgspec.convert(row, ServiceView, from_attributes=True) for row in await repository.services(session)]


async def save_service(
    session: AsyncSession, *, service_id: uuid.UUID | None, version: int | None, fields: ServiceFields
) -> ServiceView:
    """A new service, or a change of one. What is booked keeps what it was booked under.

    Raises ``CodeTaken``, ``ServiceUnknown`` or ``VersionConflict``.
    """
    if service_id is None:
        policy = await brands.get_policy(session, brand_id=brand_of(session))
        row = Service(brand_id=brand_of(session), currency=policy.currency, **msgspec.structs.asdict(fields))
    else:
        found = await repository.get(session, Service, service_id)
        if found is None:
            raise ServiceUnknown
        row = found
        _check_version(row.version, version)
        for name, value in msgspec.structs.asdict(fields).items():
            setattr(row, name, value)
    session.add(row)
    async with conflicts({"uq_appointments_service_brand_id_code": CodeTaken(service_code=fields.code)}):
        await session.flush()
    if service_id is not None:
        waited = await waits.shops_of_service(session, service_id=service_id, since=_yesterday())
        await _widened(session, waited)
    return msgspec.convert(row, ServiceView, from_attributes=True)


async def list_staff(session: AsyncSession, *, shop_id: uuid.UUID | None = None) -> list[StaffView]:
    """Everybody who serves (in a shop), with shops and skills. Three statements."""
    rows = await repository.staff(session, shop_id=shop_id)
    ids = [row.id for row in rows]
    shops: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    skills: dict[uuid.UUID, list[uuid.UUID]] = defaultdict(list)
    for here in await repository.shops_of(session, staff_ids=ids):
        shops[here.staff_id].append(here.shop_id)
    for skill in await repository.skills_of(session, staff_ids=ids):
        skills[skill.staff_id].append(skill.service_id)
    return [
        msgspec.structs.replace(
            msgspec.convert(row, StaffView, from_attributes=True),
            shop_ids=tuple(shops[row.id]),
            service_ids=tuple(skills[row.id]),
        )
        for row in rows
    ]


async def shops_with_staff(session: AsyncSession) -> list[ShopView]:
    """The shops where anybody serves, by name."""
    found = await stores.get_shops(session, ids=await repository.shops_with_staff(session))
    return sorted(found.values(), key=lambda shop: (shop.name, shop.code))


async def get_staff(session: AsyncSession, *, staff_id: uuid.UUID) -> StaffView:
    """One of them; ``StaffUnknown`` when there is none."""
    row = await _staff(session, staff_id)
    shops = await repository.shops_of(session, staff_ids=[staff_id])
    skills = await repository.skills_of(session, staff_ids=[staff_id])
    return msgspec.structs.replace(
        msgspec.convert(row, StaffView, from_attributes=True),
        shop_ids=tuple(one.shop_id for one in shops),
        service_ids=tuple(one.service_id for one in skills),
    )


async def save_staff(
    session: AsyncSession, *, staff_id: uuid.UUID | None, version: int | None, fields: StaffFields
) -> StaffView:
    """Somebody new, or a change of shops, skills, or the cap of a day. Who leaves has no calendar feed.

    Raises ``StaffUnknown``, ``ShopUnknown``, ``ServiceUnknown`` or ``VersionConflict``.
    """
    brand_id = brand_of(session)
    shop_ids = {fields.home_shop_id, *fields.guest_shop_ids}
    if set(await stores.get_shops(session, ids=shop_ids)) != shop_ids:
        raise ShopUnknown
    if not set(fields.service_ids) <= {one.id for one in await repository.services(session)}:
        raise ServiceUnknown
    values: dict[str, Any] = {
        "display_name": fields.display_name.strip(),
        "title": fields.title.strip(),
        "display_name_en": fields.display_name_en.strip(),
        "title_en": fields.title_en.strip(),
        "home_shop_id": fields.home_shop_id,
        "account_id": fields.account_id,
        "daily_cap": fields.daily_cap,
        "status": fields.status,
    }
    if staff_id is None:
        row = Staff(brand_id=brand_id, **values)
    else:
        row = await _staff(session, staff_id)
        _check_version(row.version, version)
        await planned.keep(session, shop_ids=await _shops_of(session, staff_id))
        if fields.status is Status.RETIRED and row.status is not Status.RETIRED:
            # Who leaves takes no calendar along, and finds none should she come back.
            row.feed_version += 1
        for name, value in values.items():
            setattr(row, name, value)
    session.add(row)
    await session.flush()
    await repository.forget(session, StaffShop, staff_id=row.id)
    await repository.forget(session, Skill, staff_id=row.id)
    session.add_all(StaffShop(brand_id=brand_id, staff_id=row.id, shop_id=shop) for shop in sorted(shop_ids))
    session.add_all(
        Skill(brand_id=brand_id, staff_id=row.id, service_id=one) for one in sorted(set(fields.service_ids))
    )
    await session.flush()
    await _widened(session, shop_ids)
    return await get_staff(session, staff_id=row.id)


async def plan_of(session: AsyncSession, *, staff_id: uuid.UUID) -> list[PlanLine]:
    """Her week in order."""
    rows = await repository.plan_of(session, staff_id=staff_id)
    return [msgspec.convert(row, PlanLine, from_attributes=True) for row in rows]


async def put_plan(
    session: AsyncSession, *, staff_id: uuid.UUID, lines: list[PlanLine], version: int | None = None
) -> None:
    """Her whole week anew. Work that overlaps, or lies in a shop that is not hers, is refused.

    With ``version``, that of the person when her week was read; raises ``VersionConflict``.
    """
    row = await _staff(session, staff_id)
    _check_version(row.version, version)
    staff = await get_staff(session, staff_id=staff_id)
    if any(line.shop_id not in staff.shop_ids for line in lines):
        raise InvalidInput("lines", "she does not serve in this shop")
    if any(not line.starts < line.ends <= line.starts + 1440 for line in lines):
        raise InvalidInput("lines", "an entry must end after it begins, within 24 hours")
    if _overlap([one for one in lines if one.kind is SpanKind.WORK]):
        raise InvalidInput("lines", "working times overlap")
    await planned.keep(session, shop_ids=staff.shop_ids)
    # The week is part of the person: whoever read the old one is told.
    row.updated_at = clock.now()
    await repository.forget(session, PlanSpan, staff_id=staff_id)
    rows = (msgspec.structs.asdict(line) for line in lines)
    session.add_all(PlanSpan(brand_id=brand_of(session), staff_id=staff_id, **row) for row in rows)
    async with conflicts({"uq_appointments_plan_span_brand_id_staff_id_weekday_kind_starts": SpanTaken()}):
        await session.flush()
    await _widened(session, staff.shop_ids)


async def days_of(session: AsyncSession, *, staff_id: uuid.UUID, since: dt.date) -> list[StaffDayView]:
    rows = await repository.days_of(session, staff_id=staff_id, since=since)
    return [msgspec.convert(row, StaffDayView, from_attributes=True) for row in rows]


async def put_days(session: AsyncSession, *, staff_id: uuid.UUID, fields: StaffDayFields) -> None:
    """Say what is different on some dates. Away or other hours replace what was said before; a break is added,
    once however often it is said."""
    await repository.lock_staff(session, staff_id=staff_id)
    staff = await get_staff(session, staff_id=staff_id)
    if not dt.timedelta(0) <= fields.last - fields.first < dt.timedelta(days=MAX_AWAY_DAYS):
        raise InvalidInput("last", "must not lie before the first day, nor a year after it")
    is_off = fields.kind is DayKind.OFF
    if not is_off and (fields.starts is None or fields.ends is None or fields.ends <= fields.starts):
        raise InvalidInput("ends", "an entry must end after it begins, within 24 hours")
    shop_id = (fields.shop_id or staff.home_shop_id) if fields.kind is DayKind.WORK else None
    if shop_id is not None and shop_id not in staff.shop_ids:
        raise InvalidInput("shop_id", "she does not serve in this shop")
    await planned.keep(session, shop_ids=staff.shop_ids)
    if fields.kind is not DayKind.BREAK:
        await repository.forget_off_days(session, staff_id=staff_id, first=fields.first, last=fields.last)
    days = (fields.first + dt.timedelta(days=n) for n in range((fields.last - fields.first).days + 1))
    said = [
        StaffDay(
            brand_id=brand_of(session),
            staff_id=staff_id,
            day=day,
            kind=fields.kind,
            shop_id=shop_id,
            starts=None if is_off else fields.starts,
            ends=None if is_off else fields.ends,
            reason=fields.reason.strip(),
        )
        for day in days
    ]
    await repository.say_days(session, said)
    await planned.correct(
        session, shop_ids=staff.shop_ids, first=fields.first, last=fields.last, staff_id=staff_id
    )
    await _widened(session, staff.shop_ids)


async def forget_day(session: AsyncSession, *, staff_id: uuid.UUID, day_id: uuid.UUID) -> None:
    """The plan holds again."""
    shop_ids = await _shops_of(session, staff_id)
    await planned.keep(session, shop_ids=shop_ids)
    day = await repository.forget_staff_day(session, staff_id=staff_id, day_id=day_id)
    if day is not None:
        await planned.correct(session, shop_ids=shop_ids, first=day, last=day, staff_id=staff_id)
        await _widened(session, shop_ids)


async def new_feed(session: AsyncSession, *, staff_id: uuid.UUID) -> None:
    """Older addresses of her calendar feed end."""
    row = await _staff(session, staff_id)
    row.feed_version += 1
    await session.flush()


async def resources_of(session: AsyncSession, *, shop_id: uuid.UUID) -> list[ResourceView]:
    """Chairs and rooms of a shop."""
    rows = await repository.resources(session, shop_id=shop_id)
    return [msgspec.convert(row, ResourceView, from_attributes=True) for row in rows]


async def add_resource(session: AsyncSession, *, shop_id: uuid.UUID, kind: str, name: str) -> ResourceView:
    """A chair or a room more, or one of this name that was taken out of use, as what it is now; ``NameTaken`` when
    the shop uses one of this name."""
    if not await stores.get_shops(session, ids={shop_id}):
        raise ShopUnknown
    row = await _retired(session, shop_id, name.strip())
    if row is None:
        row = Resource(brand_id=brand_of(session), shop_id=shop_id, kind=kind.strip(), name=name.strip())
        session.add(row)
    row.kind, row.status = kind.strip(), Status.ACTIVE
    async with conflicts({"uq_appointments_resource_brand_id_shop_id_name": NameTaken()}):
        await session.flush()
    await _widened(session, [shop_id])
    return msgspec.convert(row, ResourceView, from_attributes=True)


async def _retired(session: AsyncSession, shop_id: uuid.UUID, name: str) -> Resource | None:
    found = (one for one in await repository.resources(session, shop_id=shop_id) if one.name == name)
    return next((one for one in found if one.status is Status.RETIRED), None)


async def set_resource_status(
    session: AsyncSession, *, shop_id: uuid.UUID, resource_id: uuid.UUID, status: Status
) -> None:
    """Out of use, or in use again. What is booked on it stays and has to be moved."""
    row = await repository.get(session, Resource, resource_id)
    if row is None or row.shop_id != shop_id:
        raise ResourceUnknown
    row.status = status
    await session.flush()
    if status is Status.ACTIVE:
        await _widened(session, [shop_id])


async def shop_days(
    session: AsyncSession, *, shop_id: uuid.UUID, since: dt.date
) -> tuple[DayRule, DayRule, list[ShopDayView]]:
    """How a shop treats holidays and make-up workdays, and its dates with other hours."""
    rule = await repository.shop_rule(session, shop_id=shop_id)
    rows = await repository.shop_days(session, shop_id=shop_id, since=since)
    days = [msgspec.convert(row, ShopDayView, from_attributes=True) for row in rows]
    usual = DayRule.AS_USUAL
    return (rule.holidays, rule.workdays, days) if rule is not None else (usual, usual, days)


async def unknown_holidays(session: AsyncSession, *, today: dt.date) -> int | None:
    """The nearest year in reach whose holidays nobody knows yet, where a shop follows them."""
    longest = max((one.horizon_days for one in await repository.services(session)), default=0)
    if not await repository.follows_holidays(session):
        return None
    years = range(today.year, (today + dt.timedelta(days=longest)).year + 1)
    return next((year for year in years if not knows_holidays(year)), None)


async def put_shop_rule(
    session: AsyncSession, *, shop_id: uuid.UUID, holidays: DayRule, workdays: DayRule
) -> None:
    """How a shop treats public holidays, and the weekend days that make up for them."""
    await planned.keep(session, shop_ids=[shop_id])
    row = await repository.shop_rule(session, shop_id=shop_id)
    if row is None:
        row = ShopRule(brand_id=brand_of(session), shop_id=shop_id)
    row.holidays, row.workdays = holidays, workdays
    session.add(row)
    await session.flush()
    await _widened(session, [shop_id])


async def put_shop_day(session: AsyncSession, *, shop_id: uuid.UUID, day: ShopDayView | dt.date) -> None:
    """Other hours, or none, on a date; a plain date takes back what was said of it."""
    on = day if isinstance(day, dt.date) else day.day
    await planned.keep(session, shop_ids=[shop_id])
    await repository.forget_shop_day(session, shop_id=shop_id, day=on)
    if not isinstance(day, dt.date):
        session.add(ShopDay(brand_id=brand_of(session), shop_id=shop_id, **msgspec.structs.asdict(day)))
    await session.flush()
    if isinstance(day, ShopDayView) and day.opens is None:
        await planned.close(session, shop_id=shop_id, day=on)
    else:
        await planned.correct(session, shop_ids=[shop_id], first=on, last=on)
        await _widened(session, [shop_id])


def _overlap(work: list[PlanLine]) -> bool:
    """Whether some of it is at the same time as other, over midnight and from Sunday to Monday too."""
    week = 7 * 1440
    spans = sorted(((one.weekday - 1) * 1440 + one.starts, one.ends - one.starts) for one in work)
    if not spans:
        return False
    around = [*spans, (spans[0][0] + week, spans[0][1])]
    return any(starts + length > later for (starts, length), (later, _) in itertools.pairwise(around))


async def _shops_of(session: AsyncSession, staff_id: uuid.UUID) -> list[uuid.UUID]:
    return [one.shop_id for one in await repository.shops_of(session, staff_ids=[staff_id])]


async def _staff(session: AsyncSession, staff_id: uuid.UUID) -> Staff:
    row = await repository.get(session, Staff, staff_id)
    if row is None:
        raise StaffUnknown
    return row


async def _widened(session: AsyncSession, shop_ids: Collection[uuid.UUID]) -> None:
    """Who waits at these shops may be served now: each change may give more time than there was."""
    if shop_ids:
        await outbox.record(session, PlansChanged(shop_ids=tuple(sorted(shop_ids))))


def _yesterday() -> dt.date:
    """Today, or the day before, wherever the shop is."""
    return clock.now().date() - dt.timedelta(days=1)


def _check_version(current: int, read: int | None) -> None:
    if read is not None and read != current:
        raise VersionConflict

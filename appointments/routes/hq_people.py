"""HQ sets up by JSON who serves: shops, skills, the week, days that are different, and the calendar feed."""

import datetime as dt
import uuid
from typing import Annotated

from litestar import Controller, delete, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.errors import ServiceUnknown, SpanTaken, StaffUnknown
from appointments.schemas.hq import (
    AwayWrite,
    FeedRead,
    MisfitRead,
    OtherDayRead,
    PersonRead,
    PersonUpdate,
    PersonWrite,
    Replaced,
    WeekLine,
    WeekRead,
    WeekWrite,
)
from appointments.service import feeds, replacing, setup
from appointments.service.misfits import misfits
from appointments.service.replacing import Days
from appointments.states import DayKind
from stores.errors import ShopUnknown
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.openapi import refusals

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

AtShop = Annotated[uuid.UUID | None, QueryParameter(name="shop_id", description="Of a shop only")]
Since = Annotated[dt.date | None, QueryParameter(description="From this day on; without it from today on")]


class PeopleController(Controller):
    """Who serves, where and what."""

    path = "/appointment-setup/people"

    @get(operation_id="appointments_list_people", guards=[readers])
    async def list_people(
        self, session: NamedDependency[AsyncSession], shop_id: AtShop = None
    ) -> list[PersonRead]:
        """List everybody who serves, in a shop or anywhere; who has left, too."""
        return [PersonRead.of(one) for one in await setup.list_staff(session, shop_id=shop_id)]

    @post(
        operation_id="appointments_create_person",
        guards=[writers],
        responses=refusals(ShopUnknown, ServiceUnknown),
    )
    @idempotent
    async def create(self, data: JSONBody[PersonWrite], session: NamedDependency[AsyncSession]) -> PersonRead:
        """Add somebody. She can be booked when she has a week."""
        return PersonRead.of(await setup.save_staff(session, staff_id=None, version=None, fields=data.fields()))

    @get(
        "/{staff_id:uuid}",
        operation_id="appointments_get_person",
        guards=[readers],
        responses=refusals(StaffUnknown),
    )
    async def show(self, staff_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> PersonRead:
        """Get somebody who serves."""
        return PersonRead.of(await setup.get_staff(session, staff_id=staff_id))

    @put(
        "/{staff_id:uuid}",
        operation_id="appointments_update_person",
        guards=[writers],
        responses=refusals(StaffUnknown, ShopUnknown, ServiceUnknown, VersionConflict),
    )
    @idempotent
    async def update(
        self,
        staff_id: FromPath[uuid.UUID],
        data: JSONBody[PersonUpdate],
        session: NamedDependency[AsyncSession],
    ) -> PersonRead:
        """Replace what is said of somebody. Retired, she is not offered and her calendar feed ends."""
        one = await setup.get_staff(session, staff_id=staff_id)
        fields = data.fields(account_id=one.account_id)
        return PersonRead.of(
            await setup.save_staff(session, staff_id=staff_id, version=data.version, fields=fields)
        )

    @get(
        "/{staff_id:uuid}/week",
        operation_id="appointments_get_week",
        guards=[readers],
        responses=refusals(StaffUnknown),
    )
    async def week(self, staff_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> WeekRead:
        """Get somebody's week: work and breaks."""
        return await _week(session, staff_id)

    @put(
        "/{staff_id:uuid}/week",
        operation_id="appointments_put_week",
        guards=[writers],
        responses=refusals(StaffUnknown, SpanTaken, VersionConflict),
    )
    @idempotent
    async def put_week(
        self, staff_id: FromPath[uuid.UUID], data: JSONBody[WeekWrite], session: NamedDependency[AsyncSession]
    ) -> WeekRead:
        """Replace the whole week. What is booked outside of it stays, and is listed as a misfit."""
        lines = [one.line() for one in data.lines]
        await setup.put_plan(session, staff_id=staff_id, lines=lines, version=data.version)
        return await _week(session, staff_id)


class OtherDaysController(Controller):
    """Days on which somebody's week does not hold, and what becomes of what she cannot keep."""

    path = "/appointment-setup/people/{staff_id:uuid}"

    @get(
        "/days",
        operation_id="appointments_list_other_days",
        guards=[readers],
        responses=refusals(StaffUnknown),
    )
    async def days(
        self, staff_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession], since: Since = None
    ) -> list[OtherDayRead]:
        """List the days on which she is away, works at other hours, or has one more break."""
        await setup.get_staff(session, staff_id=staff_id)
        found = await setup.days_of(session, staff_id=staff_id, since=since or clock.house().date())
        return [OtherDayRead.of(one) for one in found]

    @post(
        "/days",
        operation_id="appointments_put_other_days",
        guards=[writers],
        status_code=200,
        responses=refusals(StaffUnknown),
    )
    async def put_days(
        self,
        staff_id: FromPath[uuid.UUID],
        data: JSONBody[AwayWrite],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Replaced:
        """Say that she is away or works at other hours (in place of what was said before), or has one more break.

        What she cannot keep on these days is given to whoever is free then, or its customer is asked to choose: at
        once, or, where it is many, in the background, and then the answer has a ``replacement_id``. A break leaves
        all as it is. All of it may be said again: it changes nothing.
        """
        fields = data.fields()
        async with services.database.unit_of_work(principal.brand) as session:
            await setup.put_days(session, staff_id=staff_id, fields=fields)
        if fields.kind is DayKind.BREAK:
            return Replaced(given=0, asked=0)
        begun = await replacing.replace_absent(
            services.database,
            brand_id=principal.brand,
            staff_id=staff_id,
            days=Days(first=fields.first, last=fields.last),
            actor_id=principal.id,
        )
        return Replaced.of(begun)

    @delete(
        "/days/{day_id:uuid}",
        operation_id="appointments_forget_other_day",
        guards=[writers],
        status_code=204,
        responses=refusals(StaffUnknown),
    )
    @idempotent
    async def forget_day(
        self, staff_id: FromPath[uuid.UUID], day_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> None:
        """Let the week hold again on a day; one that is not there is left out quietly."""
        await setup.get_staff(session, staff_id=staff_id)
        await setup.forget_day(session, staff_id=staff_id, day_id=day_id)

    @get(
        "/misfits",
        operation_id="appointments_list_person_misfits",
        guards=[readers],
        responses=refusals(StaffUnknown),
    )
    async def misfits(
        self, staff_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> list[MisfitRead]:
        """List what is to come of her that she cannot keep: what ``replace`` would give to others."""
        await setup.get_staff(session, staff_id=staff_id)
        return [MisfitRead.of(one) for one in await misfits(session, staff_id=staff_id)]

    @post(
        "/replace",
        operation_id="appointments_replace_person",
        guards=[writers],
        status_code=200,
        responses=refusals(StaffUnknown),
    )
    async def replace(
        self,
        staff_id: FromPath[uuid.UUID],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Replaced:
        """Give what she cannot keep to whoever is free then, or ask its customers. Repeating is harmless."""
        begun = await replacing.replace_misfits(
            services.database, brand_id=principal.brand, staff_id=staff_id, actor_id=principal.id
        )
        return Replaced.of(begun)


class FeedController(Controller):
    """The address at which somebody's calendar subscribes to her appointments."""

    path = "/appointment-setup/people/{staff_id:uuid}/calendar-feed"

    @get(operation_id="appointments_get_feed", guards=[readers], responses=refusals(StaffUnknown))
    async def show(
        self,
        staff_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
    ) -> FeedRead:
        """Get the address of her calendar. It tells times, services and places, and no customer."""
        staff = await setup.get_staff(session, staff_id=staff_id)
        return FeedRead(url=feeds.address(session, services, staff))

    @post(
        operation_id="appointments_renew_feed",
        guards=[writers],
        status_code=200,
        responses=refusals(StaffUnknown),
    )
    @idempotent
    async def renew(
        self,
        staff_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
    ) -> FeedRead:
        """Make a new address; older ones end at once."""
        await setup.new_feed(session, staff_id=staff_id)
        staff = await setup.get_staff(session, staff_id=staff_id)
        return FeedRead(url=feeds.address(session, services, staff))


async def _week(session: AsyncSession, staff_id: uuid.UUID) -> WeekRead:
    one = await setup.get_staff(session, staff_id=staff_id)
    lines = await setup.plan_of(session, staff_id=staff_id)
    return WeekRead(lines=[WeekLine.of(line) for line in lines], version=one.version)

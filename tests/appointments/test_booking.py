"""Booking: what is offered can be had, what is not cannot, and the database lets nobody overlap."""

import asyncio
import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from appointments.errors import SlotTaken
from appointments.states import BookingState
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_OVERLAPS = """
SELECT count(*) AS n FROM appointments_occupancy a JOIN appointments_occupancy b
ON b.brand_id = a.brand_id AND b.resource_id = a.resource_id AND b.id > a.id AND b.is_live AND a.is_live
AND a.starts_at < b.ends_at AND b.starts_at < a.ends_at WHERE a.brand_id = $1
"""


def tomorrow(zone: str = "Asia/Shanghai", hour: int = 10, minute: int = 0, days: int = 1) -> dt.datetime:
    """A wall clock time of tomorrow, as an instant."""
    day = clock.business_day(clock.now(), zone) + dt.timedelta(days=days)
    return dt.datetime.combine(day, dt.time(hour, minute), ZoneInfo(zone)).astimezone(dt.UTC)


async def overlaps(salon: Salon) -> object:
    return (await salon.rows(_OVERLAPS))[0]["n"]


async def test_a_time_is_booked_once_and_then_offered_no_more(services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand)
    start = tomorrow()
    day = clock.business_day(start, salon.zone)
    before = await salon.starts(day)

    booked = await salon.book(start)
    with pytest.raises(SlotTaken):
        await salon.book(start)

    assert booked.state is BookingState.CONFIRMED
    assert len(before) == 11
    assert await salon.starts(day) == [each for each in before if each != start]
    assert await overlaps(salon) == 0


async def test_two_hundred_customers_for_twenty_slots(services: Services, brand: BrandView) -> None:
    """Three people and two chairs: ten hours are twenty appointments, however many people work."""
    salon = await make_salon(services, brand, people=3, chairs=2, fields=service_fields(deposit_minor=5_000))
    starts = [tomorrow(hour=9 + n) for n in range(10)]
    customers = [await make_customer(services, brand) for _ in range(200)]

    async def one(number: int) -> object:
        try:
            return await salon.book(starts[number % 10], member_id=customers[number].id)
        except DomainError as refusal:
            return refusal.code

    results = await asyncio.gather(*(one(number) for number in range(200)))

    refused = [each for each in results if isinstance(each, str)]
    assert set(refused) == {SlotTaken.code}
    assert len(refused) == 180
    rows = await salon.rows("SELECT state, payment_id FROM appointments_booking WHERE brand_id = $1")
    payments = await salon.rows("SELECT id FROM payments_payment WHERE brand_id = $1")
    assert [row["state"] for row in rows] == ["held"] * 20
    assert sorted(str(row["payment_id"]) for row in rows) == sorted(str(row["id"]) for row in payments)
    assert await overlaps(salon) == 0

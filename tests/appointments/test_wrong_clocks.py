"""A web process whose clock is wrong decides as the others do: by the database's clock."""

import datetime as dt
import re
import uuid

import httpx
import pytest

from appointments.rules import life as rules
from appointments.states import BookingState, Source
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_pages import HTML, confirm, place
from tests.helpers import submit
from tests.members.makers import Customer, make_customer
from tests.people import sign_in_as
from tests.stores.makers import ALL_DAY
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

MINUTES = dt.timedelta(minutes=1)


class Times:
    """Appointments of one customer by how far off they are, made while every clock was right."""

    def __init__(self, salon: Salon, her: Customer) -> None:
        self.salon, self.her = salon, her
        self.now = clock.now()
        self.count = 0

    def at(self, minutes: int) -> dt.datetime:
        """A time of the grid so far from now, or up to five minutes farther."""
        start = self.now + minutes * MINUTES
        return start + dt.timedelta(seconds=-start.timestamp() % 300)

    async def booked(self, minutes: int, **wish: object) -> tuple[uuid.UUID, str]:
        """It begins in so many minutes; booked long before."""
        self.count += 1
        first = self.at(10_000 + 100 * self.count)
        one = await self.salon.book(first, member_id=self.her.id, **{"source": Source.SHOP, **wish})
        # As an offer is made: what is to be paid is asked when she takes it.
        await self.salon.rows("UPDATE appointments_booking SET payment_id = NULL WHERE brand_id = $1")
        await self.salon.shift(one.booking_id, self.now + minutes * MINUTES - first)
        return one.booking_id, one.code

    async def state(self, booking_id: uuid.UUID) -> BookingState:
        return (await self.salon.see(booking_id)).state


async def open_times(services: Services, brand: BrandView) -> Times:
    fields = service_fields(
        notice_min=60, cutoff_min=120, hold_min=15, duration_min=10, step_min=5, deposit_minor=500
    )
    salon = await make_salon(services, brand, fields=fields, hours=ALL_DAY, people=1)
    await salon.rows("UPDATE appointments_plan_span SET starts = 0, ends = 1440 WHERE brand_id = $1")
    return Times(salon, await make_customer(services, brand))


def link_of(times: Times, booking_id: uuid.UUID) -> str:
    keyring, brand_id = times.salon.services.keyring, times.salon.brand.id
    return f"/a/{rules.link_token(keyring, kind='link', brand_id=brand_id, thing_id=booking_id)}"


async def test_a_slow_clock_lets_nobody_in_too_late(
    client: httpx.AsyncClient, services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = await open_times(services, brand)
    salon, her, mine = times.salon, times.her, f"/m/{brand.code}/appointments"
    late, late_code = await times.booked(60)
    offer, offer_code = await times.booked(900, source=Source.WAITLIST, hold_min=10)
    await salon.rows("UPDATE appointments_booking SET expires_at = $3 WHERE brand_id = $1 AND id = $2",
                     offer, times.now - MINUTES)  # fmt: skip
    old, _ = await times.booked(-30 * 1440 - 30)

    monkeypatch.setattr(clock, "_SKEW", -90 * MINUTES)
    soon = await confirm(client, salon, her, times.at(30))
    moved = await confirm(client, salon, her, times.at(600), move=late_code)
    await submit(client, f"{mine}/{late_code}/cancel", {"x": "y"}, **her.headers)
    await submit(client, f"{mine}/{offer_code}/accept", {"x": "y"}, **her.headers)
    ended = await client.get(link_of(times, old), headers=HTML)
    held = await confirm(client, salon, her, times.at(300))
    monkeypatch.undo()

    assert (soon.status_code, moved.status_code) == (409, 409)
    assert await times.state(late) is BookingState.CANCELLED_LATE
    assert (await salon.see(offer)).payment_id is None, "the offer had ended"
    assert ended.status_code == 410
    assert held.headers["location"].startswith("/pay/")
    [row] = await salon.rows(
        "SELECT expires_at, created_at FROM appointments_booking WHERE brand_id = $1 AND starts_at = $2",
        times.at(300),
    )
    assert row["expires_at"] - times.now < 20 * MINUTES  # type: ignore[operator]
    assert row["expires_at"] - row["created_at"] == 15 * MINUTES  # type: ignore[operator]
    assert row["expires_at"] - times.now > 14 * MINUTES, "held for as long as anybody's"  # type: ignore[operator]


async def test_a_fast_clock_keeps_nobody_out_too_early(
    client: httpx.AsyncClient, services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = await open_times(services, brand)
    salon, her, mine = times.salon, times.her, f"/m/{brand.code}/appointments"
    clerk = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    coming, coming_code = await times.booked(180)
    early, _ = await times.booked(200)
    begun, _ = await times.booked(-5)
    offer, offer_code = await times.booked(900, source=Source.WAITLIST, hold_min=30)
    old, _ = await times.booked(-29 * 1440)

    monkeypatch.setattr(clock, "_SKEW", 90 * MINUTES)
    await submit(client, f"{mine}/{coming_code}/cancel", {"x": "y"}, **her.headers)
    arrived = await submit(client, f"/shop/appointments/{early}/arrive", {"x": "y"}, **clerk)
    missed = await submit(client, f"/shop/appointments/{begun}/missed", {"x": "y"}, **clerk)
    taken = await submit(client, f"{mine}/{offer_code}/accept", {"x": "y"}, **her.headers)
    payable = await client.get(f"{taken.headers['location']}/status", headers=HTML)
    stands = await client.get(link_of(times, old), headers=HTML)
    booked = await confirm(client, salon, her, times.at(100))
    monkeypatch.undo()

    assert await times.state(coming) is BookingState.CANCELLED
    assert (arrived.status_code, missed.status_code) == (409, 409)
    assert taken.headers["location"].startswith("/pay/")
    assert (payable.status_code, payable.headers.get("hx-redirect")) == (200, None), "there is time left to pay"
    assert stands.status_code == 200
    assert booked.headers["location"].startswith("/pay/")
    assert (await salon.see(offer)).payment_id is not None, "the offer stands"


@pytest.mark.parametrize("hours", [-25, 25])
async def test_a_screen_shows_the_same_days_whatever_the_clock_of_its_process_says(
    client: httpx.AsyncClient, services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch, hours: int
) -> None:
    """Which day the strip begins with, what is over, what can be done now: all by the database's clock."""
    times = await open_times(services, brand)
    salon, her, mine = times.salon, times.her, f"/m/{brand.code}"
    clerk = (await sign_in_as(services, brand.id, Role.SHOP_STAFF, shop_id=salon.shop_id)).headers
    begun, _ = await times.booked(-10)
    await times.booked(120)
    asked = [
        (her.headers, place(salon)),
        (her.headers, f"{mine}/appointments"),
        (her.headers, f"{mine}/panels/appointments"),
        (clerk, "/shop/appointments"),
        (clerk, f"/shop/appointments/{begun}"),
    ]

    async def shown() -> list[list[str]]:
        found = []
        for who, url in asked:
            page = await client.get(url, headers={**HTML, **who})
            assert page.status_code == 200, url
            found.append(re.findall(r">\s*([^<>]*[^<>\s])\s*<|href=\"([^\"]+)", page.text))
        return found

    right = await shown()
    monkeypatch.setattr(clock, "_SKEW", dt.timedelta(hours=hours))
    wrong = await shown()

    assert wrong == right

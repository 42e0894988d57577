"""What depends on which day it is: holidays that nobody has announced, and who comes to a shop today."""

import datetime as dt
import re

import chinese_calendar
import httpx
import pytest

from appointments.states import Source
from tests.appointments.makers import make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_pages import HTML, place
from tests.helpers import submit
from tests.members.makers import make_customer
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def test_days_of_a_year_whose_holidays_nobody_has_announced_are_called_so(
    client: httpx.AsyncClient, services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    announced = chinese_calendar.get_holiday_detail
    monkeypatch.setattr(chinese_calendar, "get_holiday_detail", lambda _day: announced(dt.date(2999, 1, 1)))
    client.cookies.set("locale", "en")
    salon = await make_salon(services, brand)
    hq = (await sign_in_as(services, brand.id, Role.HQ_ADMIN)).headers
    planned = f"/hq/appointments/shops/{salon.shop_id}"
    before = [(await client.get(url, headers={**HTML, **hq})).text for url in (place(salon), planned)]
    await submit(client, f"{planned}/rule", {"holidays": "closed", "workdays": "as_monday"}, **hq)
    times, shop = [(await client.get(url, headers={**HTML, **hq})).text for url in (place(salon), planned)]

    assert [text.count("not planned yet") + text.count("not known yet") for text in before] == [0, 0]
    assert times.count("not planned yet") == 14
    assert "closed" not in re.findall(r'<span class="small[^>]*>([a-z ]+)</span>', times)
    assert "The holidays of this year are not announced yet" in times
    assert "are not known yet: shops that follow them cannot be booked" in shop


async def test_the_home_of_a_shop_says_who_comes_next_and_what_waits_for_its_word(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    client.cookies.set("locale", "en")
    salon = await make_salon(services, brand, people=2, chairs=2, fields=service_fields(needs_approval=True))
    idle = await make_salon(services, brand, people=0)
    owner, other = [
        (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=each.shop_id)).headers
        for each in (salon, idle)
    ]
    customer = await make_customer(services, brand)
    asked = await salon.book(tomorrow(), member_id=customer.id)
    booked = [await salon.book(tomorrow(hour=hour), source=Source.SHOP) for hour in (11, 12, 13)]
    over = await salon.book(tomorrow(hour=15), source=Source.SHOP)
    # All of them on today's page, whatever the hour is.
    today = clock.business_day(clock.house(), salon.zone)
    await salon.rows("UPDATE appointments_booking SET local_day = $2 WHERE brand_id = $1", today)
    await salon.rows(
        "UPDATE appointments_booking SET state = 'cancelled' WHERE brand_id = $1 AND id = $2", over.booking_id
    )

    panel = (await client.get("/shop/panels/appointments", headers={**HTML, **owner})).text
    nothing = await client.get("/shop/panels/appointments", headers={**HTML, **other})
    sheet = f"/shop/appointments/{asked.booking_id}"
    declined = await submit(client, f"{sheet}/decline", {"reason": "那天盘点"}, **owner)
    told = await client.get(f"/m/{brand.code}/appointments/{asked.code}", headers={**HTML, **customer.headers})

    assert "4 appointments" in panel
    assert "1 wait for your word" in panel
    shown = [f"/shop/appointments/{one.booking_id}" in panel for one in (asked, *booked, over)]
    assert shown == [True, True, True, False, False], "the next three"
    assert customer.id.hex not in panel
    assert (nothing.status_code, nothing.text.strip()) == (200, "")
    assert declined.status_code == 303
    assert "那天盘点" in told.text

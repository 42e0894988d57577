"""HQ's numbers of appointments: counted by other means from the rows, shop by shop and period by period."""

import csv
import datetime as dt
import html
import io
import random
import re
from collections import Counter
from collections.abc import Callable
from zoneinfo import ZoneInfo

import httpx
import pytest

from appointments import api as appointments
from appointments.api import PastBooking, Views
from appointments.repository import bookings
from appointments.repository.funnel import By
from appointments.service import reporting
from appointments.states import BookingState, Source
from tests.appointments.makers import Salon, make_salon
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.ids import readable_code
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_SERVED = {"arrived", "in_service", "completed"}
_MISSED = {"no_show", "no_show_penalized", "waived"}
_CANCELLED = {"cancelled", "cancelled_late", "declined"}
_NEVER_WAS = {"held", "expired", "rescheduled"}
_STATES = [
    one
    for one in BookingState
    if one not in (BookingState.CONFIRMED, BookingState.ARRIVED, BookingState.IN_SERVICE)
]


def _some(salon: Salon, days: list[dt.date], dice: random.Random) -> list[PastBooking]:
    made = []
    for day in days:
        for hour in (10, 12, 14, 23):
            state = dice.choice(_STATES)
            start = dt.datetime.combine(day, dt.time(hour, 30), ZoneInfo(salon.zone))
            made.append(
                PastBooking(
                    code=readable_code(10),
                    shop_id=salon.shop_id,
                    service_id=salon.service.id,
                    staff_id=dice.choice(salon.staff),
                    resource_id=None,
                    member_id=None,
                    state=state,
                    source=Source.CUSTOMER,
                    channel=dice.choice(("web", "wechat")),
                    starts_at=start,
                    time_zone=salon.zone,
                    local_day=day,
                    is_any_staff=True,
                    asked_at=start - dt.timedelta(hours=dice.choice((1, 11, 30))),
                    arrived_at=start if state is BookingState.COMPLETED else None,
                    ended_at=start,
                )
            )
    return made


async def behind_each_number_are_its_appointments(
    client: httpx.AsyncClient, headers: dict[str, str], pages: list[str]
) -> None:
    """Every number leads to a list of as many."""
    found = {
        html.unescape(link): re.sub(r"<[^>]+>|\s", "", shown)
        for text in pages
        for link, shown in re.findall(r'<a href="(/hq/appointments/list\?[^"]+)"[^>]*>(.*?)</a>', text, re.DOTALL)
    }
    whats = {re.findall(r"what=(\w+)", link)[0] for link in found}
    assert whats == {"all", "served", "missed", "cancelled", "stood", "asked", "booked", "came"}
    [largest] = [link for link in found if "what=all" in link and "shop=" not in link]
    # One of each kind, narrowed to whatever it is.
    kinds = {(*re.findall(r"what=\w+", link), *re.findall(r"(\w+)=", link)): link for link in found}
    for link, shown in ((link, found[link]) for link in kinds.values()):
        listed = await client.get(link, headers=headers)
        assert re.findall(r'class="stat"><dt>[^<]*</dt><dd>(.*?)</dd>', listed.text) == [shown], link
        assert len(re.findall(r"<tr><?", listed.text)) - 1 == min(int(shown), 50), link
    file = await client.get(largest.replace("/list?", "/list/csv?"), headers=headers)
    codes = [row[0] for row in csv.reader(io.StringIO(file.content.decode("utf-8-sig")))][1:]
    assert len(codes) == len(set(codes)) == int(found[largest])
    # Page after page they are the same.
    seen: list[str] = []
    link = largest
    while link:
        text = (await client.get(link, headers=headers)).text
        seen += [code for code in codes if code in text]
        link = html.unescape(next(iter(re.findall(r'href="([^"]+cursor=[^"]+)"', text)), ""))
    assert sorted(seen) == sorted(codes)


async def test_what_headquarters_reads_is_what_the_rows_say(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    dice = random.Random(6)
    salons = [await make_salon(services, brand, people=2, zone=zone) for zone in ("Asia/Shanghai", "Asia/Urumqi")]
    today = clock.business_day(clock.now(), "Asia/Shanghai")
    last = today - dt.timedelta(days=3)
    first = last - dt.timedelta(days=4)
    days = [first - dt.timedelta(days=8) + dt.timedelta(days=n) for n in range(15)]
    made = [one for salon in salons for one in _some(salon, days, dice)]
    views = [
        Views(day=day, shop_id=salon.shop_id, service_id=salon.service.id, channel=channel, viewers=n + 2)
        for salon in salons
        for n, day in enumerate(days)
        for channel in ("web", "wechat")
    ]
    async with services.database.connection(brand.id) as tx:
        await appointments.take_history(tx, bookings=made, views=views, now=clock.now())
    done = next(one for one in made if one.state is BookingState.COMPLETED)
    async with services.database.connection(brand.id) as tx:
        history = await bookings.history(tx, booking_id=done.id)
    assert [one.kind for one in history] == ["confirmed", "arrived", "completed"]
    span = (first, last)
    earlier = (first - dt.timedelta(days=5), first - dt.timedelta(days=1))

    def counted(wanted: Callable[[PastBooking], bool], between: tuple[dt.date, dt.date]) -> Counter[str]:
        of = [one for one in made if wanted(one) and between[0] <= one.local_day <= between[1]]
        found = Counter[str]()
        for one in of:
            state = one.state.value
            found["booked"] += state not in _NEVER_WAS
            found["served"] += state in _SERVED
            found["missed"] += state in _MISSED
            found["cancelled"] += state in _CANCELLED
            found["minutes"] += 60 * (state in _SERVED | {"requested", "confirmed"})
        return found

    def asked(wanted: Callable[[PastBooking], bool], between: tuple[dt.date, dt.date]) -> tuple[int, ...]:
        def is_within(at: dt.datetime, zone: str) -> bool:
            return between[0] <= at.astimezone(ZoneInfo(zone)).date() <= between[1]

        of = [one for one in made if wanted(one) and one.state is not BookingState.RESCHEDULED]
        of = [one for one in of if is_within(one.asked_at, one.time_zone)]
        return len(of), sum(one.arrived_at is not None for one in of)

    names = ("booked", "served", "missed", "cancelled", "minutes")
    async with services.database.unit_of_work(brand.id) as session:
        busy = await reporting.busyness(session, first=first, last=last, shop_id=None)
        funnel = await reporting.funnel(session, by=By.SHOP, first=first, last=last)
        one_shop = await reporting.funnel(
            session, by=By.STAFF, first=first, last=last, shops=frozenset({salons[0].shop_id})
        )
    assert {name: getattr(busy.total, name) for name in names} == {
        n: counted(lambda _: True, span)[n] for n in names
    }
    assert {name: getattr(busy.past, name) for name in names} == {
        n: counted(lambda _: True, earlier)[n] for n in names
    }
    for _name, shop, total in busy.shops:
        assert total.booked == counted(lambda one, shop=shop: one.shop_id == shop, span)["booked"]  # type: ignore[misc]
    for _shop, _person, row in busy.rows:
        hers = counted(lambda one, staff=row.staff_id: one.staff_id == staff, span)  # type: ignore[misc]
        assert {name: getattr(row, name) for name in names} == {n: hers[n] for n in names}
    looked = sum(one.viewers for one in views if first <= one.day <= last)
    assert (funnel.total.viewed, funnel.total.held, funnel.total.arrived) == (looked, *asked(lambda _: True, span))
    assert (funnel.past.held, funnel.past.arrived) == asked(lambda _: True, earlier)
    of_first = asked(lambda one: one.shop_id == salons[0].shop_id, span)
    assert (one_shop.total.held, one_shop.total.arrived) == of_first

    # The pages say so, down to one shop's people, and each file says what its page says.
    hq = (await sign_in_as(services, brand.id, Role.HQ_ANALYST)).headers
    as_page = {"Accept": "text/html", **hq}
    at = f"from={first}&to={last}"
    page = await client.get(f"/hq/appointments?{at}", headers=as_page)
    people = await client.get(f"/hq/appointments?{at}&shop={salons[1].shop_id}", headers=as_page)
    deeper = f"/hq/appointments/funnel?by=staff&{at}&shop={salons[0].shop_id}"
    assert f"shop={salons[1].shop_id}" in page.text
    assert all(f"/hq/appointments/staff/{one}" in people.text for one in salons[1].staff)
    assert not any(f"/hq/appointments/staff/{one}" in people.text for one in salons[0].staff)
    by_shop = await client.get(f"/hq/appointments/funnel?{at}", headers=as_page)
    assert f'href="{deeper}"' in html.unescape(by_shop.text)
    below = await client.get(deeper, headers=as_page)
    sheet = await client.get(deeper.replace("funnel?", "funnel/csv?"), headers=hq)
    await behind_each_number_are_its_appointments(
        client, as_page, [page.text, people.text, by_shop.text, below.text]
    )
    [_head, *lines] = csv.reader(io.StringIO(sheet.content.decode("utf-8-sig")))
    cells = [re.sub(r"<[^>]+>|[¥,\s]", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", below.text)]
    assert cells == [re.sub(r"[\s,]", "", cell) for line in lines for cell in line]
    assert [int(lines[-1][2]), int(lines[-1][4])] == list(of_first)

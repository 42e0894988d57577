"""The calendar of who serves, read by a calendar's own library: zones, changes, cancellations, long lines."""

import datetime as dt
from zoneinfo import ZoneInfo

import httpx
import icalendar
import pytest

from appointments.rules import life as rules
from appointments.service import moving
from appointments.service.moving import NewTime
from appointments.types import Actor
from tests.appointments.makers import make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_life import end
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio


async def test_a_feed_tells_calendars_what_changed_what_is_off_and_a_session_once(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    zone = "Australia/Lord_Howe"
    name = "闺蜜派对妆" * 9
    fields = service_fields(name=name, seats=3, chair_kind="", step_min=30)
    salon = await make_salon(services, brand, people=2, zone=zone, fields=fields)
    staff = salon.staff[0]
    first, second, third = [(await make_customer(services, brand)).id for _ in range(3)]
    at = tomorrow(zone, hour=10, days=2)
    mine = [await salon.book(at, member_id=each, staff_id=staff) for each in (first, second)]
    alone = await salon.book(at + dt.timedelta(hours=3), member_id=third, staff_id=staff)
    token = rules.link_token(services.keyring, kind="feed", brand_id=brand.id, thing_id=staff, version=1)

    async def feed() -> dict[dt.datetime, icalendar.Component]:
        answer = await client.get(f"/calendar-feeds/{token}.ics")
        assert answer.headers["content-type"].startswith("text/calendar")
        assert (answer.headers["x-robots-tag"], answer.headers["cache-control"]) == ("noindex", "no-store")
        lines = answer.content.split(b"\r\n")
        assert lines[-1] == b""
        assert max(len(line) for line in lines) <= 75
        calendar = icalendar.Calendar.from_ical(answer.content)
        assert calendar.errors == []
        events = calendar.walk("VEVENT")
        assert all(each.errors == [] and not {"ATTENDEE", "DESCRIPTION"} & set(each) for each in events)
        assert len({str(each["UID"]) for each in events}) == len(events)
        return {each.decoded("dtstart"): each for each in events}

    before = await feed()
    assert set(before) == {at, at + dt.timedelta(hours=3)}
    assert before[at].decoded("dtstart").astimezone(ZoneInfo(zone)).hour == 10
    assert f"{name} ×2" in str(before[at]["SUMMARY"])

    await end(salon, mine[0].booking_id)
    later = at + dt.timedelta(hours=5)
    to = NewTime(start=later, staff_id=staff, by=Actor.SHOP, actor_id=None)
    await moving.reschedule(services.database, brand_id=brand.id, booking_id=alone.booking_id, to=to)
    after = await feed()

    assert {start: str(each["STATUS"]) for start, each in after.items()} == {
        at: "CONFIRMED",
        at + dt.timedelta(hours=3): "CANCELLED",
        later: "CONFIRMED",
    }
    assert "×" not in str(after[at]["SUMMARY"])
    for start in before:
        assert (after[start]["UID"], after[start].decoded("sequence") > before[start].decoded("sequence")) == (
            before[start]["UID"],
            True,
        )
    await end(salon, mine[1].booking_id)
    assert str((await feed())[at]["STATUS"]) == "CANCELLED"

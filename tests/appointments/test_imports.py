"""Appointments of other systems: a salon's dated cancellations and no-shows, and rows that cannot be true."""

import csv
import datetime as dt
import os
import uuid
from collections import Counter
from pathlib import Path

import pytest

from appointments.repository import taking_back
from appointments.service import reporting, setup
from appointments.service.imports import BOOKINGS, MAPPINGS
from appointments.types import StaffFields
from stores.types import ShopView
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.db.services import Services
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake import service as intake
from yundian.platform.intake.types import RunSummary

pytestmark = pytest.mark.anyio

_SHARED = Path(os.environ.get("YUNDIAN_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
SALON = _SHARED / "hair_salon_no_show"
CANCELLED, MISSED = SALON / "salon_cancellations_cancelados.csv", SALON / "salon_no_shows_faltantes.csv"


async def bring_in(services: Services, brand: BrandView, file: Path, mapping: str) -> RunSummary:
    return await intake.run_import(
        services.database, brand=brand.id, kind=BOOKINGS, file=file, mapping=mappings.load(MAPPINGS / mapping)
    )


async def open_toronto(
    services: Services, brand: BrandView, rows: list[dict[str, str]], **more: object
) -> ShopView:
    """The salon with everybody who stands in its lists."""
    shop = await make_shop(services, brand, fields=shop_fields("TORONTO", time_zone="America/Toronto"))
    async with services.database.unit_of_work(brand.id) as session:
        ids = []
        for code in sorted({row["Service"] for row in rows}):
            fields = service_fields(code=code, name=code, chair_kind="", **more)
            ids.append((await setup.save_service(session, service_id=None, version=None, fields=fields)).id)
        for name in sorted({row["Staff"] for row in rows}):
            person = StaffFields(display_name=name.title(), home_shop_id=shop.id, service_ids=tuple(ids))
            await setup.save_staff(session, staff_id=None, version=None, fields=person)
    return shop


@pytest.mark.skipif(not SALON.is_dir(), reason="the salon's lists are not on this machine")
async def test_who_stays_away_and_who_cancels_is_what_the_salon_s_own_lists_say(
    services: Services, brand: BrandView
) -> None:
    cancelled = list(csv.DictReader(CANCELLED.read_text(encoding="utf-8").splitlines()))
    missed = list(csv.DictReader(MISSED.read_text(encoding="utf-8").splitlines()))
    await open_toronto(services, brand, [*cancelled, *missed])

    runs = [
        await bring_in(services, brand, CANCELLED, "salon_cancellations.toml"),
        await bring_in(services, brand, MISSED, "salon_no_shows.toml"),
    ]
    async with services.database.unit_of_work(brand.id) as session:
        report = await reporting.people(session, first=dt.date(2018, 1, 1), last=dt.date(2018, 12, 31))

    assert [one.reason for run in runs for one in run.problems] == []
    assert [(run.read, run.applied, run.quarantined) for run in runs] == [(240, 240, 0), (59, 59, 0)]
    found = {person.upper(): (one.booked, one.missed, one.cancelled) for _shop, person, one in report}
    away, called_off = Counter(row["Staff"] for row in missed), Counter(row["Staff"] for row in cancelled)
    expected = {name: (away[name] + called_off[name], away[name], called_off[name]) for name in away | called_off}
    assert found == expected
    assert sum(one.cancelled for _shop, _person, one in report) == 240


@pytest.mark.skipif(not SALON.is_dir(), reason="the salon's lists are not on this machine")
async def test_what_is_over_may_have_been_closer_together_than_buffers_and_never_at_one_time(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    """The salon's own days, as if all had been served one right after the other; then each ten minutes later."""
    cancelled = list(csv.DictReader(CANCELLED.read_text(encoding="utf-8").splitlines()))
    missed = list(csv.DictReader(MISSED.read_text(encoding="utf-8").splitlines()))
    rows = [*cancelled, *missed]
    await open_toronto(services, brand, rows, buffer_before_min=10, buffer_after_min=10)
    file, late, coming = tmp_path / "served.csv", tmp_path / "late.csv", tmp_path / "coming.csv"
    _served(file, rows, at=9 * 60)
    _served(late, rows, at=9 * 60 + 10)
    _served(coming, rows[:2], at=9 * 60, day=f"{clock.now() + dt.timedelta(days=9):%Y-%m-%d}", staff="JJ")

    runs = []
    for path in (file, late, coming):
        mapping = mappings.load(MAPPINGS / "yundian.toml")
        runs.append(
            await intake.run_import(
                services.database, brand=brand.id, kind=BOOKINGS, file=path, mapping=mapping, batch=50
            )
        )
    async with services.database.connection(brand.id) as tx:
        wide = await tx.fetchval(
            "SELECT count(*) FROM appointments_booking b JOIN appointments_occupancy o ON o.brand_id = $1"
            " AND o.booking_id = b.id WHERE b.brand_id = $1 AND b.state = 'completed'"
            " AND (o.starts_at, o.ends_at, o.is_live) <> (b.starts_at, b.ends_at, false)",
            tx.brand,
        )

    assert [(run.read, run.applied) for run in runs] == [(299, 299), (299, 0), (2, 1)]
    assert {one.code for run in runs for one in run.problems} == {"appointments.overlap"}
    assert wide == 0


def _served(file: Path, rows: list[dict[str, str]], *, at: int, day: str = "", staff: str = "") -> None:
    """Half an hour each, everybody's of a day in a row from then on; ``day``: all of them still to come."""
    taken: Counter[tuple[str, str]] = Counter()
    lines = []
    for number, row in enumerate(rows):
        who, when = staff or row["Staff"], day or row.get("Booking Date") or row["Date"]
        minute = at + 30 * taken[who, when]
        taken[who, when] += 1
        start = dt.datetime.fromisoformat(f"{when}T00:00:00+00:00") + dt.timedelta(minutes=minute)
        state = "confirmed" if day else "completed"
        lines.append([f"{file.stem}-{number}", "TORONTO", row["Service"], who.title(), state, start.isoformat()])
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["external_id", "shop_code", "service_code", "staff", "state", "starts_at", "day",
                         "duration_min", "booked_on", "ended_on", "client"])  # fmt: skip
        writer.writerows([*line, "", "30", "", "", ""] for line in lines)


async def test_a_row_that_cannot_be_true_is_refused_with_its_reason_and_a_true_one_takes_its_time(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(code="TRIAL", chair_kind=""))
    [shop] = await salon.rows("SELECT code FROM stores_shop WHERE brand_id = $1")
    coming, past = tomorrow(days=3), tomorrow(days=-9)
    held = await salon.book(tomorrow(days=4))
    assert held.code

    def line(key: str, state: str, start: dt.datetime | None, **other: str) -> dict[str, str]:
        at = start.isoformat() if start is not None else ""
        return {
            "external_id": key, "shop_code": str(shop["code"]), "service_code": "TRIAL", "staff": "化妆师 1",
            "state": state, "starts_at": at, "day": "", "duration_min": "", "booked_on": "", "ended_on": "",
            "client": "C1", **other,
        }  # fmt: skip

    half = dt.timedelta(minutes=30)
    rows = [
        line("1", "confirmed", coming),
        line("2", "confirmed", coming + half),
        line("3", "completed", past),
        line("4", "completed", past + half),
        line("5", "cancelled", past + half),
        line("6", "confirmed", tomorrow(days=4)),
        line("7", "cancelled", None, day="2026-03-01", booked_on="2026-03-02"),
        line("8", "no_show", past, shop_code="NOWHERE"),
        line("9", "no_show", past, staff="没有这个人"),
        line("10", "confirmed", past),
        line("11", "completed", coming),
        line("12", "completed", None, day="2026-03-01"),
        # Where other systems know no date.
        line("13", "cancelled", None, day="0001-01-01"),
        line("14", "confirmed", dt.datetime(9999, 12, 31, 23, 30, tzinfo=dt.UTC)),
        line("15", "cancelled", past, booked_on="0001-01-01"),
        line("16", "cancelled", past, ended_on="9999-12-31"),
    ]
    file = tmp_path / "list.csv"
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

    first = await bring_in(services, brand, file, "yundian.toml")
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    again = await bring_in(services, brand, file, "yundian.toml")

    assert (first.read, first.applied, first.quarantined) == (16, 3, 13)
    assert again.applied == 0
    reasons = [one.code.removeprefix("appointments.") for one in sorted(first.problems, key=lambda p: p.line)]
    assert Counter(reasons) == {
        "overlap": 3, "impossible": 7, "shop_unknown": 1, "staff_unknown": 1, "no_time": 1
    }  # fmt: skip
    assert coming not in await salon.starts(clock.business_day(coming, salon.zone))
    kept = await salon.rows(
        "SELECT external_id, state, is_day_only FROM appointments_booking WHERE brand_id = $1"
        " AND external_id IS NOT NULL ORDER BY external_id"
    )
    assert [(row["external_id"], row["state"]) for row in kept] == [
        ("1", "confirmed"), ("3", "completed"), ("5", "cancelled")
    ]  # fmt: skip


async def test_several_of_one_session_sit_in_it_whatever_the_order_of_the_file(
    services: Services, brand: BrandView, tmp_path: Path
) -> None:
    """A class of three seats: to come (four want it), over (three were there), and two that collide with these; in
    batches of two, so that a session is met again; then the same file in another order."""
    salon = await make_salon(
        services, brand, people=2, chairs=2, fields=service_fields(code="CLASS", seats=3, duration_min=60)
    )
    [shop] = await salon.rows("SELECT code FROM stores_shop WHERE brand_id = $1")
    coming, past = tomorrow(days=3), tomorrow(days=-9)
    names = ["external_id", "shop_code", "service_code", "staff", "state", "starts_at", "day", "duration_min",
             "booked_on", "ended_on", "client"]  # fmt: skip

    def line(key: str, state: str, start: dt.datetime, staff: str = "化妆师 1") -> list[str]:
        return [key, str(shop["code"]), "CLASS", staff, state, start.isoformat(), *[""] * 5]

    rows = [line(f"c{n}", "confirmed", coming) for n in range(4)]
    rows += [line(f"p{n}", "completed", past) for n in range(3)]
    rows += [line("x", "cancelled", coming), line("half", "completed", past + dt.timedelta(minutes=30))]
    other = line("other", "confirmed", coming, "化妆师 2")
    file = tmp_path / "classes.csv"
    mapping = mappings.load(MAPPINGS / "yundian.toml")
    held: list[Counter[str]] = []
    standing = []
    for number, order in enumerate((rows, rows[::-1], [*rows[3:], *rows[:3]])):
        # What collides with a session comes behind it: of two that exclude each other the first one counts.
        late = [row for row in order if row[0] == "half"]
        with file.open("w", encoding="utf-8", newline="") as handle:
            csv.writer(handle).writerows([names, *(row for row in order if row[0] != "half"), other, *late])
        for _ in range(2):
            run = await intake.run_import(
                services.database, brand=brand.id, kind=BOOKINGS, file=file, mapping=mapping, batch=2
            )
            held.append(Counter(one.reason for one in run.problems))
            file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
        sessions = await salon.rows(
            "SELECT g.seats, g.taken, g.is_open, count(b.id) AS booked, array_agg(DISTINCT b.state) AS states,"
            " (SELECT count(*) FROM appointments_occupancy o WHERE o.brand_id = $1 AND o.session_id = g.id"
            " AND o.is_live) AS times"
            " FROM appointments_session g JOIN appointments_booking b ON b.brand_id = $1 AND b.session_id = g.id"
            " AND b.staff_id = g.staff_id AND b.resource_id IS NOT DISTINCT FROM g.resource_id"
            " WHERE g.brand_id = $1 GROUP BY g.brand_id, g.id ORDER BY g.starts_at"
        )
        standing.append(sessions)
        busy = await salon.rows("SELECT id FROM appointments_occupancy WHERE brand_id = $1 AND is_live")
        assert len(busy) == 2, "one person and one chair"
        if number < 2:
            await forget(salon)

    full, elsewhere = "every seat of its session is taken", "this service has its session with somebody else then"
    person = "this person is in another appointment then"
    assert held == [Counter({full: 1, elsewhere: 1, person: 1})] * 6
    assert (
        standing
        == [
            [
                {"seats": 3, "taken": 0, "is_open": False, "booked": 3, "states": ["completed"], "times": 0},
                {"seats": 3, "taken": 3, "is_open": True, "booked": 3, "states": ["confirmed"], "times": 2},
            ]
        ]
        * 3
    )
    report = await salon.rows("SELECT count(*) AS n FROM appointments_booking WHERE brand_id = $1")
    assert report == [{"n": 7}]


async def forget(salon: Salon) -> None:
    """Take everything back that files brought in; sessions go with the last who sat in them."""
    async with salon.services.database.unit_of_work(salon.brand.id) as session:
        found = await salon.rows("SELECT id::text FROM appointments_booking WHERE brand_id = $1")
        ids = [uuid.UUID(str(row["id"])) for row in found]
        gone, kept = await taking_back.remove(session, ids=ids)
    assert (len(gone), kept) == (7, Counter())
    for table in ("appointments_session", "appointments_occupancy"):
        assert await salon.rows(f"SELECT brand_id FROM {table} WHERE brand_id = $1") == []

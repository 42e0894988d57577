"""Appointments of other systems: a salon's dated cancellations and no-shows, and rows that cannot be true."""

import csv
import datetime as dt
import os
from collections import Counter
from pathlib import Path

import pytest

from appointments.service import reporting, setup
from appointments.service.imports import BOOKINGS, MAPPINGS
from appointments.types import StaffFields
from stores.types import ShopView
from tests.appointments.makers import make_salon, service_fields
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


async def open_toronto(services: Services, brand: BrandView, rows: list[dict[str, str]]) -> ShopView:
    """The salon with everybody who stands in its lists."""
    shop = await make_shop(services, brand, fields=shop_fields("TORONTO", time_zone="America/Toronto"))
    async with services.database.unit_of_work(brand.id) as session:
        ids = []
        for code in sorted({row["Service"] for row in rows}):
            fields = service_fields(code=code, name=code, chair_kind="")
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
    ]
    file = tmp_path / "list.csv"
    with file.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.DictWriter(handle, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

    first = await bring_in(services, brand, file, "yundian.toml")
    file.write_text(file.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    again = await bring_in(services, brand, file, "yundian.toml")

    assert (first.read, first.applied, first.quarantined) == (12, 3, 9)
    assert again.applied == 0
    reasons = [one.code.removeprefix("appointments.") for one in sorted(first.problems, key=lambda p: p.line)]
    assert Counter(reasons) == {
        "overlap": 3, "impossible": 3, "shop_unknown": 1, "staff_unknown": 1, "no_time": 1
    }  # fmt: skip
    assert coming not in await salon.starts(clock.business_day(coming, salon.zone))
    kept = await salon.rows(
        "SELECT external_id, state, is_day_only FROM appointments_booking WHERE brand_id = $1"
        " AND external_id IS NOT NULL ORDER BY external_id"
    )
    assert [(row["external_id"], row["state"]) for row in kept] == [
        ("1", "confirmed"), ("3", "completed"), ("5", "cancelled")
    ]  # fmt: skip

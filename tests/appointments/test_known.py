"""What is set up is kept in the process: a change of any of it, by anybody, is what the next booking goes by."""

import asyncio
import contextlib
import datetime as dt
import uuid
from collections.abc import Sequence
from typing import Any

import pytest

from appointments.errors import CapReached, OwnOverlap
from appointments.repository import known
from appointments.service import planning
from appointments.service.planning import Asked
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import tomorrow
from tests.helpers import wait_until
from tests.members.makers import make_customer
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.db.counting import counted
from yundian.platform.db.database import Tx
from yundian.platform.db.services import Services
from yundian.platform.outbox.door import Door, fetch

pytestmark = pytest.mark.anyio

# One change of each table that says what can be booked; after each, who is free at ten is another answer.
_CHANGES = {
    "service": "UPDATE appointments_service SET status = 'retired' WHERE brand_id = $1",
    "staff": "UPDATE appointments_staff SET status = 'retired' WHERE brand_id = $1",
    "staff_shop": "DELETE FROM appointments_staff_shop WHERE brand_id = $1",
    "skill": "DELETE FROM appointments_skill WHERE brand_id = $1",
    "plan_span": "UPDATE appointments_plan_span SET starts = 720 WHERE brand_id = $1",
    "resource": "UPDATE appointments_resource SET status = 'retired' WHERE brand_id = $1",
}


class _Undone(Exception):
    """Whoever began changes her mind."""


async def ask_in(tx: Tx, salon: Salon, at: dt.datetime) -> Asked:
    return await planning.ask(
        tx, shop_id=salon.shop_id, service_id=salon.service.id, at=at, now=clock.now(), is_booking=True
    )


async def ask(salon: Salon, at: dt.datetime) -> tuple[bool, int]:
    """Whether this moment can be had, and in how many statements it was said."""
    async with salon.services.database.connection(salon.brand.id) as tx:
        with counted() as statements:
            asked = await ask_in(tx, salon, at)
    return asked.openings.refusal(at) is None, len(statements)


@pytest.mark.parametrize("table", _CHANGES)
async def test_who_changes_what_is_set_up_is_believed_at_once(
    table: str, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    at = tomorrow()
    assert await ask(salon, at) == (True, 1)
    assert await ask(salon, at) == (True, 1)

    await salon.rows(_CHANGES[table])

    assert await ask(salon, at) == (False, 2)
    with pytest.raises(DomainError):
        await salon.book(at)


async def test_who_is_busy_is_looked_up_once_for_all_that_is_said_of_a_moment(
    services: Services, brand: BrandView, monkeypatch: pytest.MonkeyPatch
) -> None:
    salon = await make_salon(services, brand)
    at = tomorrow()
    await ask(salon, at)
    asked: list[tuple[str, tuple[object, ...]]] = []

    async def noting(door: Door, sql: str, *args: object) -> Sequence[Any]:
        asked.append((sql, args))
        return await fetch(door, sql, *args)

    monkeypatch.setattr(known, "fetch", noting)
    async with services.database.connection(brand.id) as tx:
        await ask_in(tx, salon, at)
        [(sql, arguments)] = asked
        plan = await tx.fetch(f"EXPLAIN {sql}", *arguments)

    text = "\n".join(row[0] for row in plan)
    assert text.count(" on appointments_occupancy ") == 1, text


async def test_what_nobody_has_committed_is_seen_by_its_writer_and_kept_for_nobody(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    at = tomorrow()
    assert await ask(salon, at) == (True, 1)

    async with services.database.connection(brand.id) as tx:
        with contextlib.suppress(_Undone):
            async with tx.savepoint():
                await tx.execute("UPDATE appointments_plan_span SET starts = 720 WHERE brand_id = $1", brand.id)
                mine = await ask_in(tx, salon, at)
                assert await ask(salon, at) == (True, 1)
                raise _Undone
    assert mine.openings.refusal(at) is not None

    assert await ask(salon, at) == (True, 1)


async def test_a_moment_asked_by_heart_is_answered_as_when_all_is_read(
    services: Services, brand: BrandView
) -> None:
    """Busy people, a day off, a cap and a break for one date, an appointment of her own: none of it is kept."""
    salon = await make_salon(services, brand, people=3, chairs=3, cap=2)
    first, second, third = salon.staff
    at, later = tomorrow(hour=10), tomorrow(hour=14)
    await salon.book(at, staff_id=first)
    await salon.book(later, staff_id=first)
    await salon.rows(
        "INSERT INTO appointments_staff_day (brand_id, id, created_at, staff_id, day, kind, reason)"
        " VALUES ($1, gen_random_uuid(), now(), $2, $3, 'off', '') RETURNING id",
        second,
        clock.business_day(at, salon.zone),
    )

    async def candidates(at: dt.datetime) -> object:
        async with services.database.connection(brand.id) as tx:
            asked = await ask_in(tx, salon, at)
        by_id = {one.plan.id: one.plan for one in asked.openings.staff.values()}
        return asked.openings.candidates(at, None), by_id, asked.openings.plans.chairs

    by_heart = [await candidates(at), await candidates(later)]
    known.forget()
    assert [await candidates(at), await candidates(later)] == by_heart
    assert by_heart[0][0][0] == [third]  # type: ignore[index]
    with pytest.raises(CapReached):
        await salon.book(at, staff_id=first)


async def test_her_own_appointment_keeps_its_minutes_and_not_the_buffers_around_another(
    services: Services, brand: BrandView
) -> None:
    """Who serves needs the buffer, the customer does not: by heart and read whole alike."""
    fields = service_fields(duration_min=30, buffer_before_min=15, buffer_after_min=15, step_min=15)
    salon = await make_salon(services, brand, people=2, chairs=2, fields=fields)
    member = (await make_customer(services, brand)).id
    at = tomorrow(hour=10)
    mine = await salon.book(at, member_id=member)
    busy = (await salon.see(mine.booking_id)).staff_id

    async def refusals() -> list[tuple[type[DomainError] | None, set[uuid.UUID]]]:
        found = []
        for minutes in (-30, -15, 15, 30):
            start = at + dt.timedelta(minutes=minutes)
            async with services.database.connection(brand.id) as tx:
                asked = await planning.ask(
                    tx, shop_id=salon.shop_id, service_id=salon.service.id, at=start, member_id=member,
                    now=clock.now(), is_booking=True,
                )  # fmt: skip
            refusal = asked.openings.refusal(start)
            free = set() if refusal else set(asked.openings.candidates(start, None)[0])
            found.append((type(refusal) if refusal else None, free))
        return found

    other = set(salon.staff) - {busy}
    by_heart = await refusals()
    assert by_heart == [(None, other), (OwnOverlap, set()), (OwnOverlap, set()), (None, other)]
    known.forget()
    assert await refusals() == by_heart


async def test_who_changes_two_set_ups_waits_for_nobody_who_waits_for_her(
    services: Services, brand: BrandView
) -> None:
    """The second holds what the first wants next; with the revision locked from the start, it would want hers."""
    salon = await make_salon(services, brand, people=2)
    first, second = salon.staff

    async def rename(tx: Tx, staff_id: object) -> None:
        sql = "UPDATE appointments_staff SET title = title || '!' WHERE brand_id = $1 AND id = $2"
        await tx.execute(sql, brand.id, staff_id)

    async def is_waiting(tx: Tx) -> bool:
        sql = "SELECT cardinality(pg_blocking_pids($1)) > 0"
        async with services.database.connection(None) as looking:
            return bool(await looking.fetchval(sql, tx.conn.get_server_pid()))

    async with services.database.connection(brand.id) as one:
        await rename(one, first)
        async with services.database.connection(brand.id) as other:
            await rename(other, second)
            waiting = asyncio.ensure_future(rename(one, second))
            await wait_until(lambda: is_waiting(one), what="the first to wait for the second")
        await waiting

    [row] = await salon.rows("SELECT count(*) AS n FROM appointments_setup_revision WHERE brand_id = $1")
    assert row["n"] == 1

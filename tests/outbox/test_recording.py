"""Events are rows of the caller's transaction; timers too."""

import datetime as dt
from contextlib import AbstractAsyncContextManager

import pytest

from tests.courier_kit import Courier
from tests.courier_room import Noted
from yundian.platform.core import clock
from yundian.platform.db.counting import counted
from yundian.platform.outbox import door, outbox, timers
from yundian.platform.outbox.door import Door

pytestmark = pytest.mark.anyio


async def _tags(courier: Courier) -> list[str]:
    async with courier.database.connection(courier.brand) as tx:
        return [row["tag"] for row in await tx.fetch("SELECT tag FROM outbox_event ORDER BY id")]


async def _record_and_fail(opened: AbstractAsyncContextManager[Door]) -> None:
    async with opened as one:
        await outbox.record(one, Noted(number=1))
        raise ZeroDivisionError


async def test_events_recorded_through_both_doors_are_committed_with_their_cause(courier: Courier) -> None:
    async with courier.database.unit_of_work(courier.brand) as session:
        await outbox.record(session, Noted(number=1), Noted(number=2))
    async with courier.database.connection(courier.brand) as tx:
        await outbox.record(tx, Noted(number=3))

    assert await _tags(courier) == ["test.noted.v1"] * 3


async def test_a_rolled_back_cause_leaves_no_event_and_pokes_nobody(courier: Courier) -> None:
    pokes = []

    async def note(brand: object) -> None:
        pokes.append(brand)

    courier.database.after_commit = note
    try:
        for opened in (courier.database.unit_of_work, courier.database.connection):
            with pytest.raises(ZeroDivisionError):
                await _record_and_fail(opened(courier.brand))
        assert (await _tags(courier), pokes) == ([], [])

        async with courier.database.connection(courier.brand) as tx:
            await outbox.record(tx, Noted(number=1))
    finally:
        courier.database.after_commit = None
    assert pokes == [courier.brand]


async def test_many_events_are_one_statement(courier: Courier) -> None:
    with counted() as statements:
        async with courier.database.unit_of_work(courier.brand) as session:
            await outbox.record(session, *(Noted(number=n) for n in range(50)))

    assert len(statements) == 1
    assert len(await _tags(courier)) == 50


async def test_the_fragment_is_part_of_a_larger_statement_and_can_depend_on_it(courier: Courier) -> None:
    sql = "WITH placed AS (SELECT 1 WHERE $6::bool) " + outbox.fragment(brand="$1", first=2)
    sql += " WHERE EXISTS (SELECT FROM placed)"
    async with courier.database.connection(courier.brand) as tx:
        await tx.execute(sql, tx.brand, *outbox.arguments([Noted(number=1)]), False)
        await tx.execute(sql, tx.brand, *outbox.arguments([Noted(number=2)]), True)
        door.mark_dirty(tx)

    assert len(await _tags(courier)) == 1


async def test_a_door_without_a_brand_records_nothing(courier: Courier) -> None:
    async with courier.database.connection(None) as tx:
        with pytest.raises(RuntimeError, match="no brand"):
            await outbox.record(tx, Noted(number=1))


async def test_setting_a_timer_again_moves_it_and_cancelling_ends_it(courier: Courier) -> None:
    soon, late = clock.now() + dt.timedelta(hours=1), clock.now() + dt.timedelta(hours=2)
    async with courier.database.unit_of_work(courier.brand) as session:
        await timers.set_timer(session, name="test.timer", key="a", due_at=soon, payload={"number": 1})
        await timers.set_timer(session, name="test.timer", key="a", due_at=late, payload={"number": 2})
    async with courier.database.connection(courier.brand) as tx:
        rows = await tx.fetch("SELECT due_at, state FROM outbox_timer")
        was_there = await timers.cancel_timer(tx, name="test.timer", key="a")
        again = await timers.cancel_timer(tx, name="test.timer", key="a")

    assert [(row["due_at"], row["state"]) for row in rows] == [(late, "set")]
    assert (was_there, again) == (True, False)

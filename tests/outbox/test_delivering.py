"""From event to effect: once, isolated, counted, parked, run again."""

import datetime as dt

import pytest
from structlog.testing import capture_logs

from tests import courier_room
from tests.courier_kit import Courier
from tests.courier_room import Noted
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.outbox import health, outbox, parked, retention, runner, timers
from yundian.platform.outbox.parked import NotParked
from yundian.platform.outbox.registry import Registry

pytestmark = pytest.mark.anyio


async def _record(courier: Courier, *events: Noted) -> None:
    async with courier.database.connection(courier.brand) as tx:
        await outbox.record(tx, *events)


async def _notes(courier: Courier, count: int, **poisons: Noted) -> None:
    await _record(courier, *(poisons.get(f"at_{n}", Noted(number=n)) for n in range(count)))


async def test_every_subscriber_gets_every_event_once_however_often_it_is_delivered(courier: Courier) -> None:
    await _notes(courier, 250)

    await courier.relay()
    handed = list(courier.queue.batches)
    await courier.work()
    courier.queue.batches = handed
    await courier.work()
    await courier.make_due()
    await courier.relay()
    await courier.work()

    assert await courier.effects("single") == list(range(250))
    assert await courier.effects("batch") == list(range(250))
    assert await courier.states() == {"done": 500}


async def test_two_relays_at_once_hand_over_each_delivery_once(courier: Courier) -> None:
    await _notes(courier, 1_500)

    await courier.relay()
    await courier.relay()
    await courier.relay()
    items = [(one.name, item) for one in courier.queue.batches for item in one.items]

    assert len(items) == len(set(items)) == 3_000


@pytest.mark.parametrize("where", ["single", "batch"])
async def test_a_poison_event_is_isolated_and_the_rest_of_its_batch_goes_through_at_once(
    courier: Courier, where: str
) -> None:
    await _notes(courier, 120, at_70=Noted(number=70, poison="raise", only=where))

    await courier.relay()
    await courier.work()

    assert await courier.effects(where) == [n for n in range(120) if n != 70]
    assert await courier.states() == {"done": 239, "pending": 1}


async def test_what_keeps_failing_is_parked_with_an_alarm_and_without_personal_data(
    courier: Courier,
) -> None:
    await _notes(courier, 3, at_1=Noted(number=1, poison="raise"))

    with capture_logs() as logs:
        await courier.relay()
        await courier.work()
        for _ in range(3):
            await courier.make_due()
            await courier.relay()
            await courier.work()

    assert await courier.states() == {"done": 5, "parked": 1}
    alarms = [line for line in logs if line["event"] == "courier.parked"]
    assert [(line["log_level"], line["subscriber"], line["attempts"]) for line in alarms] == [
        ("error", "test.single", 3)
    ]
    assert "Poisoned" in alarms[0]["error"]
    assert "8000" not in str(logs)


async def test_failed_attempts_back_off_ever_longer_but_never_half_a_minute(courier: Courier) -> None:
    courier.max_attempts = 20
    await _notes(courier, 1, at_0=Noted(number=0, poison="raise"))
    pauses = []
    await courier.relay()
    for _ in range(8):
        await courier.work()
        async with courier.database.connection(courier.brand) as tx:
            sql = "SELECT extract(epoch FROM next_at - now())::float8 FROM outbox_delivery WHERE state = 'pending'"
            pauses.append(await tx.fetchval(sql))
        await courier.make_due()
        await courier.relay()

    assert 0 < pauses[0] <= 1
    assert pauses[0] < pauses[2] < pauses[4] <= 30
    assert max(pauses) <= 30


async def test_what_was_lost_on_the_way_is_handed_over_again_and_counted_before_it_runs(courier: Courier) -> None:
    await _notes(courier, 4)
    await courier.relay()
    courier.queue.batches.clear()

    await courier.relay()
    assert courier.queue.batches == []
    await courier.make_due()
    await courier.relay()
    assert {(one.name, len(one.items), one.is_again) for one in courier.queue.batches} == {
        ("test.single", 4, True),
        ("test.batch", 4, True),
    }
    await courier.work()

    assert await courier.effects("batch") == [0, 1, 2, 3]
    async with courier.database.connection(courier.brand) as tx:
        assert await tx.fetchval("SELECT array_agg(DISTINCT attempts) FROM outbox_delivery") == [1]


async def test_a_full_queue_or_one_that_refuses_spends_no_attempt(courier: Courier) -> None:
    await _notes(courier, 5)
    courier.queue.slots = 0
    await courier.relay()
    assert await courier.states() == {}

    courier.queue.slots, courier.queue.is_refusing = 100, True
    for _ in range(5):
        await courier.relay()
    assert await courier.states() == {"pending": 10}

    courier.queue.is_refusing = False
    await courier.relay()
    await courier.work()
    assert await courier.effects("single") == list(range(5))
    assert await courier.states() == {"done": 10}


async def test_a_worker_that_died_with_the_last_attempt_leaves_a_parked_delivery(courier: Courier) -> None:
    await _notes(courier, 1)
    await courier.relay()
    async with courier.database.connection(courier.brand) as tx:
        await tx.execute("UPDATE outbox_delivery SET attempts = 3 WHERE subscriber = 'test.single'")
    await courier.make_due()

    with capture_logs() as logs:
        await courier.relay()

    assert (await courier.states())["parked"] == 1
    assert [line["error"] for line in logs if line["event"] == "courier.parked"] == ["the worker died"]


async def test_names_this_code_does_not_know_wait_for_code_that_does(courier: Courier) -> None:
    await _notes(courier, 3)
    newer, older = courier.registry, courier_room.registry(subscribers=[courier_room.single], timers=[])
    await courier.relay()
    courier.registry = older
    with capture_logs() as logs:
        await courier.work()
        await courier.make_due()
        await courier.relay()
        await courier.work()
    assert await courier.effects("batch") == []
    assert (await courier.states())["pending"] == 3
    assert "courier.unknown_name" in {line["event"] for line in logs}

    courier.registry = newer
    await courier.make_due()
    await courier.relay()
    await courier.work()
    assert await courier.effects("batch") == [0, 1, 2]
    assert await courier.states() == {"done": 6}


async def test_events_of_an_unknown_tag_stay_fresh_until_a_relay_knows_them(courier: Courier) -> None:
    newer = courier.registry
    courier.registry = Registry.of()
    await _notes(courier, 2)
    with capture_logs() as logs:
        await courier.relay()
    assert "test.noted.v1" in {line.get("name") for line in logs}
    assert await courier.states() == {}

    courier.registry = newer
    await courier.relay()
    await courier.work()
    assert await courier.effects("single") == [0, 1]


async def test_a_due_timer_is_handled_once_and_one_in_the_future_not_yet(courier: Courier) -> None:
    async with courier.database.connection(courier.brand) as tx:
        past, future = clock.now() - dt.timedelta(seconds=1), clock.now() + dt.timedelta(hours=1)
        await timers.set_timer(tx, name="test.timer", key="now", due_at=past, payload={"number": 1})
        await timers.set_timer(tx, name="test.timer", key="later", due_at=future, payload={"number": 2})

    await courier.relay()
    handed = list(courier.queue.batches)
    await courier.work()
    courier.queue.batches = handed
    await courier.work()

    assert await courier.effects("timer") == [1]


async def test_a_timer_moved_or_cancelled_on_the_way_does_not_fire(courier: Courier) -> None:
    past, future = clock.now() - dt.timedelta(seconds=1), clock.now() + dt.timedelta(hours=1)
    async with courier.database.connection(courier.brand) as tx:
        for key in ("moved", "cancelled"):
            await timers.set_timer(tx, name="test.timer", key=key, due_at=past, payload={"number": 1})
    await courier.relay()
    async with courier.database.connection(courier.brand) as tx:
        await timers.set_timer(tx, name="test.timer", key="moved", due_at=future, payload={"number": 2})
        await timers.cancel_timer(tx, name="test.timer", key="cancelled")
    await courier.work()

    assert await courier.effects("timer") == []
    async with courier.database.connection(courier.brand) as tx:
        row = await tx.fetchrow("SELECT next_at, attempts FROM outbox_timer WHERE key = 'moved'")
    assert row is not None
    assert (row["next_at"], row["attempts"]) == (future, 0)


async def test_a_poison_timer_is_parked_alone(courier: Courier) -> None:
    past = clock.now() - dt.timedelta(seconds=1)
    async with courier.database.connection(courier.brand) as tx:
        for n in range(5):
            payload = {"number": n, "poison": "raise" if n == 2 else ""}
            await timers.set_timer(tx, name="test.timer", key=str(n), due_at=past, payload=payload)
    for _ in range(4):
        await courier.relay()
        await courier.work()
        await courier.make_due()

    assert await courier.effects("timer") == [0, 1, 3, 4]
    async with courier.database.unit_of_work(courier.brand) as session:
        page = await parked.list_parked(session)
    assert [(one.kind, one.subscriber, one.tag, one.attempts) for one in page.items] == [
        ("timer", "test.timer", "2", 3)
    ]


async def test_parked_items_are_paged_and_run_again_by_hand(courier: Courier) -> None:
    courier.max_attempts = 1
    await _record(courier, *(Noted(number=n, poison="raise") for n in range(5)))
    await courier.relay()
    await courier.work()

    async with courier.database.unit_of_work(courier.brand) as session:
        first = await parked.list_parked(session, limit=3)
        rest = await parked.list_parked(session, limit=3, cursor=first.next_cursor)
        one = first.items[0]
        await parked.rerun(session, kind=one.kind, id=one.id, subscriber=one.subscriber)
        with pytest.raises(NotParked):
            await parked.rerun(session, kind=one.kind, id=one.id, subscriber=one.subscriber)
        others = await parked.rerun_all(session, subscriber="test.single")

    assert (len(first.items), len(rest.items), rest.next_cursor, others) == (3, 2, None, 4)
    assert len({item.id for item in [*first.items, *rest.items]}) == 5
    courier.max_attempts = 3
    await courier.relay()
    assert [len(batch.items) for batch in courier.queue.batches if batch.name == "test.single"] == [5]


async def test_another_brand_can_neither_see_nor_run_my_parked_items(
    courier: Courier, other_brand: BrandView
) -> None:
    courier.max_attempts = 1
    await _record(courier, Noted(number=1, poison="raise"))
    await courier.relay()
    await courier.work()
    async with courier.database.unit_of_work(courier.brand) as session:
        mine = (await parked.list_parked(session)).items[0]

    async with courier.database.unit_of_work(other_brand.id) as session:
        assert (await parked.list_parked(session)).items == []
        with pytest.raises(NotParked):
            await parked.rerun(session, kind=mine.kind, id=mine.id, subscriber=mine.subscriber)


async def test_health_tells_what_waits_and_what_is_parked(courier: Courier) -> None:
    courier.max_attempts = 1
    await _record(courier, Noted(number=1, poison="raise"))
    async with courier.database.unit_of_work(courier.brand) as session:
        before = await health.courier_health(session)
    await courier.relay()
    async with courier.database.unit_of_work(courier.brand) as session:
        between = await health.courier_health(session)
    await courier.work()
    async with courier.database.unit_of_work(courier.brand) as session:
        after = await health.courier_health(session)
    house = await health.house_health(courier.pool)
    told = {one.name for one in health.gauges(house)}

    assert (before.fresh, before.pending, between.fresh, between.pending) == (1, 0, 0, 2)
    assert between.oldest_pending_s > 0
    assert (after.pending, after.parked, after.oldest_pending_s) == (0, 1, 0)
    assert house.parked >= 1
    assert "yundian_courier_oldest_pending_seconds" in told


async def test_old_done_rows_are_deleted_and_unfinished_ones_kept(courier: Courier) -> None:
    courier.max_attempts = 1
    await _notes(courier, 6, at_2=Noted(number=2, poison="raise"))
    await courier.relay()
    await courier.work()
    async with courier.database.connection(courier.brand) as tx:
        await timers.set_timer(tx, name="test.timer", key="x", due_at=clock.now(), payload={"number": 1})
        await timers.cancel_timer(tx, name="test.timer", key="x")

    async with courier.database.connection(courier.brand) as tx:
        await tx.execute("UPDATE outbox_event SET created_at = created_at - interval '1 day'")
        await tx.execute("UPDATE outbox_timer SET ended_at = ended_at - interval '1 day'")
    await retention.clean(courier.pool, keep_s=3600)

    async with courier.database.connection(courier.brand) as tx:
        left = [await tx.fetchval(f"SELECT count(*) FROM {t}") for t in ("outbox_event", "outbox_timer")]
    assert left == [1, 0]
    assert await courier.states() == {"parked": 1, "done": 1}


async def test_a_subscriber_that_hangs_is_cut_off_and_counted(
    courier: Courier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "PATIENCE_S", 0.2)
    await _notes(courier, 3, at_1=Noted(number=1, poison="hang", only="batch"))

    await courier.relay()
    await courier.work()

    assert await courier.effects("batch") == [0, 2]
    async with courier.database.connection(courier.brand) as tx:
        row = await tx.fetchrow("SELECT attempts, last_error FROM outbox_delivery WHERE state = 'pending'")
    assert row is not None
    assert (row["attempts"], row["last_error"].split()[0]) == (1, "TimeoutError")


async def test_a_sweep_leaves_alone_what_is_still_leased(courier: Courier) -> None:
    await _notes(courier, 3)
    await courier.relay()
    courier.queue.batches.clear()
    async with courier.database.connection(courier.brand) as tx:
        await tx.execute("UPDATE outbox_delivery SET next_at = now() WHERE subscriber = 'test.batch'")

    await courier.relay()

    assert [(one.name, len(one.items)) for one in courier.queue.batches] == [("test.batch", 3)]

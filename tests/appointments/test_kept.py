"""What a shop moved can go back for a minute, whatever others do: its old time is kept, and nobody else's."""

import asyncio
import datetime as dt
import uuid

import httpx
import pytest

from appointments.errors import CapReached, OwnOverlap, SlotTaken, TooLateToUndo
from appointments.service import dropping, moving, sessions, steps, undoing
from appointments.service.dropping import Drop
from appointments.service.steps import By, Step
from appointments.states import BookingState, WaitMode
from appointments.types import BookingView
from tests.appointments.makers import Salon, make_salon, service_fields
from tests.appointments.test_booking import overlaps, tomorrow
from tests.appointments.test_line import offered, wait
from tests.appointments.test_undo import kept, live, messages, move, outcome, undo
from tests.helpers import submit
from tests.members.makers import make_customer
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

_HOUR, _QUARTER = dt.timedelta(hours=1), dt.timedelta(minutes=15)


async def stand(salon: Salon, booking_id: uuid.UUID) -> None:
    await undoing.stand(
        salon.services.database, brand_id=salon.brand.id, booking_id=booking_id, shops=frozenset({salon.shop_id})
    )


async def test_its_old_time_is_kept_while_a_move_can_be_undone_and_no_longer(
    services: Services, brand: BrandView
) -> None:
    fields = service_fields(step_min=15, buffer_before_min=15, buffer_after_min=15, wait_mode=WaitMode.SEQUENTIAL)
    salon = await make_salon(services, brand, people=1, chairs=1, fields=fields)
    her, other = [await make_customer(services, brand) for _ in range(2)]
    start = tomorrow(days=3)
    first = await salon.book(start, member_id=her.id)
    taken = await live(salon)

    # A quarter later: what is left of the old time is kept, hers without the buffers.
    moved = await move(salon, first.booking_id, start + _QUARTER)
    left = (start - _QUARTER, start)
    assert sorted(await kept(salon), key=str) == sorted(
        [(salon.staff[0], *left), (salon.chairs[0], *left), (her.id, start, start + _QUARTER)], key=str
    )
    # Farther, and farther: both of the times before are kept, and are her own to be put back to.
    moved = await move(salon, moved.id, start + 4 * _HOUR)
    moved = await move(salon, moved.id, start + 6 * _HOUR)
    assert await live(salon) == taken
    for at in (start, start + 4 * _HOUR):
        with pytest.raises(SlotTaken):
            await salon.book(at, member_id=other.id)
        assert at not in await salon.starts(at.date())
    with pytest.raises(OwnOverlap):
        await salon.book(start, member_id=her.id)
    again = await move(salon, moved.id, start + 4 * _HOUR)
    for back in (start + 6 * _HOUR, start + 4 * _HOUR, start + _QUARTER, start):
        again = await undo(salon, again)
        assert again.starts_at == back
    assert (again.id, await kept(salon), await live(salon)) == (first.booking_id, [], taken)

    # When it is final, somebody waits for it; and when it is cancelled nothing is kept for it.
    await salon.deliver()
    place = await wait(salon, start, window=(600, 615))
    moved = await move(salon, first.booking_id, start + 4 * _HOUR)
    await salon.deliver()
    assert await offered(salon, place) == ["waiting"]
    assert await salon.settle() == 1
    await salon.deliver()
    assert (await offered(salon, place), await kept(salon)) == ([start], [])
    moved = await move(salon, moved.id, start + 6 * _HOUR)
    assert len(await kept(salon)) == 3
    by = By(None, frozenset({salon.shop_id}))
    await steps.take(services.database, brand_id=brand.id, booking_id=moved.id, step=Step.CANCEL, by=by)
    assert await kept(salon) == []
    assert (await salon.book(start + 4 * _HOUR, member_id=other.id)).state is BookingState.CONFIRMED
    assert await overlaps(salon) == 0


async def test_whoever_served_it_and_her_cap_are_kept_too(services: Services, brand: BrandView) -> None:
    salon = await make_salon(services, brand, people=2, chairs=2, cap=1, fields=service_fields(step_min=15))
    anna, berta = salon.staff
    start = tomorrow(days=3)
    first = await salon.book(start, staff_id=anna)

    async def give(staff: uuid.UUID, booking_id: uuid.UUID) -> None:
        await moving.reassign(
            services.database, brand_id=brand.id, booking_id=booking_id, staff_id=staff, resource_id=None,
            shops=None, actor_id=None,
        )  # fmt: skip

    await give(berta, first.booking_id)
    assert await salon.starts(start.date()) == [], "what is refused is not offered"
    for at in (start, start + 5 * _HOUR):
        with pytest.raises(CapReached):
            await salon.book(at, staff_id=anna)
    # To and fro, and each step back.
    await give(anna, first.booking_id)
    await give(berta, first.booking_id)
    for staff in (anna, berta, anna):
        stands = await undo(salon, await salon.see(first.booking_id))
        assert stands.staff_id == staff
    assert await kept(salon) == []

    # On another day, and with another person there: her day here is still full.
    moved = await move(salon, first.booking_id, start + dt.timedelta(days=1), berta)
    with pytest.raises(CapReached):
        await salon.book(start + 5 * _HOUR, staff_id=anna)
    await undo(salon, moved)
    moved = await move(salon, first.booking_id, start + dt.timedelta(days=1), berta)
    await salon.settle()
    assert (await salon.book(start + 5 * _HOUR, staff_id=anna)).state is BookingState.CONFIRMED


async def test_a_session_that_was_moved_keeps_its_time_for_everybody_in_it(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, fields=service_fields(seats=3, step_min=30))
    people = [await make_customer(services, brand) for _ in range(2)]
    start = tomorrow(days=3)
    olds = [(await salon.book(start, member_id=one.id)).booking_id for one in people]
    taken = await live(salon)

    async def shift(booking_id: uuid.UUID, at: dt.datetime) -> BookingView:
        seated = [await salon.see(one) for one in await seats(salon, booking_id)]
        to = Drop(start=at, lane=salon.staff[0], is_by_chair=False, sequence=sessions.version(seated))
        return await dropping.drop(
            services.database, brand_id=brand.id, booking_id=booking_id, to=to,
            shops=frozenset({salon.shop_id}), actor_id=None,
        )  # fmt: skip

    moved = await shift(olds[0], start + 3 * _HOUR)
    hour = (start, start + _HOUR)
    assert sorted(await kept(salon), key=str) == sorted(
        [(one, *hour) for one in (salon.staff[0], salon.chairs[0], people[0].id, people[1].id)], key=str
    )
    for at in (start - _HOUR / 2, start, start + _HOUR / 2):
        with pytest.raises(SlotTaken):
            await salon.book(at)
    moved = await shift(moved.id, start + _HOUR / 2)
    assert await live(salon) == taken
    for at in (start + 3 * _HOUR, start):
        moved = await undo(salon, moved)
        assert moved.starts_at == at
    assert (sorted(await seats(salon, moved.id)), await kept(salon)) == (sorted(olds), [])

    moved = await shift(olds[0], start + 3 * _HOUR)
    await stand(salon, moved.id)
    assert (await kept(salon), await salon.settle()) == ([], 0)
    assert (await salon.book(start)).state is BookingState.CONFIRMED


async def seats(salon: Salon, booking_id: uuid.UUID) -> list[uuid.UUID]:
    rows = await salon.rows(
        "SELECT id FROM appointments_booking WHERE brand_id = $1 AND state = 'confirmed' AND session_id ="
        " (SELECT session_id FROM appointments_booking WHERE brand_id = $1 AND id = $2)",
        booking_id,
    )
    return [uuid.UUID(str(row["id"])) for row in rows]


async def test_a_shop_gives_the_old_time_away_with_one_tap(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=1, chairs=1, fields=service_fields(step_min=15))
    owner = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=salon.shop_id)).headers
    elsewhere = (await make_salon(services, brand)).shop_id
    stranger = (await sign_in_as(services, brand.id, Role.SHOP_OWNER, shop_id=elsewhere)).headers
    her, other = [await make_customer(services, brand) for _ in range(2)]
    start = tomorrow(days=2)
    one = await salon.see((await salon.book(start, member_id=her.id)).booking_id)
    await salon.deliver()
    moved = await move(salon, one.id, start + 4 * _HOUR)
    board = f"/shop/appointments?shop={salon.shop_id}&day={one.local_day.isoformat()}&by=staff"
    path = f"/shop/appointments/{moved.id}/stand"
    part = f"/shop/appointments/board?shop={salon.shop_id}&day={one.local_day.isoformat()}"

    shown = (await client.get(f"{board}&lang=en", headers=owner)).text
    assert "kept until" in shown
    assert f'action="{path}"' in shown
    assert 'class="board-kept"' in shown
    [marked] = {text for text in shown.split('"') if len(text) == 24 and text.isalnum()}
    assert (await client.get(f"{part}&seen={marked}", headers=owner)).status_code == 204
    refused = await submit(client, path, {"day": one.local_day.isoformat()}, **stranger)
    assert refused.status_code == 404
    with pytest.raises(SlotTaken):
        await salon.book(start, member_id=other.id)

    # Twice, and once more when it is final long since.
    taps = [submit(client, path, {"day": one.local_day.isoformat(), "by": "staff"}, **owner) for _ in range(2)]
    for answer in await asyncio.gather(*taps):
        assert (answer.status_code, answer.headers["location"]) == (303, board)
    await salon.deliver()
    assert (await messages(salon))["changed", "queued"] == 1
    assert await salon.settle() == 0
    await stand(salon, moved.id)
    assert "kept until" not in (await client.get(f"{board}&lang=en", headers=owner)).text
    assert (await client.get(f"{part}&seen={marked}", headers=owner)).status_code == 200
    assert (await salon.book(start, member_id=other.id)).state is BookingState.CONFIRMED
    with pytest.raises(TooLateToUndo):
        await undo(salon, moved)


async def test_while_others_try_for_its_old_time_a_move_goes_back_each_time(
    services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand, people=1, chairs=1, fields=service_fields(step_min=15))
    start = tomorrow(days=3)
    one = await salon.see((await salon.book(start)).booking_id)
    for number in range(6):
        later = start + (number + 1) * _QUARTER
        moved, early = await asyncio.gather(move(salon, one.id, later), outcome(salon.book(start)))
        tries = asyncio.gather(*(outcome(salon.book(start + n * _QUARTER)) for n in (-2, 0, 1)))
        back, late = await asyncio.gather(undo(salon, moved), tries)
        assert back.starts_at == start
        assert {early, *late} == {SlotTaken.code}
    assert await overlaps(salon) == 0

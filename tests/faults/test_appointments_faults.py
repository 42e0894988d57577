"""Whatever is killed while appointments are booked, paid, moved and given back: nobody pays for nothing."""

import contextlib
import os
import random
from collections import Counter
from collections.abc import AsyncIterator

import anyio
import pytest

from appointments.errors import SlotTaken
from tests.conftest import Servers
from tests.faults.cells import Victim
from tests.faults.party_scenes import run_day
from tests.faults.shop_cells import ALL as ALL_OF_SHOPS
from tests.faults.shop_cells import ShopCell
from tests.faults.street import Street, open_street
from tests.faults.visit_cells import ALL, VisitCell
from tests.faults.visits import Parlour, Visitor, open_parlour, run_visit
from tests.helpers import wait_until
from yundian.payments.types import Provider
from yundian.platform.core.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.faults, pytest.mark.soak, pytest.mark.timeout(300)]

SEED = int(os.environ.get("YUNDIAN_TEST_SEED", "20261123"))


@pytest.fixture(scope="module")
async def street(
    fault_servers: Servers, fault_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Street]:
    async with open_street(fault_servers, fault_settings, tmp_path_factory.mktemp("visits")) as street:
        yield street


@pytest.mark.parametrize("cell", ALL, ids=str)
async def test_no_death_at_any_step_costs_a_time_or_charges_for_none(street: Street, cell: VisitCell) -> None:
    await run_visit(street, cell)


@pytest.mark.parametrize("cell", ALL_OF_SHOPS, ids=str)
async def test_no_death_in_a_shop_s_day_costs_anybody_anything(street: Street, cell: ShopCell) -> None:
    await run_day(street, cell)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", range(SEED, SEED + 3))
async def test_two_hundred_rush_for_twenty_times_while_everything_is_killed(street: Street, seed: int) -> None:
    """Each server and process dies once while 200 book and 20 pay, some late, some twice, some not at all."""
    street.clear()
    async with open_parlour(street, people=3, chairs=2) as parlour:
        await _rush(parlour, random.Random(seed))


async def _rush(parlour: Parlour, dice: random.Random) -> None:
    visitors = [await parlour.visitor(dice.choice(list(Provider))) for _ in range(200)]
    victims = dice.sample(list(Victim), k=len(Victim))
    moments = sorted(dice.sample(range(20, 200), k=2)) + sorted(dice.sample(range(202, 214), k=3))
    deaths = list(zip(moments, victims, strict=True))
    passed: list[Visitor] = []

    async def come(number: int, visitor: Visitor) -> None:
        await parlour.book(visitor, parlour.at(9 + number % 10))
        passed.append(visitor)

    async with anyio.create_task_group() as group:
        group.start_soon(_kill_at, parlour.street, passed, deaths[:2])
        for number, visitor in enumerate(visitors):
            group.start_soon(come, number, visitor)
    held = [one for one in visitors if not one.refusal]

    assert Counter(one.refusal for one in visitors) == {"": 20, SlotTaken.code: 180}
    assert await parlour.states() == [("held", "required")] * 20

    async with anyio.create_task_group() as group:
        group.start_soon(_kill_at, parlour.street, passed, deaths[2:])
        for number, visitor in enumerate(held):
            group.start_soon(_go_on, parlour, visitor, number, passed)
    await parlour.lapse()
    async with anyio.create_task_group() as group:
        for visitor in held[15:18]:
            group.start_soon(_try_to_pay, parlour, visitor)
    await parlour.ends(lambda: _is_settled(parlour), "all of it to settle")

    await parlour.assert_true()
    ended = Counter(state for state, _ in await parlour.states())
    assert ended["confirmed"] >= 12
    assert ended["cancelled"] == 3
    assert ended["expired"] >= 2
    assert sum(ended.values()) == 20


async def _go_on(parlour: Parlour, visitor: Visitor, number: int, passed: list[Visitor]) -> None:
    """Twelve pay, three pay and cancel, three have the code and pay late, two never come back."""
    if number < 18:
        await parlour.start(visitor)
    if number < 15:
        await parlour.pay(visitor)
    if number in (0, 1):
        # She presses the other button, too, and pays there as well.
        visitor.provider = next(one for one in Provider if one is not visitor.provider)
        await parlour.street.press(visitor.pays, visitor.provider)
        await _try_to_pay(parlour, visitor)
    if 12 <= number < 15:
        await parlour.cancel(visitor)
    passed.append(visitor)


async def _try_to_pay(parlour: Parlour, visitor: Visitor) -> None:
    """Her phone still shows a code."""
    with contextlib.suppress(AssertionError):
        await parlour.pay(visitor)


async def _kill_at(street: Street, passed: list[Visitor], deaths: list[tuple[int, Victim]]) -> None:
    async def are_there(count: int) -> bool:
        return len(passed) >= count

    for moment, victim in deaths:
        await wait_until(lambda: are_there(moment), seconds=240, what=f"the moment of {victim}")  # noqa: B023
        await anyio.to_thread.run_sync(street.kill, victim)
        await street.mend(victim)


async def _is_settled(parlour: Parlour) -> bool:
    states = await parlour.states()
    return all(state not in ("held",) and deposit != "refunding" for state, deposit in states)

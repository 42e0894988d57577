"""Whatever is killed while a shop's link brings a group that pays, each buyer, fen and piece is there once."""

import os
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.conftest import Servers
from tests.faults.main_cells import ALL, MainCell, few
from tests.faults.main_job import run_main_cell
from tests.faults.party_scenes import run_day
from tests.faults.shop_cells import ShopCell
from tests.faults.shop_cells import few as few_of_shops
from tests.faults.stories import run_story
from tests.faults.story_cells import ALL as ALL_STORIES
from tests.faults.story_cells import StoryCell
from tests.faults.story_cells import few as few_stories
from tests.faults.street import Street, open_street
from tests.faults.visit_cells import VisitCell
from tests.faults.visit_cells import few as few_visits
from tests.faults.visits import run_visit
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import RELAY_ROLE, open_pool

pytestmark = [pytest.mark.anyio, pytest.mark.faults, pytest.mark.timeout(240)]

SEED = int(os.environ.get("YUNDIAN_TEST_SEED", "20261121"))


@pytest.fixture(scope="module")
async def street(
    fault_servers: Servers, fault_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Street]:
    async with open_street(fault_servers, fault_settings, tmp_path_factory.mktemp("main")) as street:
        yield street


@pytest.fixture
async def pool(street: Street) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    pool = await open_pool(street.house.settings, role=RELAY_ROLE, size=1)
    yield pool
    pool.terminate()


@pytest.mark.parametrize("cell", few(SEED), ids=str)
async def test_a_death_on_the_way_costs_no_buyer_her_seat_and_books_nothing_twice(
    street: Street, pool: "asyncpg.Pool[asyncpg.Record]", cell: MainCell
) -> None:
    await run_main_cell(street, cell, pool)


@pytest.mark.parametrize("visit", few_visits(SEED), ids=str)
async def test_a_death_on_the_way_costs_no_customer_her_time_and_charges_nobody_for_none(
    street: Street, visit: VisitCell
) -> None:
    await run_visit(street, visit)


@pytest.mark.parametrize("cell", few_of_shops(SEED), ids=str)
async def test_a_death_in_a_shop_s_day_costs_nobody_anything(street: Street, cell: ShopCell) -> None:
    await run_day(street, cell)


@pytest.mark.soak
@pytest.mark.parametrize("cell", ALL, ids=str)
async def test_no_death_at_any_step_of_the_way_costs_or_doubles_anything(
    street: Street, pool: "asyncpg.Pool[asyncpg.Record]", cell: MainCell
) -> None:
    await run_main_cell(street, cell, pool)


@pytest.mark.parametrize("cell", few_stories(SEED), ids=str)
async def test_a_death_at_dusk_over_late_money_or_after_another_costs_nobody_anything(
    street: Street, pool: "asyncpg.Pool[asyncpg.Record]", cell: StoryCell
) -> None:
    await run_story(street, cell, pool)


@pytest.mark.soak
@pytest.mark.parametrize("cell", ALL_STORIES, ids=str)
async def test_no_story_of_deaths_costs_or_doubles_anything(
    street: Street, pool: "asyncpg.Pool[asyncpg.Record]", cell: StoryCell
) -> None:
    await run_story(street, cell, pool)

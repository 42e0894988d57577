"""Whatever is killed while a shop's link brings a group that pays, each buyer, fen and piece is there once."""

import os
from collections.abc import AsyncIterator

import asyncpg
import pytest

from tests.conftest import Servers
from tests.faults.main_cells import ALL, MainCell, few
from tests.faults.main_job import run_main_cell
from tests.faults.stories import run_story
from tests.faults.story_cells import ALL as ALL_STORIES
from tests.faults.story_cells import StoryCell
from tests.faults.story_cells import few as few_stories
from tests.faults.street import Street, open_street
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

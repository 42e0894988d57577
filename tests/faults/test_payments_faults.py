"""Whatever is killed at whatever step of paying and refunding, no money is unaccounted for."""

import os
from collections.abc import AsyncIterator

import pytest

from tests.conftest import Servers
from tests.faults.cells import ALL, Cell, few
from tests.faults.street import Street, open_street, run_cell
from yundian.platform.core.settings import Settings

pytestmark = [pytest.mark.anyio, pytest.mark.faults, pytest.mark.timeout(180)]

SEED = int(os.environ.get("YUNDIAN_TEST_SEED", "20261121"))


@pytest.fixture(scope="module")
async def street(
    fault_servers: Servers, fault_settings: Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Street]:
    async with open_street(fault_servers, fault_settings, tmp_path_factory.mktemp("street")) as street:
        yield street


@pytest.mark.parametrize("cell", few(SEED), ids=str)
async def test_a_death_in_the_middle_costs_and_doubles_nothing(street: Street, cell: Cell) -> None:
    await run_cell(street, cell)


@pytest.mark.soak
@pytest.mark.parametrize("cell", ALL, ids=str)
async def test_no_death_at_any_step_costs_or_doubles_anything(street: Street, cell: Cell) -> None:
    await run_cell(street, cell)

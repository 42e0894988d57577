"""PostgreSQL and Valkey, durable as in a house, are killed while groups fill: what was answered is there."""

import asyncio
import dataclasses
import os
import random
import shutil
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import anyio
import asyncpg
import pytest

from tests import courier_room
from tests.conftest import Servers, running_servers
from tests.faults.cells import Victim
from tests.faults.kit import LEASE_S
from tests.faults.ledger import assert_conserved
from tests.faults.main_cells import Act
from tests.faults.main_job import Outing, assert_filled, open_outing
from tests.faults.street import Street, open_street
from tests.helpers import wait_until
from yundian.platform.core.settings import Environment, Settings
from yundian.platform.db import migrate
from yundian.platform.db.database import RELAY_ROLE, open_pool

pytestmark = [pytest.mark.anyio, pytest.mark.faults, pytest.mark.soak, pytest.mark.timeout(600)]

SEED = int(os.environ.get("YUNDIAN_TEST_SEED", "20261122"))
GROUPS, DEATHS = 6, 6


@pytest.fixture
def durable(scratch: Path) -> Iterator[Servers]:
    folder = scratch / "durable"
    folder.mkdir(mode=0o711)
    with running_servers(folder, durable=True) as started:
        yield started
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def settings(durable: Servers, scratch: Path) -> Settings:
    settings = Settings(
        environment=Environment.TEST,
        var_dir=scratch / "var",
        database_url=durable.database_url,
        database_owner_url=durable.database_owner_url,
        redis_url=durable.redis_url,
        courier_lease_s=LEASE_S,
    )
    await anyio.to_thread.run_sync(lambda: asyncio.run(migrate.upgrade(settings)))
    await courier_room.make_tables(settings.database_owner_url)
    return settings


@pytest.fixture
async def street(durable: Servers, settings: Settings, tmp_path: Path) -> AsyncIterator[Street]:
    async with open_street(durable, settings, tmp_path) as street:
        yield street


@pytest.fixture
async def pool(settings: Settings) -> AsyncIterator["asyncpg.Pool[asyncpg.Record]"]:
    pool = await open_pool(settings, role=RELAY_ROLE, size=1)
    yield pool
    pool.terminate()


@pytest.mark.parametrize("seed", range(SEED, SEED + 3))
async def test_groups_fill_while_their_servers_are_killed_again_and_again(
    street: Street, pool: "asyncpg.Pool[asyncpg.Record]", seed: int
) -> None:
    dice = random.Random(seed)
    # Each sees the providers of its own brand; the servers and processes are the same.
    outings = [await open_outing(dataclasses.replace(street), pool) for _ in range(GROUPS)]
    passed: list[str] = []
    try:
        async with anyio.create_task_group() as group:
            for outing in outings:
                group.start_soon(_whole_way, outing, passed)
            moments = sorted(dice.sample(range(1, GROUPS * len(_STAGES)), k=DEATHS))
            for moment in moments:
                victim = dice.choice([Victim.POSTGRESQL, Victim.VALKEY])
                await wait_until(partial(_is_past, passed, moment), seconds=120, what="the next moment")
                await anyio.to_thread.run_sync(street.kill, victim)
                await street.mend(victim)
        for outing in outings:
            await outing.become("succeeded")
            await assert_filled(outing)
            assert await assert_conserved(outing) == {"confirmed": 2}
    finally:
        for outing in outings:
            await outing.aclose()


_STAGES = (
    (Act.OPEN, "first"),
    (Act.START, "first"),
    (Act.FILL, "first"),
    (Act.JOIN, "second"),
    (Act.START, "second"),
    (Act.FILL, "second"),
)


async def _whole_way(outing: Outing, passed: list[str]) -> None:
    for act, who in _STAGES:
        buyer = outing.first if who == "first" else outing.second
        if act in (Act.OPEN, Act.JOIN):
            await outing.take_seat(buyer)
        elif act is Act.START:
            await outing.start(buyer)
        else:
            await outing.pay(buyer)
        passed.append(f"{act} {who}")


async def _is_past(passed: list[str], moment: int) -> bool:
    return len(passed) >= moment

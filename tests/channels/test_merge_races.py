"""Batches at the same moment, and a process killed in the middle of one: the same state as one after the other."""

import os
import random
import signal
from typing import Any

import anyio
import pytest

from tests import factories, nursery
from tests.channels.makers import make_channel, rows, state_of, take
from tests.channels.victim import documents
from tests.helpers import wait_until
from yundian.app.config import as_environment
from yundian.brands.types import BrandView
from yundian.channels.types import Outcome
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services

pytestmark = pytest.mark.anyio

STEPS = (
    "channels.told_members",
    "channels.kept",
    "orders.merged",
    "orders.returns_merged",
    "channels.told_reports",
)


async def one_after_the_other(services: Services) -> Any:
    brand = await factories.make_brand(services.settings)
    await make_channel(services, brand)
    await take(services, brand, *documents())
    return await state_of(services, brand)


async def test_overlapping_batches_at_once_end_as_one_after_the_other_and_nobody_gives_up(
    services: Services, brand: BrandView
) -> None:
    await make_channel(services, brand)
    order = random.Random(7)
    applied: list[str] = []

    async def send() -> None:
        mine = documents()
        order.shuffle(mine)
        for start in range(0, len(mine), 9):
            chunk = mine[start : start + 9]
            taken = await take(services, brand, *chunk)
            told = zip(taken.outcomes, chunk, strict=True)
            applied.extend(
                f"{one.external_id}/{one.version}" for what, one in told if what is not Outcome.UNCHANGED
            )

    async with anyio.create_task_group() as senders:
        for _ in range(5):
            senders.start_soon(send)

    assert len(applied) == len(set(applied)) == len(documents())
    assert await state_of(services, brand) == await one_after_the_other(services)


@pytest.mark.parametrize(
    "step", [pytest.param(step, marks=[pytest.mark.soak] if at else []) for at, step in enumerate(STEPS)]
)
async def test_a_batch_whose_process_is_killed_leaves_nothing_and_comes_again(
    services: Services, migrated: Settings, brand: BrandView, step: str
) -> None:
    await make_channel(services, brand)
    environment = {**os.environ, **as_environment(migrated), "YUNDIAN_TEST_DIE_AT": step}
    code, said = await anyio.to_thread.run_sync(
        lambda: nursery.run("tests.channels.victim", str(brand.id), environment=environment)
    )
    assert code == -signal.SIGKILL, said[-2000:]

    async def is_gone() -> bool:
        held = await rows(
            services,
            brand,
            "SELECT 1 FROM pg_locks WHERE $1::uuid IS NOT NULL AND relation = 'channels_document'::regclass"
            " AND pid <> pg_backend_pid()",
        )
        return not held

    await wait_until(is_gone, what="the dead one's transaction")
    assert await rows(services, brand, "SELECT 1 FROM channels_document WHERE brand_id = $1") == []
    taken = await take(services, brand, *documents())
    assert set(taken.outcomes) == {Outcome.APPLIED}
    assert await state_of(services, brand) == await one_after_the_other(services)

"""Stories with deaths in them, to their ends: whatever became of the group, the ledger is whole."""

import contextlib

import anyio
import asyncpg
import httpx

from groupbuy.states import LatePolicy
from tests.faults.ledger import assert_conserved, is_settled
from tests.faults.main_cells import Act
from tests.faults.main_job import (
    Outing,
    assert_filled,
    begin,
    carry_on,
    new_buyer,
    open_link,
    open_outing,
    perform,
)
from tests.faults.story_cells import Story, StoryCell
from tests.faults.street import NO_DATABASE, Street
from yundian.payments.types import Provider


async def run_story(street: Street, cell: StoryCell, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """One group and the deaths on its way."""
    street.clear()
    outing = await open_outing(street, pool, second_by=cell.second_by, late_policy=cell.late_policy)
    try:
        if cell.story is Story.DUSK:
            await _dusk(outing, cell)
        elif cell.story is Story.LATE:
            await _late(outing, cell)
        else:
            await _twice(outing, cell)
    finally:
        await _rest(outing)
        await outing.aclose()


async def _dusk(outing: Outing, cell: StoryCell) -> None:
    """The group's time is up, whoever sees to it dies, and the second pays meanwhile."""
    [death] = cell.deaths
    await begin(outing, Act.START)
    await outing.start(outing.second)
    outing.street.set_trap(death)
    await outing.fair.reach_deadline(outing.group_code)
    await outing.street.strike(death)
    await _try_to_pay(outing)
    await outing.street.mend(death.victim)
    await _settle(outing)
    # Hers is a seat, or her code was closed before she could pay by it, or her money came late.
    states = await assert_conserved(outing)
    assert set(states) in ({"confirmed"}, {"refunded", "released"}, {"refunded", "overflow", "paid"}), states


async def _late(outing: Outing, cell: StoryCell) -> None:
    """Her code outlives her group: she pays by it all the same, and somebody dies over what becomes of that."""
    [death] = cell.deaths
    is_joining = cell.late_policy is LatePolicy.JOIN_OTHER_GROUP
    if is_joining:
        await _open_another_group(outing)
    await begin(outing, Act.START)
    await outing.start(outing.second)
    await outing.fair.reach_deadline(outing.group_code)
    await _settle(outing)
    assert (await outing.fair.group(outing.group_code))["state"] == "failed"

    outing.street.set_trap(death)
    async with anyio.create_task_group() as group:
        group.start_soon(outing.pay, outing.second)
        await outing.street.strike(death)
        await outing.street.mend(death.victim)
    await _settle(outing)
    states = await assert_conserved(outing)
    assert (
        states
        == {
            LatePolicy.OPEN_NEW_GROUP: {"refunded": 1, "overflow": 1, "paid": 1},
            LatePolicy.JOIN_OTHER_GROUP: {"refunded": 1, "overflow": 1, "confirmed": 2},
            LatePolicy.REFUND: {"refunded": 1, "overflow": 1},
        }[cell.late_policy]
    )


async def _twice(outing: Outing, cell: StoryCell) -> None:
    """The web dies; and when it is back, somebody else does."""
    first, second = cell.deaths
    street = outing.street
    await begin(outing, first.act)
    street.set_trap(first)
    async with anyio.create_task_group() as group:
        group.start_soon(_walk_on, outing, first.act)
        await street.strike(first)
        street.set_trap(second)
        await street.mend(first.victim)
        await street.strike(second)
        await street.mend(second.victim)
    await outing.become("succeeded")
    await assert_filled(outing)
    assert await assert_conserved(outing) == {"confirmed": 2}


async def _walk_on(outing: Outing, act: Act) -> None:
    """From this act to the last payment, whatever happens."""
    if act is Act.START:
        await outing.press(outing.second)
    else:
        await perform(outing, act)
    await carry_on(outing, act)


async def _open_another_group(outing: Outing) -> None:
    """Of the same shop and campaign, with one seat left."""
    third = await new_buyer(outing.street, outing.fair, Provider.WECHAT)
    outing.others.append(third)
    await open_link(outing.street, third, outing.link_path)
    await outing.take_seat(third)
    await outing.start(third)
    await outing.pay(third)
    outing.group_code = ""


async def _try_to_pay(outing: Outing) -> None:
    """The provider takes her money or does not."""
    till, second = outing.street.till, outing.second
    number = await till.number(second.pays)
    with contextlib.suppress(httpx.HTTPError, AssertionError):
        await anyio.to_thread.run_sync(till.pay, second.provider, number)


async def _settle(outing: Outing) -> None:
    await outing.street.ends(outing.second.pays, lambda: is_settled(outing), "everything settled")


async def _rest(outing: Outing) -> None:
    """Nobody asks about this brand's codes any more, and steps into another story's trap by it."""
    with contextlib.suppress(*NO_DATABASE):
        await outing.fair.rows("UPDATE payments_attempt SET next_poll_at = NULL WHERE brand_id = $1")

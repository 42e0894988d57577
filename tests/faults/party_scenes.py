"""拼团预约 on a street where processes die: a group of two holds a session, fills or fails, and is served."""

import contextlib
import datetime as dt
import uuid
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any

import anyio
import httpx

from appointments.service import parties
from appointments.service.parties import GroupStart
from groupbuy.service import campaigns
from groupbuy.states import LatePolicy
from groupbuy.types import CampaignWithItems
from tests.faults import visit_ledger
from tests.faults.shop_cells import Act, ShopCell
from tests.faults.shop_scenes import run_scene
from tests.faults.street import Street
from tests.faults.visits import Parlour, Visitor, open_parlour
from tests.groupbuy.kit import GROUP_PRICE, Fair, campaign_fields, open_fair
from tests.people import Person, give_session, make_person
from yundian.payments.repository import trades
from yundian.payments.types import Provider
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.database import RELAY_ROLE, open_pool

_TERMS = {"deposit_minor": 0, "seats": 2}
_FILLED = {"confirmed": 2, "reminder_24h": 2, "reminder_2h": 2}
_DEADLINE = dt.timedelta(hours=1)


@dataclass(kw_only=True)
class Party:
    """Two customers who want one session together."""

    parlour: Parlour
    fair: Fair
    campaign: CampaignWithItems
    clerk: Person
    leader: Visitor
    second: Visitor
    group_code: str = ""

    async def open(self) -> None:
        """The first one holds a session, and presses until she is told that she has it."""
        wish = {
            "campaign_code": self.campaign.campaign.code,
            "sku_id": str(self.fair.sku_ids[0]),
            "shop_id": str(self.parlour.salon.shop_id),
            "start": self.parlour.at(10).isoformat(),
        }
        told = await self.parlour.answered(
            "/v1/appointment-groups", json=wish, headers=self.leader.customer.headers
        )
        assert told.status_code < httpx.codes.BAD_REQUEST, told.text
        self.group_code = told.json()["group_code"]

    async def open_at_once(self) -> None:
        """The same before anything dies."""
        services = self.fair.services
        made = await parties.open_group(
            services.database,
            keyring=services.keyring,
            buyer=self.fair.buyer(self.leader.customer.id),
            wish=GroupStart(
                campaign_code=self.campaign.campaign.code,
                sku_id=self.fair.sku_ids[0],
                shop_id=self.parlour.salon.shop_id,
                start=self.parlour.at(10),
            ),
        )
        self.group_code = made.group_code

    async def join(self) -> None:
        await self.fair.join(self.group_code, self.second.customer.id, pickup_shop_id=self.parlour.salon.shop_id)

    async def start(self, visitor: Visitor) -> None:
        """She asks for a code to pay her order by."""
        [row] = await self.parlour.rows(
            "SELECT payment_id FROM groupbuy_seat WHERE brand_id = $1 AND member_id = $2", visitor.customer.id
        )
        async with self.fair.services.database.connection(self.fair.brand.id) as tx:
            visitor.payment = await trades.payment(tx, payment_id=uuid.UUID(str(row["payment_id"])))
        await self.parlour.start(visitor)

    async def pay(self, visitor: Visitor) -> None:
        await self.start(visitor)
        await self.parlour.pay(visitor)

    async def become(self, *wanted: str) -> None:
        """Until the bookings are so, and nobody has anything left to do."""

        async def are() -> bool:
            return sorted(state for state, _ in await self.parlour.states()) == sorted(wanted)

        await self.parlour.ends(are, f"{wanted}")

    async def one(self, column: str, table: str) -> list[Any]:
        rows = await self.parlour.rows(f"SELECT {column} AS x FROM {table} WHERE brand_id = $1 ORDER BY id")
        return [row["x"] for row in rows]


Do = Callable[[Party], Coroutine[Any, Any, None]]


@dataclass(frozen=True, kw_only=True)
class PartyScene:
    """``orders``: how they stand in the end; ``left``: how many are paid; ``told``: of appointments."""

    begin: Do
    perform: Do
    finish: Do
    orders: tuple[str, ...]
    left: int
    told: Mapping[str, int] = field(default_factory=dict)


async def _nothing(party: Party) -> None:
    return


async def _leader_paid(party: Party) -> None:
    await party.open_at_once()
    await party.pay(party.leader)
    await party.become("held")


async def _one_is_missing(party: Party) -> None:
    await _leader_paid(party)
    await party.join()
    await party.start(party.second)
    await party.become("held")


async def _failed_with_a_code_left(party: Party) -> None:
    await _one_is_missing(party)
    await _time_is_up(party)
    await party.become("expired")


async def _filled(party: Party) -> None:
    await _one_is_missing(party)
    await party.parlour.pay(party.second)
    await party.become("confirmed", "confirmed")
    for booking_id in await party.one("id", "appointments_booking"):
        seen = await party.parlour.salon.see(booking_id)
        await party.parlour.salon.shift(seen.id, clock.now() + dt.timedelta(minutes=5) - seen.starts_at)


async def _open(party: Party) -> None:
    await party.open()


async def _second_pays(party: Party) -> None:
    await party.parlour.pay(party.second)


async def _time_is_up(party: Party) -> None:
    await party.fair.reach_deadline(party.group_code)


async def _check_in(party: Party) -> None:
    """The first one's code is read until there is an answer: then it may be used up."""
    rows = await party.parlour.rows(
        "SELECT code FROM appointments_booking WHERE brand_id = $1 AND member_id = $2", party.leader.customer.id
    )
    told = await party.parlour.answered(
        "/v1/shop-appointments/check-in", json={"code": rows[0]["code"]}, headers=party.clerk.headers
    )
    assert told.status_code in (httpx.codes.OK, httpx.codes.CONFLICT), told.text


async def _fill(party: Party) -> None:
    """One group, one order and one payment are hers, and it goes on as ever."""
    await party.become("held")
    for table in ("groupbuy_group", "orders_order", "payments_payment", "appointments_session"):
        assert len(await party.one("id", table)) == 1, table
    await party.pay(party.leader)
    await party.join()
    await party.pay(party.second)
    await _booked(party)


async def _booked(party: Party) -> None:
    await party.become("confirmed", "confirmed")
    live = await party.parlour.rows("SELECT id FROM appointments_occupancy WHERE brand_id = $1 AND is_live")
    assert len(live) == 4, "who serves, the chair, and both of them"


async def _freed(party: Party) -> None:
    await party.become("expired")
    assert await party.parlour.rows("SELECT FROM appointments_occupancy WHERE brand_id = $1 AND is_live") == []
    await party.parlour.salon.book(party.parlour.at(10))
    await party.become("expired", "confirmed")


async def _handed_over(party: Party) -> None:
    await party.become("arrived", "confirmed")
    collected = await party.parlour.rows(
        "SELECT id FROM outbox_event WHERE brand_id = $1 AND tag = 'orders.collected.v1'"
    )
    assert len(collected) == 1


SCENES: dict[Act, PartyScene] = {
    Act.OPEN: PartyScene(
        begin=_nothing, perform=_open, finish=_fill, orders=("ready", "ready"), left=2, told=_FILLED
    ),
    Act.FILL: PartyScene(
        begin=_one_is_missing,
        perform=_second_pays,
        finish=_booked,
        orders=("ready", "ready"),
        left=2,
        told=_FILLED,
    ),
    Act.FAIL: PartyScene(begin=_leader_paid, perform=_time_is_up, finish=_freed, orders=("cancelled",), left=0),
    Act.LATE: PartyScene(
        begin=_failed_with_a_code_left,
        perform=_second_pays,
        finish=_freed,
        orders=("cancelled", "closed"),
        left=0,
    ),
    Act.HAND_OVER: PartyScene(
        begin=_filled,
        perform=_check_in,
        finish=_handed_over,
        orders=("collected", "ready"),
        left=2,
        told=_FILLED,
    ),
}


@contextlib.asynccontextmanager
async def open_party(street: Street) -> AsyncGenerator[Party]:
    """A shop of its own on the street whose session groups of two buy."""
    async with open_parlour(street, **_TERMS) as parlour:
        services, brand = parlour.salon.services, parlour.salon.brand
        pool = await open_pool(street.house.settings, role=RELAY_ROLE, size=1)
        try:
            account_id, _ = street.till.accounts[Provider.WECHAT]
            fair = await open_fair(services, brand, pool, account_id=account_id)
            fields = campaign_fields(
                fair.sku_ids, size=2, late_policy=LatePolicy.REFUND, group_life_s=_DEADLINE.seconds
            )
            async with services.database.unit_of_work(brand.id) as session:
                draft = (await campaigns.create_campaign(session, fields=fields)).campaign
                await parties.offer(session, campaign_id=draft.id, service_id=parlour.salon.service.id)
                campaign = await campaigns.publish_campaign(
                    session, campaign_id=draft.id, version=draft.version + 1, now=clock.now()
                )
            clerk = await make_person(services, brand.id, Role.SHOP_STAFF, shop_id=parlour.salon.shop_id)
            yield Party(
                parlour=parlour,
                fair=fair,
                campaign=campaign,
                clerk=await give_session(services, clerk),
                leader=await parlour.visitor(),
                second=await parlour.visitor(Provider.ALIPAY),
            )
        finally:
            pool.terminate()


async def run_party(street: Street, cell: ShopCell) -> None:
    """One act of a group with one death in it, to its end."""
    street.clear()
    scene = SCENES[cell.act]
    async with open_party(street) as party:
        await scene.begin(party)
        street.set_trap(cell)
        async with anyio.create_task_group() as group:
            group.start_soon(scene.perform, party)
            await street.strike(cell)
            await street.mend(cell.victim)
        await scene.finish(party)
        await visit_ledger.assert_whole(party.parlour.rows, street.till)
        assert sorted(await party.one("state", "orders_order")) == sorted(scene.orders)
        assert await visit_ledger.left_there(street.till) == scene.left * GROUP_PRICE
        told = await visit_ledger.told(party.parlour.rows)
        ours = {name: count for name, count in told.items() if name in _FILLED}
        assert ours == dict(scene.told), told
        assert [name for name, count in told.items() if count > len(scene.orders)] == [], told


async def run_day(street: Street, cell: ShopCell) -> None:
    """Whatever the act is."""
    await (run_party(street, cell) if cell.act in SCENES else run_scene(street, cell))

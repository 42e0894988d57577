"""A shop's link, two buyers and their group on a street where processes die."""

import contextlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import anyio
import asyncpg
import httpx

from groupbuy.states import LatePolicy
from groupbuy.types import CampaignWithItems
from stores.types import ShopView
from tests import factories
from tests.faults.main_cells import Act, MainCell
from tests.faults.street import NO_DATABASE, Street
from tests.groupbuy.kit import GROUP_PRICE, Fair, open_fair, other_shop
from tests.helpers import csrf_token, wait_until
from tests.members.makers import Customer
from tests.payments.kit import open_till
from yundian.attribution import api as attribution
from yundian.payments.repository import trades
from yundian.payments.states import PaymentState
from yundian.payments.types import PaymentView, Provider
from yundian.platform.core.ids import new_id
from yundian.reports.service import checking

PIECES = 1000
_AGENT = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Mobile/15E148 Safari/604.1"}
# What somebody may be told while something is down; everything else is a fault.
_LATER = {"503 core.unavailable", "409 web.idempotency_in_progress"}


@dataclass(kw_only=True)
class Buyer:
    """A person with a phone of her own, who presses again until she has an answer."""

    member: Customer
    provider: Provider
    client: httpx.AsyncClient
    payment: PaymentView | None = None

    @property
    def pays(self) -> PaymentView:
        assert self.payment is not None
        return self.payment


@dataclass(kw_only=True)
class Outing:
    """One group of two: ``first`` came by ``link_shop``'s link, both collect at the fair's shop."""

    street: Street
    fair: Fair
    link_shop: ShopView
    campaign: CampaignWithItems
    link_path: str
    first: Buyer
    second: Buyer
    group_code: str = ""
    others: list[Buyer] = field(default_factory=list)

    @property
    def buyers(self) -> list[Buyer]:
        return [self.first, self.second, *self.others]

    async def take_seat(self, buyer: Buyer) -> None:
        """The same wish under the same key, until it is answered: always as if it were the first time."""
        aim = {"group_code": self.group_code} if self.group_code else {"campaign_code": self._campaign_code}
        lines = [{"sku_id": str(self.fair.sku_ids[0]), "quantity": 1}]
        wish = {**aim, "lines": lines, "pickup_shop_id": str(self.fair.shop.id)}
        headers = {**buyer.member.headers, "Idempotency-Key": str(new_id())}

        async def answer() -> dict[str, Any] | None:
            try:
                told = await buyer.client.post("/v1/group-seats", json=wish, headers=headers)
            except httpx.TransportError:
                return None
            if told.status_code == httpx.codes.CREATED:
                return dict(told.json())
            assert f"{told.status_code} {told.json()['code']}" in _LATER, self._complaint(told)
            return None

        made = await wait_until(answer, seconds=60, every_s=0.1, what="a seat")
        assert made is not None
        self.group_code = made["group_code"]
        # She may have her answer while the database is down.
        buyer.payment = await wait_until(
            lambda: self._payment_of(made["order_number"]), seconds=60, every_s=0.1, what="her payment"
        )

    async def _payment_of(self, order_number: str) -> PaymentView | None:
        with contextlib.suppress(*NO_DATABASE):
            [paid_by] = await self.fair.rows(
                "SELECT p.id FROM payments_payment p"
                " JOIN orders_order o ON o.brand_id = $1 AND o.id = p.subject_id"
                " WHERE p.brand_id = $1 AND o.number = $2",
                order_number,
            )
            async with self.fair.services.database.connection(self.fair.brand.id) as tx:
                return await trades.payment(tx, payment_id=paid_by["id"])
        return None

    def _complaint(self, told: httpx.Response) -> str:
        return f"{told.text}\n{self.street.web.log.read_text(errors='replace')[-6000:]}"

    @property
    def _campaign_code(self) -> str:
        return self.campaign.campaign.code

    async def start(self, buyer: Buyer) -> None:
        await self.street.start(buyer.pays, buyer.provider)

    async def press(self, buyer: Buyer) -> None:
        """Once, whatever comes of it."""
        await self.street.press(buyer.pays, buyer.provider)

    async def pay(self, buyer: Buyer) -> None:
        await self.street.pay(buyer.pays, buyer.provider)

    async def become(self, state: str) -> None:
        """Hurry until the group is there and nobody has anything left to do."""
        buyer = self.second if self.second.payment else self.first

        async def is_there() -> bool:
            return str((await self.fair.group(self.group_code))["state"]) == state

        try:
            await self.street.ends(buyer.pays, is_there, f"the group to be {state}")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{await self._what_is_open()}") from error

    async def _what_is_open(self) -> list[dict[str, Any]]:
        return await self.fair.rows(
            "SELECT subscriber AS name, state, attempts, last_error, next_at FROM outbox_delivery"
            " WHERE brand_id = $1 AND state <> 'done' UNION ALL SELECT name, state, attempts, last_error, next_at"
            " FROM outbox_timer WHERE brand_id = $1 UNION ALL SELECT code, state, paid, end_reason, deadline_at"
            " FROM groupbuy_group WHERE brand_id = $1"
        )

    async def aclose(self) -> None:
        for buyer in self.buyers:
            await buyer.client.aclose()


async def open_outing(
    street: Street,
    pool: "asyncpg.Pool[asyncpg.Record]",
    *,
    second_by: Provider = Provider.ALIPAY,
    late_policy: LatePolicy = LatePolicy.OPEN_NEW_GROUP,
) -> Outing:
    """A new brand on the street, with a campaign for groups of two, a shop's link to it and two customers."""
    services = street.till.services
    brand = await factories.make_brand(services.settings)
    till = street.till
    street.till = await open_till(services, till.sandbox, till.providers, brand.id, new_id().hex[-8:])
    account_id, _ = street.till.accounts[Provider.WECHAT]
    fair = await open_fair(services, brand, pool, pieces=PIECES, account_id=account_id)
    link_shop = await other_shop(fair, "LINK", pieces=PIECES)
    campaign = await fair.sell(size=2, seat_life_s=3600, late_policy=late_policy.value)
    link, _ = await fair.touched(campaign, link_shop)
    first, second = [await new_buyer(street, fair, provider) for provider in (Provider.WECHAT, second_by)]
    await open_link(street, first, link.path)
    return Outing(
        street=street,
        fair=fair,
        link_shop=link_shop,
        campaign=campaign,
        link_path=link.path,
        first=first,
        second=second,
    )


async def new_buyer(street: Street, fair: Fair, provider: Provider) -> Buyer:
    client = httpx.AsyncClient(base_url=street.web.client.base_url, timeout=30, headers=_AGENT)
    return Buyer(member=await fair.customer(), provider=provider, client=client)


async def open_link(street: Street, buyer: Buyer, path: str) -> None:
    """Her browser is known from now on, and by whose link she came."""
    opened = await buyer.client.get(path)
    # A browser with a cookie proves that the page was ours.
    buyer.client.headers["X-CSRF-Token"] = await csrf_token(buyer.client)
    services = street.till.services
    assert attribution.visitor_of(services.settings, services.keyring, buyer.client.cookies) is not None, opened


async def run_main_cell(street: Street, cell: MainCell, pool: "asyncpg.Pool[asyncpg.Record]") -> None:
    """One group with one death on its way, to its end."""
    street.clear()
    outing = await open_outing(street, pool)
    try:
        await begin(outing, cell.act)
        street.set_trap(cell)
        async with anyio.create_task_group() as group:
            if cell.act is Act.START:
                group.start_soon(outing.press, outing.second)
            else:
                group.start_soon(perform, outing, cell.act)
            await street.strike(cell)
            await street.mend(cell.victim)
        if cell.act is Act.LAPSE:
            await outing.become("failed")
            await assert_lapsed(outing)
        else:
            await carry_on(outing, cell.act)
            await outing.become("succeeded")
            await assert_filled(outing)
    finally:
        await outing.aclose()


_WAY = (Act.OPEN, Act.JOIN, Act.START, Act.FILL)


async def begin(outing: Outing, act: Act) -> None:
    """Everything before the act, settled: nobody's late work steps into its trap."""
    if act is Act.OPEN:
        return
    await perform(outing, Act.OPEN)
    await outing.start(outing.first)
    await outing.pay(outing.first)
    await outing.become("open")
    for before in _WAY[1 : _WAY.index(act)] if act in _WAY else ():
        await perform(outing, before)
    await outing.become("open")


async def perform(outing: Outing, act: Act) -> None:
    """What people, or the time, do in it."""
    if act is Act.OPEN:
        await outing.take_seat(outing.first)
    elif act is Act.JOIN:
        await outing.take_seat(outing.second)
    elif act is Act.START:
        await outing.start(outing.second)
    elif act is Act.FILL:
        await outing.pay(outing.second)
    else:
        await outing.fair.reach_deadline(outing.group_code)


async def carry_on(outing: Outing, act: Act) -> None:
    """What is left of the way after the act, to the last payment."""
    if act is Act.OPEN:
        await outing.start(outing.first)
        await outing.pay(outing.first)
    if act is Act.START:
        await outing.start(outing.second)
        assert len(await outing.street.till.attempts(outing.second.pays)) == 1
    for each in _WAY[_WAY.index(act) + 1 :]:
        await perform(outing, each)


# What must be true


async def assert_filled(outing: Outing) -> None:
    """Two seats, two orders, two payments, two credits, two sales: of each no more and no less."""
    fair = outing.fair
    assert await fair.seats(outing.group_code) == ["confirmed"] * 2
    assert await fair.order_states() == ["ready"] * 2
    assert await fair.quota() == (0, 2)
    assert await fair.stock() == (2 * PIECES, 2)
    assert await _credits(outing) == [("final", outing.link_shop.id, GROUP_PRICE, 0)] * 2
    orders = await _orders(outing)
    assert await _facts(outing) == [
        (basis, "sale", order, GROUP_PRICE) for basis in ("accrual", "cash") for order in orders
    ]
    for buyer in outing.buyers:
        assert await _happened(outing, buyer) == ["paid", "placed", "released"]
        assert await _totals(outing, buyer) == [(1, 1, GROUP_PRICE, 0, 0)]
    await _assert_money(outing, captured=[GROUP_PRICE] * 2, refunded=[])


async def assert_lapsed(outing: Outing) -> None:
    """Her money is back, her seat and piece are free, and it never was a sale but in cash, and that went back."""
    fair = outing.fair
    assert await fair.seats(outing.group_code) == ["refunded"]
    assert await fair.order_states() == ["cancelled"]
    assert await fair.quota() == (0, 0)
    assert await fair.stock() == (2 * PIECES, 0)
    [(state, shop, _, _)] = await _credits(outing)
    assert (state, shop) == ("reversed", outing.link_shop.id)
    [order] = await _orders(outing)
    assert await _facts(outing) == [("cash", "refund", order, GROUP_PRICE), ("cash", "sale", order, GROUP_PRICE)]
    assert await _happened(outing, outing.first) == ["cancelled", "paid", "placed", "refunded"]
    assert await _totals(outing, outing.first) == [(1, 0, GROUP_PRICE, 1, GROUP_PRICE)]
    await _assert_money(outing, captured=[GROUP_PRICE], refunded=[GROUP_PRICE])


async def _assert_money(outing: Outing, *, captured: Sequence[int], refunded: Sequence[int]) -> None:
    street, till = outing.street, outing.street.till
    await street.assert_accounted()
    assert await till.orphans() == []
    payments = await outing.fair.rows("SELECT * FROM payments_payment WHERE brand_id = $1 ORDER BY id")
    assert [(one["state"], one["captured_minor"]) for one in payments] == [
        (PaymentState.SUCCEEDED.value, amount) for amount in captured
    ]
    for one in payments:
        assert await street.effects(f"captured:{one['id']}") == [GROUP_PRICE]
    refunds = await outing.fair.rows("SELECT state, amount_minor FROM payments_refund WHERE brand_id = $1")
    assert [(one["state"], one["amount_minor"]) for one in refunds] == [("succeeded", back) for back in refunded]
    there = [
        one["amount_minor"]
        for provider in Provider
        for one in await _payments_there(outing, provider)
        if one["paid_at"]
    ]
    assert there == list(captured)
    async with outing.fair.services.database.connection(outing.fair.brand.id) as tx:
        assert await checking.check(tx) == []


async def _payments_there(outing: Outing, provider: Provider) -> list[dict[str, Any]]:
    till = outing.street.till
    return (await anyio.to_thread.run_sync(till.sandbox.books, till.payee(provider)))["payments"]


async def _orders(outing: Outing) -> list[uuid.UUID]:
    return [
        row["id"] for row in await outing.fair.rows("SELECT id FROM orders_order WHERE brand_id = $1 ORDER BY id")
    ]


async def _credits(outing: Outing) -> list[tuple[Any, ...]]:
    rows = await outing.fair.rows(
        "SELECT state, shop_id, amount_minor, refunded_minor FROM attribution_credit WHERE brand_id = $1"
    )
    return [tuple(row.values()) for row in rows]


async def _facts(outing: Outing) -> list[tuple[Any, ...]]:
    """Each document of the shop and the campaign, by basis."""
    rows = await outing.fair.rows(
        "SELECT basis, kind, order_id, sum(amount_minor)::bigint AS amount FROM reports_fact WHERE brand_id = $1"
        " GROUP BY basis, kind, order_id, document_id, shop_id, campaign_id"
        " ORDER BY basis, kind, order_id",
    )
    strange = await outing.fair.rows(
        "SELECT * FROM reports_fact WHERE brand_id = $1"
        " AND (shop_id IS DISTINCT FROM $2 OR campaign_id IS DISTINCT FROM $3)",
        outing.link_shop.id,
        outing.campaign.campaign.id,
    )
    assert strange == []
    return [tuple(row.values()) for row in rows]


async def _happened(outing: Outing, buyer: Buyer) -> list[str]:
    rows = await outing.fair.rows(
        "SELECT kind FROM members_timeline WHERE brand_id = $1 AND member_id = $2 AND order_id IS NOT NULL"
        " ORDER BY kind",
        buyer.member.id,
    )
    return [row["kind"] for row in rows]


async def _totals(outing: Outing, buyer: Buyer) -> list[tuple[int, ...]]:
    rows = await outing.fair.rows(
        "SELECT orders, sales, paid_minor, refunds, refunded_minor FROM members_totals WHERE brand_id = $1"
        " AND member_id = $2",
        buyer.member.id,
    )
    return [tuple(row.values()) for row in rows]

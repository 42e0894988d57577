"""A brand with a campaign, its buyers, their money, and the courier's work done by hand."""

import datetime as dt
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import asyncpg

from groupbuy.service import campaigns, checkout
from groupbuy.service.seats import Buyer
from groupbuy.types import CampaignFields, CampaignWithItems, Checkout, ItemFields, Wanted, Wish
from stores.types import ShopView
from tests.catalog.makers import make_product, product_fields, sku_fields
from tests.courier_kit import Courier, FakeQueue
from tests.members.makers import Customer, make_customer
from tests.stores.makers import make_shop, receive, shop_fields
from yundian.app.rooms import rooms
from yundian.app.worker import registry_of
from yundian.attribution import api as attribution
from yundian.attribution.types import Channel, LinkKind, LinkTarget, LinkView, TouchKind
from yundian.brands.types import BrandView
from yundian.catalog.states import ProductStatus
from yundian.payments.repository import trades
from yundian.payments.rules import PaymentFact, RefundFact
from yundian.payments.service import accounts, settling
from yundian.payments.types import PayKind, PaymentStanding, Provider, RefundStanding, WeChatPayAccount
from yundian.platform.core import clock
from yundian.platform.core.errors import Unavailable
from yundian.platform.core.ids import new_id, readable_code, secret_token
from yundian.platform.db.services import Services
from yundian.platform.outbox.registry import Registry

GROUP_PRICE = 9_900
# Rooms whose reactions these tests are about; the others' are their own tests' business.
_ROOMS = ("payments", "orders", "groupbuy")
_FAR = dt.timedelta(hours=2)


def registry() -> Registry:
    return registry_of([room for room in rooms() if room.name in _ROOMS])


def campaign_fields(sku_ids: Sequence[uuid.UUID], **changes: Any) -> CampaignFields:
    now = clock.now()
    values: dict[str, Any] = {
        "name": "双十一三人团",
        "title": "云雾唇釉 三人团 99 元",
        "size": 3,
        "starts_at": now - dt.timedelta(minutes=1),
        "ends_at": now + dt.timedelta(days=1),
        "group_life_s": 3600,
        "items": tuple(ItemFields(sku_id=sku, group_price_minor=GROUP_PRICE, quota=1000) for sku in sku_ids),
    }
    return CampaignFields(**(values | changes))


@dataclass(kw_only=True)
class Fair:
    """One brand's group-buys. ``sell`` makes a campaign, ``seat`` checks out, ``pay`` and ``work`` do the rest."""

    services: Services
    brand: BrandView
    shop: ShopView
    sku_ids: list[uuid.UUID]
    account_id: uuid.UUID
    pool: "asyncpg.Pool[asyncpg.Record]"
    registry: Registry = field(default_factory=registry)

    async def sell(self, **changes: Any) -> CampaignWithItems:
        """A campaign that runs."""
        async with self.services.database.unit_of_work(self.brand.id) as session:
            made = await campaigns.create_campaign(session, fields=campaign_fields(self.sku_ids, **changes))
            return await campaigns.publish_campaign(
                session, campaign_id=made.campaign.id, version=made.campaign.version, now=clock.now()
            )

    async def customers(self, count: int) -> list[uuid.UUID]:
        """New members, made in one statement."""
        ids = [new_id() for _ in range(count)]
        async with self.services.database.connection(self.brand.id) as tx:
            await tx.execute(
                "INSERT INTO members_member (brand_id, id, created_at, updated_at, version, nickname, picture_url,"
                " status, joined_via) SELECT $1, id, now(), now(), 1, '', '', 'active', 'mini_program'"
                " FROM unnest($2::uuid[]) AS n(id)",
                self.brand.id,
                ids,
            )
        return ids

    async def customer(self) -> Customer:
        return await make_customer(self.services, self.brand)

    def wish(self, *, campaign: str = "", group: str = "", quantity: int = 1, **changes: Any) -> Wish:
        values: dict[str, Any] = {
            "campaign_code": campaign,
            "group_code": group,
            "lines": (Wanted(self.sku_ids[0], quantity),),
            "pickup_shop_id": self.shop.id,
        }
        return Wish(**(values | changes))

    def buyer(self, member_id: uuid.UUID, **changes: Any) -> Buyer:
        return Buyer(self.brand.id, self.brand.code, member_id, **changes)

    async def start(
        self, campaign: CampaignWithItems, member_id: uuid.UUID, *, visitor: bytes | None = None, **wish: Any
    ) -> Checkout:
        """She opens a group."""
        return await checkout.check_out(
            self.services.database,
            keyring=self.services.keyring,
            buyer=self.buyer(member_id, visitor=visitor),
            wish=self.wish(campaign=campaign.campaign.code, **wish),
        )

    async def join(self, group_code: str, member_id: uuid.UUID, **wish: Any) -> Checkout:
        """She joins a group."""
        return await checkout.check_out(
            self.services.database,
            keyring=self.services.keyring,
            buyer=self.buyer(member_id),
            wish=self.wish(group=group_code, **wish),
        )

    async def join_as(self, group_code: str, member_id: uuid.UUID, *, visitor: bytes, **wish: Any) -> Checkout:
        """She joins with a browser that opened links."""
        return await checkout.check_out(
            self.services.database,
            keyring=self.services.keyring,
            buyer=self.buyer(member_id, visitor=visitor),
            wish=self.wish(group=group_code, **wish),
        )

    async def touched(self, campaign: CampaignWithItems, shop: ShopView) -> tuple[LinkView, bytes]:
        """A browser that opened the shop's link to the campaign."""
        visitor = attribution.visitor_hash(self.services.keyring, secret_token())
        async with self.services.database.connection(self.brand.id) as tx:
            link = await attribution.make_link(
                tx,
                keyring=self.services.keyring,
                shop_id=shop.id,
                channel=Channel.SHARE,
                target=LinkTarget(
                    kind=LinkKind.CAMPAIGN,
                    target_type="groupbuy.campaign",
                    target_id=campaign.campaign.id,
                    target_path=f"/m/{self.brand.code}/c/{campaign.campaign.code}",
                    title=campaign.campaign.title,
                    campaign_id=campaign.campaign.id,
                ),
            )
            await attribution.record_touch(
                tx, link_id=link.id, visitor=visitor, member_id=None, kind=TouchKind.OPEN, at=clock.now()
            )
        return link, visitor

    async def attempt(self, made: Checkout) -> str:
        """The provider was asked for this payment; its number."""
        number = "T" + readable_code(23)
        async with self.services.database.connection(self.brand.id) as tx:
            payment = await trades.payment(tx, payment_id=made.payment_id)
            assert payment is not None
            await trades.add_attempt(
                tx,
                attempt_id=new_id(),
                payment=payment,
                account_id=self.account_id,
                provider=Provider.WECHAT,
                kind=PayKind.NATIVE,
                out_trade_no=number,
                now=clock.now(),
            )
        return number

    async def pay(self, *made: Checkout) -> None:
        """The provider says these are paid; nobody else knows yet."""
        for one in made:
            await self.say(await self.attempt(one), one, PaymentStanding.PAID)

    async def say(self, number: str, made: Checkout, standing: PaymentStanding, *, ref: str = "") -> None:
        """What a provider says of a number; the same ``ref`` for what it says again."""
        is_paid = standing is PaymentStanding.PAID
        fact = PaymentFact(
            account_id=self.account_id,
            provider=Provider.WECHAT,
            out_trade_no=number,
            standing=standing,
            merchant_id=_merchant(self.brand),
            app_id="wx8888888888888888",
            provider_ref=ref or readable_code(20),
            amount_minor=made.total_minor if is_paid else None,
            currency=made.currency if is_paid else None,
            paid_at=clock.now() if is_paid else None,
        )
        async with self.services.database.connection(self.brand.id) as tx:
            await settling.lock(tx, payments=[number])
            await settling.settle_payments(tx, facts=[fact])

    async def expire(self, *made: Checkout) -> None:
        """The time to pay these is up, and no provider knows of them."""
        await self.close_payments([one.payment_id for one in made])

    async def close_payments(self, payment_ids: Sequence[uuid.UUID]) -> None:
        """The payments' sweeper as if these had expired; attempts at them are unknown to the provider."""
        now = clock.now()
        async with self.services.database.connection(self.brand.id) as tx:
            for payment_id in payment_ids:
                await trades.begin_closing(tx, now=now, payment_id=payment_id)
            await tx.execute(
                "UPDATE payments_attempt SET state = 'closed', next_poll_at = NULL WHERE brand_id = $1"
                " AND payment_id = ANY($2::uuid[]) AND state IN ('init', 'pending', 'unknown')",
                self.brand.id,
                list(payment_ids),
            )
        await self.finish_closing()

    async def finish_closing(self) -> None:
        async with self.services.database.connection(self.brand.id) as tx:
            await settling.finish_closing(tx, now=clock.now())

    async def arrive(self) -> int:
        """Every refund that was asked for reached its payer."""
        async with self.services.database.connection(self.brand.id) as tx:
            rows = await tx.fetch(
                "UPDATE payments_refund SET state = 'submitted' WHERE brand_id = $1 AND state = 'approved'"
                " RETURNING out_refund_no, amount_minor",
                self.brand.id,
            )
            facts = [
                RefundFact(
                    out_refund_no=row["out_refund_no"],
                    standing=RefundStanding.SUCCEEDED,
                    amount_minor=row["amount_minor"],
                    refunded_at=clock.now(),
                )
                for row in rows
            ]
            await settling.lock(tx, refund_numbers=[fact.out_refund_no for fact in facts])
            await settling.settle_refunds(tx, facts=facts)
        return len(facts)

    async def work(
        self, rounds: int = 12, *, is_checked: bool = True, is_whole: bool = True, first: Sequence[str] = ()
    ) -> None:
        """The courier, until nothing is left to carry; of each round, these subscribers and timers first.

        ``is_whole`` false: these rounds only, whatever is left."""
        courier = Courier(
            database=self.services.database,
            brand=self.brand.id,
            queue=FakeQueue(),
            pool=self.pool,
            registry=self.registry,
            max_attempts=5,
        )
        for _ in range(rounds):
            await courier.relay()
            if not courier.queue.batches and await self._asks_again():
                await courier.make_due()
                await courier.relay()
            if not courier.queue.batches:
                if is_checked:
                    await self._check_nothing_failed()
                return
            courier.queue.batches.sort(key=lambda one: first.index(one.name) if one.name in first else len(first))
            await courier.work()
        if is_whole:
            raise AssertionError("the courier carries on and on")

    async def _asks_again(self) -> bool:
        """Whether somebody waits for what another subscriber has yet to do: that is no failure."""
        waiting = await self.rows(
            "SELECT 1 FROM outbox_delivery WHERE brand_id = $1 AND state = 'pending' AND last_error LIKE $2",
            f"Unavailable {Unavailable.code} %",
        )
        return bool(waiting)

    async def _check_nothing_failed(self) -> None:
        failed = await self.rows(
            "SELECT subscriber, attempts, last_error FROM outbox_delivery WHERE brand_id = $1 AND state <> 'done'"
            " UNION ALL SELECT name, attempts, last_error FROM outbox_timer WHERE brand_id = $1"
            " AND last_error IS NOT NULL AND state <> 'done'"
        )
        assert failed == []

    async def reach_deadline(self, *codes: str) -> None:
        """It is the groups' deadline, by the database's clock and by ours."""
        async with self.services.database.connection(self.brand.id) as tx:
            await tx.execute(
                "WITH g AS (UPDATE groupbuy_group SET deadline_at = now() - interval '1 second'"
                " WHERE brand_id = $1 AND (code = ANY($2) OR cardinality($2::text[]) = 0) RETURNING id)"
                " UPDATE outbox_timer t SET due_at = now(), next_at = now() FROM g WHERE t.brand_id = $1"
                " AND t.key = g.id::text",
                self.brand.id,
                list(codes),
            )

    async def rows(self, sql: str, *args: object) -> list[dict[str, Any]]:
        """A look at this brand's tables: ``$1`` is the brand."""
        async with self.services.database.connection(self.brand.id) as tx:
            return [dict(row) for row in await tx.fetch(sql, self.brand.id, *args)]

    async def group(self, code: str) -> dict[str, Any]:
        [row] = await self.rows("SELECT * FROM groupbuy_group WHERE brand_id = $1 AND code = $2", code)
        return row

    async def seats(self, code: str) -> list[str]:
        """The states of a group's seats, oldest first."""
        rows = await self.rows(
            "SELECT s.state FROM groupbuy_seat s JOIN groupbuy_group g ON g.brand_id = $1 AND g.id = s.group_id"
            " WHERE s.brand_id = $1 AND g.code = $2 ORDER BY s.id",
            code,
        )
        return [row["state"] for row in rows]

    async def quota(self) -> tuple[int, int]:
        """Reserved and sold pieces of all items."""
        [row] = await self.rows(
            "SELECT sum(reserved)::int AS reserved, sum(sold)::int AS sold FROM groupbuy_item WHERE brand_id = $1"
        )
        return row["reserved"], row["sold"]

    async def stock(self) -> tuple[int, int]:
        """On hand and reserved, of all SKUs."""
        [row] = await self.rows(
            "SELECT sum(on_hand)::int AS hand, sum(reserved)::int AS held FROM stores_stock WHERE brand_id = $1"
        )
        return row["hand"], row["held"]

    async def order_states(self) -> list[str]:
        rows = await self.rows("SELECT state FROM orders_order WHERE brand_id = $1 ORDER BY id")
        return [row["state"] for row in rows]

    async def events(self, tag: str) -> list[dict[str, Any]]:
        rows = await self.rows(
            "SELECT payload FROM outbox_event WHERE brand_id = $1 AND tag = $2 ORDER BY id", f"groupbuy.{tag}.v1"
        )
        return [json.loads(row["payload"]) for row in rows]


async def open_fair(
    services: Services,
    brand: BrandView,
    pool: "asyncpg.Pool[asyncpg.Record]",
    *,
    pieces: int = 1000,
    skus: int = 1,
    account_id: uuid.UUID | None = None,
) -> Fair:
    """A brand with a shop that has pieces of each SKU; its merchant's account nobody asks, unless it is given."""
    shop = await make_shop(services, brand)
    product = await make_product(
        services,
        brand,
        fields=product_fields(),
        skus=tuple(sku_fields(f"LIP-{number:02d}") for number in range(skus)),
        status=ProductStatus.ON_SALE,
    )
    sku_ids = [sku.id for sku in product.skus]
    for sku_id in sku_ids:
        await receive(services, brand, shop, sku_id, pieces)
    return Fair(
        services=services,
        brand=brand,
        shop=shop,
        sku_ids=sku_ids,
        account_id=account_id or await _account(services, brand),
        pool=pool,
    )


async def other_shop(fair: Fair, code: str, *, pieces: int = 100) -> ShopView:
    """Another shop of the brand with pieces."""
    shop = await make_shop(fair.services, fair.brand, fields=shop_fields(code))
    for sku_id in fair.sku_ids:
        await receive(fair.services, fair.brand, shop, sku_id, pieces)
    return shop


def _merchant(brand: BrandView) -> str:
    return str(brand.id.int)[:20]


async def _account(services: Services, brand: BrandView) -> uuid.UUID:
    account = WeChatPayAccount(app_id="wx8888888888888888", merchant_id=_merchant(brand), api_key="0" * 32)
    async with services.database.unit_of_work(brand.id) as session:
        view = await accounts.add_account(
            session, keyring=services.keyring, settings=services.settings, label="Till", account=account
        )
    return view.id

"""The checkout as one would write it down: one plain step after the other. The one statement must equal it."""

import datetime as dt
import json
import re
import uuid
from typing import Any

from groupbuy import rules
from groupbuy.service.ending import DEADLINE
from groupbuy.types import CampaignWithItems, Wanted
from stores import api as stores
from stores.types import StockLine
from tests.groupbuy.kit import Fair
from yundian.attribution import api as attribution
from yundian.attribution.types import Credit, GroupOwner, Subject
from yundian.orders import api as orders
from yundian.orders.types import NewLine, NewOrder
from yundian.payments import api as payments
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.money import Money
from yundian.platform.db.database import Tx
from yundian.platform.outbox import timers

TABLES = (
    "groupbuy_group",
    "groupbuy_seat",
    "groupbuy_item",
    "orders_order",
    "orders_line",
    "orders_event",
    "stores_stock",
    "stores_stock_movement",
    "attribution_credit",
    "payments_payment",
    "outbox_event",
    "outbox_timer",
)
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)")
_CODE = re.compile(r"\b(\d{6}-[2-9A-Z]{8}|[2-9a-z]{10})\b")


async def check_out_plainly(
    fair: Fair, whole: CampaignWithItems, member_id: uuid.UUID, lines: tuple[Wanted, ...], group_code: str = ""
) -> str:
    """Opens a group, or joins one; the group's code."""
    now, campaign = clock.now(), whole.campaign
    chosen = rules.choose(lines, {item.sku_id: item for item in whole.items}, pieces_per_seat=9)
    total = Money(sum(one.total_minor for one in chosen), "CNY")
    seat_id, order_id, number = new_id(), new_id(), orders.new_number(at=now)
    async with fair.services.database.connection(fair.brand.id) as tx:
        group, credit = await _group(tx, fair, whole, member_id, group_code, now)
        expires_at = rules.seat_expiry(now=now, seat_life_s=campaign.seat_life_s, deadline_at=group["deadline_at"])
        for one in chosen:
            await tx.execute(
                "UPDATE groupbuy_item SET reserved = reserved + $3 WHERE brand_id = $1 AND id = $2",
                fair.brand.id,
                one.item.id,
                one.quantity,
            )
        await stores.reserve_stock(
            tx,
            shop_id=fair.shop.id,
            lines=[StockLine(one.item.sku_id, one.quantity) for one in chosen],
            reference=f"order:{order_id}",
            now=now,
        )
        order = NewOrder(
            id=order_id,
            number=number,
            channel="groupbuy",
            currency="CNY",
            lines=tuple(
                NewLine(
                    sku_id=one.item.sku_id,
                    sku_code=one.item.sku_code,
                    name=one.item.name,
                    shade_name=one.item.shade_name,
                    quantity=one.quantity,
                    unit_minor=one.item.group_price_minor,
                )
                for one in chosen
            ),
            member_id=member_id,
            attributed_shop_id=credit.shop_id,
            fulfil_shop_id=fair.shop.id,
            staff_id=credit.staff_id,
            campaign_id=campaign.id,
            origin_type="groupbuy.seat",
            origin_id=seat_id,
            placed_at=now,
            expires_at=expires_at,
            stock_reference=f"order:{order_id}",
        )
        await orders.place(tx, order=order)
        await attribution.write_credit(
            tx, credit=credit, subject=Subject("order", order_id), amount=total, member_id=member_id
        )
        payment = await payments.start_payment(
            tx,
            keyring=fair.services.keyring,
            subject_type="order",
            subject_id=order_id,
            amount=total,
            description=campaign.title,
            expires_at=expires_at,
            return_path=f"/m/{fair.brand.code}/g/{group['code']}",
        )
        nth = await tx.fetchval(
            "SELECT count(*) + 1 FROM groupbuy_seat WHERE brand_id = $1 AND campaign_id = $2 AND member_id = $3"
            " AND state IN ('reserved', 'paid', 'confirmed', 'refunded_after')",
            fair.brand.id,
            campaign.id,
            member_id,
        )
        await tx.execute(
            "INSERT INTO groupbuy_seat (brand_id, id, created_at, group_id, campaign_id, member_id, order_id,"
            " order_number, payment_id, shop_id, link_id, pickup_shop_id, item_ids, quantities, unit_prices,"
            " total_minor, currency, nth, state, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11,"
            " $12, $13, $14, $15, $16, 'CNY', $17, 'reserved', $18)",
            fair.brand.id,
            seat_id,
            now,
            group["id"],
            campaign.id,
            member_id,
            order_id,
            number,
            payment.id,
            credit.shop_id,
            credit.link_id,
            fair.shop.id,
            [one.item.id for one in chosen],
            [one.quantity for one in chosen],
            [one.item.group_price_minor for one in chosen],
            total.minor,
            nth,
            expires_at,
        )
    return str(group["code"])


async def _group(
    tx: Tx, fair: Fair, whole: CampaignWithItems, member_id: uuid.UUID, code: str, now: dt.datetime
) -> tuple[dict[str, Any], Credit]:
    """One more seat of the group, or a new group with its timer; and whose the order is."""
    campaign = whole.campaign
    if code:
        group = await tx.fetchrow(
            "UPDATE groupbuy_group SET taken = taken + 1 WHERE brand_id = $1 AND code = $2 RETURNING *",
            fair.brand.id,
            code,
        )
        assert group is not None
        owner = GroupOwner(shop_id=group["shop_id"], link_id=group["link_id"], staff_id=group["staff_id"])
        return dict(group), await _decide(tx, fair, whole, member_id, owner, now)
    credit = await _decide(tx, fair, whole, member_id, None, now)
    group_id, code = new_id(), readable_code(10).lower()
    deadline_at = now + dt.timedelta(seconds=campaign.group_life_s)
    await tx.execute(
        "INSERT INTO groupbuy_group (brand_id, id, created_at, code, campaign_id, shop_id, link_id, staff_id,"
        " leader_member_id, state, size, late_policy, taken, paid, opened_at, deadline_at, end_reason)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 'opening', $10, $11, 1, 0, $3, $12, '')",
        fair.brand.id,
        group_id,
        now,
        code,
        campaign.id,
        credit.shop_id,
        credit.link_id,
        credit.staff_id,
        member_id,
        campaign.size,
        campaign.late_policy.value,
        deadline_at,
    )
    await timers.set_timer(tx, name=DEADLINE, key=str(group_id), due_at=deadline_at)
    return {"id": group_id, "code": code, "deadline_at": deadline_at}, credit


async def _decide(
    tx: Tx,
    fair: Fair,
    whole: CampaignWithItems,
    member_id: uuid.UUID,
    owner: GroupOwner | None,
    now: dt.datetime,
) -> Credit:
    return await attribution.decide(
        tx,
        member_id=member_id,
        visitor=None,
        at=now,
        campaign_id=whole.campaign.id,
        group=owner,
        fulfil_shop_id=fair.shop.id,
    )


async def books(fair: Fair, names: dict[uuid.UUID, str], *, code: str) -> dict[str, list[str]]:
    """Every row of every table a checkout writes, with ids by their names and without what is random."""
    known = {str(one): name for one, name in names.items()}
    found = {}
    for table in TABLES:
        rows = await fair.rows(f"SELECT to_jsonb(t) AS row FROM {table} t WHERE brand_id = $1")
        texts = [json.dumps(json.loads(row["row"]), ensure_ascii=False, sort_keys=True) for row in rows]
        plain = [_TIME.sub("TIME", _UUID.sub(lambda one: known.get(one[0], "ID"), text)) for text in texts]
        # Orders placed by themselves have a timer of their own; a payment of the one statement is it.
        kept = [text for text in plain if '"orders.expiry"' not in text and "orders.expire" not in text]
        found[table] = sorted(
            _CODE.sub("CODE", text.replace(code, "CAMPAIGN").replace(fair.brand.code, "BRAND")) for text in kept
        )
    return found

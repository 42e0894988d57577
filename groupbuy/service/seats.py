"""A seat that is about to be written, and its parts of the one statement (ADR 0016)."""

import datetime as dt
import uuid
from typing import NamedTuple

from groupbuy import rules
from groupbuy.repository import checkout as rows
from groupbuy.repository.checkout import Gates
from groupbuy.rules import Chosen
from groupbuy.service.ending import DEADLINE
from groupbuy.types import CHANNEL, SEAT, CampaignView, Checkout, GroupView, Wish
from stores import api as stores
from stores.types import StockLine
from yundian.attribution import api as attribution
from yundian.attribution.types import Credit, GroupOwner, Subject
from yundian.orders import api as orders
from yundian.orders.types import SUBJECT, NewLine, NewOrder
from yundian.payments import api as payments
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.core.money import Money
from yundian.platform.db.cte import Cte
from yundian.platform.outbox import timers

GROUP_CODE_LENGTH = 10


class Buyer(NamedTuple):
    """Who checks out. ``payer`` is her openid where she pays inside WeChat; ``visitor`` is her browser."""

    brand_id: uuid.UUID
    brand_code: str
    member_id: uuid.UUID
    visitor: bytes | None = None
    payer: str = ""
    own_shop_ids: frozenset[uuid.UUID] = frozenset()


class Ids(NamedTuple):
    """The ids of one checkout, made here: the answer is known before the statement runs."""

    seat: uuid.UUID
    group: uuid.UUID
    order: uuid.UUID
    payment: uuid.UUID
    group_code: str
    number: str


class GateShut(Exception):
    """A gate of the statement let nothing through."""

    def __init__(self, gates: Gates) -> None:
        super().__init__(gates)
        self.gates = gates


class NewSeat(NamedTuple):
    """Everything that is about to be written."""

    ids: Ids
    buyer: Buyer
    campaign: CampaignView
    group: GroupView | None
    chosen: list[Chosen]
    prices: list[int]
    pickup_shop_id: uuid.UUID
    note: str
    credit: Credit
    now: dt.datetime
    deadline_at: dt.datetime
    expires_at: dt.datetime
    total: Money

    @classmethod
    def of(
        cls,
        buyer: Buyer,
        campaign: CampaignView,
        group: GroupView | None,
        chosen: list[Chosen],
        wish: Wish,
        credit: Credit,
        now: dt.datetime,
        prices: list[int] | None = None,
    ) -> "NewSeat":
        deadline_at = (
            group.deadline_at
            if group is not None
            else rules.deadline_of(opened_at=now, group_life_s=campaign.group_life_s)
        )
        ids = Ids(
            seat=new_id(),
            group=group.id if group is not None else new_id(),
            order=new_id(),
            payment=new_id(),
            group_code=group.code if group is not None else readable_code(GROUP_CODE_LENGTH).lower(),
            number=orders.new_number(at=now),
        )
        each = prices or [one.item.group_price_minor for one in chosen]
        total = sum(price * one.quantity for price, one in zip(each, chosen, strict=True))
        return cls(
            ids=ids,
            buyer=buyer,
            campaign=campaign,
            group=group,
            chosen=chosen,
            prices=each,
            pickup_shop_id=wish.pickup_shop_id,
            note=wish.note,
            credit=credit,
            now=now,
            deadline_at=deadline_at,
            expires_at=rules.seat_expiry(now=now, seat_life_s=campaign.seat_life_s, deadline_at=deadline_at),
            total=Money(total, chosen[0].item.currency),
        )

    @property
    def stock_reference(self) -> str:
        """Empty: nothing of it is stock, another room holds its place."""
        return "" if self.campaign.opens_with else f"order:{self.ids.order}"

    def checkout(self, keyring: Keyring) -> Checkout:
        return Checkout(
            seat_id=self.ids.seat,
            group_id=self.ids.group,
            group_code=self.ids.group_code,
            order_id=self.ids.order,
            order_number=self.ids.number,
            payment_id=self.ids.payment,
            pay_path=payments.pay_path(keyring, brand_id=self.buyer.brand_id, payment_id=self.ids.payment),
            total_minor=self.total.minor,
            currency=self.total.currency,
            expires_at=self.expires_at,
            is_new=True,
        )

    def order(self) -> NewOrder:
        return NewOrder(
            id=self.ids.order,
            number=self.ids.number,
            channel=CHANNEL,
            currency=self.total.currency,
            lines=tuple(
                NewLine(
                    sku_id=one.item.sku_id,
                    sku_code=one.item.sku_code,
                    name=one.item.name,
                    shade_name=one.item.shade_name,
                    quantity=one.quantity,
                    unit_minor=price,
                )
                for one, price in zip(self.chosen, self.prices, strict=True)
            ),
            member_id=self.buyer.member_id,
            attributed_shop_id=self.credit.shop_id,
            fulfil_shop_id=self.pickup_shop_id,
            staff_id=self.credit.staff_id,
            campaign_id=self.campaign.id,
            origin_type=SEAT,
            origin_id=self.ids.seat,
            placed_at=self.now,
            expires_at=self.expires_at,
            stock_reference=self.stock_reference,
            note=self.note,
            handed_by=self.campaign.opens_with,
        )


def gate_parts(cte: Cte, *, seat: NewSeat, now: dt.datetime) -> None:
    """Group, seat, quota, stock: each depends on the one before, and locks after it."""
    brand_id, ids = seat.buyer.brand_id, seat.ids
    if seat.group is not None:
        rows.join_part(cte, brand_id=brand_id, group_id=ids.group, now=now)
    else:
        rows.open_part(cte, brand_id=brand_id, group=_group_row(seat))
    rows.seat_part(cte, brand_id=brand_id, seat=_seat_row(seat), limit=seat.campaign.per_member_limit)
    rows.quota_part(cte, brand_id=brand_id, chosen=seat.chosen)
    if seat.campaign.opens_with:
        rows.place_part(cte, brand_id=brand_id, shop_id=seat.pickup_shop_id)
    else:
        stores.reserve_parts(
            cte,
            brand_id=brand_id,
            shop_id=seat.pickup_shop_id,
            lines=[StockLine(one.item.sku_id, one.quantity) for one in seat.chosen],
            reference=seat.stock_reference,
            now=now,
            given="quota",
        )
    rows.ready_part(cte, lines=len(seat.chosen))
    if seat.group is None:
        timers.timer_part(
            cte, brand_id=brand_id, name=DEADLINE, key=str(ids.group), due_at=seat.deadline_at, given="ready"
        )


def result_parts(cte: Cte, *, seat: NewSeat) -> None:
    """The order and its credit, where every gate let everything through."""
    orders.place_parts(cte, brand_id=seat.buyer.brand_id, order=seat.order(), given="ready")
    attribution.credit_parts(
        cte,
        brand_id=seat.buyer.brand_id,
        credit=seat.credit,
        subject=Subject(SUBJECT, seat.ids.order),
        amount=seat.total,
        member_id=seat.buyer.member_id,
        given="placed",
    )


def payment_part(cte: Cte, *, keyring: Keyring, seat: NewSeat) -> None:
    payments.open_payment_part(
        cte,
        keyring=keyring,
        brand_id=seat.buyer.brand_id,
        payment_id=seat.ids.payment,
        subject_type=SUBJECT,
        subject_id=seat.ids.order,
        amount=seat.total,
        description=seat.campaign.title,
        expires_at=seat.expires_at,
        given="placed",
        return_path=f"/m/{seat.buyer.brand_code}/g/{seat.ids.group_code}",
        payer=seat.buyer.payer,
    )


def is_through(gates: Gates, *, lines: int) -> bool:
    """Whether everything was written."""
    return gates == Gates(group=1, seat=1, quota=lines, stock=lines, order=1, kept=1)


def owner_of(group: GroupView) -> GroupOwner:
    """Whose group it is: every order of it is credited there."""
    return GroupOwner(shop_id=group.shop_id, link_id=group.link_id, staff_id=group.staff_id)


def _group_row(seat: NewSeat) -> dict[str, object]:
    campaign = seat.campaign
    return {
        "id": seat.ids.group,
        "created_at": seat.now,
        "code": seat.ids.group_code,
        "campaign_id": campaign.id,
        "shop_id": seat.credit.shop_id,
        "link_id": seat.credit.link_id,
        "staff_id": seat.credit.staff_id,
        "leader_member_id": seat.buyer.member_id,
        "size": campaign.size,
        "short_fill_size": campaign.short_fill_size,
        "late_policy": campaign.late_policy.value,
        "opened_at": seat.now,
        "deadline_at": seat.deadline_at,
    }


def _seat_row(seat: NewSeat) -> dict[str, object]:
    return {
        "id": seat.ids.seat,
        "created_at": seat.now,
        "group_id": seat.ids.group,
        "campaign_id": seat.campaign.id,
        "member_id": seat.buyer.member_id,
        "order_id": seat.ids.order,
        "order_number": seat.ids.number,
        "payment_id": seat.ids.payment,
        "shop_id": seat.credit.shop_id,
        "link_id": seat.credit.link_id,
        "pickup_shop_id": seat.pickup_shop_id,
        "item_ids": [one.item.id for one in seat.chosen],
        "quantities": [one.quantity for one in seat.chosen],
        "unit_prices": seat.prices,
        "total_minor": seat.total.minor,
        "currency": seat.total.currency,
        "expires_at": seat.expires_at,
    }

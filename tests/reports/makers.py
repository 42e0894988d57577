"""Orders as their events tell of them, and what an accountant would make of them by hand."""

import datetime as dt
import uuid
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from yundian.orders.events import LineFacts, OrderFacts, OrderPaid, OrderRefunded, OrderReleased, RefundedLine
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.db.services import Services
from yundian.platform.outbox.declare import Delivered, Event
from yundian.reports import handlers
from yundian.reports.types import NOBODY

NOON = dt.datetime(2026, 3, 10, 4, 0, tzinfo=dt.UTC)  # noon in Shanghai


@dataclass(frozen=True, kw_only=True)
class Refund:
    """What goes back of each line, how many hours after the payment."""

    lines: tuple[int, ...]
    after_h: int
    was_released: bool
    id: uuid.UUID = field(default_factory=new_id)


@dataclass(frozen=True, kw_only=True)
class Story:
    """What happened to one order; amounts are minor units, hours count from its payment."""

    paid_at: dt.datetime = NOON
    shop_id: uuid.UUID | None = None
    campaign_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    channel: str = "groupbuy"
    currency: str = "CNY"
    lines: tuple[int, ...] = (10_00,)
    shipping_minor: int = 0
    released_after_h: int | None = 1
    refunds: tuple[Refund, ...] = ()
    order_id: uuid.UUID = field(default_factory=new_id)
    number: str = field(default_factory=lambda: readable_code(12))

    @property
    def total_minor(self) -> int:
        return sum(self.lines) + self.shipping_minor

    @property
    def facts(self) -> OrderFacts:
        return OrderFacts(
            order_id=self.order_id,
            number=self.number,
            channel=self.channel,
            member_id=self.member_id,
            attributed_shop_id=self.shop_id,
            fulfil_shop_id=None,
            home_shop_id=None,
            staff_id=None,
            campaign_id=self.campaign_id,
            origin_type="test",
            origin_id=None,
            currency=self.currency,
            goods_minor=sum(self.lines),
            discount_minor=0,
            shipping_minor=self.shipping_minor,
            total_minor=self.total_minor,
            placed_at=self.paid_at - dt.timedelta(minutes=1),
            lines=tuple(
                LineFacts(line_no=n, sku_id=None, sku_code=f"S{n}", name="口红", quantity=n, total_minor=amount)
                for n, amount in enumerate(self.lines, start=1)
            ),
        )

    def events(self) -> list[Event]:
        """In the order in which they happened, more or less."""
        told: list[Event] = [
            OrderPaid(order=self.facts, payment_id=new_id(), amount_minor=self.total_minor, paid_at=self.paid_at)
        ]
        if self.released_after_h is not None:
            told.append(OrderReleased(order=self.facts, released_at=self.after(self.released_after_h)))
        return told + [self._refunded(one) for one in self.refunds]

    def after(self, hours: int) -> dt.datetime:
        return self.paid_at + dt.timedelta(hours=hours)

    def _refunded(self, refund: Refund) -> OrderRefunded:
        return OrderRefunded(
            order=self.facts,
            refund_id=refund.id,
            amount_minor=sum(refund.lines),
            refunded_minor=sum(refund.lines),
            refunded_at=self.after(refund.after_h),
            was_released=refund.was_released,
            lines=tuple(
                RefundedLine(line_no=n, quantity=1, amount_minor=amount)
                for n, amount in enumerate(refund.lines, start=1)
                if amount
            ),
        )


Key = tuple[str, dt.date, str, uuid.UUID, uuid.UUID, str]


@dataclass
class Books:
    """The same numbers by hand: no SQL, no rollups, one story after the other."""

    zones: dict[uuid.UUID | None, str]
    sums: dict[Key, dict[str, int]] = field(default_factory=lambda: defaultdict(lambda: defaultdict(int)))
    people: dict[Key, set[uuid.UUID]] = field(default_factory=lambda: defaultdict(set))

    def add(self, story: Story) -> None:
        self._sale("cash", story, story.paid_at)
        released = None if story.released_after_h is None else story.after(story.released_after_h)
        if released is not None:
            self._sale("accrual", story, released)
        for refund in story.refunds:
            at = story.after(refund.after_h)
            self._refund("cash", story, at, refund)
            if refund.was_released:
                self._refund("accrual", story, at, refund)
            elif released is not None:
                # It came while the order waited: part of the sale from the moment there is one.
                self._refund("accrual", story, max(at, released), refund)

    def row(self, key: Key) -> tuple[int, int, int, int, int]:
        found = self.sums[key]
        return found["orders"], len(self.people[key]), found["gross"], found["refunds"], found["refunded"]

    def _key(self, basis: str, story: Story, at: dt.datetime) -> Key:
        day = clock.business_day(at, self.zones[story.shop_id])
        return basis, day, story.channel, story.shop_id or NOBODY, story.campaign_id or NOBODY, story.currency

    def _sale(self, basis: str, story: Story, at: dt.datetime) -> None:
        key = self._key(basis, story, at)
        self.sums[key]["orders"] += 1
        self.sums[key]["gross"] += story.total_minor
        if story.member_id is not None:
            self.people[key].add(story.member_id)

    def _refund(self, basis: str, story: Story, at: dt.datetime, refund: Refund) -> None:
        key = self._key(basis, story, at)
        self.sums[key]["refunds"] += 1
        self.sums[key]["refunded"] += sum(refund.lines)


async def tell(services: Services, brand_id: uuid.UUID, events: Sequence[Event]) -> None:
    """Hand events to the room's subscribers, one batch of each kind, each in its own transaction."""
    for subscriber in handlers.SUBSCRIBERS:
        wanted: list[Delivered[Any]] = [
            Delivered(new_id(), event) for event in events if type(event) is subscriber.event
        ]
        if wanted:
            async with services.database.connection(brand_id) as tx:
                await subscriber.handle(tx, wanted)

"""The JSON of HQ's numbers. Days are those of the shops, durations minutes, money minor units by its currency."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

import msgspec

from appointments.repository.funnel import By, FunnelRow
from appointments.repository.listing import Followed, Listed, What
from appointments.repository.usage import Usage
from appointments.service.reporting import Busyness, FunnelReport
from appointments.types import BookingView
from stores.types import ShopView
from yundian.orders.types import OrderView


class UsageCounts(msgspec.Struct, frozen=True, kw_only=True):
    """What became of appointments; ``minutes`` of service, and ``planned`` ones of work."""

    booked: int
    served: int
    missed: int
    cancelled: int
    cancelled_late: int
    minutes: int
    planned: int

    @classmethod
    def of(cls, one: Usage) -> "UsageCounts":
        return cls(**{name: getattr(one, name) for name in cls.__struct_fields__})


class ShopUsage(msgspec.Struct, frozen=True, kw_only=True):
    shop_id: uuid.UUID
    shop_name: str
    counts: UsageCounts


class PersonUsage(msgspec.Struct, frozen=True, kw_only=True):
    shop_id: uuid.UUID
    shop_name: str
    staff_id: uuid.UUID
    staff_name: str
    counts: UsageCounts


class HourCount(msgspec.Struct, frozen=True, kw_only=True):
    """So many appointments begin in this hour of this week day (1 is Monday), by the shop's clock."""

    weekday: int
    hour: int
    count: int


class UsageRead(msgspec.Struct, frozen=True, kw_only=True):
    """How busy people were; ``past``: all of them over as many days just before.

    Names are in the language asked for.
    """

    first: dt.date
    last: dt.date
    total: UsageCounts
    past: UsageCounts
    shops: list[ShopUsage]
    people: list[PersonUsage]
    hours: list[HourCount]

    @classmethod
    def of(cls, found: Busyness, *, first: dt.date, last: dt.date) -> "UsageRead":
        return cls(
            first=first,
            last=last,
            total=UsageCounts.of(found.total),
            past=UsageCounts.of(found.past),
            shops=[
                ShopUsage(shop_id=shop, shop_name=name, counts=UsageCounts.of(one))
                for name, shop, one in found.shops
            ],
            people=[
                PersonUsage(
                    shop_id=one.shop_id,
                    shop_name=shop,
                    staff_id=one.staff_id,
                    staff_name=person,
                    counts=UsageCounts.of(one),
                )
                for shop, person, one in found.rows
            ],
            hours=[
                HourCount(weekday=weekday, hour=hour, count=count)
                for (weekday, hour), count in sorted(found.by_hour.items())
            ],
        )


class FunnelCounts(msgspec.Struct, frozen=True, kw_only=True):
    """How many looked, asked for a time (``held``), were booked, came and bought; ``net_minor``: what they bought
    and did not give back."""

    viewed: int
    held: int
    booked: int
    arrived: int
    bought: int
    net_minor: dict[str, int]

    @classmethod
    def of(cls, row: FunnelRow) -> "FunnelCounts":
        return cls(
            viewed=row.viewed,
            held=row.held,
            booked=row.booked,
            arrived=row.arrived,
            bought=row.bought,
            net_minor=row.net,
        )


class FunnelLine(msgspec.Struct, frozen=True, kw_only=True):
    """``key``: the id of a shop, a person or a service, or a channel; empty: of nobody in particular."""

    key: str
    name: str
    counts: FunnelCounts


class FunnelRead(msgspec.Struct, frozen=True, kw_only=True):
    """From looking to buying, of what was first asked for on these days; ``past``: as many days just before.

    Names are in the language asked for.
    """

    by: By
    first: dt.date
    last: dt.date
    rows: list[FunnelLine]
    total: FunnelCounts
    past: FunnelCounts

    @classmethod
    def of(cls, report: FunnelReport) -> "FunnelRead":
        return cls(
            by=report.by,
            first=report.first,
            last=report.last,
            rows=[FunnelLine(key=row.key, name=name, counts=FunnelCounts.of(row)) for name, row in report.rows],
            total=FunnelCounts.of(report.total),
            past=FunnelCounts.of(report.past),
        )


class FollowedRead(msgspec.Struct, frozen=True, kw_only=True):
    """An order that followed an appointment, less what went back; so many of its lines were tried there."""

    order_id: uuid.UUID
    number: str
    net_minor: int
    currency: str
    bought_at: dt.datetime
    tried_lines: int

    @classmethod
    def of(cls, one: Followed, order: OrderView | None) -> "FollowedRead":
        return cls(
            order_id=one.order_id,
            number=order.number if order else "",
            net_minor=one.net_minor,
            currency=one.currency,
            bought_at=one.bought_at,
            tried_lines=one.tried_lines,
        )


class ListedRead(Listed, frozen=True, kw_only=True):
    """One appointment of a number, and the orders that followed it. ``is_day_only``: its time is not known.
    ``external_client``: what another system calls its customer."""

    shop_name: str
    shop_name_en: str
    bought: list[FollowedRead]


def listed_of(
    found: Sequence[Listed],
    bought: Sequence[Followed],
    numbers: Mapping[uuid.UUID, OrderView],
    shops: Mapping[uuid.UUID, ShopView],
) -> list[ListedRead]:
    """Appointments with their shop's name and their orders."""
    return [
        ListedRead(
            **{name: getattr(one, name) for name in Listed.__struct_fields__},
            shop_name=shops[one.shop_id].name,
            shop_name_en=shops[one.shop_id].name_en,
            bought=[
                FollowedRead.of(each, numbers.get(each.order_id)) for each in bought if each.booking_id == one.id
            ],
        )
        for one in found
    ]


class TotalRead(msgspec.Struct, frozen=True, kw_only=True):
    """The number itself, over which days; ``net_minor``: what was bought after them, of what was bought only."""

    what: What
    first: dt.date
    last: dt.date
    count: int
    net_minor: dict[str, int]


class OriginRead(msgspec.Struct, frozen=True, kw_only=True):
    """The appointment that an order followed, and who is credited for it."""

    booking_id: uuid.UUID
    code: str
    shop_id: uuid.UUID
    staff_id: uuid.UUID
    staff_name: str
    staff_name_en: str
    service_name: str
    service_name_en: str
    starts_at: dt.datetime
    followed: FollowedRead

    @classmethod
    def of(cls, booking: BookingView, followed: FollowedRead) -> "OriginRead":
        same = {name: getattr(booking, name) for name in cls.__struct_fields__ if hasattr(booking, name)}
        return cls(booking_id=booking.id, followed=followed, **same)

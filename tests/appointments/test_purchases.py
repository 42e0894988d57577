"""What a customer buys at a till or on a marketplace after an appointment follows it, as its source says now."""

import asyncio
import datetime as dt
import random
import re
import uuid
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec
import pytest

from appointments.handlers import follow_documents
from appointments.repository.funnel import By
from appointments.service import life, purchases, reporting
from tests.appointments.makers import Salon, make_salon
from tests.appointments.test_booking import tomorrow
from tests.appointments.test_flow import come
from tests.channels.makers import by, card, document, line, make_channel, refund, take
from tests.members.makers import make_customer
from tests.orders.makers import line as own_line
from tests.orders.makers import open_desk
from tests.people import sign_in_as
from yundian.brands.types import BrandView
from yundian.channels.events import DocumentsMerged
from yundian.channels.types import OrderDocument
from yundian.members import api as members
from yundian.members.types import IdentityKind, Known
from yundian.payments import api as payments
from yundian.platform.core import clock
from yundian.platform.core.principal import Role
from yundian.platform.db.services import Services
from yundian.platform.outbox.declare import Delivered

pytestmark = pytest.mark.anyio

CARD = card("8801")


@dataclass(frozen=True, kw_only=True)
class Counter:
    """A salon, the shop's till, and somebody who was served a moment ago."""

    salon: Salon
    services: Services
    brand: BrandView
    member_id: uuid.UUID
    arrived_at: dt.datetime

    def sale(self, number: str = "T-1", minutes: int = 30, **said: Any) -> OrderDocument:
        """At the till, so long after she came."""
        at = self.arrived_at + dt.timedelta(minutes=minutes)
        return document(number, placed_at=at, **({"buyer": by(CARD)} | said))

    async def take(self, *documents: OrderDocument) -> None:
        await take(self.services, self.brand, *documents)

    async def events(self) -> list[Delivered[DocumentsMerged]]:
        rows = await self.salon.rows(
            "SELECT id, payload FROM outbox_event WHERE brand_id = $1 AND tag = $2 ORDER BY id",
            DocumentsMerged.tag_of(),
        )
        return [
            Delivered(row["id"], msgspec.json.decode(str(row["payload"]), type=DocumentsMerged))  # type: ignore[arg-type]
            for row in rows
        ]

    async def hand_over(self, events: list[Delivered[DocumentsMerged]]) -> None:
        """Each by itself, all at once."""

        async def one(each: Delivered[DocumentsMerged]) -> None:
            async with self.services.database.connection(self.brand.id) as tx:
                await follow_documents.handle(tx, [each])

        await asyncio.gather(*(one(each) for each in events))

    async def followed(self) -> dict[str, tuple[int, int]]:
        """Amount and what went back of it, by the till's number."""
        rows = await self.salon.rows(
            "SELECT o.external_id, p.amount_minor, p.refunded_minor FROM appointments_purchase p"
            " JOIN orders_order o ON o.brand_id = p.brand_id AND o.id = p.order_id WHERE p.brand_id = $1"
        )
        return {str(row["external_id"]): (row["amount_minor"], row["refunded_minor"]) for row in rows}  # type: ignore[misc]


@pytest.fixture
async def counter(services: Services, brand: BrandView) -> Counter:
    salon = await make_salon(services, brand)
    await make_channel(services, brand)
    known = Known(IdentityKind.CARD, "8801", "pos")
    async with services.database.connection(brand.id) as tx:
        member_id = (await members.recognise(tx, keyring=services.keyring, wanted=[known]))[known]
    start, arrived_at = tomorrow(days=2), clock.now()
    booked = await salon.book(start, member_id=member_id)
    await salon.shift(booked.booking_id, arrived_at - start)
    async with services.database.connection(brand.id) as tx:
        booking = await life.see(tx, booking_id=booked.booking_id, is_locked=True)
        await life.check_in(tx, booking, actor_id=None, now=arrived_at)
    return Counter(salon=salon, services=services, brand=brand, member_id=member_id, arrived_at=arrived_at)


async def test_a_tills_sale_after_an_appointment_follows_it_less_what_went_back(counter: Counter) -> None:
    await counter.take(
        counter.sale("T-1", lines=(line(90_00),)),
        counter.sale("T-2", minutes=-5),
        counter.sale("T-3", minutes=60 * 24 * 31),
        counter.sale("T-4", buyer=by(card("other"))),
        counter.sale("T-5", state="unpaid"),
        counter.sale("T-6", lines=(line(-5_00, 0),)),
    )
    # The refund of a sale that nobody told yet.
    await counter.take(counter.sale("B-7", kind="refund", refund_of="T-7", lines=(line(3_00),)))
    await counter.take(counter.sale("T-7", lines=(line(8_00),), refunds=(refund("R1", 1_00),)))
    await counter.salon.deliver()
    assert await counter.followed() == {"T-1": (90_00, 0), "T-7": (8_00, 4_00)}

    # Another total, another refund; money back under a number of its own.
    await counter.take(counter.sale("T-1", version=2, lines=(line(80_00),)))
    await counter.take(counter.sale("B-1", kind="refund", refund_of="T-1", lines=(line(30_00),)))
    await counter.salon.deliver()
    assert await counter.followed() == {"T-1": (80_00, 30_00), "T-7": (8_00, 4_00)}
    day = clock.business_day(clock.now(), counter.salon.zone)
    async with counter.services.database.unit_of_work(counter.brand.id) as session:
        for cut in (By.STAFF, By.SHOP):
            shown = await reporting.funnel(session, by=cut, first=day, last=day)
            assert shown.total.net == {"CNY": 54_00}

    # The refund was another sale's.
    await counter.take(counter.sale("B-1", version=2, kind="refund", refund_of="T-7", lines=(line(30_00),)))
    await counter.salon.deliver()
    assert await counter.followed() == {"T-1": (80_00, 0), "T-7": (8_00, 34_00)}

    # It was no refund; nor was the other a sale, but an entry of the cash book.
    await counter.take(counter.sale("B-1", version=3, kind="ignored"))
    await counter.take(counter.sale("T-7", version=2, kind="adjustment"))
    await counter.salon.deliver()
    assert await counter.followed() == {"T-1": (80_00, 0)}

    # It was somebody else's.
    await counter.take(counter.sale("T-1", version=3, buyer=by(card("other"))))
    await counter.salon.deliver()
    assert await counter.followed() == {}


async def test_a_sale_whose_buyer_is_proven_later_follows_then(counter: Counter) -> None:
    """Told in any order, all at once, and again: the same."""
    await counter.take(counter.sale("T-1", buyer=by(card("8801", verified=False)), lines=(line(20_00),)))
    await counter.take(counter.sale("T-2", buyer=by(card("999", verified=False)), lines=(line(7_00),)))
    await counter.take(counter.sale("T-3", buyer=by(card("999"), CARD)))
    for version in range(2, 6):
        await counter.take(counter.sale("T-3", version=version, lines=(line(version * 10_00),)))
    await counter.take(counter.sale("B-3", kind="refund", refund_of="T-3", lines=(line(1_00),)))
    await counter.take(counter.sale("B-3", version=2, kind="refund", refund_of="T-1", lines=(line(2_00),)))
    events = await counter.events()
    right = {"T-1": (20_00, 2_00), "T-2": (7_00, 0), "T-3": (50_00, 0)}

    for seed in range(4):
        told = [*events, *events]
        random.Random(seed).shuffle(told)
        await counter.hand_over(told)
        assert await counter.followed() == right
        await counter.salon.rows("DELETE FROM appointments_purchase WHERE brand_id = $1 RETURNING id")
    assert all(len(one.event.order_ids) <= 2 for one in events)


async def test_a_batch_is_told_in_parts_of_five_hundred_orders(counter: Counter) -> None:
    await counter.take(*(counter.sale(f"M-{n}", minutes=n) for n in range(501)))
    told = [one.event for one in await counter.events()]
    assert [len(one.order_ids) for one in told] == [500, 1]
    assert [one.member_ids for one in told] == [(counter.member_id,), (counter.member_id,)]
    assert {one.channel for one in told} == {"pos"}
    # The same again changes nothing, and is told to nobody.
    await counter.take(*(counter.sale(f"M-{n}", minutes=n) for n in range(501)))
    assert len(await counter.events()) == 2


async def test_what_went_back_is_taken_off_also_when_fewer_days_count_by_then(
    client: httpx.AsyncClient, services: Services, brand: BrandView
) -> None:
    salon = await make_salon(services, brand)
    desk = await open_desk(services, brand)
    booking_id, back = await come(salon, desk.customer, tomorrow(days=2)), dt.timedelta(days=3)
    await salon.shift(booking_id, -back)
    async with services.database.connection(brand.id) as tx:
        booking = await life.see(tx, booking_id=booking_id, is_locked=True)
        await life.check_in(tx, booking, actor_id=None, now=clock.now() - back)
    order = await desk.ready(member_id=desk.customer.id, lines=(own_line(99_00),))
    await salon.deliver()
    async with services.database.unit_of_work(brand.id) as session:
        await purchases.put_days(session, count=1, actor_id=None, now=clock.now())
    async with services.database.connection(brand.id) as tx:
        await payments.request_refund(tx, payment_id=order.payment_id, amount_minor=20_00, reason="x")  # type: ignore[arg-type]
    await desk.tell(*await desk.arrive())
    await salon.deliver()

    rows = await salon.rows("SELECT amount_minor, refunded_minor FROM appointments_purchase WHERE brand_id = $1")
    assert rows == [{"amount_minor": 99_00, "refunded_minor": 20_00}]

    # Headquarters finds the order behind the number, and at the order whose it is.
    headers = {"Accept": "text/html", "Accept-Language": "en"}
    headers |= (await sign_in_as(services, brand.id, Role.HQ_ANALYST)).headers
    listed = (await client.get("/hq/appointments/list?what=bought", headers=headers)).text
    assert f'<a href="/hq/orders/{order.id}">{order.number}</a> CN¥79.00' in listed
    assert re.findall(r"<dd>(.*?)</dd>", listed) == ["1", "CN¥79.00"]
    panel = (await client.get(f"/hq/panels/orders/{order.id}/appointment", headers=headers)).text
    assert booking.code in panel
    assert "It counts for the appointment, and for 化妆师 1 who served." in panel
    other = await desk.ready(member_id=(await make_customer(services, brand)).id, lines=(own_line(5_00),))
    none = (await client.get(f"/hq/panels/orders/{other.id}/appointment", headers=headers)).text
    assert "card" not in none

"""Whatever happens to an order, in whatever order: it stands where a small model says, and no fen is lost."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.orders.makers import Desk, line, new_order
from yundian.orders import api
from yundian.orders.events import RefundedLine
from yundian.orders.rules import after_refund, fits, price_of_pieces, spread
from yundian.orders.service import handing_over, life, settling
from yundian.orders.service.settling import Arrival, Capture
from yundian.orders.states import OPEN, ORDER, OrderState
from yundian.orders.types import LineView, OrderView
from yundian.platform.core import clock
from yundian.platform.core.errors import DomainError
from yundian.platform.core.ids import new_id

S = OrderState
# The model, written by hand and not derived from the code: where each thing leads from where.
LEADS = {
    "capture": {S.CREATED: S.PAID},
    "payment_closed": {S.CREATED: S.CLOSED},
    "buyer_closes": {S.CREATED: S.CLOSED},
    "wait": {S.PAID: S.WAITING},
    "release": {S.PAID: S.READY, S.WAITING: S.READY},
    "cancel": {S.PAID: S.CANCELLED, S.WAITING: S.CANCELLED, S.READY: S.CANCELLED},
    "hand_over": {S.READY: S.COLLECTED},
    "undo": {S.COLLECTED: S.READY},
    "complete": {S.COLLECTED: S.COMPLETED},
    "forfeit": {S.READY: S.COMPLETED},
}
TOLD = {
    "capture": "paid",
    "payment_closed": "closed",
    "buyer_closes": "closed",
    "release": "released",
    "cancel": "cancelled",
    "hand_over": "collected",
}
REFUNDABLE = OPEN | {S.COLLECTED, S.COMPLETED, S.CANCELLED}
steps = st.lists(
    st.one_of(st.sampled_from(sorted(LEADS)), st.integers(min_value=1, max_value=900)), min_size=1, max_size=9
)


class Run:
    """One order and what should have become of it."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.state, self.refunded = desk, S.CREATED, 0
        self.is_forfeited = False
        self.told: dict[str, int] = {}
        self.order = new_order(
            member_id=desk.customer.id, fulfil_shop_id=desk.shop.id, lines=(line(333), line(100, 3), line(1))
        )
        self.arrivals: list[Arrival] = []

    async def do(self, step: str | int) -> None:
        """In the house and in the model; every second time it is told twice."""
        if isinstance(step, int):
            await self._refund(step)
            return
        self.is_forfeited |= step == "forfeit" and self.state is S.READY
        await getattr(self, step)()
        target = LEADS[step].get(self.state)
        if target is not None:
            self.state = target
            self._tell(TOLD.get(step))

    def _tell(self, name: str | None) -> None:
        if name:
            self.told[name] = self.told.get(name, 0) + 1

    async def _refund(self, amount: int) -> None:
        possible = self.state in REFUNDABLE and self.refunded + amount <= self.order.total_minor
        if possible:
            arrival = Arrival(
                order_id=self.order.id,
                refund_id=new_id(),
                amount_minor=amount,
                currency="CNY",
                refunded_at=clock.now(),
            )
            self.arrivals.append(arrival)
            self.refunded += amount
            self._tell("refunded")
            if self.refunded == self.order.total_minor and self.state in OPEN:
                self.state = S.CANCELLED
                self._tell("cancelled")
        # All that ever arrived, again: only the new one may count.
        if self.arrivals:
            async with self.desk.services.database.connection(self.desk.brand.id) as tx:
                await settling.refunded(tx, arrivals=self.arrivals)

    async def capture(self) -> None:
        one = Capture(
            order_id=self.order.id,
            payment_id=new_id(),
            amount_minor=self.order.total_minor,
            currency="CNY",
            paid_at=clock.now(),
        )
        async with self.desk.services.database.connection(self.desk.brand.id) as tx:
            await settling.captured(tx, captures=[one, one])

    async def payment_closed(self) -> None:
        async with self.desk.services.database.connection(self.desk.brand.id) as tx:
            await life.ended(tx, order_ids=[self.order.id], reason="timeout")

    async def buyer_closes(self) -> None:
        async with self.desk.services.database.connection(self.desk.brand.id) as tx:
            await api.close(tx, order_ids=[self.order.id], reason="buyer")

    async def wait(self) -> None:
        async with self.desk.services.database.connection(self.desk.brand.id) as tx:
            await api.mark_waiting(tx, order_ids=[self.order.id], at=clock.now())

    async def release(self) -> None:
        async with self.desk.services.database.connection(self.desk.brand.id) as tx:
            await api.release(tx, order_ids=[self.order.id], at=clock.now())

    async def cancel(self) -> None:
        async with self.desk.services.database.connection(self.desk.brand.id) as tx:
            await api.cancel_paid(tx, order_ids=[self.order.id], reason="group_failed")

    async def hand_over(self) -> None:
        keyring, shops = self.desk.services.keyring, frozenset({self.desk.shop.id})
        async with self.desk.services.database.unit_of_work(self.desk.brand.id) as session:
            order = await api.get_order(session, order_id=self.order.id)
            code = await handing_over.pick_up_code(session, keyring=keyring, order=order)
            if code is not None:
                await handing_over.confirm(
                    session, keyring=keyring, shop_ids=shops, text=code.text, actor=self.desk.clerk
                )

    async def undo(self) -> None:
        shops = frozenset({self.desk.shop.id})
        async with self.desk.services.database.unit_of_work(self.desk.brand.id) as session:
            try:
                await handing_over.undo(session, order_id=self.order.id, shop_ids=shops, actor=self.desk.clerk)
            except DomainError:
                assert self.state is not S.COLLECTED

    async def complete(self) -> None:
        async with self.desk.services.database.connection(self.desk.brand.id) as tx:
            await handing_over.complete(tx, order_id=self.order.id)

    async def forfeit(self) -> None:
        async with self.desk.services.database.connection(self.desk.brand.id) as tx:
            await api.forfeit(tx, order_id=self.order.id, reason="appointment_missed")

    async def check(self) -> None:
        found = await self.desk.see(self.order.id)
        assert found.state is self.state
        assert found.refunded_minor == self.refunded == sum(one.refunded_minor for one in found.lines)
        assert found.paid_minor == (0 if self.state in (S.CREATED, S.CLOSED) else self.order.total_minor)
        was_handed_over = self.state in (S.COLLECTED, S.COMPLETED) and not self.is_forfeited
        assert (found.closed_at is not None) == (self.state in (S.CLOSED, S.CANCELLED) or self.is_forfeited)
        assert (found.handed_over_at is not None) == was_handed_over
        if self.refunded == self.order.total_minor:
            assert [one.refunded_quantity for one in found.lines] == [one.quantity for one in found.lines]
        async with self.desk.services.database.connection(self.desk.brand.id) as tx:
            rows = await tx.fetch(
                "SELECT split_part(tag, '.', 2) AS name, count(*) AS times FROM outbox_event WHERE brand_id = $1"
                " AND payload -> 'order' ->> 'order_id' = $2 AND tag <> 'orders.placed.v1' GROUP BY 1",
                self.desk.brand.id,
                str(self.order.id),
            )
        assert {row["name"]: row["times"] for row in rows} == self.told


@pytest.mark.anyio
@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
async def test_an_order_stands_where_the_model_says(desk: Desk, steps: list[str | int]) -> None:
    run = Run(desk)
    async with desk.services.database.connection(desk.brand.id) as tx:
        await api.place(tx, order=run.order)
    for step in steps:
        await run.do(step)
        await run.check()


def test_the_life_in_the_code_is_the_one_in_the_model() -> None:
    modelled = {(source, target) for leads in LEADS.values() for source, target in leads.items()}

    assert modelled == {(source, target) for source, targets in ORDER.transitions.items() for target in targets}


amounts = st.integers(min_value=0, max_value=10_000)
line_amounts = st.lists(st.tuples(amounts, st.integers(min_value=1, max_value=9)), min_size=1, max_size=6)


def _order(parts: list[tuple[int, int]], shipping: int) -> OrderView:
    total = sum(minor for minor, _ in parts) + shipping
    blank: dict[str, Any] = dict.fromkeys(OrderView.__struct_fields__)
    views = tuple(
        LineView(
            line_no=number,
            sku_id=None,
            sku_code="",
            name="",
            shade_name="",
            quantity=quantity,
            unit_minor=minor,
            discount_minor=0,
            total_minor=minor,
            refunded_minor=0,
            refunded_quantity=0,
        )
        for number, (minor, quantity) in enumerate(parts, start=1)
    )
    return OrderView(**(blank | {"currency": "CNY", "total_minor": total, "refunded_minor": 0, "lines": views}))


@settings(max_examples=200)
@given(parts=line_amounts, shipping=amounts, data=st.data())
def test_refunds_spread_over_lines_lose_no_fen_and_no_piece(
    parts: list[tuple[int, int]], shipping: int, data: st.DataObject
) -> None:
    order = _order(parts, shipping)
    while order.refunded_minor < order.total_minor:
        left = order.total_minor - order.refunded_minor
        amount = data.draw(st.one_of(st.just(left), st.integers(min_value=1, max_value=left)))
        found: list[RefundedLine] = spread(order, amount)
        open_lines = [one for one in order.lines if one.refunded_minor < one.total_minor]
        if len(open_lines) > 0 and data.draw(st.booleans()):
            chosen = data.draw(st.sampled_from(open_lines))
            wanted = data.draw(st.integers(min_value=1, max_value=chosen.quantity))
            if wanted <= chosen.quantity - chosen.refunded_quantity:
                found = price_of_pieces(order.lines, {chosen.line_no: wanted})
                amount = sum(one.amount_minor for one in found)
                assert fits(order, found, amount)
        assert sum(one.amount_minor for one in found) == amount
        order = after_refund(order, amount, found)
        for one in order.lines:
            assert 0 <= one.refunded_minor <= one.total_minor
            assert 0 <= one.refunded_quantity <= one.quantity
        if amount == 0:
            break
    if order.refunded_minor == order.total_minor:
        assert all(one.refunded_minor == one.total_minor for one in order.lines)
        assert all(one.refunded_quantity == one.quantity for one in order.lines if one.total_minor)

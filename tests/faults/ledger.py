"""What must be true of everybody's seats, orders, money, credit and numbers, whichever way a story went."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from typing import Any

import anyio

from tests.faults.main_job import Outing
from tests.groupbuy.kit import GROUP_PRICE
from yundian.payments.types import Provider
from yundian.platform.core import clock
from yundian.reports import api as reports
from yundian.reports.service import checking
from yundian.reports.types import Basis, By, SalesQuery


@dataclass(frozen=True)
class Shape:
    """What belongs to one seat in its state."""

    order: str
    credit: str
    happened: tuple[str, ...]
    facts: tuple[str, ...]
    captured: int = 0
    back: int = 0

    @property
    def is_held(self) -> bool:
        """Whether it has a piece."""
        return self.captured > self.back


_DAY = dt.timedelta(days=1)
_UNPAID = Shape("closed", "reversed", ("closed", "placed"), ())
SHAPES = {
    "paid": Shape("waiting", "provisional", ("paid", "placed"), ("cash sale",), captured=1),
    "confirmed": Shape(
        "ready", "final", ("paid", "placed", "released"), ("accrual sale", "cash sale"), captured=1
    ),
    "refunded": Shape(
        "cancelled",
        "reversed",
        ("cancelled", "paid", "placed", "refunded"),
        ("cash refund", "cash sale"),
        captured=1,
        back=1,
    ),
    "released": _UNPAID,
    "overflow": _UNPAID,
}
_UNSETTLED = """
SELECT (SELECT count(*) FROM groupbuy_group WHERE brand_id = $1 AND (
        state IN ('filled', 'expired', 'cancelled', 'refunding')
        OR (state IN ('opening', 'open') AND deadline_at <= now())))
    + (SELECT count(*) FROM groupbuy_seat WHERE brand_id = $1 AND state IN ('reserved', 'refunding'))
    + (SELECT count(*) FROM payments_payment WHERE brand_id = $1 AND state IN ('pending', 'closing'))
    + (SELECT count(*) FROM payments_refund WHERE brand_id = $1 AND state NOT IN ('succeeded', 'closed'))
    + (SELECT count(*) FROM payments_orphan WHERE brand_id = $1 AND status = 'open' AND refunded_minor = 0)
    + (SELECT count(*) FROM payments_attempt WHERE brand_id = $1 AND out_trade_no = ANY($2::varchar[])
        AND state <> 'succeeded') AS n
"""
_SEATS = """
SELECT s.state, s.member_id, s.order_id, o.state AS order_state, o.attributed_shop_id, p.state AS payment_state,
    p.captured_minor, p.refunded_minor, p.reserved_minor, c.state AS credit, c.shop_id AS credited,
    (SELECT coalesce(array_agg(t.kind ORDER BY t.kind), '{}') FROM members_timeline t WHERE t.brand_id = $1
        AND t.member_id = s.member_id AND t.order_id = s.order_id) AS happened,
    (SELECT coalesce(array_agg(f.basis || ' ' || f.kind ORDER BY f.basis, f.kind), '{}') FROM (
        SELECT DISTINCT basis, kind, document_id FROM reports_fact WHERE brand_id = $1 AND order_id = s.order_id
    ) f) AS facts,
    (SELECT coalesce(array_agg(DISTINCT f.shop_id), '{}') FROM reports_fact f
        WHERE f.brand_id = $1 AND f.order_id = s.order_id) AS shops,
    (SELECT coalesce(sum(f.amount_minor * CASE f.kind WHEN 'sale' THEN 1 ELSE -1 END), 0)::bigint
        FROM reports_fact f WHERE f.brand_id = $1 AND f.order_id = s.order_id AND f.basis = 'cash') AS net
FROM groupbuy_seat s JOIN orders_order o ON o.brand_id = $1 AND o.id = s.order_id
LEFT JOIN payments_payment p ON p.brand_id = $1 AND p.id = s.payment_id
LEFT JOIN attribution_credit c ON c.brand_id = $1 AND c.subject_type = 'order' AND c.subject_id = s.order_id
WHERE s.brand_id = $1 ORDER BY s.id
"""


async def is_settled(outing: Outing) -> bool:
    """Whether nobody waits for a seat, an answer or money, and all that was paid was heard of."""
    paid = [one["out_trade_no"] for one in await _payments_there(outing) if one["paid_at"]]
    [left] = await outing.fair.rows(_UNSETTLED, paid)
    return bool(left["n"] == 0)


async def _payments_there(outing: Outing) -> list[dict[str, Any]]:
    till, found = outing.street.till, []
    for provider in Provider:
        books = await anyio.to_thread.run_sync(till.sandbox.books, till.payee(provider))
        found += books["payments"]
    return found


async def assert_conserved(outing: Outing) -> Counter[str]:
    """No money without a seat or a refund, no seat without money, everything counted once. The seats' states."""
    seats = await outing.fair.rows(_SEATS)
    for seat in seats:
        _check_seat(outing, seat)
    held = sum(SHAPES[seat["state"]].is_held for seat in seats)
    assert await _left_there(outing) == held * GROUP_PRICE, seats
    confirmed = sum(seat["state"] == "confirmed" for seat in seats)
    assert await outing.fair.quota() == (held - confirmed, confirmed)
    [stock] = await outing.fair.rows(
        "SELECT sum(reserved)::int AS held FROM stores_stock WHERE brand_id = $1",
    )
    assert stock["held"] == held
    await _check_members(outing, seats)
    await _check_orphans(outing)
    await _check_report(outing, {Basis.CASH: held, Basis.ACCRUAL: confirmed})
    async with outing.fair.services.database.connection(outing.fair.brand.id) as tx:
        assert await checking.check(tx) == []
    return Counter(seat["state"] for seat in seats)


async def _check_report(outing: Outing, sold: dict[Basis, int]) -> None:
    """What HQ reads: all of it is the sales of the shop whose link it was."""
    today = clock.now().date()
    for basis, seats in sold.items():
        # The shop's day may be another than ours.
        wanted = SalesQuery(by=By.SHOP, basis=basis, first=today - _DAY, last=today + _DAY)
        async with outing.fair.services.database.unit_of_work(outing.fair.brand.id) as session:
            told = await reports.sales(session, wanted=wanted)
        rows = {row.key: row.figures.net_minor for row in told.rows if row.figures.gross_minor}
        assert set(rows) <= {str(outing.link_shop.id)}, told
        assert sum(rows.values()) == sum(one.net_minor for one in told.totals) == seats * GROUP_PRICE, told


def _check_seat(outing: Outing, seat: dict[str, Any]) -> None:
    shape, shop = SHAPES[seat["state"]], outing.link_shop.id
    found = Shape(
        order=seat["order_state"],
        credit=seat["credit"],
        happened=tuple(seat["happened"]),
        facts=tuple(seat["facts"]),
        captured=seat["captured_minor"] // GROUP_PRICE,
        back=seat["refunded_minor"] // GROUP_PRICE,
    )
    assert found == shape, seat
    assert seat["reserved_minor"] == seat["refunded_minor"], seat
    assert seat["payment_state"] == ("succeeded" if shape.captured else "closed"), seat
    assert seat["net"] == (shape.captured - shape.back) * GROUP_PRICE, seat
    assert {seat["attributed_shop_id"], seat["credited"], *seat["shops"]} == {shop}, seat


async def _left_there(outing: Outing) -> int:
    """What the providers hold for us: taken and not given back."""
    till, left = outing.street.till, 0
    for provider in Provider:
        books = await anyio.to_thread.run_sync(till.sandbox.books, till.payee(provider))
        left += sum(total["paid_minor"] - total["refunded_minor"] for total in books["totals"])
    return left


async def _check_members(outing: Outing, seats: list[dict[str, Any]]) -> None:
    for member_id in {seat["member_id"] for seat in seats}:
        shapes = [SHAPES[seat["state"]] for seat in seats if seat["member_id"] == member_id]
        paid, back = sum(one.captured for one in shapes), sum(one.back for one in shapes)
        sales = sum(one.order == "ready" for one in shapes)
        rows = await outing.fair.rows(
            "SELECT orders, sales, paid_minor, refunds, refunded_minor FROM members_totals WHERE brand_id = $1"
            " AND member_id = $2",
            member_id,
        )
        totals = [tuple(row.values()) for row in rows] or [(0, 0, 0, 0, 0)]
        assert totals == [(paid, sales, paid * GROUP_PRICE, back, back * GROUP_PRICE)]


async def _check_orphans(outing: Outing) -> None:
    """Late money has a seat of its own, or went back once."""
    for one in await outing.street.till.orphans():
        is_back = one["refunded_minor"] == one["reserved_minor"] == one["amount_minor"]
        is_seated = one["status"] == "adopted" and one["reserved_minor"] == 0
        assert is_back != is_seated, one
        assert one["reason"] == "late", one
    doubled = await outing.fair.rows(
        "SELECT name FROM courier_test.effect WHERE brand_id = $1 GROUP BY name HAVING count(*) > 1"
    )
    assert doubled == []

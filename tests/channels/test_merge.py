"""What documents come to, told by what is in the database afterwards."""

import datetime as dt

import pytest

from tests.channels.makers import (
    AT,
    POS,
    by,
    card,
    document,
    line,
    make_channel,
    phone,
    refund,
    rows,
    take,
)
from tests.stores.makers import make_shop, shop_fields
from yundian.brands.types import BrandView
from yundian.channels.handlers import credit_claims
from yundian.channels.service.receiving import RAW
from yundian.channels.types import OrderDocument, Outcome
from yundian.members import api as members
from yundian.members.events import IdentityVerified
from yundian.members.service import joining
from yundian.members.types import IdentityKind, JoinedVia, Known
from yundian.orders.service import lists
from yundian.orders.states import OrderState
from yundian.orders.types import OrderFilter
from yundian.platform.core.ids import new_id
from yundian.platform.db.services import Services
from yundian.platform.outbox.declare import Delivered

pytestmark = pytest.mark.anyio

ORDER = "SELECT * FROM orders_order WHERE brand_id = $1 AND external_id = $2"
RETURNS = "SELECT * FROM orders_return WHERE brand_id = $1 ORDER BY external_id"
NET = """
SELECT basis, coalesce(sum(amount_minor) FILTER (WHERE kind = 'sale'), 0)::int AS sold,
    coalesce(sum(amount_minor) FILTER (WHERE kind = 'refund'), 0)::int AS refunded,
    count(DISTINCT document_id) FILTER (WHERE kind = 'refund')::int AS refunds
FROM reports_fact WHERE brand_id = $1 GROUP BY basis ORDER BY basis
"""
TOTALS = (
    "SELECT orders, paid_minor, refunds, refunded_minor FROM members_totals WHERE brand_id = $1 AND member_id = $2"
)


@pytest.fixture
async def pos(services: Services, brand: BrandView) -> str:
    await make_shop(services, brand, fields=shop_fields(code="SH-01"))
    await make_shop(services, brand, fields=shop_fields(code="SH-02"))
    return await make_channel(services, brand)


async def net(services: Services, brand: BrandView) -> dict[str, tuple[int, int, int]]:
    """Sold, refunded and the number of refunds, by basis."""
    found = await rows(services, brand, NET)
    return {one["basis"]: (one["sold"], one["refunded"], one["refunds"]) for one in found}


async def order(services: Services, brand: BrandView, external_id: str = "1001") -> dict[str, object]:
    (found,) = await rows(services, brand, ORDER, external_id)
    return found


async def member_of(services: Services, brand: BrandView, known: Known) -> object:
    async with services.database.connection(brand.id) as tx:
        key = (known.kind, known.scope, members.hash_of(services.keyring, known))
        return (await members.owners_of(tx, keys=[key])).get(key)


async def test_newer_versions_win_older_and_repeated_ones_change_nothing(
    services: Services, brand: BrandView, pos: str
) -> None:
    paid = document(shop_code="SH-01", version=2, state="paid", source_state="已付款")
    sent = document(shop_code="SH-01", version=3, state="completed")
    unpaid = document(shop_code="SH-01", version=1, state="unpaid")
    # Paid before created: the first that comes makes the order.
    assert (await take(services, brand, paid)).outcomes == (Outcome.APPLIED,)
    assert (await take(services, brand, unpaid, sent, paid)).outcomes == (
        Outcome.STALE, Outcome.APPLIED, Outcome.UNCHANGED,
    )  # fmt: skip
    found = await order(services, brand)
    assert (found["number"], found["state"], found["total_minor"]) == ("POS:SH-01:1001", "completed", 1000)
    assert await net(services, brand) == {"accrual": (1000, 0, 0), "cash": (1000, 0, 0)}
    kept = await rows(
        services,
        brand,
        "SELECT version, state, is_current, raw_sealed FROM channels_document WHERE brand_id = $1 ORDER BY 1",
    )
    assert [(one["version"], one["state"], one["is_current"]) for one in kept] == [
        (1, "stale", False), (2, "applied", False), (3, "applied", True),
    ]  # fmt: skip
    assert "已付款" in services.keyring.unseal(RAW, kept[1]["raw_sealed"])
    # Without a version the content tells: the same again is nothing new, another is newer. A version beats none.
    plain, other = document("2002"), document("2002", source_state="again")
    assert [(await take(services, brand, one)).outcomes[0] for one in (plain, other, plain)] == [
        Outcome.APPLIED, Outcome.APPLIED, Outcome.UNCHANGED,
    ]  # fmt: skip
    numbered = document("2002", version=0)
    assert (await take(services, brand, numbered, document("2002", source_state="late"))).outcomes == (
        Outcome.APPLIED, Outcome.STALE,
    )  # fmt: skip


async def test_the_same_receipt_number_in_two_shops_is_two_orders(
    services: Services, brand: BrandView, pos: str
) -> None:
    await make_channel(services, brand, "tmall")
    long = "9" * 100
    for shop in ("SH-01", "SH-02"):
        await take(services, brand, document("7", shop_code=shop), document(long, shop_code=shop))
    await take(services, brand, document("7"), channel="tmall")
    found = await rows(
        services, brand, "SELECT number, fulfil_shop_id, attributed_shop_id FROM orders_order WHERE brand_id = $1"
    )
    numbers = {one["number"] for one in found}
    assert len(found) == len(numbers) == 5
    assert {"POS:SH-01:7", "POS:SH-02:7", "TMALL:7"} < numbers
    (abroad,) = (one for one in found if one["number"] == "TMALL:7")
    assert abroad["fulfil_shop_id"] is None
    assert all(one["fulfil_shop_id"] == one["attributed_shop_id"] for one in found)


async def test_a_document_that_cannot_be_taken_is_refused_with_its_reason_and_the_others_go_in(
    services: Services, brand: BrandView, pos: str
) -> None:
    huge = 10**13 + 1
    cases: list[tuple[str, OrderDocument]] = [
        ("channels.unknown_shop", document("1", shop_code="NOWHERE")),
        ("channels.unknown_currency", document("2", currency="QQQ")),
        ("channels.amount_out_of_bounds", document("3", total_minor=huge)),
        ("channels.amount_out_of_bounds", document("4", lines=(line(huge), line(-huge)), total_minor=0)),
        ("channels.date_out_of_bounds", document("5", placed_at=dt.datetime(1899, 1, 1, tzinfo=dt.UTC))),
        ("channels.negative_refund", document("6", kind="refund", total_minor=-1)),
        ("channels.refund_needs_own_number", document("7", kind="refund", refund_of="7")),
        ("channels.refund_of_refund", document("8", kind="refund", refunds=(refund(),))),
        ("channels.refund_twice", document("9", refunds=(refund(), refund()))),
        ("channels.unreadable_text", document("10", source_state="a\0b")),
    ]
    taken = await take(services, brand, *(one for _, one in cases), document("11", source_state="a\\u0000b"))
    assert {index: problem.code for index, problem in taken.refused.items()} == {
        index: code for index, (code, _) in enumerate(cases)
    }
    assert taken.outcomes[-1] is Outcome.APPLIED
    assert (taken.applied, taken.tally) == (1, {"sale": 1})
    # Put right, it goes in.
    await make_shop(services, brand, fields=shop_fields(code="NOWHERE"))
    assert (await take(services, brand, cases[0][1])).applied == 1


async def test_refunds_find_their_order_whichever_comes_first(
    services: Services, brand: BrandView, pos: str
) -> None:
    back = document("R-9", kind="refund", refund_of="1001", lines=(line(300),))
    never = document("R-8", kind="refund", refund_of="", lines=(line(100),), buyer=by(phone("13700137000")))
    await take(services, brand, back, never)
    assert await net(services, brand) == {"accrual": (0, 400, 2), "cash": (0, 400, 2)}
    assert [one["order_id"] for one in await rows(services, brand, RETURNS)] == [None, None]

    buyer = by(card("C-77"))
    await take(services, brand, document(version=1, refunds=(refund("R1", 200),), buyer=buyer))
    found = await order(services, brand)
    assert found["refunded_minor"] == 500
    owner = await member_of(services, brand, Known(IdentityKind.CARD, "C-77", "pos"))
    assert await rows(services, brand, TOTALS, owner) == [
        {"orders": 1, "paid_minor": 1000, "refunds": 2, "refunded_minor": 500}
    ]
    stranger = await member_of(services, brand, Known(IdentityKind.PHONE, "13700137000"))
    assert await rows(services, brand, TOTALS, stranger) == [
        {"orders": 0, "paid_minor": 0, "refunds": 1, "refunded_minor": 100}
    ]

    # Edited after its refunds: a line is gone, one refund is told no more, another is.
    edited = document(version=2, lines=(line(900),), refunds=(refund("R2", 50),), buyer=buyer)
    await take(services, brand, edited)
    found = await order(services, brand)
    assert (found["total_minor"], found["refunded_minor"]) == (900, 350)
    assert await net(services, brand) == {"accrual": (900, 450, 3), "cash": (900, 450, 3)}
    assert len(await rows(services, brand, "SELECT 1 FROM orders_line WHERE brand_id = $1")) == 1


async def test_a_refund_that_its_order_and_a_document_of_its_own_tell_of_counts_once(
    services: Services, brand: BrandView, pos: str
) -> None:
    own = document("R1", kind="refund", refund_of="1001", lines=(line(400),))
    await take(services, brand, document(refunds=(refund("R1", 400), refund("R2", 100))), own)
    assert (await order(services, brand))["refunded_minor"] == 500
    assert await net(services, brand) == {"accrual": (1000, 500, 2), "cash": (1000, 500, 2)}
    # The document turns out to be no refund: what the order tells of counts again.
    await take(services, brand, document("R1", kind="ignored", version=1))
    assert (await order(services, brand))["refunded_minor"] == 500
    assert len(await rows(services, brand, RETURNS)) == 2
    # And the sale turns out to be none: nothing of it counts, and nothing is forgotten that was received.
    await take(services, brand, document(kind="adjustment", version=1, total_minor=-77))
    assert await net(services, brand) == {}
    assert await rows(services, brand, RETURNS) == []
    assert len(await rows(services, brand, "SELECT 1 FROM channels_document WHERE brand_id = $1")) == 4


async def test_unpaid_closed_and_cancelled_orders_count_as_far_as_money_came(
    services: Services, brand: BrandView, pos: str
) -> None:
    await take(
        services,
        brand,
        document("1", state="unpaid"),
        document("2", state="closed"),
        document("3", state="cancelled"),
        document("4", state="cancelled", paid_minor=1000, refunds=(refund("R", 1000),)),
        document("5", state="paid", paid_minor=800, paid_at=AT + dt.timedelta(days=1)),
        document("6", kind="adjustment", total_minor=-5000),
        document("7", kind="ignored"),
    )
    assert await net(services, brand) == {"accrual": (2000, 1000, 1), "cash": (1800, 1000, 1)}
    found = await rows(
        services, brand, "SELECT external_id, state FROM orders_order WHERE brand_id = $1 ORDER BY 1"
    )
    assert [one["state"] for one in found] == ["created", "closed", "cancelled", "cancelled", "paid"]
    assert {one["state"] for one in found} <= {state.value for state in OrderState}
    days = await rows(
        services, brand, "SELECT DISTINCT business_date FROM reports_fact WHERE brand_id = $1 AND number = 'POS:5'"
    )
    assert [one["business_date"] for one in days] == [dt.date(2026, 3, 6)]


async def test_amounts_are_kept_as_the_source_says_them_and_a_difference_is_flagged(
    services: Services, brand: BrandView, pos: str
) -> None:
    exchange = (line(500, 1), line(-800, -1))
    await take(
        services,
        brand,
        document("1", lines=(line(1000), line(500, discount_minor=50)), total_minor=1490, shipping_minor=10),
        document("2", lines=exchange),
        document("3", lines=(), total_minor=0),
        document("4", lines=(), total_minor=7000, discount_minor=100, shipping_minor=20),
    )
    found = await rows(
        services,
        brand,
        "SELECT o.goods_minor, o.discount_minor, o.total_minor, o.difference_minor, d.is_different"
        " FROM orders_order o"
        " JOIN channels_document d ON d.brand_id = o.brand_id AND d.subject_id = o.id WHERE o.brand_id = $1"
        " ORDER BY o.external_id",
    )
    assert [tuple(one.values()) for one in found] == [
        (1550, 50, 1490, -20, True),
        (-300, 0, -300, 0, False),
        (0, 0, 0, 0, False),
        (7080, 100, 7000, 0, False),
    ]
    assert (await net(services, brand))["accrual"] == (1490 - 300 + 7000, 0, 0)


async def test_orders_of_other_systems_wait_in_no_hand_over_list(
    services: Services, brand: BrandView, pos: str
) -> None:
    await take(services, brand, document("1", shop_code="SH-01", state="paid"), document("2", shop_code="SH-01"))
    shop_id = (await order(services, brand, "1"))["fulfil_shop_id"]
    async with services.database.unit_of_work(brand.id) as session:
        states = list(OrderState)
        open_ = await lists.list_of_shop(session, shop_id=shop_id, states=states, cursor=None, limit=9)  # type: ignore[arg-type]
        over = await lists.handed_over_by_shop(session, shop_id=shop_id, cursor=None, limit=9)  # type: ignore[arg-type]
        counts = await lists.open_counts(session, shop_ids=[shop_id])  # type: ignore[list-item]
        wanted = OrderFilter(channel=POS, states=frozenset({OrderState.PAID}))
        found = await lists.find_orders(session, wanted=wanted, cursor=None, limit=9)
    assert (open_.items, over.items, counts) == ([], [], {shop_id: {}})
    assert [one.number for one in found.items] == ["POS:SH-01:1"]


async def test_a_buyer_who_is_proven_later_is_credited_then_and_once(
    services: Services, brand: BrandView, pos: str
) -> None:
    claimed = by(phone("13800138001", verified=False))
    await take(
        services,
        brand,
        document("1", buyer=claimed),
        document("2", kind="refund", buyer=claimed, lines=(line(250),)),
        document("3", buyer=by(phone("138****8001"), card("9*9", verified=True))),
        document("4", buyer=claimed, version=1),
    )
    assert await rows(services, brand, "SELECT 1 FROM members_member WHERE brand_id = $1") == []
    # A newer version of the fourth names somebody: her, not whoever proves the phone.
    await take(services, brand, document("4", buyer=by(card("C-4")), version=2))

    known = Known(IdentityKind.PHONE, "13800138001")
    async with services.database.connection(brand.id) as tx:
        her = await joining.find_or_join(tx, keyring=services.keyring, proven=[known], via=JoinedVia.PHONE)
    value_hash = members.hash_of(services.keyring, known).hex()
    told = "SELECT 1 FROM outbox_event WHERE brand_id = $1 AND tag = 'members.identity_verified.v1'"
    assert len(await rows(services, brand, told)) == 1
    event = IdentityVerified(member_id=her, kind="phone", scope="", value_hash=value_hash)
    for _ in range(2):
        async with services.database.connection(brand.id) as tx:
            await credit_claims.handle(tx, [Delivered(new_id(), event)])
    once = [{"orders": 1, "paid_minor": 1000, "refunds": 1, "refunded_minor": 250}]
    assert await rows(services, brand, TOTALS, her) == once
    people = await rows(
        services,
        brand,
        "SELECT sum(orders)::int AS n FROM reports_member_day WHERE brand_id = $1 AND basis = 'cash'",
    )
    assert people[0]["n"] == 2
    # What comes after it was proven is hers too, and a newer version that names nobody takes nothing away.
    await take(services, brand, document("5", buyer=claimed), document("1", version=9))
    assert (await rows(services, brand, TOTALS, her))[0]["orders"] == 2

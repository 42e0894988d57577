"""What other rooms and WeChat tell becomes messages and their ends; and what is kept of them, and how long."""

import datetime as dt
import secrets
from typing import Any

import msgspec
import pytest

from groupbuy.events import GroupFilled, SeatFacts
from tests.messaging.kit import NOON, Person, Post, later
from tests.stores.makers import make_shop
from yundian.messaging import handlers
from yundian.messaging.service import retention
from yundian.messaging.types import Channel
from yundian.orders.events import LineFacts, OrderCancelled, OrderFacts, OrderRefunded, OrderReleased
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.outbox.declare import Event, Subscriber

pytestmark = pytest.mark.anyio


def _order(person: Person | None, **changes: Any) -> OrderFacts:
    known: dict[str, Any] = {
        "order_id": new_id(),
        "number": f"261120-{secrets.token_hex(4).upper()}",
        "channel": "groupbuy",
        "member_id": person.id if person else None,
        "attributed_shop_id": None,
        "fulfil_shop_id": None,
        "home_shop_id": None,
        "staff_id": None,
        "campaign_id": None,
        "origin_type": "groupbuy.seat",
        "origin_id": new_id(),
        "currency": "CNY",
        "goods_minor": 19900,
        "discount_minor": 0,
        "shipping_minor": 0,
        "total_minor": 19900,
        "placed_at": NOON,
        "lines": (
            LineFacts(line_no=1, sku_id=None, sku_code="L1", name="云雾唇釉", quantity=1, total_minor=19900),
        ),
    }
    return OrderFacts(**(known | changes))


async def _tell(post: Post, subscriber: Subscriber, *events: Event) -> None:
    for event in events:
        async with post.services.database.unit_of_work(post.brand.id) as session:
            await subscriber.handle(session, event)


async def test_what_happens_to_groups_and_orders_is_told_once_to_whom_it_concerns(post: Post) -> None:
    await post.save_policy(quiet_from=dt.time(0), quiet_until=dt.time(0))
    leader, joiner = await post.person(), await post.person()
    at = clock.now()
    shop = (await make_shop(post.services, post.brand)).id
    order, other = _order(leader, fulfil_shop_id=shop), _order(joiner, fulfil_shop_id=shop)
    filled = GroupFilled(
        group_id=new_id(),
        code="K7QM2X9P",
        campaign_id=new_id(),
        shop_id=None,
        filled_at=at,
        is_short=False,
        seats=tuple(
            SeatFacts(seat_id=new_id(), member_id=person.id, order_id=one.order_id, order_number=one.number)
            for person, one in ((leader, order), (joiner, other))
        ),
    )
    await _tell(post, handlers.tell_group_filled, filled, filled)
    released = OrderReleased(order=order, released_at=at)
    till = OrderReleased(order=_order(joiner, channel="pos:main", fulfil_shop_id=shop), released_at=at)
    unknown = OrderReleased(order=_order(None, fulfil_shop_id=shop), released_at=at)
    shipped = OrderReleased(order=_order(joiner), released_at=at)
    old = OrderReleased(order=_order(joiner, fulfil_shop_id=shop), released_at=at - dt.timedelta(days=5))
    await _tell(post, handlers.tell_order_ready, released, released, till, unknown, shipped, old)
    await _tell(
        post,
        handlers.tell_group_expired,
        OrderCancelled(order=other, reason="group_failed", cancelled_at=at),
        OrderCancelled(order=other, reason="shop", cancelled_at=at),
    )
    refund = OrderRefunded(
        order=other,
        refund_id=new_id(),
        amount_minor=19900,
        refunded_minor=19900,
        refunded_at=at,
        was_released=False,
        lines=(),
    )
    await _tell(
        post, handlers.tell_order_refunded, refund, refund, msgspec.structs.replace(refund, refund_id=new_id())
    )
    await post.send(clock.now())
    asked = await post.due_questions()
    assert [one["recheck"] for one in asked] == ["orders.still_ready"], "it may have been cancelled meanwhile"
    await post.answer(still=[one["message_id"] for one in asked])
    await post.send(clock.now())

    [filled_text, ready_text] = sorted(post.got(leader, Channel.SMS), key=lambda text: "取货了" in text)
    assert f"订单 {order.number}" in filled_text
    assert "已成团" in filled_text
    assert "云雾唇釉" in ready_text
    assert f"/m/{post.brand.code}/orders/{order.number}" in ready_text
    heard = post.got(joiner, Channel.SMS)
    assert [
        sum(word in text for text in heard) for word in ("已成团", "取货了", "拼团未成功", "已退款 ¥199.00")
    ] == [
        1,
        0,
        1,
        2,
    ]
    rows = await post.rows("SELECT reason FROM messaging_message WHERE brand_id = $1 AND state = 'skipped'")
    assert [row["reason"] for row in rows] == ["too_late"]
    rows = await post.rows("SELECT template, shop_id FROM messaging_message WHERE brand_id = $1")
    about = {row["template"] for row in rows if row["shop_id"] == shop}
    assert about == {"order.ready", "group.expired", "order.refunded"}, "the group is of no shop"


async def test_words_and_people_lie_sealed_and_go_after_their_time(post: Post) -> None:
    await post.use_wechat("order.refunded")
    person = await post.person()
    sent = await post.queue(
        person, values={"order": "O-777", "product": "秘密唇釉", "shop": "静安店"}, path="/m/x"
    )
    by_wechat = await post.queue(person, "order.refunded")
    waits = await post.queue(person, send_after=later(days=500))
    await post.send()

    tables = ("message", "attempt", "credit", "credit_entry", "choice")
    for secret in (person.phone, person.official, person.mini, "秘密唇釉", "O-777"):
        for table in tables:
            rows = await post.rows(f"SELECT t::text AS line FROM messaging_{table} t WHERE brand_id = $1")
            assert not any(secret in row["line"] for row in rows), (secret, table)
        events = await post.rows("SELECT payload FROM outbox_event WHERE brand_id = $1")
        assert not any(secret in row["payload"] for row in events)
    assert (await post.message(sent))["recipient"] == f"{person.phone[:3]}****{person.phone[-4:]}"
    assert await post.state(by_wechat) == "sent"

    database = post.services.database
    assert await retention.forget(database, brand_id=post.brand.id, now=later(days=89)) == 0
    assert await retention.forget(database, brand_id=post.brand.id, now=later(days=91)) == 2
    row = await post.message(sent)
    assert (row["values_sealed"], row["path"], row["recipient"], row["state"]) == (None, "", "", "sent")
    assert (await post.message(waits))["values_sealed"] is not None, "it is not over"
    assert await retention.forget(database, brand_id=post.brand.id, now=later(days=91)) == 0


async def test_broken_words_stop_nothing_but_their_own_message_and_use_no_consent(post: Post) -> None:
    await post.use_wechat()
    person, agreed = await post.person(), await post.person()
    await post.consent(agreed, "order.ready")
    broken, whole = await post.queue(agreed), await post.queue(person)
    async with post.services.database.connection(post.brand.id) as tx:
        await tx.execute(
            "UPDATE messaging_message SET values_sealed = '\\x00' WHERE brand_id = $1 AND fact_key = $2",
            post.brand.id,
            broken,
        )
    await post.send()

    assert await post.state(broken) == "parked:unreadable"
    assert await post.credits(agreed) == (1, 1)
    assert await post.state(whole) == "sent"


async def test_a_template_that_only_another_version_of_the_house_has_stops_no_other_message(post: Post) -> None:
    person = await post.person()
    strange, under_way, whole = [await post.queue(person) for _ in range(3)]
    async with post.services.database.connection(post.brand.id) as tx:
        for fact_key, state in ((strange, "queued"), (under_way, "sending")):
            await tx.execute(
                "UPDATE messaging_message SET template = 'order.of_tomorrow', state = $3"
                " WHERE brand_id = $1 AND fact_key = $2",
                post.brand.id,
                fact_key,
                state,
            )
    await post.send()
    left = [await post.message(fact_key) for fact_key in (strange, under_way)]

    assert await post.state(whole) == "sent"
    assert [(one["state"], one["next_at"] > NOON) for one in left] == [("queued", True), ("sending", True)]
    async with post.services.database.connection(post.brand.id) as tx:
        await tx.execute("UPDATE messaging_message SET template = 'order.ready' WHERE fact_key = $1", strange)
    await post.send(left[0]["next_at"])
    assert await post.state(strange) == "sent"

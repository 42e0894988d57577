"""What other rooms and WeChat tell becomes messages and their ends; and what is kept of them, and how long."""

import datetime as dt
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from wechatpy.crypto import WeChatCrypto

from groupbuy.events import GroupFilled, SeatFacts
from tests.messaging.kit import NOON, Person, Post, later
from tests.sandbox.receiver import Merchant, Received, open_merchant
from tests.sandbox.running import eventually
from yundian.members.events import TemplateMessageEnded
from yundian.members.service import pushes
from yundian.messaging import handlers
from yundian.messaging.errors import AttemptUnderWay
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
        "fulfil_shop_id": new_id(),
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
    order, other = _order(leader), _order(joiner)
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
    till = OrderReleased(order=_order(joiner, channel="pos:main"), released_at=at)
    unknown = OrderReleased(order=_order(None), released_at=at)
    shipped = OrderReleased(order=_order(joiner, fulfil_shop_id=None), released_at=at)
    old = OrderReleased(order=_order(joiner), released_at=at - dt.timedelta(days=5))
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
        sum(word in text for text in heard) for word in ("已成团", "取货了", "未能成团", "已退款 ¥199.00")
    ] == [
        1,
        0,
        1,
        2,
    ]
    rows = await post.rows("SELECT reason FROM messaging_message WHERE brand_id = $1 AND state = 'skipped'")
    assert [row["reason"] for row in rows] == ["too_late"]


@pytest.fixture
def our_server() -> Any:
    with open_merchant() as opened:
        yield opened


def _pushed(server: Merchant) -> list[Received]:
    return [each for each in server.received if each.method == "POST"]


async def _ended(post: Post) -> list[TemplateMessageEnded]:
    rows = await post.rows(
        "SELECT payload FROM outbox_event WHERE brand_id = $1 AND tag = 'members.template_message_ended.v1'"
        " ORDER BY id"
    )
    return [msgspec.json.decode(row["payload"], type=TemplateMessageEnded) for row in rows]


async def test_wechat_says_what_arrived_and_what_did_not_goes_the_next_way(
    post: Post, our_server: Merchant
) -> None:
    await post.use_wechat("order.ready")
    account = {"appid": post.official, "url": f"{our_server.url}/push"}
    services = post.services

    def answer(received: Received) -> tuple[int, bytes]:
        return 200, received.query.get("echostr", "success").encode()

    our_server.answer = answer
    post.sandbox.post("wechat/callback", account)
    person = await post.person()
    happened = len(_pushed(our_server))
    arrived = await post.queue(person)
    await post.send()
    told = eventually(
        lambda: [one for one in _pushed(our_server)[happened:] if _is_about_a_message(post, one)], what="the push"
    )
    take = _taker(post)
    await take(told[0].query, told[0].body)
    await take(told[0].query, told[0].body)
    [event] = await _ended(post)
    assert event.status == "success"
    await _tell(post, handlers.note_delivery, event, event)
    assert await post.state(arrived) == "delivered"
    assert (await post.message(arrived))["delivered_at"] is not None

    blocked = await post.queue(person)
    await post.send()
    [row] = await post.rows(
        "SELECT provider_ref FROM messaging_attempt a JOIN messaging_message m ON m.id = a.message_id"
        " AND m.brand_id = a.brand_id WHERE a.brand_id = $1 AND m.fact_key = $2",
        blocked,
    )
    failed = TemplateMessageEnded(
        app_id=post.official, message_ref=row["provider_ref"], status="failed:user block"
    )
    await _tell(post, handlers.note_delivery, failed, failed)
    await post.send(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=1))
    assert await post.tries(blocked) == ["official refused failed:user block", "sms accepted"]
    assert await post.state(blocked) == "sent"
    strange = TemplateMessageEnded(app_id=post.official, message_ref="1", status="success")
    await _tell(post, handlers.note_delivery, strange)
    async with services.database.connection(post.brand.id) as tx:
        await tx.execute(
            "UPDATE messaging_attempt SET state = 'started', created_at = now() WHERE brand_id = $1", post.brand.id
        )
    with pytest.raises(AttemptUnderWay):
        await _tell(post, handlers.note_delivery, strange)


def _is_about_a_message(post: Post, received: Received) -> bool:
    """Whether this push is about a template message: sealed, so opened as our code does."""
    account = post.sandbox.account("official", f"M{post.brand.code.replace('-', '')}")
    crypto = WeChatCrypto(account["token"], account["aes_key"], account["appid"])
    query = received.query
    text = crypto.decrypt_message(received.body, query["msg_signature"], query["timestamp"], query["nonce"])
    return "TEMPLATESENDJOBFINISH" in text


def _taker(post: Post) -> Callable[[dict[str, str], bytes], Awaitable[None]]:
    async def take(query: dict[str, str], body: bytes) -> None:
        await pushes.take(
            post.services.database,
            post.services.redis,
            keyring=post.services.keyring,
            app_id=post.official,
            query=query,
            body=body,
        )

    return take


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


async def test_broken_words_stop_nothing_but_their_own_message(post: Post) -> None:
    person = await post.person()
    broken, whole = await post.queue(person), await post.queue(person)
    async with post.services.database.connection(post.brand.id) as tx:
        await tx.execute(
            "UPDATE messaging_message SET values_sealed = '\\x00' WHERE brand_id = $1 AND fact_key = $2",
            post.brand.id,
            broken,
        )
    await post.send()

    assert await post.state(broken) == "parked:unreadable"
    assert await post.state(whole) == "sent"

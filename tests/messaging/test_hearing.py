"""What WeChat, the provider of short messages and people say afterwards."""

import datetime as dt
from collections.abc import Iterator

import anyio
import msgspec
import pytest
from litestar import Litestar
from pydantic import SecretStr
from wechatpy.crypto import WeChatCrypto

from tests.helpers import make_client
from tests.messaging.kit import NOON, Post, later, next_noon, wechat_id
from tests.sandbox.receiver import Merchant, Received, open_merchant
from tests.sandbox.running import eventually
from yundian.members.events import SubscriptionMessageEnded, SubscriptionTakenBack, TemplateMessageEnded
from yundian.members.service import pushes
from yundian.messaging import api, handlers
from yundian.messaging.errors import AttemptUnderWay
from yundian.messaging.ports import Accepted, Outcome, Parcel
from yundian.messaging.service import hearing, preparing, recording
from yundian.messaging.types import Channel, MessageClass
from yundian.platform.core import clock
from yundian.platform.outbox.declare import Event, Subscriber
from yundian.platform.sms.telling import Report

pytestmark = pytest.mark.anyio


@pytest.fixture
def our_server() -> Iterator[Merchant]:
    """Takes what the sandbox tells; a test hands it to our code when it wants to."""
    with open_merchant() as opened:
        opened.answer = lambda received: (200, received.query.get("echostr", "success").encode())
        yield opened


async def _tell(post: Post, subscriber: Subscriber, *events: Event) -> None:
    for event in events:
        async with post.services.database.unit_of_work(post.brand.id) as session:
            await subscriber.handle(session, event)


async def _recorded(post: Post, kind: type[Event]) -> list[Event]:
    rows = await post.rows(
        "SELECT payload FROM outbox_event WHERE brand_id = $1 AND tag = $2 ORDER BY id", kind.tag_of()
    )
    return [msgspec.json.decode(row["payload"], type=kind) for row in rows]


def _pushed(post: Post, server: Merchant, kind: str, event: str, count: int = 1) -> list[Received]:
    """The pushes of an app about one event: sealed, so opened as our code does."""
    account = post.sandbox.account(kind, f"M{post.brand.code.replace('-', '')}")
    crypto = WeChatCrypto(account["token"], account["aes_key"], account["appid"])

    def is_about(one: Received) -> bool:
        query = one.query
        text = crypto.decrypt_message(one.body, query["msg_signature"], query["timestamp"], query["nonce"])
        return event in text

    def found() -> list[Received] | None:
        here = [one for one in server.at(f"/{kind}") if one.method == "POST" and is_about(one)]
        return here if len(here) >= count else None

    return eventually(found, what=event)


async def _take(post: Post, app_id: str, push: Received) -> None:
    services = post.services
    await pushes.take(
        services.database,
        services.redis,
        keyring=services.keyring,
        app_id=app_id,
        query=push.query,
        body=push.body,
    )


async def test_wechat_says_what_arrived_and_what_did_not_goes_the_next_way(
    post: Post, our_server: Merchant
) -> None:
    await post.use_wechat("order.ready")
    post.sandbox.post("wechat/callback", {"appid": post.official, "url": f"{our_server.url}/official"})
    person = await post.person()
    arrived = await post.queue(person)
    await post.send()
    [told] = _pushed(post, our_server, "official", "TEMPLATESENDJOBFINISH")
    for _ in range(2):
        await _take(post, post.official, told)
    [event] = await _recorded(post, TemplateMessageEnded)
    assert isinstance(event, TemplateMessageEnded)
    assert event.status == "success"
    await _tell(post, handlers.note_delivery, event, event)
    assert await post.state(arrived) == "delivered"
    assert (await post.message(arrived))["delivered_at"] is not None
    late = msgspec.structs.replace(event, status="failed: system failed")
    await _tell(post, handlers.note_delivery, late)
    assert await post.state(arrived) == "delivered", "told the wrong way round"
    assert await post.tries(arrived) == ["official accepted"]

    blocked, taken_back = await post.queue(person), await post.queue(person)
    await post.send()
    async with post.services.database.connection(post.brand.id) as tx:
        assert await api.withdraw(tx, fact_keys=[taken_back]) == 0
    for fact in (blocked, taken_back):
        ref = (await post.last_try(fact))["provider_ref"]
        failed = TemplateMessageEnded(app_id=post.official, message_ref=ref, status="failed:user block")
        await _tell(post, handlers.note_delivery, failed, failed)
    await post.send(next_noon())
    assert await post.tries(blocked) == ["official refused failed:user block", "sms accepted"]
    assert await post.state(blocked) == "sent"
    assert await post.state(taken_back) == "skipped:too_late", "no other way for what is no fact any more"

    strange = TemplateMessageEnded(app_id=post.official, message_ref="999999999999", status="success")
    await _tell(post, handlers.note_delivery, strange)
    async with post.services.database.connection(post.brand.id) as tx:
        await tx.execute(
            "UPDATE messaging_attempt SET state = 'started', created_at = now() WHERE brand_id = $1", post.brand.id
        )
    with pytest.raises(AttemptUnderWay):
        await _tell(post, handlers.note_delivery, strange)


async def test_wechat_tells_how_subscription_messages_ended_also_those_that_nobody_knew_of(
    post: Post, our_server: Merchant
) -> None:
    await post.use_wechat("order.ready")
    post.sandbox.post("wechat/callback", {"appid": post.mini, "url": f"{our_server.url}/mini"})
    arrived, lost, failed = await post.person(), await post.person(), await post.person()
    for person in (arrived, lost, failed):
        await post.consent(person, "order.ready", 2)
    post.sandbox.break_it("drop_after_commit", operation="message.subscription", key=lost.mini)
    post.sandbox.break_it("settle_as", operation="push.subscribe*", key=failed.mini, params={"state": "2"})
    await post.save_policy(quiet_from=dt.time(0), quiet_until=dt.time(0))
    facts = [await post.queue(person) for person in (arrived, lost, failed)]
    await post.send(clock.now())
    assert (await post.state(facts[1])).startswith("unknown:unclear:")

    for push in _pushed(post, our_server, "mini", "subscribe_msg_sent_event", 3):
        await _take(post, post.mini, push)
    events = await _recorded(post, SubscriptionMessageEnded)
    await _tell(post, handlers.note_subscription, *reversed(events), *events)
    assert [await post.state(fact) for fact in facts] == ["delivered", "delivered", "queued:refused:2"]
    await post.send(next_noon())
    assert await post.tries(facts[2]) == ["mini refused 2", "official accepted"]
    assert await post.credits(lost) == (1, 1)

    back = {"appid": post.mini, "template_id": wechat_id("M", "order.ready"), "times": 0}
    post.sandbox.post("wechat/consent", {**back, "user_id": arrived.user_id})
    [push] = _pushed(post, our_server, "mini", "subscribe_msg_change_event")
    await _take(post, post.mini, push)
    [event] = await _recorded(post, SubscriptionTakenBack)
    await _tell(post, handlers.void_consents, event)
    assert await post.credits(arrived) == (0, 0)
    await post.consent(arrived, "order.ready")
    await _tell(post, handlers.void_consents, event)
    assert await post.credits(arrived) == (1, 1), "told again: what she agreed to since stands"


async def test_reports_records_and_withdrawals_at_once_never_wait_in_a_ring(
    post: Post,
) -> None:
    person = await post.person()
    database, brand_id = post.services.database, post.brand.id
    facts = [await post.queue(person, fact_key=f"ring:{number % 10}:{number}") for number in range(30)]
    references: list[str] = []

    class Eager:
        """A provider that takes everything and tells so before we have written it down."""

        async def carry(self, parcel: Parcel) -> Outcome:
            references.append(parcel.reference)
            return Accepted(parcel.reference[:20])

        def remembers(self, channel: Channel) -> dt.timedelta:
            return post.carrier.remembers(channel)

    async def report(told: list[str]) -> None:
        reports = [Report(reference=one, is_delivered=True, code="", provider_ref="") for one in told]
        await hearing.sms_reported(database, reports=reports)

    async def take_back(keys: list[str]) -> None:
        async with database.connection(brand_id) as tx:
            await api.withdraw(tx, fact_keys=keys)

    async with database.unit_of_work(brand_id) as session:
        tries, _ = await preparing.prepare(
            session, brand_id=brand_id, apps={}, carrier=Eager(), settings=database.settings, now=NOON, limit=100
        )
    results = [(one, await Eager().carry(one.parcel)) for one in tries]
    assert len(results) == 30

    async def write_down() -> None:
        async with database.connection(brand_id) as tx:
            await recording.record(tx, results=list(reversed(results)), carrier=Eager(), now=NOON)

    async with anyio.create_task_group() as group:
        for turn in range(3):
            group.start_soon(write_down)
            group.start_soon(take_back, facts[turn::2][::-1])
            for told in (references, references[::-1], references[turn::3]):
                group.start_soon(report, told)
    assert {await post.state(fact) for fact in facts} == {"delivered"}


async def test_a_provider_of_short_messages_tells_what_arrived_and_who_wants_no_more(
    post: Post, our_server: Merchant, app: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app.state.services.settings, "sms_callback_key", SecretStr("the provider's key"))
    post.sandbox.post("sms/callback", {"url": f"{our_server.url}/sms"})
    arrived, lost, failed = await post.person(), await post.person(), await post.person(follows=False, mini=False)
    post.sandbox.break_it("drop_after_commit", provider="sms", key=lost.phone)
    post.sandbox.break_it(
        "settle_as", provider="sms", operation="report", key=failed.phone, params={"state": "DB:0141"}
    )
    await post.choose(arrived, MessageClass.MARKETING, is_allowed=True)
    facts = [await post.queue(person) for person in (arrived, lost, failed)]
    offer = await post.queue(arrived, "appointment.follow_up")
    await post.send()
    assert (await post.state(facts[1])).startswith("sending:unclear:")

    def reports() -> list[Received] | None:
        found = our_server.at("/sms/reports")
        return found if len(found) >= 4 else None

    told = eventually(reports, what="the reports")
    async with make_client(app) as provider:
        wrong = await provider.post("/sms/reports", content=told[0].body, headers={"Authorization": "Bearer x"})
        nothing = await provider.post("/sms/reports?key=the provider's key", content=b"hello")
        assert (wrong.status_code, nothing.status_code) == (400, 400)
        assert await post.state(facts[0]) == "sent"
        for report in [*reversed(told), *told]:
            taken = await provider.post("/sms/reports?key=the provider's key", content=report.body)
            assert taken.json() == {"code": 0, "msg": "ok"}
        assert [await post.state(fact) for fact in facts] == ["delivered", "delivered", "queued:refused:DB:0141"]
        await post.send(next_noon())
        assert await post.state(facts[2]) == "failed:refused:DB:0141"
        assert await post.tries(facts[1]) == ["sms accepted"]

        # As Alibaba Cloud writes it.
        aliyun = [{"out_id": "another system's", "success": True}, {"phone_number": "1", "biz_id": "x"}]
        assert (await provider.post("/sms/reports?key=the provider's key", json=aliyun)).status_code == 200
        post.sandbox.post("sms/reply", {"phone": failed.phone, "text": "R"})
        post.sandbox.post("sms/reply", {"phone": arrived.phone, "text": " r "})
        for reply in eventually(
            lambda: our_server.at("/sms/replies")[1:] and our_server.at("/sms/replies"), what="replies"
        ):
            await provider.post("/sms/replies?key=the provider's key", content=reply.body)
    assert await post.state(offer) == "delivered"
    rows = await post.rows("SELECT member_id, is_allowed FROM messaging_choice WHERE brand_id = $1 ORDER BY id")
    assert [(row["member_id"], row["is_allowed"]) for row in rows] == [(arrived.id, True), (arrived.id, False)]
    stopped = await post.queue(arrived, "appointment.follow_up")
    await post.send(later(days=1))
    assert await post.state(stopped) == "skipped:opted_out"

"""What WeChat pushes: sealed, signed, of now, once; and everything it says is kept."""

import re
import secrets

import pytest
from redis.asyncio import Redis

from tests.sandbox.receiver import Merchant, Received
from tests.sandbox.running import eventually
from tests.wechat.conftest import Account
from yundian.platform.core import clock
from yundian.platform.wechat import pushes
from yundian.platform.wechat.errors import BadPush, ReplayedPush
from yundian.platform.wechat.types import ACCEPTED, Push, PushKind, WeChatApp
from yundian.sandbox.wechat.signing import push_signature, seal_push

pytestmark = pytest.mark.anyio


def _listens(official: Account, our_server: Merchant) -> None:
    """Point the app's pushes at us; the handshake is answered by the code under test."""

    def answer(received: Received) -> tuple[int, bytes]:
        if received.method == "GET":
            return 200, pushes.echo(official.app, received.query).encode()
        return 200, ACCEPTED

    our_server.answer = answer
    official.sandbox.post(
        "wechat/callback", {"appid": official.app.app_id, "url": f"{our_server.url}/push/{official.app.app_id}"}
    )


def _arrived(our_server: Merchant, count: int) -> list[Received]:
    def enough() -> list[Received] | None:
        posted = [each for each in our_server.received if each.method == "POST"]
        return posted if len(posted) >= count else None

    return eventually(enough, what="the pushes")


def _sealed(app: WeChatApp, plain: str, *, ago_s: int = 0) -> tuple[dict[str, str], bytes]:
    sealed = seal_push(plain.encode(), aes_key=app.aes_key, appid=app.app_id)
    stamp, nonce = str(int(clock.now().timestamp()) - ago_s), secrets.token_hex(8)
    query = {"timestamp": stamp, "nonce": nonce, "msg_signature": push_signature(app.token, stamp, nonce, sealed)}
    return query, f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt></xml>".encode()


def _event(name: str, more: str = "") -> str:
    return (
        "<xml><ToUserName>gh_1</ToUserName><FromUserName>o1</FromUserName><CreateTime>1700000000</CreateTime>"
        f"<MsgType>event</MsgType><Event>{name}</Event>{more}</xml>"
    )


async def test_following_scanning_writing_and_leaving_are_told_with_their_scene(
    official: Account, our_server: Merchant, redis: Redis
) -> None:
    _listens(official, our_server)
    _, openid = official.code()
    code = await official.client.create_qr("L_abc123", life=None)
    for count, act in enumerate(("scan", "scan", "say", "unsubscribe"), start=1):
        if act == "scan":
            official.sandbox.post("wechat/scan", {"ticket": code.ticket})
        else:
            official.sandbox.post("wechat/act", {"appid": official.app.app_id, "act": act, "text": "在吗"})
        _arrived(our_server, count)
    told: list[Push] = []
    for each in _arrived(our_server, 4):
        told.append(await pushes.receive(redis, official.app, each.query, each.body))

    kinds = [PushKind.SUBSCRIBE, PushKind.SCAN, PushKind.MESSAGE, PushKind.UNSUBSCRIBE]
    assert [each.kind for each in told] == kinds
    assert [each.scene for each in told] == ["L_abc123", "L_abc123", "", ""]
    assert {each.openid for each in told} == {openid}
    assert told[2].text == "在吗"
    assert len({each.ref for each in told}) == 4
    assert abs((clock.now() - told[0].created_at).total_seconds()) < 60


async def test_a_delivery_is_taken_once(official: Account, redis: Redis) -> None:
    query, body = _sealed(official.app, _event("subscribe"))
    await pushes.receive(redis, official.app, query, body)
    again, same = _sealed(official.app, _event("subscribe"))

    with pytest.raises(ReplayedPush):
        await pushes.receive(redis, official.app, query, body)
    # WeChat's own repetition is a new delivery of the same: the ref says so.
    first = await pushes.receive(redis, official.app, again, same)
    assert first.ref == "o1:1700000000:subscribe"


async def test_an_event_of_tomorrow_is_kept_with_all_it_says(official: Account, redis: Redis) -> None:
    more = "<SubscribeMsgPopupEvent><List><TemplateId>T1</TemplateId></List></SubscribeMsgPopupEvent>"
    query, body = _sealed(official.app, _event("subscribe_msg_popup_event", more))
    push = await pushes.receive(redis, official.app, query, body)

    assert (push.kind, push.event) == (PushKind.OTHER, "subscribe_msg_popup_event")
    assert push.raw["SubscribeMsgPopupEvent"] == {"List": {"TemplateId": "T1"}}


@pytest.mark.parametrize(
    "spoil", ["signature", "nonce", "timestamp", "body", "old", "future", "nothing", "garbage"]
)
async def test_what_nobody_should_believe_is_refused(official: Account, redis: Redis, spoil: str) -> None:
    ago_s = {"old": 400, "future": -400}.get(spoil, 0)
    query, body = _sealed(official.app, _event("subscribe"), ago_s=ago_s)
    if spoil == "signature":
        query["msg_signature"] = query["msg_signature"].swapcase()[::-1]
    elif spoil in ("nonce", "timestamp"):
        query[spoil] = str(int(query["timestamp"]) + 1) if spoil == "timestamp" else "other"
    elif spoil == "body":
        body = re.sub(rb"CDATA\[(.)", rb"CDATA[A\1", body)
    elif spoil == "nothing":
        query = {}
    elif spoil == "garbage":
        body = b"<!DOCTYPE x [<!ENTITY a 'b'>]><xml><Encrypt>&a;</Encrypt></xml>"

    with pytest.raises(BadPush):
        await pushes.receive(redis, official.app, query, body)


async def test_a_message_sealed_for_another_app_or_with_no_token_is_refused(
    official: Account, mini: Account, redis: Redis
) -> None:
    stranger = WeChatApp(app_id=mini.app.app_id, secret="", token=official.app.token, aes_key=official.app.aes_key)
    query, body = _sealed(stranger, _event("subscribe"))
    without = WeChatApp(app_id=official.app.app_id, secret="", token="", aes_key=official.app.aes_key)

    with pytest.raises(BadPush):
        await pushes.receive(redis, official.app, query, body)
    with pytest.raises(BadPush):
        await pushes.receive(redis, without, *_sealed(without, _event("subscribe")))


async def test_a_handshake_with_another_token_is_refused(official: Account) -> None:
    stamp, nonce = str(int(clock.now().timestamp())), "n"
    good = {"timestamp": stamp, "nonce": nonce, "echostr": "e1"}
    good["signature"] = push_signature(official.app.token, stamp, nonce)

    assert pushes.echo(official.app, good) == "e1"
    for name in ("signature", "nonce", "timestamp"):
        with pytest.raises(BadPush):
            pushes.echo(official.app, good | {name: "1"})

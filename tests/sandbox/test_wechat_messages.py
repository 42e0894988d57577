"""What the account hears from people, and what people hear from it."""

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
import xmltodict
from wechatpy import WeChatClientException, parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.events import SubscribeScanEvent
from wechatpy.exceptions import InvalidAppIdException, InvalidSignatureException
from wechatpy.replies import TextReply
from wechatpy.utils import check_signature

from tests.sandbox.clients import app_client
from tests.sandbox.receiver import Merchant, Received, polite
from tests.sandbox.running import RunningSandbox, eventually

PNG = b"\x89PNG"


class Account:
    """An official account whose pushes go to the merchant's server."""

    def __init__(self, sandbox: RunningSandbox, merchant: Merchant, name: str) -> None:
        self.sandbox, self.merchant = sandbox, merchant
        self.app = sandbox.account("official", name)
        self.client = app_client(sandbox.base_url, self.app)
        self.crypto = WeChatCrypto(self.app["token"], self.app["aes_key"], self.app["appid"])
        sandbox.post("wechat/callback", {"appid": self.app["appid"], "url": f"{merchant.url}/push"})

    def heard(self, count: int = 1) -> list[Received]:
        """What was pushed so far (the handshake is a GET)."""
        eventually(lambda: len(self._pushed()) >= count, what=f"{count} pushes")
        return self._pushed()

    def _pushed(self) -> list[Received]:
        return [each for each in self.merchant.received if each.method == "POST"]

    def open(self, push: Received) -> Any:
        query = push.query
        text = self.crypto.decrypt_message(push.body, query["msg_signature"], query["timestamp"], query["nonce"])
        return parse_message(text)

    def scene(self, scene: str) -> dict[str, Any]:
        wanted = {
            "action_name": "QR_STR_SCENE",
            "expire_seconds": 600,
            "action_info": {"scene": {"scene_str": scene}},
        }
        made: dict[str, Any] = self.client.qrcode.create(wanted)
        return made


@pytest.fixture
def account(sandbox: RunningSandbox, merchant: Merchant, number: str) -> Iterator[Account]:
    made = Account(sandbox, merchant, number)
    yield made
    made.client._http.close()


def test_an_address_for_pushes_must_answer_the_handshake(
    sandbox: RunningSandbox, merchant: Merchant, number: str
) -> None:
    app = sandbox.account("official", number)
    merchant.answer = lambda _taken: (200, b"hello")
    refused = sandbox.http.post(
        "/sandbox/api/wechat/callback", json={"appid": app["appid"], "url": f"{merchant.url}/push"}
    )
    merchant.answer = polite
    sandbox.post("wechat/callback", {"appid": app["appid"], "url": f"{merchant.url}/push"})
    query = merchant.received[-1].query

    assert refused.status_code == 400
    check_signature(app["token"], query["signature"], query["timestamp"], query["nonce"])


def test_a_new_person_subscribes_with_the_scene_and_an_old_one_scans(account: Account) -> None:
    made = account.scene("t0kenABC")
    first = account.sandbox.post("wechat/scan", {"ticket": made["ticket"], "user_id": 1})
    second = account.sandbox.post("wechat/scan", {"ticket": made["ticket"], "user_id": 1})
    pushes = account.heard(2)
    subscribe, scan = (account.open(each) for each in pushes)
    info = account.client.user.get(first["openid"])

    assert (first["event"], second["event"]) == ("subscribe", "SCAN")
    assert isinstance(subscribe, SubscribeScanEvent)
    assert (subscribe.scene_id, scan.scene_id) == ("t0kenABC", "t0kenABC")
    assert (subscribe.source, subscribe.ticket) == (first["openid"], made["ticket"])
    assert b"t0kenABC" not in pushes[0].body
    assert (info["subscribe"], info["qr_scene_str"]) == (1, "t0kenABC")


def test_a_code_with_a_scene_is_a_picture_until_it_ends(account: Account) -> None:
    made = account.scene("x" * 64)
    picture = account.sandbox.http.get("/cgi-bin/showqrcode", params={"ticket": made["ticket"]})
    page = account.sandbox.http.get(f"/wechat/scan/{made['ticket']}")
    account.sandbox.post("clock/advance", {"seconds": 601})
    ended = account.sandbox.http.get("/cgi-bin/showqrcode", params={"ticket": made["ticket"]})
    with pytest.raises(WeChatClientException) as too_long:
        account.scene("x" * 65)

    assert (picture.content[:4], picture.headers["content-type"]) == (PNG, "image/png")
    assert (page.status_code, ended.status_code) == (200, 404)
    assert too_long.value.errcode == 40053


def test_a_person_who_scans_on_the_page_is_told_to_the_account(account: Account) -> None:
    ticket = account.scene("page")["ticket"]
    answer = account.sandbox.http.post(f"/wechat/scan/{ticket}", data={"user_id": "3"})

    assert "已关注" in answer.text
    assert account.open(account.heard()[0]).scene_id == "page"


def test_people_write_and_leave_and_answers_come_back_sealed(account: Account, merchant: Merchant) -> None:
    def answer(taken: Received) -> tuple[int, bytes]:
        message = account.open(taken)
        if message.type != "text":
            return 200, b"success"
        reply = TextReply(content="您好 <3", message=message).render()
        return 200, account.crypto.encrypt_message(reply, "n0nce").encode()

    merchant.answer = answer
    act = {"appid": account.app["appid"], "user_id": 2}
    account.sandbox.post("wechat/act", {**act, "act": "say", "text": "在吗？]]>"})
    person = account.sandbox.post("wechat/act", {**act, "act": "unsubscribe"})["openid"]
    said, left = (account.open(each) for each in account.heard(2))
    kept = eventually(
        lambda: account.sandbox.get("messages", channel="passive_reply", recipient=person), what="the reply"
    )

    assert (said.content, left.event) == ("在吗？]]>", "unsubscribe")
    assert json.loads(kept[0]["body"])["Content"] == "您好 <3"
    assert account.client.user.get(person)["subscribe"] == 0


@pytest.mark.parametrize("answer", [(200, b"ok"), (500, b"success"), (200, b"<xml><Encrypt>x</Encrypt></xml>")])
def test_a_push_without_a_good_answer_comes_three_times_more(
    account: Account, merchant: Merchant, answer: tuple[int, bytes]
) -> None:
    merchant.answer = lambda _taken: answer
    account.sandbox.post("wechat/act", {"appid": account.app["appid"], "act": "subscribe"})
    notice = account.sandbox.notice(account.app["appid"], lambda each: each["state"] == "given_up")

    assert len(account.heard(4)) == len(notice["deliveries"]) == 4
    assert len({account.open(each).create_time for each in account.heard(4)}) == 1


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("tampered", InvalidSignatureException),
        ("weak", InvalidSignatureException),
        ("unsigned", KeyError),
        ("wrong_app", InvalidAppIdException),
    ],
)
def test_a_push_that_nobody_should_believe(account: Account, fault: str, error: type[Exception]) -> None:
    account.sandbox.break_it(fault, provider="wechat", operation="push.subscribe")
    account.sandbox.post("wechat/act", {"appid": account.app["appid"], "act": "subscribe"})

    with pytest.raises(error):
        account.open(account.heard()[0])


def test_the_same_number_of_ours_is_one_message(account: Account) -> None:
    openid = account.sandbox.post("wechat/act", {"appid": account.app["appid"], "act": "subscribe"})["openid"]

    def send(once: str) -> int:
        message = {"touser": openid, "template_id": "TPL1", "data": {}, "client_msg_id": once}
        return int(account.client.post("message/template/send", data=message)["msgid"])

    first, again, other = send("a"), send("a"), send("b")

    assert first == again != other
    assert len(account.sandbox.get("messages", channel="template", recipient=openid)) == 2


def test_template_messages_reach_followers_and_the_account_hears_that_they_did(account: Account) -> None:
    openid = account.sandbox.post("wechat/code", {"appid": account.app["appid"]})["openid"]
    data = {"first": {"value": "到店提醒"}}
    with pytest.raises(WeChatClientException) as stranger:
        account.client.message.send_template(openid, "TPL1", data)
    account.sandbox.post("wechat/act", {"appid": account.app["appid"], "act": "subscribe"})
    sent = account.client.message.send_template(openid, "TPL1", data, url="http://shop.test/o/1")
    kept = account.sandbox.get("messages", channel="template", recipient=openid)
    finished = xmltodict.parse(_opened(account, account.heard(2)[1]))["xml"]

    assert stranger.value.errcode == 43004
    assert json.loads(kept[0]["body"])["data"] == data
    assert (finished["Event"], finished["MsgID"]) == ("TEMPLATESENDJOBFINISH", str(sent["msgid"]))
    assert "到店提醒" in account.sandbox.http.get("/pages/messages").text


def _opened(account: Account, push: Received) -> str:
    query = push.query
    return str(
        account.crypto.decrypt_message(push.body, query["msg_signature"], query["timestamp"], query["nonce"])
    )


def test_one_consent_is_one_subscription_message(sandbox: RunningSandbox, number: str) -> None:
    mini = sandbox.account("mini", number)
    client = app_client(sandbox.base_url, mini)
    openid = sandbox.post("wechat/consent", {"appid": mini["appid"], "template_id": "S1", "times": 1})["openid"]
    sent = client.wxa.send_subscribe_message(openid, "S1", {"thing1": {"value": "已成团"}})
    with pytest.raises(WeChatClientException) as used_up:
        client.wxa.send_subscribe_message(openid, "S1", {})
    client._http.close()

    assert sent["errcode"] == 0
    assert used_up.value.errcode == 43101


def test_customer_service_messages_end_48_hours_after_the_last_step(account: Account) -> None:
    openid = account.sandbox.post("wechat/act", {"appid": account.app["appid"], "act": "subscribe"})["openid"]
    account.client.message.send_text(openid, "您的订单已发货")
    account.sandbox.post("clock/advance", {"seconds": 48 * 3600 + 1})
    account.client.fetch_access_token()
    with pytest.raises(WeChatClientException) as too_late:
        account.client.message.send_text(openid, "还在吗")

    assert too_late.value.errcode == 45015


def test_a_mini_program_code_carries_at_most_32_plain_characters(sandbox: RunningSandbox, number: str) -> None:
    client = app_client(sandbox.base_url, sandbox.account("mini", number))
    picture = client.wxa.get_wxa_code_unlimited("t0kenABC-1~2", page="pages/group/index")
    refused = []
    for scene in ("x" * 33, "空格 ", ""):
        with pytest.raises(WeChatClientException) as refusal:
            client.wxa.get_wxa_code_unlimited(scene)
        refused.append(refusal.value.errcode)
    client._http.close()

    assert io.BytesIO(picture.content).read(4) == PNG
    assert refused == [40169, 40169, 40169]

"""When notices come, how often, and in what order."""

import pytest
import xmltodict

from tests.sandbox.clients import alipay_client, pay_client
from tests.sandbox.conftest import TIME_SCALE, AlipayShop, WeChatShop
from tests.sandbox.receiver import WECHAT_OK, Merchant
from tests.sandbox.running import RunningSandbox, eventually
from tests.sandbox.test_alipay import notice_fields

MINUTE, HOUR = 60, 3600
WECHAT_S = [15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, *[3 * HOUR] * 3, *[6 * HOUR] * 2]
ALIPAY_S = [4 * MINUTE, 10 * MINUTE, 10 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 15 * HOUR]


def _pauses(sandbox: RunningSandbox, merchant: str) -> list[float]:
    """Let each pause pass at once and note how long it was; ends when the provider gives up."""
    pauses: list[float] = []
    while True:
        notice = sandbox.notice(merchant, lambda each: each["attempts"] == len(pauses) + 1)
        if notice["state"] != "pending":
            return pauses
        pauses.append(notice["due_in_s"])
        sandbox.post("clock/advance", {"seconds": notice["due_in_s"] + 0.1})


@pytest.mark.usefixtures("sdk_reaches_ports")
def test_both_providers_keep_their_real_schedules_and_then_give_up(
    own_sandbox: RunningSandbox, merchant: Merchant
) -> None:
    merchant.answer = lambda _taken: (200, b"<html>not what was asked for</html>")
    seen = {}
    shop = AlipayShop(own_sandbox, own_sandbox.account("alipay_app", "a"), None, f"{merchant.url}/alipay/notify")
    ali = AlipayShop(own_sandbox, shop.app, alipay_client(own_sandbox.base_url, shop.app), shop.notify_url)
    ali.precreate("A1")
    ali.pay("A1")
    seen["alipay"] = _pauses(own_sandbox, ali.app["app_id"])
    ids = {notice_fields(each)["notify_id"] for each in merchant.received}

    assert seen["alipay"] == pytest.approx(ALIPAY_S, abs=3)
    assert (len(merchant.received), len(ids)) == (8, 1)
    assert own_sandbox.notices(ali.app["app_id"])[0]["state"] == "given_up"


def test_wechat_pay_tries_sixteen_times_over_a_day(own_sandbox: RunningSandbox, merchant: Merchant) -> None:
    merchant.answer = lambda _taken: (200, b"<xml><return_code>FAIL</return_code></xml>")
    app, account = own_sandbox.account("official", "w"), own_sandbox.account("wechat_merchant", "w")
    client = pay_client(own_sandbox.base_url, appid=app["appid"], merchant=account)
    shop = WeChatShop(own_sandbox, app, account, client, f"{merchant.url}/wechat/notify")
    shop.order("W1")
    shop.pay("W1")
    pauses = _pauses(own_sandbox, shop.mch_id)
    client._http.close()

    assert pauses == pytest.approx(WECHAT_S, abs=3)
    assert sum(WECHAT_S) == 24 * HOUR + 4 * MINUTE
    assert len(merchant.received) == 16


def test_the_time_scale_makes_the_pauses_short(wechat: WeChatShop, merchant: Merchant, number: str) -> None:
    answers = iter([(500, b""), (302, b""), (200, WECHAT_OK)])
    merchant.answer = lambda _taken: next(answers)
    wechat.order(number)
    wechat.pay(number)
    notice = wechat.sandbox.notice(wechat.mch_id, lambda each: each["state"] == "accepted")
    first, second, third = (each["at"] for each in notice["deliveries"])

    assert [each["accepted"] for each in notice["deliveries"]] == [0, 0, 1]
    assert second - first >= 15 / TIME_SCALE
    assert third - second >= 15 / TIME_SCALE
    assert len(merchant.received) == 3


@pytest.mark.parametrize("answer", [(200, b"SUCCESS"), (200, b"success\n"), (201, b"success"), (302, b"success")])
def test_alipay_takes_nothing_but_the_word_itself(
    alipay: AlipayShop, merchant: Merchant, number: str, answer: tuple[int, bytes]
) -> None:
    merchant.answer = lambda _taken: answer
    alipay.precreate(number)
    alipay.pay(number)
    notice = alipay.sandbox.notice(alipay.app["app_id"], lambda each: each["attempts"])

    assert notice["state"] == "pending"
    assert (notice["deliveries"][0]["status"], notice["deliveries"][0]["answer"]) == (
        answer[0],
        answer[1].decode(),
    )


def test_one_notice_may_come_many_times_at_once(wechat: WeChatShop, merchant: Merchant, number: str) -> None:
    wechat.order(number)
    wechat.sandbox.break_it("duplicate", operation="notify.pay", key=number, params={"times": 7})
    wechat.pay(number)
    eventually(lambda: len(merchant.received) == 8, what="eight copies")
    notice = wechat.sandbox.notice(wechat.mch_id, lambda each: each["deliveries"])

    assert len({each.body for each in merchant.received}) == 1
    assert (notice["state"], len(notice["deliveries"])) == ("accepted", 8)


def test_a_notice_may_come_after_the_one_that_followed_it(
    wechat: WeChatShop, merchant: Merchant, number: str
) -> None:
    wechat.order(number, fen=500)
    wechat.sandbox.break_it("out_of_order", operation="notify.pay", key=number)
    wechat.pay(number)
    wechat.call(
        "secapi/pay/refund",
        out_trade_no=number,
        out_refund_no=f"{number}R",
        total_fee=500,
        refund_fee=500,
        notify_url=f"{merchant.url}/wechat/refunded",
    )
    eventually(lambda: len(merchant.received) == 2, what="both notices")

    assert [each.path for each in merchant.received] == ["/wechat/refunded", "/wechat/notify"]


def test_a_lost_notice_never_comes_until_somebody_sends_it_again(
    wechat: WeChatShop, merchant: Merchant, number: str
) -> None:
    wechat.order(number)
    wechat.sandbox.break_it("lost", operation="notify.pay", key=number)
    wechat.pay(number)
    wechat.order(f"{number}b")
    wechat.pay(f"{number}b")
    eventually(lambda: merchant.received, what="the other notice")
    lost = next(each for each in wechat.sandbox.notices(wechat.mch_id) if each["key"] == number)
    wechat.sandbox.post(f"notices/{lost['id']}/send?times=10")
    eventually(lambda: len(merchant.received) == 11, what="ten copies")
    said = [xmltodict.parse(each.body)["xml"]["out_trade_no"] for each in merchant.received]

    assert (lost["state"], lost["deliveries"]) == ("lost", [])
    assert said == [f"{number}b", *[number] * 10]


def test_a_merchant_that_cannot_be_reached_is_tried_again(wechat: WeChatShop, number: str) -> None:
    wechat.order(number, notify_url="http://127.0.0.1:1/notify")
    wechat.pay(number)
    notice = wechat.sandbox.notice(wechat.mch_id, lambda each: each["attempts"] >= 2)

    assert notice["deliveries"][0]["status"] == 0
    assert notice["deliveries"][0]["answer"] == "ConnectError"

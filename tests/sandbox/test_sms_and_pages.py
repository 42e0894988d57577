"""The SMS inbox, and the pages a person works with."""

import pytest

from tests.sandbox.conftest import AlipayShop, WeChatShop
from tests.sandbox.receiver import Merchant
from tests.sandbox.running import RunningSandbox, eventually
from yundian.sandbox.server import NotLoopback, run


def _send(sandbox: RunningSandbox, key: str = "", **fields: str) -> dict[str, str]:
    key = key or (sandbox.var_dir / "sandbox" / "keys" / "sms").read_text()
    said: dict[str, str] = sandbox.http.post(
        "/sms/send", json=fields, headers={"authorization": f"Bearer {key}"}
    ).json()
    return said


def test_an_sms_is_in_the_inbox_once_however_often_it_was_sent(sandbox: RunningSandbox, number: str) -> None:
    message = {"phone": "19912345678", "text": f"验证码 482913 {number}", "reference": number}
    first, second = _send(sandbox, **message), _send(sandbox, **message)
    stranger = _send(sandbox, key="wrong", **message)
    sandbox.break_it("error", provider="sms", params={"code": "TOO_MANY"})
    limited = _send(sandbox, phone="19912345678", text="x")
    inbox = sandbox.get("messages", channel="sms", recipient="19912345678")

    assert first == second
    assert (first["code"], stranger["code"], limited["code"]) == (
        "OK",
        "AUTH_FAILED",
        "TOO_MANY",
    )
    assert [each["body"] for each in inbox] == [message["text"]]
    assert message["text"] in sandbox.http.get("/pages/sms").text


def test_an_sms_without_a_phone_is_refused(sandbox: RunningSandbox) -> None:
    answer = sandbox.http.post("/sms/send", json={"phone": "what", "text": "x"})

    assert answer.status_code == 400


def test_a_person_scans_pays_and_cannot_pay_twice(wechat: WeChatShop, merchant: Merchant, number: str) -> None:
    address = wechat.order(number)["code_url"]
    http = wechat.sandbox.http
    page = http.get(address)
    pay = address.replace("/cashier/wechat/", "/cashier/pay/")
    paid, twice = http.post(pay, data={"user_id": "2"}), http.post(pay, data={"user_id": "2"})
    after = http.get(address)

    assert ("¥12.50" in page.text, "雾面唇釉 &lt;No.7&gt; &amp; 礼盒" in page.text) == (True, True)
    assert "支付成功" in paid.text
    assert (twice.status_code, "已支付" in after.text) == (409, True)
    assert len(eventually(lambda: merchant.received, what="the notice")) == 1


def test_a_person_who_cancels_has_paid_nothing(alipay: AlipayShop, merchant: Merchant, number: str) -> None:
    page = alipay.sandbox.http.get(alipay.precreate(number)["qr_code"])

    assert "取消" in page.text
    assert alipay.call("trade.query", out_trade_no=number)["trade_status"] == "WAIT_BUYER_PAY"
    assert merchant.received == []


def test_faults_are_switched_on_and_off_on_a_page(sandbox: RunningSandbox) -> None:
    form = {"provider": "sms", "operation": "send", "kind": "error", "params": '{"code": "NO"}', "remaining": "2"}
    switched = sandbox.http.post("/pages/faults", data=form)
    bad = sandbox.http.post("/pages/faults", data={**form, "params": "{"})
    rules = sandbox.get("faults")
    shown = sandbox.http.get("/pages/faults").text
    sandbox.http.post("/pages/faults/clear")

    assert (switched.status_code, bad.status_code) == (303, 400)
    assert [(each["kind"], each["remaining"], each["params"]) for each in rules] == [("error", 2, {"code": "NO"})]
    assert "一切正常" not in shown
    assert "一切正常" in sandbox.http.get("/pages/faults").text


def test_every_page_opens_when_there_is_nothing_and_when_there_is_something(
    own_sandbox: RunningSandbox, merchant: Merchant
) -> None:
    paths = ["/", *(f"/pages/{name}" for name in ("books", "notices", "messages", "sms", "users", "faults"))]
    empty = [own_sandbox.http.get(path).status_code for path in paths]
    own_sandbox.account("official", "w")
    _send(own_sandbox, phone="19912345678", text="x")
    own_sandbox.break_it("down", provider="alipay")
    full = [own_sandbox.http.get(path).status_code for path in paths]
    script = own_sandbox.http.get("/res/jweixin-1.6.0.js")

    assert (set(empty), set(full)) == ({200}, {200})
    assert own_sandbox.base_url in script.text


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.2", "::"])
def test_the_sandbox_listens_on_loopback_only(host: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    with pytest.raises(NotLoopback):
        run(host, 0, tmp_path_factory.mktemp("never"))

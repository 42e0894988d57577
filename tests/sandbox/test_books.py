"""The books: equal to what clients saw, the same after ``kill -9``, and the same numbers for the same seed."""

import json
import random
import stat

import pytest
from wechatpy.pay import WeChatPayException

from tests.sandbox.clients import pay_client
from tests.sandbox.conftest import AlipayShop, WeChatShop
from tests.sandbox.receiver import WECHAT_OK, Merchant
from tests.sandbox.running import RunningSandbox, eventually


def test_what_clients_saw_and_what_the_books_say_is_the_same_to_the_fen(wechat: WeChatShop, number: str) -> None:
    chance = random.Random(7)
    paid = refunded = 0
    for index in range(12):
        out_no, fen = f"{number}-{index}", chance.randint(1, 99_999)
        wechat.order(out_no, fen=fen)
        if chance.random() < 0.75:
            wechat.pay(out_no)
            paid += fen
            for part in range(chance.randint(0, 2)):
                back = chance.randint(1, fen)
                try:
                    wechat.client.refund.apply(fen, back, f"{out_no}R{part}", out_trade_no=out_no)
                except WeChatPayException:
                    continue
                refunded += back

    def settled() -> bool:
        return all(each["state"] == "success" for each in wechat.sandbox.books(wechat.mch_id)["refunds"])

    eventually(settled, what="all refunds")
    totals = wechat.sandbox.books(wechat.mch_id)["totals"]
    assert [(row["paid_minor"], row["refunded_minor"]) for row in totals] == [(paid, refunded)]
    assert refunded > 0


@pytest.mark.faults
def test_killed_and_started_again_the_books_are_the_same_and_the_notice_still_comes(
    own_sandbox: RunningSandbox, merchant: Merchant
) -> None:
    app, account = own_sandbox.account("official", "w"), own_sandbox.account("wechat_merchant", "w")
    client = pay_client(own_sandbox.base_url, appid=app["appid"], merchant=account)
    shop = WeChatShop(own_sandbox, app, account, client, f"{merchant.url}/wechat/notify")
    merchant.answer = lambda _taken: (500, b"")
    shop.order("K1", fen=4321)
    transaction_id = shop.pay("K1")
    shop.client.refund.apply(4321, 21, "K1R", out_trade_no="K1")
    eventually(lambda: merchant.received, what="the first attempt")
    own_sandbox.kill_hard()
    merchant.answer = lambda _taken: (200, WECHAT_OK)
    own_sandbox.start()
    found = shop.call("pay/orderquery", out_trade_no="K1")
    own_sandbox.post("clock/advance", {"seconds": 15})
    eventually(lambda: own_sandbox.notices(shop.mch_id)[0]["state"] == "accepted", what="the second attempt")
    eventually(lambda: own_sandbox.books()["refunds"][0]["state"] == "success", what="the refund")
    totals = own_sandbox.books(shop.mch_id)["totals"][0]
    client._http.close()

    assert (found["transaction_id"], found["total_fee"]) == (transaction_id, "4321")
    assert (totals["paid_minor"], totals["refunded_minor"]) == (4321, 21)
    assert own_sandbox.account("official", "w") == app


@pytest.mark.faults
def test_killed_between_taking_the_money_and_saying_so_nothing_is_half_done(
    own_sandbox: RunningSandbox, merchant: Merchant
) -> None:
    own_sandbox._environment["YUNDIAN_TEST_DIE_AT"] = "sandbox.paying"
    own_sandbox.kill_hard()
    own_sandbox.start()
    app, account = own_sandbox.account("official", "w"), own_sandbox.account("wechat_merchant", "w")
    client = pay_client(own_sandbox.base_url, appid=app["appid"], merchant=account)
    shop = WeChatShop(own_sandbox, app, account, client, f"{merchant.url}/wechat/notify")
    shop.order("D1")
    with pytest.raises(Exception):  # noqa: B017, PT011  (the connection dies in one of several ways)
        shop.pay("D1")
    own_sandbox.kill_hard()
    del own_sandbox._environment["YUNDIAN_TEST_DIE_AT"]
    own_sandbox.start()
    kept = own_sandbox.books(shop.mch_id)
    shop.pay("D1")
    client._http.close()

    assert (kept["payments"][0]["state"], kept["notices"]) == ("waiting", [])
    assert len(eventually(lambda: merchant.received, what="the notice")) == 1


def test_the_same_seed_gives_the_same_numbers(tmp_path_factory: pytest.TempPathFactory) -> None:
    seen = []
    for _ in range(2):
        running = RunningSandbox(tmp_path_factory.mktemp("seeded"), seed="contract")
        running.start()
        app, account = running.account("official", "w"), running.account("wechat_merchant", "w")
        client = pay_client(running.base_url, appid=app["appid"], merchant=account)
        shop = WeChatShop(running, app, account, client, "http://127.0.0.1:1/n")
        made = shop.order("S1", product="JSAPI", openid=shop.openid())
        code = running.post("wechat/code", {"appid": app["appid"]})
        seen.append((app["appid"], account["mch_id"], made["prepay_id"][10:], shop.pay("S1")[12:], code))
        client._http.close()
        running.stop()

    assert seen[0] == seen[1]


def test_keys_are_private_and_the_clients_are_not_given_the_gateways(
    sandbox: RunningSandbox, alipay: AlipayShop
) -> None:
    folder = sandbox.var_dir / "sandbox"
    files = [folder / "credentials.json", *(folder / "keys").iterdir()]
    described = (folder / "credentials.json").read_text()
    gateway_key = json.loads((folder / "keys" / f"alipay_app-{_name(folder, alipay)}.json").read_text())

    assert {stat.S_IMODE(each.stat().st_mode) for each in files} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert gateway_key["gateway_private_key"] not in json.loads(described)["alipay"]["apps"].values()
    assert "gateway_private_key" not in described
    assert alipay.app["app_id"] in described


def _name(folder: object, alipay: AlipayShop) -> str:
    apps = json.loads((alipay.sandbox.var_dir / "sandbox" / "credentials.json").read_text())["alipay"]["apps"]
    return str(next(name for name, app in apps.items() if app["app_id"] == alipay.app["app_id"]))

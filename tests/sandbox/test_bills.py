"""Bills for reconciliation, with the traps of the real ones."""

import csv
import datetime as dt
import io
import zipfile
from zoneinfo import ZoneInfo

import pytest
from wechatpy.pay import WeChatPayException

from tests.sandbox import clients
from tests.sandbox.conftest import AlipayShop, WeChatShop

BEIJING = ZoneInfo("Asia/Shanghai")


def _today() -> dt.date:
    return dt.datetime.now(BEIJING).date()


def _bill(wechat: WeChatShop, kind: str = "ALL") -> str:
    # The SDK hands anything that is not XML over as text.
    return str(wechat.call("pay/downloadbill", bill_date=f"{_today():%Y%m%d}", bill_type=kind))


def test_the_wechat_bill_lists_the_day_and_its_sums_agree(wechat: WeChatShop, number: str) -> None:
    wechat.order(number, fen=1000, body="唇釉,限定 礼盒")
    wechat.pay(number)
    wechat.client.refund.apply(1000, 250, f"{number}R", out_trade_no=number)
    wechat.order(f"{number}unpaid")
    everything, paid, refunded = (_bill(wechat, kind) for kind in ("ALL", "SUCCESS", "REFUND"))
    header, first, second, sums_header, sums = everything.removeprefix("\ufeff").splitlines()
    row = dict(zip(header.split(","), first[1:].split(",`"), strict=True))
    back = dict(zip(header.split(","), second[1:].split(",`"), strict=True))
    total = dict(zip(sums_header.split(","), sums[1:].split(",`"), strict=True))

    assert everything.startswith("\ufeff")
    assert [len(each.splitlines()[0].split(",")) for each in (everything, paid, refunded)] == [27, 20, 29]
    assert (row["商户订单号"], row["订单金额"], row["商品名称"]) == (number, "10.00", "唇釉,限定 礼盒")
    assert (row["手续费"], row["商户退款单号"], row["交易状态"]) == ("0.06000", "0", "SUCCESS")
    assert (back["商户退款单号"], back["退款金额"], back["手续费"]) == (f"{number}R", "2.50", "-0.01500")
    assert (total["总交易单数"], total["订单总金额"], total["退款总金额"]) == ("2", "10.00", "2.50")
    assert total["手续费总金额"] == "0.04500"
    assert len(first.split(",")) == 28


def test_a_day_without_trade_has_no_bill(wechat: WeChatShop, alipay: AlipayShop) -> None:
    with pytest.raises(WeChatPayException) as none:
        _bill(wechat)
    theirs = clients.alipay_call(
        alipay.client, "data.dataservice.bill.downloadurl.query", {"bill_type": "trade", "bill_date": "2020-01-01"}
    )

    assert none.value.return_msg == "No Bill Exist"
    assert b"20002" in none.value.response.content
    assert theirs["sub_code"] == "isp.bill_not_exist"


def test_a_bill_whose_sums_are_wrong_can_be_had(wechat: WeChatShop, number: str) -> None:
    wechat.order(number)
    wechat.pay(number)
    wechat.sandbox.break_it("tampered", provider="wechat_pay", operation="pay.downloadbill")

    assert _bill(wechat).splitlines()[-1].startswith("`2,")
    assert _bill(wechat).splitlines()[-1].startswith("`1,")


def test_the_alipay_bill_is_a_zip_in_gbk_behind_an_address_that_ends(alipay: AlipayShop, number: str) -> None:
    alipay.precreate(number, yuan="10.00")
    alipay.pay(number)
    alipay.call("trade.refund", out_trade_no=number, refund_amount="2.50", out_request_no="R1")
    made = clients.alipay_call(
        alipay.client,
        "data.dataservice.bill.downloadurl.query",
        {"bill_type": "trade", "bill_date": _today().isoformat()},
    )
    fetched = alipay.sandbox.http.get(made["bill_download_url"])
    alipay.sandbox.post("clock/advance", {"seconds": 31})
    late = alipay.sandbox.http.get(made["bill_download_url"])
    archive = zipfile.ZipFile(io.BytesIO(fetched.content), metadata_encoding="gbk")
    names = sorted(archive.namelist())
    text = archive.read(next(name for name in names if "汇总" not in name)).decode("gb18030")
    rows = list(csv.reader(line for line in text.splitlines() if not line.startswith("#")))
    paid, back = ({key: value.strip() for key, value in zip(rows[0], row, strict=True)} for row in rows[1:])

    assert (late.status_code, len(names), len(rows[0])) == (404, 2, 25)
    assert (paid["商户订单号"], paid["业务类型"], paid["订单金额（元）"]) == (number, "交易", "10.00")
    assert (back["退款批次号/请求号"], back["业务类型"], back["订单金额（元）"]) == ("R1", "退款", "-2.50")
    assert paid["服务费（元）"] == "-0.06"
    assert "#退款合计：1笔，商家实收退款共-2.50元，商家优惠退款共0.00元" in text

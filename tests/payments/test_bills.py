"""Bills of providers, with the traps of the real ones, against our books."""

import datetime as dt
import gzip
import io
import json
import zipfile

import httpx
import pytest

from tests.payments.kit import Till
from yundian.payments import api
from yundian.payments.adapters.alipay import bills as alipay
from yundian.payments.adapters.alipay.keys import load_private_key, sign
from yundian.payments.adapters.amounts import BEIJING, readable
from yundian.payments.adapters.bills import BillRow
from yundian.payments.adapters.wechat import bills as wechat
from yundian.payments.adapters.wechat import messages
from yundian.payments.errors import AccountUnknown, BadBill
from yundian.payments.repository.bills import OwnRow
from yundian.payments.service.bills import Comparison, compare, compare_bill
from yundian.payments.states import GapKind
from yundian.payments.types import AlipayAccount, Provider, WeChatPayAccount
from yundian.platform.core import clock

pytestmark = pytest.mark.anyio

START = dt.datetime(2026, 11, 21, tzinfo=BEIJING)
LEGACY = (
    "交易时间,公众账号ID,商户号,子商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,"
    "货币种类,总金额,代金券或立减优惠金额,微信退款单号,商户退款单号,退款金额,代金券或立减优惠退款金额,"
    "退款类型,退款状态,商品名称,商户数据包,手续费,费率"
)
LEGACY_SUMS = "总交易单数,总交易额,总退款金额,总代金券或立减优惠退款金额,手续费总金额"
ALIPAY = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,"
    "订单金额（元）,商家实收（元）,退款批次号/请求号,服务费（元）,备注"
)


def _line(*values: str) -> str:
    return ",".join(f"`{value}" for value in values)


def _legacy(*, count: str = "2", refunded: str = "2.50", fee: str = "0.04500") -> bytes:
    """An older merchant's, with a comma in a product's name."""
    own = ("2026-11-21 10:00:00", "wx1", "16", "0", "", "42", "Y1", "o1", "NATIVE")
    paid = (*own, "SUCCESS", "X", "CNY", "10.00", "0.00", "0", "0", "0.00", "0.00", "", "")
    back = (*own, "REFUND", "X", "CNY", "0.00", "0.00", "50", "R1", "2.50", "0.00", "ORIGINAL", "SUCCESS")
    lines = [
        LEGACY,
        _line(*paid, "唇釉,限定 礼盒", "", "0.06000", "0.60%"),
        _line(*back, "唇釉,限定 礼盒", "", "-0.01500", "0.60%"),
        LEGACY_SUMS,
        _line(count, "10.00", refunded, "0.00", fee),
    ]
    return ("\ufeff" + "\r\n".join(lines) + "\r\n").encode()


class _Gbk(zipfile.ZipInfo):
    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802  (zipfile's own hook)
        return self.filename.encode("gbk"), self.flag_bits


def _zipped(*, paid: str = "10.00", count: int = 1) -> bytes:
    lines = [
        "#支付宝业务明细查询",
        ALIPAY,
        "A1\t,Y1\t,交易\t,唇釉,限定\t,2026-11-21 10:00:00\t,2026-11-21 10:00:05\t,10.00\t,10.00\t,\t,-0.06\t,\t",
        "A1\t,Y1\t,退款\t,唇釉,限定\t,2026-11-21 11:00:00\t,2026-11-21 11:00:05\t,-2.50\t,-2.50\t,R1\t,0.00\t,\t",
        f"#交易合计：{count}笔，商家实收共{paid}元，商家优惠共0.00元",
        "#退款合计：1笔，商家实收退款共-2.50元，商家优惠退款共0.00元",
    ]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(_Gbk("2088_20261121_业务明细.csv"), "\r\n".join(lines).encode("gb18030"))
        archive.writestr(_Gbk("2088_20261121_业务明细(汇总).csv"), "x".encode("gb18030"))
    return file.getvalue()


def test_commas_boms_and_older_headers_are_read_by_the_names_of_their_columns() -> None:
    for raw in (_legacy(), gzip.compress(_legacy())):
        paid, back = wechat.read(raw).rows
        assert (paid.out_trade_no, paid.amount_minor, paid.fee_millis) == ("Y1", 1000, 6000)
        assert (back.out_refund_no, back.amount_minor, back.fee_millis) == ("R1", 250, -1500)
        assert (paid.provider_ref, back.provider_ref) == ("42", "50")
        assert paid.at == START + dt.timedelta(hours=10)
    paid, back = alipay.read(_zipped()).rows
    assert (paid.out_trade_no, paid.amount_minor, paid.fee_millis) == ("Y1", 1000, 6000)
    assert (back.out_refund_no, back.amount_minor) == ("R1", 250)


def test_a_day_without_trade_is_an_empty_bill() -> None:
    none = b"<xml><return_code>FAIL</return_code><return_msg>No Bill Exist</return_msg>%s</xml>"
    assert wechat.read(none % b"<error_code>20002</error_code>").rows == []
    with pytest.raises(BadBill):
        wechat.read(none % b"<error_code>20001</error_code>")


@pytest.mark.parametrize(
    "raw",
    [
        _legacy(count="3"),
        _legacy(refunded="2.51"),
        _legacy(fee="0.04600"),
        _legacy().replace(b"`10.00", b"`10.001", 1),
        _legacy().replace("商户订单号".encode(), b"x", 1),
        b"\r\n".join(_legacy().splitlines()[:3]),
        b"Bad Gateway",
        b"",
        b"\xff\xfe",
    ],
)
def test_a_wechat_bill_that_contradicts_itself_is_refused(raw: bytes) -> None:
    with pytest.raises(BadBill):
        wechat.read(raw)


NO_FILES = b"PK\x05\x06" + b"\0" * 18


@pytest.mark.parametrize("raw", [_zipped(paid="10.01"), _zipped(count=2), _legacy(), b"", NO_FILES])
def test_an_alipay_bill_that_contradicts_itself_is_refused(raw: bytes) -> None:
    with pytest.raises(BadBill):
        alipay.read(raw)


def _own(number: str, at: dt.datetime, *, minor: int = 1000, refund: str = "", is_certain: bool = True) -> OwnRow:
    return OwnRow(out_trade_no=number, out_refund_no=refund, amount_minor=minor, at=at, is_certain=is_certain)


def _theirs(number: str, at: dt.datetime, *, minor: int = 1000, refund: str = "") -> BillRow:
    return BillRow(
        out_trade_no=number, out_refund_no=refund, provider_ref="", amount_minor=minor, at=at, fee_millis=0
    )


def test_every_fen_that_differs_is_named_and_midnight_is_no_difference() -> None:
    noon, midnight = START + dt.timedelta(hours=12), START + dt.timedelta(days=1)
    second = dt.timedelta(seconds=1)
    ours = [
        _own("same", noon),
        _own("same", noon, refund="R1", minor=200),
        _own("amount", noon),
        _own("lost", noon),
        _own("waits", noon, refund="R2", is_certain=False),
        # The provider has this one a second later than we have it, and so on another day.
        _own("pair", midnight + second),
        _own("edge", midnight - second),
        _own("tomorrow", midnight + dt.timedelta(hours=3)),
    ]
    theirs = [
        _theirs("same", noon),
        _theirs("same", noon, refund="R1", minor=200),
        _theirs("amount", noon, minor=999),
        _theirs("unheard", noon),
        _theirs("pair", midnight - second),
    ]

    found = compare(ours, theirs, start=START)

    assert [(one.kind, one.out_trade_no, one.ours_minor, one.theirs_minor) for one in found.differences] == [
        (GapKind.AMOUNT, "amount", 1000, 999),
        (GapKind.THEIRS_ONLY, "unheard", None, 1000),
        (GapKind.OURS_ONLY, "lost", 1000, None),
    ]
    assert (found.payments, found.refunds, found.near_midnight) == (4, 1, 1)


def _today() -> dt.date:
    return clock.now().astimezone(BEIJING).date()


def _wechat_bill(till: Till, account: WeChatPayAccount) -> bytes:
    asked = {"appid": account.app_id, "mch_id": account.merchant_id, "bill_type": "ALL"}
    body = messages.dump(asked | {"bill_date": f"{_today():%Y%m%d}"}, account.api_key)
    return till.sandbox.http.post("/pay/downloadbill", content=body).content


def _alipay_bill(till: Till, account: AlipayAccount) -> bytes:
    method = "alipay.data.dataservice.bill.downloadurl.query"
    asked = {
        "app_id": account.app_id,
        "method": method,
        "format": "json",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": readable(clock.now()),
        "version": "1.0",
        "biz_content": json.dumps({"bill_type": "trade", "bill_date": _today().isoformat()}),
    }
    key = load_private_key(account.private_key)
    text = "&".join(f"{name}={value}" for name, value in sorted(asked.items()))
    signature = sign(key, text.encode())
    told = till.sandbox.http.post("/gateway.do", data=asked | {"sign": signature}).json()
    address = told[method.replace(".", "_") + "_response"]["bill_download_url"]
    return till.sandbox.http.get(httpx.URL(address).raw_path.decode()).content


async def _compare(till: Till, provider: Provider, raw: bytes, *, merchant_id: str | None = None) -> Comparison:
    async with till.services.database.connection(till.brand_id) as tx:
        return await compare_bill(tx, provider=provider, merchant_id=merchant_id, day=_today(), raw=raw)


@pytest.mark.parametrize("provider", list(Provider))
async def test_a_days_bill_equals_our_books_and_shows_what_is_missing(till: Till, provider: Provider) -> None:
    first = await till.open(minor=1000, description="唇釉,限定 礼盒")
    await till.start(first, provider)
    till.pay(provider, await till.number(first))
    await till.look(first)
    await till.paid(provider, minor=700)
    # Late money is in their bill and in our books, too.
    late = await till.open(minor=300)
    await till.start(late, provider)
    async with till.services.database.connection(till.brand_id) as tx:
        close = "UPDATE payments_payment SET state = 'closed' WHERE brand_id = $1 AND id = $2"
        await tx.execute(close, till.brand_id, late.id)
        await api.request_refund(tx, payment_id=first.id, amount_minor=400, reason="换色号")
    till.pay(provider, await till.number(late))
    await till.look(late)
    till.sandbox.post("clock/advance", {"seconds": 60})
    for later in (0, 70):
        await till.sweep(later_s=later)
    account = till.account(provider)
    raw = _wechat_bill(till, account) if isinstance(account, WeChatPayAccount) else _alipay_bill(till, account)

    found = await _compare(till, provider, raw)
    assert found.differences == []
    assert (found.payments, found.refunds, found.paid_minor, found.refunded_minor) == (3, 1, 2000, 400)
    assert [one["reason"] for one in await till.orphans()] == ["late"]
    with pytest.raises(AccountUnknown):
        await _compare(till, provider, raw, merchant_id="another")

    number = (await till.attempts(first))[0].out_trade_no
    async with till.services.database.connection(till.brand_id) as tx:
        forget = "UPDATE payments_attempt SET paid_at = paid_at - interval '9 days'"
        forget += " WHERE brand_id = $1 AND out_trade_no = $2"
        await tx.execute(forget, till.brand_id, number)
    [missing] = (await _compare(till, provider, raw)).differences
    assert (missing.kind, missing.out_trade_no, missing.theirs_minor) == (GapKind.THEIRS_ONLY, number, 1000)

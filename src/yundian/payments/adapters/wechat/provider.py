"""WeChat Pay v2 behind the port: wechatpy's signing and ciphers, our verification, our connections."""

import datetime as dt
import json
import secrets
import ssl
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar
from urllib.parse import quote

from wechatpy.pay.utils import dict_to_xml

from yundian.payments.adapters import outcomes
from yundian.payments.adapters.amounts import CURRENCY, compact
from yundian.payments.adapters.bills import LONGEST_PACKED
from yundian.payments.adapters.guard import InDoubt
from yundian.payments.adapters.transport import Call, Transport
from yundian.payments.adapters.wechat import messages, notices, replies
from yundian.payments.adapters.wechat.bills import NO_BILL
from yundian.payments.adapters.wechat.certificates import client_context
from yundian.payments.errors import KindNotOffered
from yundian.payments.ports import BillAbsent, BillFile, BillResult
from yundian.payments.types import (
    Acknowledgement,
    AlreadyPaid,
    CloseResult,
    OutcomeUnknown,
    PayKind,
    PaymentClosed,
    PayOrder,
    Provider,
    QueryResult,
    RefundOrder,
    RefundResult,
    Refused,
    Started,
    StartResult,
    VerifiedNotice,
    WeChatPayAccount,
)
from yundian.platform.core import clock

_TRADE_TYPES = {PayKind.JSAPI: "JSAPI", PayKind.NATIVE: "NATIVE", PayKind.WAP: "MWEB"}
_LONGEST_SUBJECT_BYTES = 128
_LONGEST_REASON_BYTES = 80
_ASK_S, _ACT_S, _REFUND_S, _BILL_S = 8.0, 8.0, 15.0, 60.0
# WeChat refuses orders that would live for less than a minute. Who starts in her last minute may still pay in it:
# whoever keeps the payment closes it at its own time.
_SHORTEST_LIFE = dt.timedelta(seconds=65)
_BILL = "pay/downloadbill"
_OTHER_FUNDS = "REFUND_SOURCE_RECHARGE_FUNDS"

_HEADERS = {"Content-Type": "text/xml"}

Answer = dict[str, str] | Refused | OutcomeUnknown


class WeChatPayProvider:
    """One merchant. Raises ``BadCredentials`` for a certificate that cannot be read."""

    provider = Provider.WECHAT
    kinds: ClassVar[frozenset[PayKind]] = frozenset(_TRADE_TYPES)

    def __init__(self, account: WeChatPayAccount, transport: Transport) -> None:
        self._account = account
        self._transport = transport
        self._guard = transport.guard(f"wechat:{account.app_id}:{account.merchant_id}")
        self._certificate = client_context(account)

    async def start(self, order: PayOrder) -> StartResult:
        if order.kind not in _TRADE_TYPES:
            raise KindNotOffered(provider=self.provider.value, kind=order.kind.value)
        refused = outcomes.objection(order, CURRENCY)
        if refused is not None:
            return refused
        answer = await self._call("pay/unifiedorder", partial(self._order_fields, order), deadline_s=_ACT_S)
        if isinstance(answer, Refused) and answer.code == replies.ORDER_PAID:
            return AlreadyPaid()
        if isinstance(answer, Refused | OutcomeUnknown):
            return answer
        return self._started(order, answer)

    def _order_fields(self, order: PayOrder) -> dict[str, str]:
        fields = {
            "body": _cut(order.subject, _LONGEST_SUBJECT_BYTES),
            "out_trade_no": order.out_trade_no,
            "total_fee": str(order.amount.minor),
            "fee_type": CURRENCY,
            "spbill_create_ip": order.client_ip,
            "time_start": compact(clock.now()),
            "time_expire": compact(max(order.expires_at, clock.now() + _SHORTEST_LIFE)),
            "notify_url": order.notify_url,
            "trade_type": _TRADE_TYPES[order.kind],
        }
        if order.kind is PayKind.JSAPI:
            fields["openid"] = order.payer
        elif order.kind is PayKind.NATIVE:
            fields["product_id"] = order.out_trade_no
        else:
            shop = {"type": "Wap", "wap_url": order.return_url, "wap_name": _cut(order.subject, 32)}
            fields["scene_info"] = json.dumps({"h5_info": shop}, ensure_ascii=False)
        return fields

    def _started(self, order: PayOrder, fields: Mapping[str, str]) -> StartResult:
        prepay_id, code, page = (fields.get(name, "") for name in ("prepay_id", "code_url", "mweb_url"))
        if order.kind is PayKind.JSAPI and prepay_id:
            return Started(client_parameters=self._bridge_parameters(prepay_id))
        if order.kind is PayKind.NATIVE and code:
            return Started(qr_code=code)
        if order.kind is PayKind.WAP and page:
            back = f"redirect_url={quote(order.return_url, safe='')}" if order.return_url else ""
            return Started(redirect_url=f"{page}{'&' if '?' in page else '?'}{back}" if back else page)
        return OutcomeUnknown(reason="incomplete")

    def _bridge_parameters(self, prepay_id: str) -> dict[str, str]:
        """For ``WeixinJSBridge``. All texts: it refuses a number for the time. The algorithm is the order's."""
        parameters = {
            "appId": self._account.app_id,
            "timeStamp": str(int(clock.now().timestamp())),
            "nonceStr": secrets.token_hex(16),
            "package": f"prepay_id={prepay_id}",
            "signType": messages.SIGN_TYPE,
        }
        return parameters | {"paySign": messages.signature_of(parameters, self._account.api_key)}

    async def query(self, out_trade_no: str) -> QueryResult:
        fields = {"out_trade_no": out_trade_no}
        answer = await self._call("pay/orderquery", fields, deadline_s=_ASK_S, asks=True, names=fields)
        if isinstance(answer, Refused) and answer.code == replies.NO_ORDER:
            return replies.absent_payment(self._account, out_trade_no)
        if isinstance(answer, Refused | OutcomeUnknown):
            return answer
        try:
            return replies.payment(answer, state=answer["trade_state"])
        except (KeyError, ValueError):
            return OutcomeUnknown(reason="shape")

    async def close(self, out_trade_no: str) -> CloseResult:
        """An order that WeChat does not know may still be on its way: that is no final end."""
        answer = await self._call("pay/closeorder", {"out_trade_no": out_trade_no}, deadline_s=_ACT_S)
        if not isinstance(answer, Refused):
            return answer if isinstance(answer, OutcomeUnknown) else PaymentClosed()
        if answer.code == replies.ORDER_PAID:
            return AlreadyPaid()
        if answer.code in (replies.ORDER_CLOSED, replies.NO_ORDER):
            return PaymentClosed(is_final=answer.code == replies.ORDER_CLOSED)
        return answer

    async def refund(self, order: RefundOrder) -> RefundResult:
        refused = outcomes.objection(order, CURRENCY)
        if refused is not None:
            return refused
        answer = await self._refund_from(order, "")
        if isinstance(answer, Refused) and answer.code == replies.NOT_ENOUGH:
            # The unsettled money of today is not enough: the same refund from the merchant's balance.
            answer = await self._refund_from(order, _OTHER_FUNDS)
        if isinstance(answer, Refused | OutcomeUnknown):
            return answer
        try:
            accepted = replies.accepted_refund(answer)
        except (KeyError, ValueError):
            return OutcomeUnknown(reason="shape")
        return accepted if accepted.amount == order.amount else OutcomeUnknown(reason="amount")

    async def _refund_from(self, order: RefundOrder, funds: str) -> Answer:
        numbers = {"out_trade_no": order.out_trade_no, "out_refund_no": order.out_refund_no}
        fields = numbers | {
            "total_fee": str(order.total.minor),
            "refund_fee": str(order.amount.minor),
            "refund_fee_type": CURRENCY,
            "refund_desc": _cut(order.reason, _LONGEST_REASON_BYTES),
            "refund_account": funds,
            "notify_url": order.notify_url,
        }
        return await self._call(
            "secapi/pay/refund", fields, deadline_s=_REFUND_S, names=numbers, tls=self._certificate
        )

    async def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundResult:
        answer = await self._call(
            "pay/refundquery",
            {"out_refund_no": out_refund_no},
            deadline_s=_ASK_S,
            asks=True,
            names={"out_trade_no": out_trade_no},
        )
        if isinstance(answer, Refused) and answer.code == replies.NO_REFUND:
            return replies.absent_refund(out_trade_no, out_refund_no)
        if isinstance(answer, Refused | OutcomeUnknown):
            return answer
        try:
            return replies.queried_refund(answer, out_refund_no)
        except (KeyError, ValueError):
            return OutcomeUnknown(reason="shape")

    async def bill(self, day: dt.date) -> BillResult:
        """Nobody signs a bill, so its sums are checked by whoever reads it; it comes packed."""
        account = self._account
        asked = {
            "appid": account.app_id,
            "mch_id": account.merchant_id,
            "bill_date": f"{day:%Y%m%d}",
            "bill_type": "ALL",
            "tar_type": "GZIP",
        }

        async def make() -> Call:
            return Call(
                url=f"{account.gateway_url.rstrip('/')}/{_BILL}",
                body=messages.dump(asked, account.api_key),
                headers=_HEADERS,
                asks=True,
                longest=LONGEST_PACKED,
            )

        async def exchange() -> BillResult:
            return _bill_of(await self._transport.send(self._guard, make, deadline_s=_BILL_S))

        return await outcomes.told(self.provider, account.merchant_id, _BILL, exchange)

    def verify_notice(self, body: bytes, headers: Mapping[str, str]) -> VerifiedNotice:
        return notices.verify(self._account, body)

    def accepted(self) -> Acknowledgement:
        return _acknowledgement("SUCCESS", "OK")

    def rejected(self) -> Acknowledgement:
        return _acknowledgement("FAIL", "RETRY")

    async def _call(
        self,
        endpoint: str,
        fields: dict[str, str] | Callable[[], dict[str, str]],
        *,
        deadline_s: float,
        asks: bool = False,
        names: Mapping[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Answer:
        """The verified fields of a success. ``names``: what a success must repeat of the question."""
        # Whoever strips a signature can only say no; where a no could cost money twice, it is not believed.
        believes_no = endpoint in _HARMLESS

        async def make() -> Call:
            account = self._account
            about = {"appid": account.app_id, "mch_id": account.merchant_id}
            return Call(
                url=f"{account.gateway_url.rstrip('/')}/{endpoint}",
                body=messages.dump(about | (fields() if callable(fields) else fields), account.api_key),
                headers=_HEADERS,
                asks=asks,
                tls=tls,
            )

        async def exchange() -> Answer:
            raw = await self._transport.send(self._guard, make, deadline_s=deadline_s)
            return self._read(raw, names or {}, believes_no)

        return await outcomes.told(self.provider, self._account.merchant_id, endpoint, exchange)

    def _read(self, raw: bytes, names: Mapping[str, str], believes_no: bool) -> Answer:
        try:
            fields = messages.load(raw)
            if fields.get("return_code") != "SUCCESS":
                if believes_no and "sign" not in fields and fields.get("return_code") == "FAIL":
                    return Refused(code="rejected", message=fields.get("return_msg", ""))
                raise InDoubt("rejected")
            messages.check_signature(fields, self._account.api_key)
        except messages.NotFlat as error:
            raise InDoubt("shape") from error
        except messages.NotSigned as error:
            raise InDoubt("untrusted_signature") from error
        replies.same(fields, "appid", self._account.app_id)
        replies.same(fields, "mch_id", self._account.merchant_id)
        trouble = replies.verdict(fields)
        if trouble is None:
            for name, value in names.items():
                replies.same(fields, name, value)
        return trouble or fields


_HARMLESS = frozenset({"pay/unifiedorder", "pay/orderquery", "pay/refundquery"})


def _bill_of(raw: bytes) -> BillResult:
    """The file itself, or a few words of XML that say why there is none."""
    if not raw.lstrip().startswith(b"<"):
        return BillFile(content=raw)
    try:
        code = messages.load(raw).get("error_code", "")
    except messages.NotFlat:
        return OutcomeUnknown(reason="shape")
    return BillAbsent() if code == NO_BILL else OutcomeUnknown(reason=code or "rejected")


def _cut(text: str, most_bytes: int) -> str:
    """No edges of space: readers strip them and then the signature fails. Never half a character."""
    return text.strip().encode()[:most_bytes].decode(errors="ignore").strip()


def _acknowledgement(code: str, message: str) -> Acknowledgement:
    said = dict_to_xml({"return_code": code, "return_msg": message})
    return Acknowledgement(body=str(said).encode(), media_type="text/xml")

"""Alipay behind the port: the SDK's classes, our signatures, our connections."""

import datetime as dt
from collections.abc import Mapping
from typing import Any, ClassVar

import anyio

from yundian.payments.adapters import outcomes
from yundian.payments.adapters.alipay import notices, operations, replies
from yundian.payments.adapters.alipay.operations import Operation
from yundian.payments.adapters.alipay.sdk import CHARSET, AlipaySdk, Untrusted
from yundian.payments.adapters.amounts import CURRENCY, readable, yuan
from yundian.payments.adapters.bills import LONGEST_PACKED
from yundian.payments.adapters.guard import InDoubt
from yundian.payments.adapters.transport import Call, Transport
from yundian.payments.errors import KindNotOffered
from yundian.payments.ports import BillAbsent, BillFile, BillResult
from yundian.payments.types import (
    Acknowledgement,
    AlipayAccount,
    AlreadyPaid,
    CloseResult,
    OutcomeUnknown,
    PayKind,
    PaymentClosed,
    PaymentStanding,
    PayOrder,
    Provider,
    ProviderPayment,
    QueryResult,
    RefundOrder,
    RefundResult,
    Refused,
    Started,
    StartResult,
    VerifiedNotice,
)

_LONGEST_SUBJECT = 128
_BILL_S = 60.0
_PAGES: dict[PayKind, tuple[Operation, str]] = {
    PayKind.WAP: (operations.WAP, "QUICK_WAP_WAY"),
    PayKind.PAGE: (operations.PAGE, "FAST_INSTANT_TRADE_PAY"),
}
_HEADERS = {"Content-Type": f"application/x-www-form-urlencoded;charset={CHARSET}"}


class AlipayProvider:
    """One account. Raises ``BadCredentials`` for keys that cannot be read."""

    provider = Provider.ALIPAY
    kinds: ClassVar[frozenset[PayKind]] = frozenset({PayKind.PRECREATE, PayKind.WAP, PayKind.PAGE})

    def __init__(self, account: AlipayAccount, transport: Transport, signers: anyio.CapacityLimiter) -> None:
        self._account = account
        self._sdk = AlipaySdk(account)
        self._transport = transport
        self._guard = transport.guard(f"alipay:{account.app_id}:{account.merchant_id}")
        self._signers = signers

    async def start(self, order: PayOrder) -> StartResult:
        """Precreate asks Alipay; a page is only an address to go to, and no trade until somebody goes there."""
        if order.kind not in self.kinds:
            raise KindNotOffered(provider=self.provider.value, kind=order.kind.value)
        refused = outcomes.objection(order, CURRENCY)
        if refused is not None:
            return refused
        biz: dict[str, object] = {
            "out_trade_no": order.out_trade_no,
            "total_amount": yuan(order.amount),
            "subject": order.subject.strip()[:_LONGEST_SUBJECT],
            "time_expire": readable(order.expires_at),
        }
        if order.kind is PayKind.PRECREATE:
            return await self._precreate(biz, order)
        operation, biz["product_code"] = _PAGES[order.kind]
        if order.kind is PayKind.WAP:
            biz["quit_url"] = order.return_url
        request = operation.fill(biz, notify_url=order.notify_url, return_url=order.return_url)
        return Started(redirect_url=await self._in_thread(self._sdk.page_url, request))

    async def _precreate(self, biz: dict[str, object], order: PayOrder) -> StartResult:
        reply = await self._ask(
            operations.PRECREATE, biz, out_trade_no=order.out_trade_no, notify=order.notify_url
        )
        if isinstance(reply, Refused) and reply.code == replies.HAS_SUCCESS:
            return AlreadyPaid()
        if isinstance(reply, Refused | OutcomeUnknown):
            return reply
        if not isinstance(reply.qr_code, str) or not reply.qr_code:
            return OutcomeUnknown(reason="no_code")
        return Started(qr_code=reply.qr_code)

    async def query(self, out_trade_no: str) -> QueryResult:
        reply = await self._ask(operations.QUERY, {"out_trade_no": out_trade_no}, out_trade_no=out_trade_no)
        if isinstance(reply, Refused) and reply.code == replies.NOT_EXIST:
            return replies.absent_payment(self._account, out_trade_no)
        if isinstance(reply, Refused | OutcomeUnknown):
            return reply
        try:
            return replies.payment(reply, self._account)
        except ValueError:
            return OutcomeUnknown(reason="shape")

    async def close(self, out_trade_no: str) -> CloseResult:
        """A code that nobody scanned cannot be closed: it ends with its expiry."""
        reply = await self._ask(operations.CLOSE, {"out_trade_no": out_trade_no}, out_trade_no=out_trade_no)
        if isinstance(reply, Refused) and reply.code == replies.NOT_EXIST:
            return PaymentClosed(is_final=False)
        if isinstance(reply, Refused) and reply.code == replies.STATUS_ERROR:
            return await self._closed_or_paid(out_trade_no, reply)
        return reply if isinstance(reply, Refused | OutcomeUnknown) else PaymentClosed()

    async def _closed_or_paid(self, out_trade_no: str, refusal: Refused) -> CloseResult:
        """One word for both: closed before, or paid meanwhile."""
        found = await self.query(out_trade_no)
        if not isinstance(found, ProviderPayment):
            return found
        if found.standing is PaymentStanding.PAID:
            return AlreadyPaid()
        return PaymentClosed() if found.standing is PaymentStanding.CLOSED else refusal

    async def refund(self, order: RefundOrder) -> RefundResult:
        refused = outcomes.objection(order, CURRENCY)
        if refused is not None:
            return refused
        biz: dict[str, object] = {
            "out_trade_no": order.out_trade_no,
            "refund_amount": yuan(order.amount),
            "out_request_no": order.out_refund_no,
            "refund_reason": order.reason.strip() or "refund",
        }
        reply = await self._ask(operations.REFUND, biz, out_trade_no=order.out_trade_no)
        if isinstance(reply, Refused | OutcomeUnknown):
            return reply
        if reply.fund_change != "Y":
            # Sent before: the query knows how that ended.
            return await self.query_refund(out_trade_no=order.out_trade_no, out_refund_no=order.out_refund_no)
        try:
            return replies.done_refund(reply, order.out_refund_no, order.amount)
        except ValueError:
            return OutcomeUnknown(reason="amount")

    async def query_refund(self, *, out_trade_no: str, out_refund_no: str) -> RefundResult:
        biz: dict[str, object] = {
            "out_trade_no": out_trade_no,
            "out_request_no": out_refund_no,
            "query_options": ["gmt_refund_pay"],
        }
        reply = await self._ask(operations.REFUND_QUERY, biz)
        if isinstance(reply, Refused) and reply.code == replies.NOT_EXIST:
            return replies.absent_refund(out_trade_no, out_refund_no)
        if isinstance(reply, Refused | OutcomeUnknown):
            return reply
        try:
            return replies.refund(reply, out_trade_no, out_refund_no)
        except InDoubt as error:
            return OutcomeUnknown(reason=error.reason)
        except (KeyError, ValueError):
            return OutcomeUnknown(reason="shape")

    async def bill(self, day: dt.date) -> BillResult:
        """An address that lives for half a minute, and what lies there."""
        told = await self._ask(operations.BILL, {"bill_type": "trade", "bill_date": day.isoformat()})
        if isinstance(told, Refused | OutcomeUnknown):
            is_absent = isinstance(told, Refused) and told.code == replies.NO_BILL
            return BillAbsent() if is_absent else told

        async def make() -> Call:
            address = replies.bill_address(told, self._account.gateway_url)
            return Call(url=address, method="GET", asks=True, longest=LONGEST_PACKED)

        async def exchange() -> BillResult:
            return BillFile(content=await self._transport.send(self._guard, make, deadline_s=_BILL_S))

        return await outcomes.told(self.provider, self._account.merchant_id, "bill_download", exchange)

    def verify_notice(self, body: bytes, headers: Mapping[str, str]) -> VerifiedNotice:
        return notices.verify(self._sdk, body)

    def accepted(self) -> Acknowledgement:
        return Acknowledgement(body=b"success", media_type="text/plain")

    def rejected(self) -> Acknowledgement:
        return Acknowledgement(body=b"failure", media_type="text/plain")

    async def _ask(
        self, operation: Operation, biz: dict[str, object], *, out_trade_no: str = "", notify: str = ""
    ) -> Any:
        """The SDK's reply object if all went well; else ``Refused`` or ``OutcomeUnknown``."""
        account = self._account
        return await outcomes.told(
            self.provider,
            account.merchant_id,
            operation.method,
            lambda: self._exchange(operation, biz, out_trade_no, notify),
        )

    async def _exchange(self, operation: Operation, biz: dict[str, object], out_trade_no: str, notify: str) -> Any:
        async def make() -> Call:
            request = operation.fill(biz, notify_url=notify)
            prepared = await self._in_thread(self._sdk.prepare, request)
            return Call(url=prepared.url, body=prepared.body, headers=_HEADERS, asks=operation.asks)

        raw = await self._transport.send(self._guard, make, deadline_s=operation.deadline_s)
        assert operation.reply is not None
        reply = operation.reply()
        try:
            reply.parse_response_content(self._sdk.read(raw, method=operation.method))
        except Untrusted as error:
            raise InDoubt(f"untrusted_{error}") from None
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise InDoubt("shape") from error
        trouble = replies.verdict(reply)
        if trouble is None and out_trade_no:
            replies.same_number(reply, out_trade_no)
        return trouble or reply

    async def _in_thread(self, sign: Any, request: Any) -> Any:
        """A signature takes a millisecond: two hundred at once would stop the loop for a fifth of a second."""
        return await anyio.to_thread.run_sync(sign, request, limiter=self._signers)

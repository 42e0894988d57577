"""The methods of Alipay that we call, as the SDK's classes. Only leaf modules: the SDK has 36,000."""

from dataclasses import dataclass
from typing import Any

from alipay.aop.api.domain.AlipayDataDataserviceBillDownloadurlQueryModel import (
    AlipayDataDataserviceBillDownloadurlQueryModel,
)
from alipay.aop.api.domain.AlipayTradeCloseModel import AlipayTradeCloseModel
from alipay.aop.api.domain.AlipayTradeFastpayRefundQueryModel import AlipayTradeFastpayRefundQueryModel
from alipay.aop.api.domain.AlipayTradePagePayModel import AlipayTradePagePayModel
from alipay.aop.api.domain.AlipayTradePrecreateModel import AlipayTradePrecreateModel
from alipay.aop.api.domain.AlipayTradeQueryModel import AlipayTradeQueryModel
from alipay.aop.api.domain.AlipayTradeRefundModel import AlipayTradeRefundModel
from alipay.aop.api.domain.AlipayTradeWapPayModel import AlipayTradeWapPayModel
from alipay.aop.api.request.AlipayDataDataserviceBillDownloadurlQueryRequest import (
    AlipayDataDataserviceBillDownloadurlQueryRequest,
)
from alipay.aop.api.request.AlipayTradeCloseRequest import AlipayTradeCloseRequest
from alipay.aop.api.request.AlipayTradeFastpayRefundQueryRequest import AlipayTradeFastpayRefundQueryRequest
from alipay.aop.api.request.AlipayTradePagePayRequest import AlipayTradePagePayRequest
from alipay.aop.api.request.AlipayTradePrecreateRequest import AlipayTradePrecreateRequest
from alipay.aop.api.request.AlipayTradeQueryRequest import AlipayTradeQueryRequest
from alipay.aop.api.request.AlipayTradeRefundRequest import AlipayTradeRefundRequest
from alipay.aop.api.request.AlipayTradeWapPayRequest import AlipayTradeWapPayRequest
from alipay.aop.api.response.AlipayDataDataserviceBillDownloadurlQueryResponse import (
    AlipayDataDataserviceBillDownloadurlQueryResponse,
)
from alipay.aop.api.response.AlipayTradeCloseResponse import AlipayTradeCloseResponse
from alipay.aop.api.response.AlipayTradeFastpayRefundQueryResponse import AlipayTradeFastpayRefundQueryResponse
from alipay.aop.api.response.AlipayTradePrecreateResponse import AlipayTradePrecreateResponse
from alipay.aop.api.response.AlipayTradeQueryResponse import AlipayTradeQueryResponse
from alipay.aop.api.response.AlipayTradeRefundResponse import AlipayTradeRefundResponse


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """``asks``: changes nothing, so it may be repeated when in doubt. Pages have no reply."""

    method: str
    request: type[Any]
    model: type[Any]
    reply: type[Any] | None = None
    deadline_s: float = 8.0
    asks: bool = False

    def fill(self, biz: dict[str, object], *, notify_url: str = "", return_url: str = "") -> Any:
        """The SDK's request. Values are texts: it drops 0 and False and lets floats through."""
        request = self.request(biz_model=self.model.from_alipay_dict(biz))
        if notify_url:
            request.notify_url = notify_url
        if return_url:
            request.return_url = return_url
        return request


PRECREATE = Operation(
    method="alipay.trade.precreate",
    request=AlipayTradePrecreateRequest,
    model=AlipayTradePrecreateModel,
    reply=AlipayTradePrecreateResponse,
)
WAP = Operation(method="alipay.trade.wap.pay", request=AlipayTradeWapPayRequest, model=AlipayTradeWapPayModel)
PAGE = Operation(method="alipay.trade.page.pay", request=AlipayTradePagePayRequest, model=AlipayTradePagePayModel)
QUERY = Operation(
    method="alipay.trade.query",
    request=AlipayTradeQueryRequest,
    model=AlipayTradeQueryModel,
    reply=AlipayTradeQueryResponse,
    asks=True,
)
CLOSE = Operation(
    method="alipay.trade.close",
    request=AlipayTradeCloseRequest,
    model=AlipayTradeCloseModel,
    reply=AlipayTradeCloseResponse,
)
REFUND = Operation(
    method="alipay.trade.refund",
    request=AlipayTradeRefundRequest,
    model=AlipayTradeRefundModel,
    reply=AlipayTradeRefundResponse,
    deadline_s=15.0,
)
REFUND_QUERY = Operation(
    method="alipay.trade.fastpay.refund.query",
    request=AlipayTradeFastpayRefundQueryRequest,
    model=AlipayTradeFastpayRefundQueryModel,
    reply=AlipayTradeFastpayRefundQueryResponse,
    asks=True,
)
BILL = Operation(
    method="alipay.data.dataservice.bill.downloadurl.query",
    request=AlipayDataDataserviceBillDownloadurlQueryRequest,
    model=AlipayDataDataserviceBillDownloadurlQueryModel,
    reply=AlipayDataDataserviceBillDownloadurlQueryResponse,
    asks=True,
)

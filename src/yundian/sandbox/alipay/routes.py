"""The address of Alipay: one gateway; page methods end at the cashier."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from litestar import HttpMethod, Request, Response, Router, get, route
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect

from yundian.sandbox.alipay import bills, orders, refunds
from yundian.sandbox.alipay.amounts import yuan
from yundian.sandbox.alipay.gateway import Act, Asked, Refused, Rejected, believe, read_params, serve
from yundian.sandbox.alipay.signing import notice_content, sign
from yundian.sandbox.clock import beijing_now
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import NOTHING
from yundian.sandbox.replies import Call, Reply, exchange
from yundian.sandbox.trades import Trade

ACTS: Mapping[str, Act] = {
    "alipay.trade.precreate": orders.precreate,
    "alipay.trade.query": orders.query,
    "alipay.trade.close": orders.close,
    "alipay.trade.refund": refunds.refund,
    "alipay.trade.fastpay.refund.query": refunds.refund_query,
    "alipay.data.dataservice.bill.downloadurl.query": bills.download_address,
}
_PAGES = {orders.WAP: "wap", orders.PAGE: "page"}


@route("/gateway.do", http_method=[HttpMethod.GET, HttpMethod.POST], status_code=200)
async def gateway(request: Request[Any, Any, Any], sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """Every method; a browser that comes for a page method is sent to the cashier."""
    params = await read_params(request)
    product = _PAGES.get(params.get("method", ""))
    if product is None:
        return await serve(sandbox, params, ACTS)
    return await _to_cashier(sandbox, params, product)


async def _to_cashier(sandbox: Sandbox, params: dict[str, str], product: str) -> Response[Any]:
    try:
        asked = believe(sandbox, params)
    except Rejected as no:
        return _error_page(no.sub_code, no.sub_msg)
    call = Call("alipay", f"trade.{product}.pay", asked.text("out_trade_no"))
    return await exchange(sandbox, call, lambda _plan: _offer(sandbox, asked, product))


def _offer(sandbox: Sandbox, asked: Asked, product: str) -> Reply:
    try:
        trade = orders.offer(sandbox, asked, product=product)
    except Refused as refusal:
        page = _error_text(refusal.sub_code, refusal.sub_msg).encode()
        return Reply(page, "text/html", outcome=refusal.sub_code)
    address = sandbox.config.url(f"/cashier/alipay/{trade.token}")
    return Reply(b"", "text/html", outcome="302", status=302, headers={"location": address})


@get("/bills/alipay/{token:str}")
async def download_bill(token: FromPath[str], sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """The file behind a download address, without a signature, for half a minute."""
    file = bills.file_of(sandbox, token)
    if file is None:
        return Response(b"", status_code=404)
    return Response(file, media_type="application/zip")


def return_address(sandbox: Sandbox, trade: Trade) -> str:
    """Where the browser goes after paying: signed, for the screen only, never a proof."""
    app = sandbox.accounts.alipay_apps[trade.app_id]
    params = {
        "app_id": app.app_id,
        "auth_app_id": app.app_id,
        "charset": "utf-8",
        "method": f"alipay.trade.{trade.product}.pay.return",
        "out_trade_no": trade.out_no,
        "seller_id": app.seller_id,
        "sign_type": "RSA2",
        "timestamp": f"{beijing_now():%Y-%m-%d %H:%M:%S}",
        "total_amount": yuan(trade.amount),
        "trade_no": trade.number,
        "version": "1.0",
    }
    params["sign"] = sign(app, notice_content(params), NOTHING)
    return f"{trade.return_url}{'&' if '?' in trade.return_url else '?'}{urlencode(params)}"


def after_paying(sandbox: Sandbox, trade: Trade) -> Response[Any] | None:
    """The way back to the shop, for products that have one."""
    if trade.provider == "alipay" and trade.return_url:
        return Redirect(return_address(sandbox, trade), status_code=303)
    return None


def _error_page(code: str, message: str) -> Response[Any]:
    return Response(_error_text(code, message), media_type="text/html")


def _error_text(code: str, message: str) -> str:
    """Codes and messages are our own words, never the request's."""
    return f"<!doctype html><meta charset=utf-8><title>{code}</title><h1>{message}</h1><p>{code}</p>"


router = Router(path="/", route_handlers=[gateway, download_bill])

"""The sandbox's own pages: the cashier for both providers, and what an operator looks at."""

import json
from typing import Any

from litestar import Request, Response, Router, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath

from yundian.sandbox import books, cashier, notices, trades
from yundian.sandbox.alipay import routes as alipay_routes
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import Fault, Rule
from yundian.sandbox.trades import NotPayable, Trade
from yundian.sandbox.views import back, chosen, form, message, page, person, remember
from yundian.sandbox.wechat import identity
from yundian.sandbox.wechat.qr import inline_svg

AnyRequest = Request[Any, Any, Any]
_NEWEST = 100


@get(["/cashier/wechat/{token:str}", "/cashier/alipay/{token:str}"])
async def show_cashier(
    request: AnyRequest, token: FromPath[str], sandbox: NamedDependency[Sandbox]
) -> Response[Any]:
    """Who pays how much to whom. For Alipay, coming here is what makes the trade exist."""
    trade = trades.by_token(sandbox, token)
    if trade is None:
        return message("二维码无效", "No such code", status=404)
    trade = trades.arrive(sandbox, trade)
    is_open = trade.state == trades.WAITING and not trades.is_expired(sandbox, trade)
    return page(
        "cashier.html",
        trade=trade,
        users=identity.users(sandbox),
        holder=person(sandbox, request),
        sheet=False,
        way_back=_way_back(trade, request.query_params.get("redirect_url", "")),
        svg=inline_svg(sandbox.config.url(f"/cashier/{trade.provider}/{token}")),
        open=is_open,
    )


@post("/cashier/pay/{token:str}", status_code=200)
async def pay(request: AnyRequest, token: FromPath[str], sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """The person pays and goes back to the shop."""
    fields = await form(request)
    trade, user_id = trades.by_token(sandbox, token), chosen(sandbox, fields)
    if trade is None or user_id is None:
        return message("请选择付款人", "Choose who pays", status=400)
    try:
        paid = cashier.pay(sandbox, trade, user_id=user_id)
    except NotPayable:
        return message("订单已支付或已关闭", "Paid or closed already", status=409)
    way_back = _way_back(paid, fields.get("redirect_url", ""))
    answer = _after(sandbox, paid, is_sheet=fields.get("sheet") == "1", way_back=way_back)
    answer.set_cookie(remember(user_id))
    return answer


def _way_back(trade: Trade, asked: str) -> str:
    """Where the browser goes afterwards. WeChat is told with the address of a payment on a phone (MWEB)."""
    is_asked = trade.product == "MWEB" and asked.startswith(("http://", "https://"))
    return asked if is_asked else trade.return_url


def _after(sandbox: Sandbox, paid: Trade, *, is_sheet: bool, way_back: str) -> Response[Any]:
    if is_sheet:
        return page("sheet_done.html", result="ok")
    if paid.product == "MWEB" and way_back:
        return back(way_back)
    return alipay_routes.after_paying(sandbox, paid) or message("支付成功", "Paid")


@get("/cashier")
async def show_open(sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """Every code that waits to be scanned, for who has no phone at hand."""
    waiting = [trade for trade in trades.payable(sandbox, _NEWEST) if not trades.is_expired(sandbox, trade)]
    return page("open.html", waiting=waiting)


@get("/")
async def home(sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """Where everything is."""
    totals = books.export(sandbox)["totals"]
    return page("home.html", totals=totals, accounts=sandbox.accounts, config=sandbox.config)


@get("/pages/books")
async def show_books(sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """The books, newest first."""
    kept = books.export(sandbox)
    return page(
        "books.html",
        payments=kept["payments"][: -_NEWEST - 1 : -1],
        refunds=kept["refunds"][: -_NEWEST - 1 : -1],
        totals=kept["totals"],
    )


@get("/pages/notices")
async def show_notices(sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """Every notice with what the other side answered."""
    sql = (
        "SELECT notice.*, (SELECT status || ' ' || answer FROM notice_attempt"
        " WHERE notice_id = notice.id ORDER BY id DESC LIMIT 1) AS last_answer"
        " FROM notice ORDER BY id DESC LIMIT ?"
    )
    return page("notices.html", notices=sandbox.store.rows(sql, _NEWEST))


@post("/pages/notices/{number:int}/send", status_code=303)
async def send_notice(number: FromPath[int], sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """Deliver it once more."""
    notices.send_again(sandbox, number)
    return back("/pages/notices")


@get("/pages/messages")
async def show_messages(sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """WeChat's outbox."""
    sql = "SELECT * FROM message WHERE channel <> 'sms' ORDER BY id DESC LIMIT ?"
    return page("messages.html", title="微信消息", subtitle="WeChat outbox", rows=sandbox.store.rows(sql, _NEWEST))


@get("/pages/sms")
async def show_sms(sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """The SMS inbox of everybody."""
    sql = "SELECT * FROM message WHERE channel = 'sms' ORDER BY id DESC LIMIT ?"
    return page("messages.html", title="短信收件箱", subtitle="SMS inbox", rows=sandbox.store.rows(sql, _NEWEST))


@get("/pages/users")
async def show_users(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """Whose phone this browser is."""
    return page("users.html", users=identity.users(sandbox), holder=person(sandbox, request))


@post("/pages/users", status_code=303)
async def become(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """Take somebody's phone, or make a new person."""
    user_id = chosen(sandbox, await form(request))
    if user_id is None:
        return message("请选择用户", "Choose somebody", status=400)
    answer = back("/pages/users")
    answer.set_cookie(remember(user_id))
    return answer


@get("/pages/faults")
async def show_faults(sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """The switches."""
    return page("faults.html", rules=sandbox.faults.all(), kinds=list(Fault))


@post("/pages/faults", status_code=303)
async def add_fault(request: AnyRequest, sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """Put a rule in force."""
    fields = await form(request)
    try:
        params = json.loads(fields.get("params") or "{}")
        count = int(fields["remaining"]) if fields.get("remaining") else None
        rule = Rule(
            provider=fields.get("provider") or "*",
            operation=fields.get("operation") or "*",
            kind=Fault(fields["kind"]),
            params=dict(params),
            remaining=count,
        )
    except (ValueError, KeyError, TypeError):
        return message("参数有误", "Parameters are not valid", status=400)
    sandbox.faults.add(rule)
    return back("/pages/faults")


@post("/pages/faults/clear", status_code=303)
async def clear_faults(sandbox: NamedDependency[Sandbox]) -> Response[Any]:
    """Everything works again."""
    sandbox.faults.clear()
    return back("/pages/faults")


router = Router(
    path="/",
    route_handlers=[
        show_open,
        show_cashier,
        pay,
        home,
        show_books,
        show_notices,
        send_notice,
        show_messages,
        show_sms,
        show_users,
        become,
        show_faults,
        add_fault,
        clear_faults,
    ],
)

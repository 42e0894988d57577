"""The sandbox's own API: for tests and demos to act as people, to break things, and to read the books."""

from typing import Annotated, Any

import msgspec
from litestar import Response, Router, delete, get, post
from litestar.di import NamedDependency
from litestar.exceptions import ClientException, NotFoundException
from litestar.params import FromPath, FromQuery, JSONBody

from yundian.sandbox import books, cashier, notices, trades
from yundian.sandbox.context import Sandbox
from yundian.sandbox.faults import Rule
from yundian.sandbox.trades import NotPayable, Trade
from yundian.sandbox.wechat import identity


class Order(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """An order by the merchant's number; ``merchant`` is the mch_id or the Alipay app id."""

    provider: str
    merchant: str
    out_no: str
    user_id: int = 1


class Seconds(msgspec.Struct, forbid_unknown_fields=True):
    seconds: Annotated[float, msgspec.Meta(gt=0)]


class Person(msgspec.Struct, forbid_unknown_fields=True):
    nickname: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    phone: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6,15}$")]


class Name(msgspec.Struct, forbid_unknown_fields=True):
    kind: str
    name: str


@get("/health")
async def health() -> dict[str, str]:
    return {"status": "ok"}


@get("/books")
async def read_books(sandbox: NamedDependency[Sandbox], merchant: FromQuery[str] = "*") -> dict[str, Any]:
    """All payments, refunds and notices of a merchant, with sums."""
    return books.export(sandbox, merchant)


@get("/calls")
async def read_calls(sandbox: NamedDependency[Sandbox], operation: FromQuery[str] = "*") -> list[dict[str, Any]]:
    """What clients asked and what they were answered, oldest first."""
    return sandbox.store.rows("SELECT * FROM call WHERE operation GLOB ? ORDER BY id", operation)


@get("/messages")
async def read_messages(
    sandbox: NamedDependency[Sandbox], channel: FromQuery[str] = "*", recipient: FromQuery[str] = "*"
) -> list[dict[str, Any]]:
    """Messages to people, newest first; SMS are channel ``sms``."""
    sql = "SELECT * FROM message WHERE channel GLOB ? AND recipient GLOB ? ORDER BY id DESC LIMIT 200"
    return sandbox.store.rows(sql, channel, recipient)


@get("/faults")
async def read_faults(sandbox: NamedDependency[Sandbox]) -> list[Rule]:
    return sandbox.faults.all()


@post("/faults")
async def add_fault(data: JSONBody[Rule], sandbox: NamedDependency[Sandbox]) -> dict[str, int]:
    """Put a rule in force."""
    return {"id": sandbox.faults.add(data)}


@delete("/faults", status_code=200)
async def clear_faults(sandbox: NamedDependency[Sandbox]) -> dict[str, int]:
    """Everything works again."""
    return {"cleared": sandbox.faults.clear()}


@delete("/faults/{number:int}", status_code=200)
async def clear_fault(number: FromPath[int], sandbox: NamedDependency[Sandbox]) -> dict[str, int]:
    return {"cleared": sandbox.faults.clear(number)}


@post("/clock/advance", status_code=200)
async def advance_clock(data: JSONBody[Seconds], sandbox: NamedDependency[Sandbox]) -> dict[str, float]:
    """Codes, tokens and orders age; retries and settlements fall due. Stamps keep the real time."""
    sandbox.clock.advance(data.seconds)
    sandbox.wake.set()
    return {"tick": sandbox.clock.tick()}


@post("/accounts")
async def ensure_account(data: JSONBody[Name], sandbox: NamedDependency[Sandbox]) -> dict[str, Any]:
    """An app or merchant more (official, mini, wechat_merchant, alipay_app): what its client must know."""
    try:
        return sandbox.accounts.ensure(data.kind, data.name)
    except ValueError as error:
        raise ClientException(str(error)) from error


@get("/users")
async def read_users(sandbox: NamedDependency[Sandbox]) -> list[dict[str, Any]]:
    return identity.users(sandbox)


@post("/users")
async def add_user(data: JSONBody[Person], sandbox: NamedDependency[Sandbox]) -> dict[str, int]:
    return {"id": identity.add_user(sandbox, nickname=data.nickname, phone=data.phone)}


@post("/scan", status_code=200)
async def scan(data: JSONBody[Order], sandbox: NamedDependency[Sandbox]) -> dict[str, str]:
    """A person scans the pay code and does not pay yet."""
    return {"state": trades.arrive(sandbox, _order(sandbox, data)).state}


@post("/pay", status_code=200)
async def pay(data: JSONBody[Order], sandbox: NamedDependency[Sandbox]) -> dict[str, str]:
    """A person pays. 409 if the order cannot be paid any more."""
    try:
        paid = cashier.pay(sandbox, _order(sandbox, data), user_id=data.user_id)
    except NotPayable as refusal:
        raise ClientException(f"not payable: {refusal}", status_code=409) from refusal
    return {"number": paid.number}


@post("/finish", status_code=200)
async def finish(data: JSONBody[Order], sandbox: NamedDependency[Sandbox]) -> dict[str, bool]:
    """The time for refunds is over (Alipay)."""
    return {"finished": cashier.finish(sandbox, _order(sandbox, data))}


@post("/notices/{number:int}/send", status_code=202)
async def send_notice_again(
    number: FromPath[int], sandbox: NamedDependency[Sandbox], times: FromQuery[int] = 1
) -> Response[None]:
    """The same notice once more, or many times at once."""
    if not notices.send_again(sandbox, number, times=times):
        raise NotFoundException
    return Response(None, status_code=202)


@delete("/notices", status_code=200)
async def forget_notices(sandbox: NamedDependency[Sandbox], merchant: FromQuery[str] = "*") -> dict[str, int]:
    """Nothing that waits is sent any more: the next test is not told of this one."""
    return {"forgotten": notices.forget(sandbox, merchant)}


def _order(sandbox: Sandbox, wanted: Order) -> Trade:
    trade = trades.find(sandbox, provider=wanted.provider, merchant=wanted.merchant, out_no=wanted.out_no)
    if trade is None:
        raise NotFoundException
    if identity.user(sandbox, wanted.user_id) is None:
        raise ClientException("no such user")
    return trade


router = Router(
    path="/sandbox/api",
    route_handlers=[
        health,
        read_books,
        read_calls,
        read_messages,
        read_faults,
        add_fault,
        clear_faults,
        clear_fault,
        advance_clock,
        ensure_account,
        read_users,
        add_user,
        scan,
        pay,
        finish,
        send_notice_again,
        forget_notices,
    ],
)

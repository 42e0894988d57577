"""``yundian demo``: what one tries on the demo brand, in development only."""

import asyncio
import datetime as dt
from decimal import Decimal, InvalidOperation
from typing import Annotated

import httpx
import typer

from yundian.app import sandbox
from yundian.app.config import load_settings
from yundian.app.demo.seed import demo_brand
from yundian.brands import api as brands
from yundian.payments import api as payments
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.money import Money
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import open_services

DEMO = typer.Typer(name="demo", help="Try things on the demo brand, in development.", no_args_is_help=True)

_SUBJECT = "demo.till"


@DEMO.callback()
def demo() -> None:
    """Try things on the demo brand, in development."""


@DEMO.command("pay")
def pay(
    amount: Annotated[str, typer.Option(help="Yuan, as people write them.")] = "12.80",
    description: Annotated[str, typer.Option(help="What the payer reads.")] = "柜台收款",
    wechat: Annotated[bool, typer.Option(help="Paid inside WeChat, by the sandbox's first person.")] = False,
    minutes: Annotated[float, typer.Option(min=0.1, max=1440, help="How long it can be paid.")] = 15,
) -> None:
    """Ask for money: prints the address where it is paid."""
    settings = load_settings()
    if settings.is_production:
        raise typer.BadParameter("The demo brand is not made in production.")
    try:
        money = Money.from_decimal(Decimal(amount), "CNY")
    except (InvalidOperation, ValueError) as error:
        raise typer.BadParameter(f"{amount} is not an amount of yuan", param_hint="--amount") from error
    if money.minor <= 0:
        raise typer.BadParameter("The amount must be more than nothing", param_hint="--amount")
    life = dt.timedelta(minutes=minutes)
    typer.echo(asyncio.run(_ask(settings, money=money, description=description, is_wechat=wechat, life=life)))


async def _ask(settings: Settings, *, money: Money, description: str, is_wechat: bool, life: dt.timedelta) -> str:
    code = demo_brand().code
    payer = _first_person(settings) if is_wechat else ""
    async with open_services(settings) as services:
        async with services.database.unit_of_work(None) as session:
            brand = await brands.find_brand(session, code=code)
        async with services.database.unit_of_work(brand.id) as session:
            payment = await payments.start_payment(
                session,
                keyring=services.keyring,
                subject_type=_SUBJECT,
                subject_id=new_id(),
                amount=money,
                description=description,
                expires_at=clock.now() + life,
                return_path=f"/m/{code}/me",
                payer=payer,
            )
        return settings.base_url + payments.pay_path(services.keyring, brand_id=brand.id, payment_id=payment.id)


def _first_person(settings: Settings) -> str:
    """Her openid, as her phone would have told it by a login code."""
    known = sandbox.credentials(settings)
    if known is None:
        raise typer.BadParameter("There is no sandbox here: start one with `yundian up`.", param_hint="--wechat")
    wanted = {"appid": known.official["appid"], "user_id": 1}
    answer = httpx.post(f"{settings.wechat_url}/sandbox/api/wechat/code", json=wanted, timeout=10, trust_env=False)
    answer.raise_for_status()
    openid: str = answer.json()["openid"]
    return openid

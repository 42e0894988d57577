"""``yundian payments``: who owns notices that came to nobody's address; a bill of a provider against our books."""

import asyncio
import datetime as dt
import uuid
from pathlib import Path
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from yundian.brands import api as brands
from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.service import unclaimed
from yundian.payments.service.bills import Comparison, compare_bill
from yundian.payments.types import AccountView, Provider, UnclaimedView
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import DomainError
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import operator_unit_of_work
from yundian.platform.db.services import open_services
from yundian.platform.intake.console import BrandOption, JsonOption, show_refusal

PAYMENTS = typer.Typer(name="payments", help="Payments, for the operator.", no_args_is_help=True)
UNCLAIMED = typer.Typer(name="unclaimed", help="Notices of providers for accounts that nobody has here.")
PAYMENTS.add_typer(UNCLAIMED)

_REFUSED, _DIFFERENT = 2, 3
_SHOWN = 100

NoticeArgument = Annotated[uuid.UUID, typer.Argument(help="Id of the notice, as `unclaimed` lists it.")]


@PAYMENTS.callback()
def payments() -> None:
    """Payments, for the operator."""


@UNCLAIMED.callback(invoke_without_command=True)
def list_unclaimed(context: typer.Context) -> None:
    """Notices of providers for accounts that nobody has here: list them, the oldest first."""
    if context.invoked_subcommand is not None:
        return
    found = asyncio.run(_list(Settings()))
    if not found:
        typer.echo("Every notice has its owner.")
        return
    table = Table("received", "provider", "sent to (brand/account)", "id")
    for one in found:
        table.add_row(f"{one.created_at:%Y-%m-%d %H:%M} UTC", one.provider.value, one.path, str(one.id))
    Console().print(table)


@UNCLAIMED.command("show")
def show(notice_id: NoticeArgument) -> None:
    """What one says about merchant, order and money, unverified."""
    try:
        view, told = asyncio.run(_read(Settings(), notice_id))
    except DomainError as error:
        _refuse(error)
    table = Table("", f"{view.provider.value}, not verified", title=str(view.id))
    for name, value in told.items():
        table.add_row(name, value)
    Console().print(table)


@UNCLAIMED.command("claim")
def claim(
    notice_id: NoticeArgument,
    brand: Annotated[str, typer.Option(help="Code of the brand it belongs to.")],
    account: Annotated[
        str, typer.Option(help="Id, merchant or app of its account; the active one when left out.")
    ] = "",
) -> None:
    """Give one to the account it was signed for: it is verified and handled like any other notice."""
    try:
        owner = asyncio.run(_claim(Settings(), notice_id, brand, account))
    except DomainError as error:
        _refuse(error)
    typer.echo(f"It belongs to {owner.label} ({owner.provider.value}) now; the worker handles it.")


@PAYMENTS.command("compare-bill")
def compare_day(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The bill as the provider gave it.")],
    provider: Annotated[Provider, typer.Option(help="Whose bill it is.")],
    date: Annotated[dt.datetime, typer.Option(formats=["%Y-%m-%d"], help="The bill's day, in Beijing.")],
    merchant: Annotated[str | None, typer.Option(help="The merchant's number, if there are several.")] = None,
    brand: BrandOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare a provider's bill of one day with our books. Exit code 0: equal; 3: not; 2: no bill."""
    try:
        found = asyncio.run(_compare(Settings(), file.read_bytes(), provider, date.date(), merchant, brand))
    except DomainError as error:
        show_refusal(error, as_json=as_json)
        raise typer.Exit(_REFUSED) from None
    if as_json:
        Console().out(msgspec.json.encode(found).decode(), highlight=False)
    else:
        _show_comparison(found)
    raise typer.Exit(_DIFFERENT if found.differences else 0)


async def _compare(
    settings: Settings, raw: bytes, provider: Provider, day: dt.date, merchant: str | None, brand: str | None
) -> Comparison:
    async with operator_unit_of_work(settings, None) as session:
        brand_id = await brands.choose_brand_id(session, brand)
    async with operator_unit_of_work(settings, brand_id) as session:
        return await compare_bill(session, provider=provider, merchant_id=merchant, day=day, raw=raw)


def _show_comparison(found: Comparison) -> None:
    console = Console()
    totals = Table(
        "payments", "refunds", "paid (fen)", "refunded (fen)", "fee (fen)", "near midnight", "differences"
    )
    fee = f"{found.fee_millis / 1000:.3f}"
    counts = (found.payments, found.refunds, found.paid_minor, found.refunded_minor, fee, found.near_midnight)
    totals.add_row(*map(str, counts), str(len(found.differences)))
    console.print(totals)
    if found.differences:
        table = Table("what", "number", "refund", "ours (fen)", "theirs (fen)")
        for one in found.differences:
            table.add_row(
                one.kind, one.out_trade_no, one.out_refund_no, _text(one.ours_minor), _text(one.theirs_minor)
            )
        console.print(table)


def _text(minor: int | None) -> str:
    return "–" if minor is None else str(minor)


async def _list(settings: Settings) -> list[UnclaimedView]:
    async with operator_unit_of_work(settings, None) as session:
        return await unclaimed.unclaimed(session, limit=_SHOWN)


async def _read(settings: Settings, notice_id: uuid.UUID) -> tuple[UnclaimedView, dict[str, str]]:
    keyring = Keyring(settings.master_key_bytes())
    async with operator_unit_of_work(settings, None) as session:
        return await unclaimed.read(session, keyring=keyring, notice_id=notice_id)


async def _claim(settings: Settings, notice_id: uuid.UUID, brand: str, account: str) -> AccountView:
    providers = ProviderPool()
    try:
        async with open_services(settings) as services, operator_unit_of_work(settings, None) as session:
            brand_id = await brands.choose_brand_id(session, brand)
            return await unclaimed.claim(
                session,
                services.database,
                keyring=services.keyring,
                providers=providers,
                notice_id=notice_id,
                brand_id=brand_id,
                account=account,
            )
    finally:
        await providers.aclose()


def _refuse(error: DomainError) -> NoReturn:
    console = Console(stderr=True)
    console.print(f"[red]{error.title}[/] ({error.code})")
    for key, value in error.facts.items():
        console.print(f"  {key}: {value}", markup=False, highlight=False)
    raise typer.Exit(_REFUSED) from error

"""``yundian brand create`` and ``yundian brand list``: the operator's, run as the owner of the database."""

import asyncio
from typing import Annotated, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from yundian.brands import service
from yundian.brands.types import BrandView
from yundian.platform.auth import api as auth
from yundian.platform.auth.types import NewPassword
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.errors import DomainError
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Grant, Role
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import operator_unit_of_work

BRAND = typer.Typer(name="brand", help="Brands of this installation.", no_args_is_help=True)

_REFUSED = 2


@BRAND.command("create")
def create(
    code: Annotated[str, typer.Argument(help="Short code, e.g. hanami: small letters, digits, hyphens.")],
    name: Annotated[str, typer.Option(help="Name of the brand.")],
    admin: Annotated[str, typer.Option(help="Login of its first HQ admin: e-mail, phone or a name.")],
    name_en: Annotated[str, typer.Option(help="Its English name, if it has one.")] = "",
) -> None:
    """Make a brand with its first HQ admin; the one-time password is shown once, here."""
    try:
        brand, password = asyncio.run(_create(Settings(), code=code, name=name, name_en=name_en, login=admin))
    except DomainError as error:
        _refuse(error)
    console = Console()
    console.print(f"Brand [bold]{brand.code}[/] ({brand.name}) is made.")
    console.print(f"HQ admin: {password.login}", highlight=False)
    console.print(f"One-time password: [bold]{password.temporary_password}[/]", highlight=False)
    console.print("It is shown only now, and has to be changed at the first sign-in.")


@BRAND.command("list")
def list_brands(as_json: Annotated[bool, typer.Option("--json", help="For machines.")] = False) -> None:
    """List the brands."""
    try:
        found = asyncio.run(_list(Settings()))
    except DomainError as error:
        _refuse(error)
    if as_json:
        Console().out(msgspec.json.encode(found).decode(), highlight=False)
        return
    table = Table("code", "name", "id")
    for brand in found:
        table.add_row(brand.code, brand.name, str(brand.id))
    Console().print(table)


async def _create(
    settings: Settings, *, code: str, name: str, name_en: str, login: str
) -> tuple[BrandView, NewPassword]:
    """Both in one transaction: there is no brand without an admin, and no admin without her brand."""
    brand_id = new_id()
    async with operator_unit_of_work(settings, brand_id) as session:
        brand = await service.create_brand(session, brand_id=brand_id, code=code, name=name, name_en=name_en)
        password = await auth.create_account(
            session,
            keyring=Keyring(settings.master_key_bytes()),
            brand_id=brand_id,
            login=login,
            display_name=login,
            grants=[Grant(Role.HQ_ADMIN)],
            actor_id=None,
        )
    return brand, password


async def _list(settings: Settings) -> list[BrandView]:
    async with operator_unit_of_work(settings, None) as session:
        return await service.list_brands(session)


def _refuse(error: DomainError) -> NoReturn:
    console = Console(stderr=True)
    console.print(f"[red]{error.title}[/] ({error.code})")
    for key, value in error.facts.items():
        console.print(f"  {key}: {value}", markup=False, highlight=False)
    raise typer.Exit(_REFUSED) from error

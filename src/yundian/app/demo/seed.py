"""The demo brand: made through the rooms' own doors, as often as one likes, with the same result."""

import tomllib
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from stores import api as stores
from stores.types import StockLine
from yundian.app import sandbox
from yundian.app.demo.accounts import ensure_accounts
from yundian.app.demo.appointments import ensure_appointments
from yundian.app.demo.bookings import put_bookings
from yundian.app.demo.campaigns import ensure_campaigns
from yundian.app.demo.channels import ensure_channels
from yundian.app.demo.files import DATA, rows
from yundian.app.demo.history import ensure_history
from yundian.app.demo.pictures import ensure_pictures
from yundian.brands import api as brands
from yundian.brands import service as brand_service
from yundian.brands.errors import BrandUnknown
from yundian.catalog import api as catalog
from yundian.platform.auth import api as auth
from yundian.platform.auth.errors import LoginTaken
from yundian.platform.core.ids import new_id
from yundian.platform.core.principal import Grant, Role
from yundian.platform.core.settings import Settings
from yundian.platform.db.database import operator_unit_of_work
from yundian.platform.db.services import Services, open_services
from yundian.platform.intake import mapping as mappings
from yundian.platform.intake.service import run_import
from yundian.platform.intake.types import ImportKind


class DemoRefused(RuntimeError):
    """Everybody knows the demo's passwords: it is not made in production."""


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Someone who works for the demo brand; ``shop`` is a code."""

    label: str
    login: str
    name: str
    role: Role
    shop: str | None = None
    is_shown: bool = False


class DemoBrand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``brand.toml``."""

    code: str
    name: str
    name_en: str
    password: str
    people: list[Person]


class ShopStock(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a shop has: ``pieces`` of every SKU but those of the ``missing`` products; ``low`` by SKU code."""

    pieces: int
    missing: list[str] = []
    low: dict[str, int] = {}

    def pieces_of(self, sku_code: str, product_code: str) -> int:
        return 0 if product_code in self.missing else self.low.get(sku_code, self.pieces)


@dataclass(frozen=True)
class DemoLogin:
    """What to type to look around as someone."""

    label: str
    login: str
    password: str


@dataclass(frozen=True)
class DemoSummary:
    """What there is to show: who may sign in, and where to look first (label, path)."""

    brand_id: uuid.UUID
    logins: list[DemoLogin]
    addresses: list[tuple[str, str]]


def demo_brand() -> DemoBrand:
    """Who the demo brand is, and who works for it."""
    return msgspec.convert(tomllib.loads((DATA / "brand.toml").read_text()), DemoBrand)


async def ensure_demo(settings: Settings) -> DemoSummary:
    """Make what is missing of the demo brand; what is there, or was changed since, stays as it is.

    Raises:
        DemoRefused: in production.
    """
    if settings.is_production:
        raise DemoRefused("the demo brand is not made in production")
    demo = demo_brand()
    async with open_services(settings) as services:
        brand_id = await _ensure_brand(services, demo)
        await _ensure_products(services, brand_id)
        await ensure_pictures(services, brand_id, [row["sku_code"] for row in rows("products.csv")])
        await _ensure_shops(services, brand_id)
        await _ensure_stock(services, brand_id)
        await _ensure_people(services, brand_id, demo)
        await ensure_channels(services, brand_id)
        running = await ensure_campaigns(services, brand_id)
        places = await ensure_appointments(services, brand_id)
        await ensure_history(services, brand_id)
        if places:
            await put_bookings(services, brand_id, places=places)
        known = sandbox.credentials(settings)
        if known is not None:
            await ensure_accounts(services, brand_id, known)
    shown = [person for person in demo.people if person.is_shown]
    return DemoSummary(
        brand_id=brand_id,
        logins=[DemoLogin(person.label, person.login, demo.password) for person in shown],
        addresses=[
            ("HQ", "/hq"),
            ("Shop", "/shop"),
            ("Customer", f"/m/{demo.code}"),
            ("Appointments", f"/m/{demo.code}/book"),
            *(("Group-buy", f"/m/{demo.code}/c/{code}") for code in running[:1]),
        ],
    )


async def _ensure_brand(services: Services, demo: DemoBrand) -> uuid.UUID:
    async with services.database.unit_of_work(None) as session:
        try:
            return (await brands.find_brand(session, code=demo.code)).id
        except BrandUnknown:
            brand_id = new_id()
    async with operator_unit_of_work(services.settings, brand_id) as session:
        await brand_service.create_brand(
            session, brand_id=brand_id, code=demo.code, name=demo.name, name_en=demo.name_en
        )
    return brand_id


async def _ensure_products(services: Services, brand_id: uuid.UUID) -> None:
    file = DATA / "products.csv"
    codes = {row["sku_code"] for row in rows(file.name)}
    async with services.database.unit_of_work(brand_id) as session:
        if codes == set(await catalog.find_skus(session, codes=codes)):
            return
    mapping = mappings.load(catalog.MAPPINGS / "sku_list_bilingual.toml")
    await _import_whole(services, brand_id, catalog.PRODUCT_IMPORT, file, mapping)


async def _ensure_shops(services: Services, brand_id: uuid.UUID) -> None:
    file = DATA / "shops.csv"
    codes = {row["code"] for row in rows(file.name)}
    async with services.database.unit_of_work(brand_id) as session:
        if codes == set(await stores.find_shops(session, codes=codes)):
            return
    mapping = mappings.load(stores.MAPPINGS / "bilingual.toml")
    await _import_whole(services, brand_id, stores.SHOP_IMPORT, file, mapping)


async def _import_whole(
    services: Services, brand_id: uuid.UUID, kind: ImportKind[Any], file: Path, mapping: mappings.Mapping
) -> None:
    """Our own files have no broken line: one that is refused is a bug of ours."""
    summary = await run_import(services.database, brand=brand_id, kind=kind, file=file, mapping=mapping)
    if summary.quarantined:
        raise RuntimeError(f"{file.name}: {summary.problems}")


async def _ensure_stock(services: Services, brand_id: uuid.UUID) -> None:
    """One delivery per shop, received once however often this runs."""
    wanted = msgspec.convert(tomllib.loads((DATA / "stock.toml").read_text())["shops"], dict[str, ShopStock])
    codes = {row["sku_code"] for row in rows("products.csv")}
    async with services.database.unit_of_work(brand_id) as session:
        skus = await catalog.find_skus(session, codes=codes)
        shops = await stores.find_shops(session, codes=set(wanted))
        for code, shop in sorted(shops.items()):
            lines = [
                StockLine(sku_id=sku.id, quantity=pieces)
                for sku in sorted(skus.values(), key=lambda sku: sku.code)
                if (pieces := wanted[code].pieces_of(sku.code, sku.product_code))
            ]
            await stores.receive_stock(session, shop_id=shop.id, lines=lines, reference=f"demo:{code}")


async def _ensure_people(services: Services, brand_id: uuid.UUID, demo: DemoBrand) -> None:
    async with services.database.unit_of_work(brand_id) as session:
        codes = {person.shop for person in demo.people if person.shop}
        shops = await stores.find_shops(session, codes=codes)
    for person in demo.people:
        shop_id = shops[person.shop].id if person.shop else None
        try:
            async with services.database.unit_of_work(brand_id) as session:
                await auth.create_account(
                    session,
                    keyring=services.keyring,
                    brand_id=brand_id,
                    login=person.login,
                    display_name=person.name,
                    grants=[Grant(person.role, shop_id)],
                    actor_id=None,
                    password=demo.password,
                )
        except LoginTaken:
            continue

import base64
import collections
import csv
import shutil
import uuid
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from stdnum import ean

from stores import api as stores
from tests.people import PASSWORD
from yundian.app.demo import files, seed
from yundian.catalog import api as catalog
from yundian.catalog.service import editing
from yundian.catalog.types import ProductFilter
from yundian.members import api as members
from yundian.members.types import AppKind
from yundian.payments.service import accounts as payment_accounts
from yundian.payments.states import AccountStatus
from yundian.platform.auth.errors import WrongCredentials
from yundian.platform.auth.resolve import principal_of_token
from yundian.platform.auth.sign_in import sign_in
from yundian.platform.auth.types import Client
from yundian.platform.core.principal import Role
from yundian.platform.core.settings import Environment, Settings
from yundian.platform.db.services import Services
from yundian.sandbox.accounts import Accounts
from yundian.sandbox.config import SandboxConfig

pytestmark = pytest.mark.anyio

CLIENT = Client(ip="127.0.0.1", user_agent="tests")
TABLES = (
    "auth_account",
    "auth_grant",
    "brand_policy",
    "catalog_product",
    "catalog_product_tag",
    "catalog_product_term",
    "catalog_sku",
    "channels_document",
    "intake_quarantine",
    "intake_run",
    "orders_order",
    "outbox_event",
    "stores_opening_hours",
    "stores_shop",
    "stores_stock",
    "stores_stock_movement",
)


async def _everything(services: Services, demo: seed.DemoSummary) -> dict[str, list[tuple[Any, ...]]]:
    async with services.database.connection(demo.brand_id) as tx:
        return {
            table: [tuple(row) for row in await tx.fetch(f"SELECT * FROM {table} ORDER BY id")] for table in TABLES
        }


async def test_the_demo_brand_has_shops_products_stock_and_people(services: Services) -> None:
    demo = await seed.ensure_demo(services.settings)

    rows = await _everything(services, demo)
    assert len(rows["stores_shop"]) == 12
    assert len(rows["catalog_product"]) >= 40
    assert len(rows["catalog_sku"]) >= 150
    assert len(rows["stores_stock"]) > 1_000
    async with services.database.unit_of_work(demo.brand_id) as session:
        found = await editing.list_products(session, wanted=ProductFilter(search="唇釉"), limit=10)
        skus = await catalog.find_skus(session, codes={"DT-L01-02", "DT-L07-01", "DT-G02-01"})
        shop = (await stores.find_shops(session, codes={"SH001"}))["SH001"]
        stock = await stores.stock_of(session, shop_id=shop.id, sku_ids=[sku.id for sku in skus.values()])
    assert {product.code for product in found.items} == {"DT-L01", "DT-L02"}
    assert {code: sku.is_sellable for code, sku in skus.items()} == {
        "DT-L01-02": True,
        "DT-L07-01": True,
        "DT-G02-01": False,
    }
    on_hand = {code: stock[sku.id].on_hand for code, sku in skus.items()}
    assert on_hand == {"DT-L01-02": 2, "DT-L07-01": 24, "DT-G02-01": 24}


async def test_it_has_sold_through_tills_and_on_tmall_for_weeks(services: Services) -> None:
    demo = await seed.ensure_demo(services.settings)

    async with services.database.connection(demo.brand_id) as tx:
        days = await tx.fetch(
            "SELECT channel, count(DISTINCT business_date) AS days, sum(orders)::int AS orders,"
            " sum(refunds_minor)::bigint AS refunds FROM reports_day WHERE basis = 'accrual' GROUP BY channel"
        )
        met = await tx.fetchval(
            "SELECT count(*) FROM (SELECT 1 FROM members_totals WHERE sales > 0 GROUP BY member_id"
            " HAVING count(DISTINCT channel) = 2) both_channels"
        )
        held = await tx.fetch("SELECT code FROM intake_quarantine WHERE kind = 'channels.orders'")
    assert {row["channel"] for row in days} == {"pos", "tmall"}
    assert all(row["days"] > 50 and row["orders"] > 200 and row["refunds"] > 0 for row in days)
    assert met > 10
    assert {row["code"] for row in held} == {"channels.unknown_shop"}


async def test_appointments_of_weeks_led_to_purchases_and_more_are_to_come(services: Services) -> None:
    demo = await seed.ensure_demo(services.settings)

    async with services.database.connection(demo.brand_id) as tx:
        rows = await tx.fetch("SELECT state, count(*) AS n FROM appointments_booking GROUP BY state")
        shops = await tx.fetch(
            "SELECT b.shop_id, count(*) AS came, count(p.booking_id) AS bought FROM appointments_booking b"
            " LEFT JOIN appointments_purchase p ON p.brand_id = b.brand_id AND p.booking_id = b.id"
            " WHERE b.state = 'completed' GROUP BY b.shop_id"
        )
        told = await tx.fetchval("SELECT count(*) FROM messaging_message WHERE fact_key LIKE 'appointment:%'")
        looked = await tx.fetchval("SELECT sum(viewers) FROM appointments_viewing_count WHERE kind = 'all'")
        busy = await tx.fetchval(
            "SELECT count(*) FROM appointments_occupancy o JOIN appointments_booking b"
            " ON b.brand_id = o.brand_id AND b.id = o.booking_id AND o.resource_id = b.staff_id AND o.is_live"
        )
    states = {row["state"]: row["n"] for row in rows}
    assert {"completed", "no_show", "cancelled", "cancelled_late", "waived", "confirmed"} <= set(states)
    assert states["completed"] > 500
    assert states["confirmed"] > 50
    assert len(shops) == 3
    assert all(row["came"] > row["bought"] > 10 for row in shops)
    assert busy == states["confirmed"] + states.get("in_service", 0), "who comes takes her time"
    assert (told, looked > states["completed"]) == (0, True)


async def test_made_again_nothing_changes(services: Services) -> None:
    demo = await seed.ensure_demo(services.settings)
    before = await _everything(services, demo)

    again = await seed.ensure_demo(services.settings)

    assert again == demo
    assert await _everything(services, again) == before


async def test_every_login_that_is_shown_works_and_has_its_role(services: Services) -> None:
    demo = await seed.ensure_demo(services.settings)

    roles = []
    for login in demo.logins:
        signed_in = await sign_in(
            services.database,
            keyring=services.keyring,
            login=login.login,
            password=login.password,
            code=None,
            client=CLIENT,
        )
        principal = await principal_of_token(services.database, keyring=services.keyring, token=signed_in.token)
        roles.append(set(principal.roles))
        assert (signed_in.brand_id, signed_in.must_change_password) == (demo.brand_id, False)

    assert roles == [{Role.HQ_ADMIN}, {Role.HQ_ANALYST}, {Role.SHOP_OWNER}, {Role.SHOP_STAFF}]
    with pytest.raises(WrongCredentials):
        await sign_in(
            services.database,
            keyring=services.keyring,
            login=demo.logins[0].login,
            password=PASSWORD,
            code=None,
            client=CLIENT,
        )


async def test_what_was_changed_since_stays_changed(services: Services) -> None:
    demo = await seed.ensure_demo(services.settings)
    async with services.database.unit_of_work(demo.brand_id) as session:
        sku = (await catalog.find_skus(session, codes={"DT-T05-01"}))["DT-T05-01"]
        product = await editing.get_product(session, product_id=sku.product_id)
        version = product.skus[0].version
        await editing.change_price(
            session, sku_id=sku.id, version=version, price_minor=sku.price_minor + 1, currency="CNY"
        )

    await seed.ensure_demo(services.settings)

    async with services.database.unit_of_work(demo.brand_id) as session:
        kept = (await catalog.find_skus(session, codes={"DT-T05-01"}))["DT-T05-01"]
    assert kept.price_minor == sku.price_minor + 1


async def test_production_has_no_demo(services: Services) -> None:
    settings = Settings(**(services.settings.model_dump() | {"environment": Environment.PRODUCTION}))

    with pytest.raises(seed.DemoRefused):
        await seed.ensure_demo(settings)


async def test_the_data_is_made_up_and_sound() -> None:
    with (files.DATA / "products.csv").open(newline="") as file:
        skus = list(csv.DictReader(file))
    with (files.DATA / "shops.csv").open(newline="") as file:
        shops = list(csv.DictReader(file))

    # Numbers that begin with 2 are for use inside a company: no real product has them.
    assert all(ean.is_valid(sku["barcode"]) and sku["barcode"].startswith("2") for sku in skus)
    assert max(collections.Counter(sku["barcode"] for sku in skus).values()) == 1
    assert len({shop["province"] for shop in shops}) >= 8
    assert all("5550 01" in shop["phone"] for shop in shops)


async def _accounts(services: Services, brand_id: uuid.UUID) -> dict[str, tuple[Any, ...]]:
    async with services.database.unit_of_work(brand_id) as session:
        views = {one.id: one for one in await payment_accounts.list_accounts(session)}
        opened = await payment_accounts.open_accounts(session, keyring=services.keyring, ids=list(views))
    found: dict[str, tuple[Any, ...]] = {
        f"{views[key].provider}:{account.merchant_id}": (account, views[key].status)
        for key, account in opened.items()
    }
    for kind in AppKind:
        app = await members.app_of_brand(services.database, keyring=services.keyring, brand_id=brand_id, kind=kind)
        assert app is not None
        found[kind] = (app.app_id, app.secret, app.token, app.aes_key)
    return found


async def test_the_demo_has_accounts_at_the_sandbox_and_keeps_up_with_its_keys(
    services: Services, tmp_path: Path
) -> None:
    there = {"var_dir": tmp_path, "wechat_url": "http://127.0.0.1:8900", "master_key": _master_key(services)}
    settings = services.settings.model_copy(update=there)
    sandbox = SandboxConfig(var_dir=tmp_path, base_url="http://127.0.0.1:8900")

    brand_id = (await seed.ensure_demo(settings)).brand_id
    made = []
    for _ in range(3):
        Accounts(sandbox)
        await seed.ensure_demo(settings)
        made.append(await _accounts(services, brand_id))
        if len(made) == 2:
            shutil.rmtree(sandbox.folder)
    shutil.rmtree(sandbox.folder)
    Accounts(sandbox.model_copy(update={"seed": "another"}))
    await seed.ensure_demo(settings)
    moved = await _accounts(services, brand_id)

    first, again, renewed = made
    assert again == first
    assert set(renewed) == set(first)
    assert all(renewed[name] != first[name] for name in first)
    active = [name for name, values in moved.items() if values[-1] is AccountStatus.ACTIVE]
    assert len(active) == 2
    assert not set(active) & set(first)


def _master_key(services: Services) -> SecretStr:
    return SecretStr(base64.b64encode(services.settings.master_key_bytes()).decode())

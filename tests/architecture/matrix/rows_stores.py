"""The matrix rows of shops, their stock and their imports."""

import uuid
from typing import Any

from stores.service import shops, stock
from stores.types import StockLine
from tests.architecture.matrix.cells import (
    ALL,
    HQ,
    HQ_ADMINS,
    OTHER_BRAND,
    OTHER_SHOP,
    OWN_SHOP,
    PEOPLE,
    Actor,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
)
from tests.catalog.makers import make_product, product_fields, sku_fields
from tests.stores.makers import make_shop, shop_fields
from yundian.platform.core.ids import new_id, readable_code

OWNERS = frozenset({Actor.OWNER})
OTHER_OWNERS = frozenset({Actor.OTHER_OWNER})


async def _version(world: World) -> int:
    async with world.services.database.unit_of_work(world.brand.id) as session:
        shop = await shops.see_shop(session, brand_id=world.brand.id, shop_id=world.shop_id, visible=None)
    return shop.version


async def _sku(world: World) -> uuid.UUID:
    """A SKU of which the shop has pieces."""
    product = await make_product(
        world.services,
        world.brand,
        fields=product_fields(readable_code(8)),
        skus=(sku_fields(readable_code(8)),),
    )
    sku_id = product.skus[0].id
    async with world.services.database.unit_of_work(world.brand.id) as session:
        await stock.receive(session, shop_id=world.shop_id, lines=[StockLine(sku_id, 5)])
    return sku_id


def on_shop(method: str, path: str, *, form: bool = False, **body: Any) -> Build:
    """The matrix's first shop; a ``version`` in the body is the one it has."""

    async def build(world: World, _caller: Caller) -> Call:
        sent = {**body, "version": await _version(world)} if "version" in body else body
        where = path.replace("{shop}", str(world.shop_id))
        if form:
            return Call(method=method, path=where, form={k: str(v) for k, v in sent.items()})
        return Call(method=method, path=where, json=sent or None, target="MATRIX-1")

    return build


def new_shop(path: str, *, form: bool = False) -> Build:
    async def build(_world: World, _caller: Caller) -> Call:
        body = {"code": readable_code(8), "name": "X", "time_zone": "Asia/Shanghai"}
        return Call(method="POST", path=path, form=body) if form else Call(method="POST", path=path, json=body)

    return build


def on_own_shop(method: str, path: str, **body: Any) -> Build:
    """A shop made for this cell alone, so that a status can change every time."""

    async def build(world: World, _caller: Caller) -> Call:
        shop = await make_shop(world.services, world.brand, fields=shop_fields(readable_code(8)))
        sent = {**body, "version": shop.version}
        where = path.replace("{id}", str(shop.id))
        if path.startswith("/hq"):
            return Call(method=method, path=where, form={k: str(v) for k, v in sent.items()})
        return Call(method=method, path=where, json=sent)

    return build


def on_stock(method: str, path: str, *, form: bool = False, **body: Any) -> Build:
    """A SKU in the first shop's stock; ``{sku}`` stands for it, also in the body."""

    async def build(world: World, _caller: Caller) -> Call:
        sku_id = await _sku(world)
        where = path.replace("{shop}", str(world.shop_id)).replace("{sku}", str(sku_id))
        sent = dict(body)
        if sent.pop("lines", None):
            sent["lines"] = [{"sku_id": str(sku_id), "quantity": 1}]
        if form:
            return Call(method=method, path=where, form={k: str(v) for k, v in sent.items()})
        return Call(method=method, path=where, json=sent or None)

    return build


def on_record(method: str, action: str = "", *, state: str = "open") -> Build:
    """A quarantined record of the first brand, made for this cell."""

    async def build(world: World, _caller: Caller) -> Call:
        run_id, record_id = new_id(), new_id()
        mapping = (
            'kind = "stores.shops"\nname = "m"\n[fields.code]\ncolumn = "c"\n[fields.name]\ncolumn = "c"\n'
            '[fields.time_zone]\nconstant = "Asia/Shanghai"\n'
        )
        async with world.services.database.connection(world.brand.id) as tx:
            await tx.execute(
                "INSERT INTO intake_run (brand_id, id, created_at, kind, file_name, file_sha256, mapping_name,"
                " mapping_sha256, mapping, state, records_read, applied, unchanged, quarantined, error)"
                " VALUES ($1, $2, now(), 'stores.shops', 'f', '', 'm', '', $3, 'finished', 1, 0, 0, 1, '')",
                world.brand.id,
                run_id,
                mapping,
            )
            await tx.execute(
                "INSERT INTO intake_quarantine (brand_id, id, created_at, run_id, kind, line, column_name, code,"
                " reason, raw, source, content_hash, state) VALUES ($1, $2, now(), $3, 'stores.shops', 1, '', 'x',"
                " 'x', $4, $5::text::jsonb, $6, $7)",
                world.brand.id,
                record_id,
                run_id,
                str(record_id),
                f'{{"c": "{readable_code(8)}"}}',
                record_id.bytes,
                state,
            )
        path = f"/hq/imports/shops/{record_id}{action}"
        return Call(method=method, path=path, form={} if method == "POST" else None, target=str(record_id))

    return build


def seen(call: Build) -> Row:
    """HQ and the shop's own people read."""
    return Row(call=call, may=HQ | OWN_SHOP, unknown=OTHER_SHOP | OTHER_BRAND)


def kept(call: Build, *, is_page: bool = False) -> Row:
    """HQ administrators and the shop's own people write."""
    return Row(call=call, may=HQ_ADMINS | OWN_SHOP, unknown=OTHER_SHOP | OTHER_BRAND, is_page=is_page)


def edited(call: Build, *, is_page: bool = False) -> Row:
    """HQ administrators write."""
    return Row(call=call, may=HQ_ADMINS, unknown=OTHER_BRAND, is_page=is_page)


NEAREST = "/v1/brands/{brand}/shops/nearest?latitude=31.2&longitude=121.4"


async def nearest(world: World, _caller: Caller) -> Call:
    return Call(path=NEAREST.replace("{brand}", world.brand.code))


ROWS: dict[str, Row] = {
    "stores_list_shops": Row(call=get("/v1/shops"), may=PEOPLE),
    "stores_get_shop": seen(on_shop("GET", "/v1/shops/{shop}")),
    "stores_create_shop": Row(call=new_shop("/v1/shops"), may=HQ_ADMINS | OTHER_BRAND),
    "stores_update_shop": edited(on_shop("PATCH", "/v1/shops/{shop}", name="Y", version=0)),
    "stores_change_shop_status": edited(on_own_shop("PUT", "/v1/shops/{id}/status", status="paused")),
    "stores_put_shop_english": Row(
        call=on_shop("PUT", "/v1/shops/{shop}/english", name_en="X", version=0),
        may=HQ_ADMINS | OWNERS,
        unknown=OTHER_OWNERS | OTHER_BRAND,
    ),
    "stores_put_shop_hours": edited(on_shop("PUT", "/v1/shops/{shop}/hours", hours=[], version=0)),
    "stores_list_stock": seen(get("/v1/shops/{shop}/stock")),
    "stores_list_stock_movements": seen(on_stock("GET", "/v1/shops/{shop}/stock/{sku}/movements")),
    "stores_receive_stock": kept(on_stock("POST", "/v1/shops/{shop}/stock/receive", lines=True)),
    "stores_adjust_stock": kept(on_stock("POST", "/v1/shops/{shop}/stock/adjust", lines=True, reason="counted")),
    "stores_set_low_mark": kept(on_stock("PUT", "/v1/shops/{shop}/stock/{sku}/low-mark", low_at=2)),
    "stores_nearest_shops": Row(call=nearest, may=ALL),
    "stores.shops": Row(call=get("/hq/shops"), may=HQ | OTHER_BRAND, is_page=True),
    "stores.shop.new": Row(call=get("/hq/shops/new"), may=HQ_ADMINS | OTHER_BRAND, is_page=True),
    "stores.shop.create": Row(
        call=new_shop("/hq/shops/new", form=True), may=HQ_ADMINS | OTHER_BRAND, is_page=True
    ),
    "stores.shop": Row(call=get("/hq/shops/{shop}"), may=HQ, unknown=OTHER_BRAND, is_page=True),
    "stores.shop.save": edited(
        on_shop("POST", "/hq/shops/{shop}", form=True, code="MATRIX-1", name="Z", version=0), is_page=True
    ),
    "stores.shop.status": edited(on_own_shop("POST", "/hq/shops/{id}/status", status="paused"), is_page=True),
    "stores.hours": Row(call=get("/hq/shops/{shop}/hours"), may=HQ, unknown=OTHER_BRAND, is_page=True),
    "stores.hours.save": edited(on_shop("POST", "/hq/shops/{shop}/hours", form=True, version=0), is_page=True),
    "stores.panel": Row(call=get("/hq/panels/shops"), may=HQ | OTHER_BRAND, is_page=True),
    "stores.stock_panel": Row(call=get("/hq/panels/stock/{shop}"), may=HQ, unknown=OTHER_BRAND, is_page=True),
    "stores.imports": Row(call=get("/hq/imports/shops"), may=HQ | OTHER_BRAND, is_page=True),
    "stores.import.record": Row(call=on_record("GET"), may=HQ, unknown=OTHER_BRAND, is_page=True),
    "stores.import.replay": edited(on_record("POST", "/replay"), is_page=True),
    "stores.import.discard": edited(on_record("POST", "/discard"), is_page=True),
    "stores.import.undo": edited(on_record("POST", "/undo", state="discarded"), is_page=True),
    "stores.today": Row(call=get("/shop/panels/today"), may=OWN_SHOP | OTHER_SHOP, is_page=True),
    "stores.my_stock": Row(call=get("/shop/stock?shop={shop}"), may=OWN_SHOP | OTHER_SHOP, is_page=True),
    "stores.my_sku": kept(on_stock("GET", "/shop/stock/{shop}/{sku}"), is_page=True),
    "stores.my_sku.move": kept(
        on_stock("POST", "/shop/stock/{shop}/{sku}", form=True, quantity=1, reason="counted"), is_page=True
    ),
    "stores.my_team": Row(call=get("/shop/team?shop={shop}"), may=OWNERS | OTHER_OWNERS, is_page=True),
    "stores.my_english": Row(call=get("/shop/team/english?shop={shop}"), may=OWNERS | OTHER_OWNERS, is_page=True),
    "stores.my_english.save": Row(
        call=on_shop("POST", "/shop/team/english/{shop}", form=True, name_en="X", version=0),
        may=OWNERS,
        unknown=OTHER_OWNERS,
        is_page=True,
    ),
}

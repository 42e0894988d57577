"""The matrix rows of the catalogue."""

from typing import Any

from tests.architecture.matrix.cells import (
    ALL,
    HQ,
    HQ_ADMINS,
    OTHER_BRAND,
    PEOPLE,
    Actor,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
)
from tests.catalog.makers import make_picture, make_product, picture_file, product_fields, sku_fields
from yundian.platform.core.ids import readable_code

ADMINS = HQ_ADMINS | OTHER_BRAND
READERS = PEOPLE - OTHER_BRAND


def new_product(method: str, path: str, *, is_form: bool = False) -> Build:
    async def build(_world: World, _caller: Caller) -> Call:
        body = {"code": f"NEW-{readable_code(8)}", "name": "New"}
        sent: dict[str, Any] = {"form": body} if is_form else {"json": body}
        return Call(method=method, path=path, **sent)

    return build


def on_product(method: str, path: str, **body: Any) -> Build:
    """A request about a product of the brand; ``{id}`` is the product's, ``{sku}`` its SKU's."""
    is_form = bool(body.pop("is_form", False))

    async def build(world: World, _caller: Caller) -> Call:
        code = readable_code(8)
        product = await make_product(
            world.services, world.brand, fields=product_fields(f"M-{code}"), skus=(sku_fields(f"S-{code}"),)
        )
        sku = product.skus[0]
        said = {key: f"X-{code}" if value == "{code}" else value for key, value in body.items()}
        if "version" in said:
            said["version"] = sku.version if "{sku}" in path else product.version
        place = path.replace("{id}", str(product.id)).replace("{sku}", str(sku.id))
        sent: dict[str, Any] = {}
        if method != "GET":
            sent = {"form": {k: str(v) for k, v in said.items()}} if is_form else {"json": said}
        return Call(method=method, path=place, target=product.code, **sent)

    return build


def on_picture(method: str, path: str, **body: Any) -> Build:
    """A request about a picture of the brand; ``{file}`` is the path at which everybody sees it."""
    is_form = bool(body.pop("is_form", False))

    async def build(world: World, _caller: Caller) -> Call:
        code = readable_code(8)
        product = await make_product(
            world.services, world.brand, fields=product_fields(f"M-{code}"), skus=(sku_fields(f"S-{code}"),)
        )
        view = await make_picture(world.services, world.brand, product.id)
        place = (
            path.replace("{id}", str(product.id)).replace("{picture}", str(view.id)).replace("{file}", view.small)
        )
        said = {key: [str(view.id)] if value == "{ids}" else value for key, value in body.items()}
        sent: dict[str, Any] = {}
        if method not in ("GET", "DELETE"):
            sent = {"form": said} if is_form else {"json": said}
        return Call(method=method, path=place, target=str(view.id), **sent)

    return build


def upload(path: str) -> Build:
    async def build(world: World, _caller: Caller) -> Call:
        code = readable_code(8)
        product = await make_product(
            world.services, world.brand, fields=product_fields(f"M-{code}"), skus=(sku_fields(f"S-{code}"),)
        )
        head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.png"\r\n\r\n'
        return Call(
            method="POST",
            path=path.replace("{id}", str(product.id)),
            content=head + picture_file() + b"\r\n--b--\r\n",
            content_type="multipart/form-data; boundary=b",
            target=product.code,
        )

    return build


def page(call: Build, may: frozenset[Actor], unknown: frozenset[Actor] = frozenset()) -> Row:
    return Row(call=call, may=may, unknown=unknown, is_page=True)


def written(call: Build) -> Row:
    """HQ administrators write; what is another brand's is unknown."""
    return Row(call=call, may=HQ_ADMINS, unknown=OTHER_BRAND)


NAMED = {"code": "{code}", "name": "X", "version": 0}
PRICED = {"code": "{code}", "price_minor": 100, "currency": "CNY"}

ROWS: dict[str, Row] = {
    "catalog_list_products": Row(call=on_product("GET", "/v1/products"), may=PEOPLE),
    "catalog_get_product": Row(call=on_product("GET", "/v1/products/{id}"), may=READERS, unknown=OTHER_BRAND),
    "catalog_create_product": Row(call=new_product("POST", "/v1/products"), may=ADMINS),
    "catalog_update_product": written(on_product("PUT", "/v1/products/{id}", **NAMED)),
    "catalog_change_product_status": written(
        on_product("PUT", "/v1/products/{id}/status", status="on_sale", version=0)
    ),
    "catalog_add_sku": written(on_product("POST", "/v1/products/{id}/skus", **PRICED)),
    "catalog_update_sku": written(on_product("PUT", "/v1/skus/{sku}", **PRICED, version=0)),
    "catalog_change_price": written(
        on_product("PUT", "/v1/skus/{sku}/price", price_minor=100, currency="CNY", version=0)
    ),
    "catalog_change_sku_status": written(
        on_product("PUT", "/v1/skus/{sku}/status", status="withdrawn", version=0)
    ),
    "catalog_list_pictures": Row(
        call=on_picture("GET", "/v1/products/{id}/pictures"), may=READERS, unknown=OTHER_BRAND
    ),
    "catalog_add_picture": written(upload("/v1/products/{id}/pictures")),
    "catalog_order_pictures": written(on_picture("PUT", "/v1/products/{id}/pictures", ids="{ids}")),
    "catalog_remove_picture": written(on_picture("DELETE", "/v1/pictures/{picture}")),
    "catalog_restore_picture": written(on_picture("POST", "/v1/pictures/{picture}/restore")),
    "catalog.picture.file": page(on_picture("GET", "{file}"), ALL),
    "catalog.picture": page(on_picture("GET", "/hq/products/{id}/pictures/{picture}"), HQ_ADMINS, OTHER_BRAND),
    "catalog.pictures.add": page(upload("/hq/products/{id}/pictures"), HQ_ADMINS, OTHER_BRAND),
    "catalog.picture.move": page(
        on_picture("POST", "/hq/products/{id}/pictures/{picture}/move", is_form=True, to="first"),
        HQ_ADMINS,
        OTHER_BRAND,
    ),
    "catalog.picture.remove": page(
        on_picture("POST", "/hq/products/{id}/pictures/{picture}/remove", is_form=True), HQ_ADMINS, OTHER_BRAND
    ),
    "catalog.picture.restore": page(
        on_picture("POST", "/hq/products/{id}/pictures/{picture}/restore", is_form=True), HQ_ADMINS, OTHER_BRAND
    ),
    "catalog.products": page(on_product("GET", "/hq/products"), HQ | OTHER_BRAND),
    "catalog.product.new": page(get("/hq/products/new"), ADMINS),
    "catalog.product.create": page(new_product("POST", "/hq/products/new", is_form=True), ADMINS),
    "catalog.product": page(on_product("GET", "/hq/products/{id}"), HQ, OTHER_BRAND),
    "catalog.product.save": page(
        on_product("POST", "/hq/products/{id}", is_form=True, **NAMED), HQ_ADMINS, OTHER_BRAND
    ),
    "catalog.product.status": page(
        on_product("POST", "/hq/products/{id}/status", is_form=True, status="on_sale", version=0),
        HQ_ADMINS,
        OTHER_BRAND,
    ),
    "catalog.sku_row": page(get("/hq/products/sku-row"), ADMINS),
    "catalog.swatch": page(get("/hq/products/swatch"), ADMINS),
}

"""Who may call what attribution offers."""

from tests.architecture.matrix.cells import (
    ALL,
    HQ,
    HQ_ADMINS,
    OTHER_BRAND,
    OTHER_SHOP,
    OWN_SHOP,
    Actor,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
)
from tests.attribution.makers import credited, decided, make_link
from yundian.attribution.types import GroupOwner
from yundian.platform.core.ids import new_id, readable_code

SHOPS = OWN_SHOP | OTHER_SHOP


def on_link(method: str, path: str) -> Build:
    """A request about a link of the shop; ``{link}`` is its id."""

    async def build(world: World, _caller: Caller) -> Call:
        title = f"M {readable_code(8)}"
        link = await make_link(world.services, world.brand, world.shop_id, title=title, target_id=new_id())
        form = {"x": "y"} if method == "POST" else None
        return Call(method=method, path=path.replace("{link}", str(link.id)), form=form, target=link.token)

    return build


def on_own_link(path: str) -> Build:
    """A link that the caller shares in her own name."""

    async def build(world: World, caller: Caller) -> Call:
        staff_id = caller.person.id if caller.person else None
        link = await make_link(world.services, world.brand, world.shop_id, staff_id=staff_id, target_id=new_id())
        return Call(method="POST", path=path.replace("{link}", str(link.id)), form={"x": "y"}, target=link.token)

    return build


def on_credit(path: str, *, method: str = "GET", form: bool = False, json: bool = False) -> Build:
    """A request about what is credited to the shop; ``{credit}`` is its subject."""

    async def build(world: World, _caller: Caller) -> Call:
        credit = await decided(world.services, world.brand, group=GroupOwner(shop_id=world.shop_id))
        subject = await credited(world.services, world.brand, credit)
        seen = str(world.shop_id)
        return Call(
            method=method,
            path=path.replace("{credit}", f"{subject.type}/{subject.id}"),
            form={"seen": seen, "shop": str(world.other_shop_id), "reason": "x"} if form else None,
            json={"from_shop_id": seen, "to_shop_id": None, "reason": "x"} if json else None,
        )

    return build


async def open_link(world: World, _caller: Caller) -> Call:
    link = await make_link(world.services, world.brand, world.shop_id)
    return Call(path=link.path)


async def links_of_shop(world: World, _caller: Caller) -> Call:
    link = await make_link(world.services, world.brand, world.shop_id)
    return Call(path=f"/v1/shop-links?shop_id={world.shop_id}", target=link.token)


async def share(world: World, _caller: Caller) -> Call:
    link = await make_link(world.services, world.brand, world.shop_id)
    return Call(method="POST", path="/v1/share-card", json={"token": link.token, "url": "https://testserver/x"})


async def touched(world: World, _caller: Caller) -> Call:
    link = await make_link(world.services, world.brand, world.shop_id)
    return Call(method="POST", path="/v1/touches", json={"token": link.token, "visitor": readable_code(24)})


def shown(path: str) -> Row:
    return Row(call=on_link("GET", path), may=OWN_SHOP, unknown=OTHER_SHOP, is_page=True)


ROWS: dict[str, Row] = {
    # Links are there to be opened by anybody.
    "attribution.landing": Row(call=open_link, may=ALL, is_page=True),
    "attribution_share_card": Row(call=share, may=ALL),
    "attribution_touch": Row(call=touched, may=ALL),
    "attribution.links": Row(call=get("/shop/links"), may=SHOPS, is_page=True),
    "attribution.links.panel": Row(call=get("/shop/panels/links"), may=SHOPS, is_page=True),
    "attribution.link": shown("/shop/links/{link}"),
    "attribution.link.code": shown("/shop/links/{link}/code.svg"),
    "attribution.link.poster": shown("/shop/links/{link}/poster.png"),
    "attribution.link.mine": Row(
        call=on_link("POST", "/shop/links/{link}/mine"), may=OWN_SHOP, unknown=OTHER_SHOP, is_page=True
    ),
    "attribution.link.end": Row(
        call=on_own_link("/shop/links/{link}/end"), may=OWN_SHOP, unknown=OTHER_SHOP, is_page=True
    ),
    "attribution.credit": Row(call=on_credit("/hq/credits/{credit}"), may=HQ, unknown=OTHER_BRAND, is_page=True),
    "attribution.credit.transfer": Row(
        call=on_credit("/hq/credits/{credit}/transfer", method="POST", form=True),
        may=HQ_ADMINS,
        unknown=OTHER_BRAND,
        is_page=True,
    ),
    # The panel says in every brand that it knows nothing, where there is nothing to know.
    "attribution.credit.panel": Row(
        call=on_credit("/hq/panels/credits/{credit}"), may=HQ | {Actor.OTHER_BRAND}, is_page=True
    ),
    "attribution_explain_credit": Row(
        call=on_credit("/v1/credits/{credit}"), may=HQ | OWN_SHOP, unknown=OTHER_SHOP | OTHER_BRAND
    ),
    "attribution_transfer_credit": Row(
        call=on_credit("/v1/credits/{credit}/transfers", method="POST", json=True),
        may=HQ_ADMINS,
        unknown=OTHER_BRAND,
    ),
    "attribution_list_shop_links": Row(call=links_of_shop, may=OWN_SHOP, unknown=OTHER_SHOP),
}

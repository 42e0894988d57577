"""The matrix rows of group-buys: campaigns of HQ, seats of customers, groups of shops."""

import datetime as dt
import uuid
from dataclasses import dataclass

import msgspec

from groupbuy.service import campaigns, checkout
from groupbuy.service.seats import Buyer
from groupbuy.types import CampaignFields, CampaignWithItems, Checkout, ItemFields, Wanted, Wish
from stores.service import stock
from stores.types import StockLine
from tests.architecture.matrix.cells import (
    ALL,
    CUSTOMERS,
    HQ,
    HQ_ADMINS,
    OTHER_BRAND,
    OTHER_SHOP,
    OWN_SHOP,
    PEOPLE,
    Build,
    Call,
    Caller,
    Row,
    World,
    get,
    send,
)
from tests.catalog.makers import make_product, product_fields, sku_fields
from tests.members.makers import make_customer
from yundian.catalog.states import ProductStatus
from yundian.platform.core import clock
from yundian.platform.core.ids import readable_code

ADMINS = HQ_ADMINS | OTHER_BRAND


@dataclass(frozen=True)
class _Offer:
    """What the first brand sells, made once: a campaign that runs and a group somebody opened."""

    sku_id: uuid.UUID
    campaign: CampaignWithItems
    group: Checkout


_offers: dict[uuid.UUID, _Offer] = {}


def _fields(sku_id: uuid.UUID | None, name: str) -> CampaignFields:
    now = clock.now()
    item = (ItemFields(sku_id=sku_id, group_price_minor=9_900, quota=1000),) if sku_id else ()
    return CampaignFields(
        name=name,
        title=name,
        size=50,
        starts_at=now - dt.timedelta(minutes=1),
        ends_at=now + dt.timedelta(days=1),
        items=item,
    )


async def _offer(world: World) -> _Offer:
    if world.brand.id in _offers:
        return _offers[world.brand.id]
    product = await make_product(
        world.services,
        world.brand,
        fields=product_fields(readable_code(8)),
        skus=(sku_fields(readable_code(8)),),
        status=ProductStatus.ON_SALE,
    )
    sku_id = product.skus[0].id
    async with world.services.database.unit_of_work(world.brand.id) as session:
        await stock.receive(session, shop_id=world.shop_id, lines=[StockLine(sku_id, 500)])
        made = await campaigns.create_campaign(session, fields=_fields(sku_id, "MATRIX-CAMPAIGN"))
        campaign = await campaigns.publish_campaign(
            session, campaign_id=made.campaign.id, version=made.campaign.version, now=clock.now()
        )
    group = await _seat(world, campaign=campaign, sku_id=sku_id)
    _offers[world.brand.id] = found = _Offer(sku_id, campaign, group)
    return found


async def _seat(
    world: World,
    *,
    sku_id: uuid.UUID,
    campaign: CampaignWithItems | None = None,
    group: str = "",
    member_id: uuid.UUID | None = None,
) -> Checkout:
    member = member_id or (await make_customer(world.services, world.brand)).id
    return await checkout.check_out(
        world.services.database,
        keyring=world.services.keyring,
        buyer=Buyer(world.brand.id, world.brand.code, member),
        wish=Wish(
            campaign_code=campaign.campaign.code if campaign else "",
            group_code=group,
            lines=(Wanted(sku_id),),
            pickup_shop_id=world.shop_id,
        ),
    )


async def _draft(world: World, brand_id: uuid.UUID, *, sku_id: uuid.UUID | None = None) -> CampaignWithItems:
    async with world.services.database.unit_of_work(brand_id) as session:
        return await campaigns.create_campaign(session, fields=_fields(sku_id, "MATRIX-DRAFT"))


def on_draft(method: str, path: str, *, is_whole: bool = False) -> Build:
    """A fresh draft of the first brand."""

    async def build(world: World, _caller: Caller) -> Call:
        sku_id = (await _offer(world)).sku_id
        made = await _draft(world, world.brand.id, sku_id=sku_id)
        json = {"version": made.campaign.version}
        if is_whole:
            json |= msgspec.to_builtins(_fields(sku_id, "MATRIX-DRAFT"))
        where = path.replace("{campaign}", str(made.campaign.id))
        return Call(method=method, path=where, json=None if method == "GET" else json, target=made.campaign.code)

    return build


async def new_campaign(_world: World, _caller: Caller) -> Call:
    return Call(method="POST", path="/v1/campaigns", json=msgspec.to_builtins(_fields(None, "MATRIX-NEW")))


async def an_offer(world: World, _caller: Caller) -> Call:
    offer = await _offer(world)
    return Call(path=f"/v1/group-campaigns/{offer.campaign.campaign.code}", target="MATRIX-CAMPAIGN")


async def a_group(world: World, _caller: Caller) -> Call:
    return Call(path=f"/v1/groups/{(await _offer(world)).group.group_code}")


async def a_seat(world: World, _caller: Caller) -> Call:
    offer = await _offer(world)
    json = {
        "group_code": offer.group.group_code,
        "lines": [{"sku_id": str(offer.sku_id)}],
        "pickup_shop_id": str(world.shop_id),
    }
    return Call(method="POST", path="/v1/group-seats", json=json)


async def own_seat(world: World, caller: Caller) -> Call:
    """The caller's seat, if she is a customer; somebody's else."""
    offer = await _offer(world)
    group = offer.group.group_code
    seat = await _seat(world, sku_id=offer.sku_id, group=group, member_id=caller.member_id)
    return Call(method="POST", path=f"/v1/group-seats/{seat.seat_id}/leave")


def on_offer(method: str, path: str, *, is_form: bool = False) -> Build:
    """A customers' page of the first brand's campaign or of its open group."""

    async def build(world: World, _caller: Caller) -> Call:
        offer = await _offer(world)
        where = path.replace("{code}", offer.campaign.campaign.code).replace("{group}", offer.group.group_code)
        form = {"sku_id": str(offer.sku_id), "pickup_shop_id": str(world.shop_id)} if is_form else None
        return Call(method=method, path=f"/m/{world.brand.code}{where}", form=form)

    return build


def form_on_draft(path: str, *, is_whole: bool = False) -> Build:
    """A fresh draft of the first brand, by its pages."""

    async def build(world: World, _caller: Caller) -> Call:
        offer = await _offer(world)
        made = await _draft(world, world.brand.id, sku_id=offer.sku_id)
        form = {"version": str(made.campaign.version)} | (_EDITOR if is_whole else {})
        return Call(method="POST", path=path.replace("{campaign}", str(made.campaign.id)), form=form)

    return build


_EDITOR = {
    "name": "MATRIX-FORM",
    "title": "MATRIX-FORM",
    "size": "3",
    "starts_at": "2026-01-01T10:00",
    "ends_at": "2036-01-01T10:00",
    "group_hours": "24",
    "seat_minutes": "15",
    "per_member_limit": "1",
    "pieces_per_seat": "1",
    "is_all_shops": "on",
}


async def a_share(world: World, _caller: Caller) -> Call:
    offer = await _offer(world)
    form = {"campaign_id": str(offer.campaign.campaign.id), "shop_id": str(world.shop_id)}
    return Call(method="POST", path="/shop/groups/share", form=form)


async def a_link(world: World, _caller: Caller) -> Call:
    offer = await _offer(world)
    path = f"/v1/shop-campaigns/{offer.campaign.campaign.code}/links"
    return Call(method="POST", path=path, json={"shop_id": str(world.shop_id)})


async def shop_campaigns(world: World, _caller: Caller) -> Call:
    await _offer(world)
    return Call(path=f"/v1/shop-campaigns?shop_id={world.shop_id}", target="MATRIX-CAMPAIGN")


SHOPS = OWN_SHOP | OTHER_SHOP
ROWS: dict[str, Row] = {
    "groupbuy.campaign": Row(call=on_offer("GET", "/c/{code}"), may=ALL, is_page=True),
    "groupbuy.group": Row(call=on_offer("GET", "/g/{group}"), may=ALL, is_page=True),
    "groupbuy.group.progress": Row(call=on_offer("GET", "/g/{group}/progress"), may=ALL, is_page=True),
    "groupbuy.start": Row(call=on_offer("GET", "/c/{code}/start"), may=CUSTOMERS, is_page=True),
    "groupbuy.start.confirm": Row(
        call=on_offer("POST", "/c/{code}/start", is_form=True), may=CUSTOMERS, is_page=True
    ),
    "groupbuy.join": Row(call=on_offer("GET", "/g/{group}/join"), may=CUSTOMERS, is_page=True),
    "groupbuy.join.confirm": Row(
        call=on_offer("POST", "/g/{group}/join", is_form=True), may=CUSTOMERS, is_page=True
    ),
    "groupbuy.leave": Row(call=on_offer("POST", "/g/{group}/leave", is_form=True), may=CUSTOMERS, is_page=True),
    "groupbuy.home_panel": Row(call=on_offer("GET", "/panels/groups"), may=ALL, is_page=True),
    "groupbuy.campaigns": Row(call=get("/hq/campaigns"), may=HQ | OTHER_BRAND, is_page=True),
    "groupbuy.campaign.skus": Row(call=get("/hq/campaigns/skus?q=a"), may=ADMINS, is_page=True),
    "groupbuy.campaign.items": Row(
        call=send("POST", "/hq/campaigns/items", form={"q": "a"}), may=ADMINS, is_page=True
    ),
    "groupbuy.campaign.new": Row(call=get("/hq/campaigns/new"), may=ADMINS, is_page=True),
    "groupbuy.campaign.create": Row(
        call=send("POST", "/hq/campaigns/new", form=_EDITOR), may=ADMINS, is_page=True
    ),
    "groupbuy.campaign.see": Row(
        call=on_draft("GET", "/hq/campaigns/{campaign}"), may=HQ, unknown=OTHER_BRAND, is_page=True
    ),
    "groupbuy.campaign.numbers": Row(
        call=on_draft("GET", "/hq/campaigns/{campaign}/numbers"), may=HQ, unknown=OTHER_BRAND, is_page=True
    ),
    "groupbuy.campaign.preview": Row(
        call=on_draft("GET", "/hq/campaigns/{campaign}/preview"), may=HQ, unknown=OTHER_BRAND, is_page=True
    ),
    "groupbuy.campaign.edit": Row(
        call=on_draft("GET", "/hq/campaigns/{campaign}/edit"), may=HQ_ADMINS, unknown=OTHER_BRAND, is_page=True
    ),
    "groupbuy.campaign.save": Row(
        call=form_on_draft("/hq/campaigns/{campaign}/edit", is_whole=True),
        may=HQ_ADMINS,
        unknown=OTHER_BRAND,
        is_page=True,
    ),
    "groupbuy.campaign.publish": Row(
        call=form_on_draft("/hq/campaigns/{campaign}/publish"), may=HQ_ADMINS, unknown=OTHER_BRAND, is_page=True
    ),
    "groupbuy.campaign.close": Row(
        call=form_on_draft("/hq/campaigns/{campaign}/close"), may=HQ_ADMINS, unknown=OTHER_BRAND, is_page=True
    ),
    "groupbuy.shop_groups": Row(call=get("/shop/groups"), may=SHOPS, is_page=True),
    "groupbuy.share": Row(call=a_share, may=OWN_SHOP, unknown=OTHER_SHOP, is_page=True),
    "groupbuy.shop_panel": Row(call=get("/shop/panels/groups"), may=SHOPS, is_page=True),
    "groupbuy.share_panel": Row(call=get("/shop/panels/campaigns"), may=SHOPS, is_page=True),
    "groupbuy_list_campaigns": Row(call=get("/v1/campaigns"), may=HQ | OTHER_BRAND),
    "groupbuy_create_campaign": Row(call=new_campaign, may=ADMINS),
    "groupbuy_get_campaign": Row(call=on_draft("GET", "/v1/campaigns/{campaign}"), may=HQ, unknown=OTHER_BRAND),
    "groupbuy_update_campaign": Row(
        call=on_draft("PUT", "/v1/campaigns/{campaign}", is_whole=True), may=HQ_ADMINS, unknown=OTHER_BRAND
    ),
    "groupbuy_publish_campaign": Row(
        call=on_draft("POST", "/v1/campaigns/{campaign}/publish"), may=HQ_ADMINS, unknown=OTHER_BRAND
    ),
    "groupbuy_close_campaign": Row(
        call=on_draft("POST", "/v1/campaigns/{campaign}/close"), may=HQ_ADMINS, unknown=OTHER_BRAND
    ),
    "groupbuy_campaign_numbers": Row(
        call=on_draft("GET", "/v1/campaigns/{campaign}/numbers"), may=HQ, unknown=OTHER_BRAND
    ),
    "groupbuy_get_offer": Row(call=an_offer, may=CUSTOMERS),
    "groupbuy_get_group": Row(call=a_group, may=CUSTOMERS),
    "groupbuy_take_seat": Row(call=a_seat, may=CUSTOMERS),
    "groupbuy_list_seats": Row(call=get("/v1/group-seats"), may=CUSTOMERS),
    "groupbuy_leave_group": Row(call=own_seat, may=CUSTOMERS),
    "groupbuy_list_shop_groups": Row(call=get("/v1/shop-groups"), may=PEOPLE),
    "groupbuy_list_shop_campaigns": Row(call=shop_campaigns, may=OWN_SHOP, unknown=OTHER_SHOP),
    "groupbuy_make_shop_link": Row(call=a_link, may=OWN_SHOP, unknown=OTHER_SHOP),
}

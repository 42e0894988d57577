"""HQ makes campaigns: draft, publish, close. The terms of a published one stay as people joined on them."""

import datetime as dt
import uuid
from typing import Any

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy import rules
from groupbuy.errors import CampaignUnknown, QuotaBelowSold, SeatLifeTooShort, SkuNotSellable, TermsAreFixed
from groupbuy.events import CampaignClosed, CampaignPublished
from groupbuy.models import Campaign, Item
from groupbuy.repository import campaigns as rows
from groupbuy.service import ending
from groupbuy.states import CAMPAIGN, CampaignState, EndReason, Standing
from groupbuy.types import CampaignFields, CampaignNumbers, CampaignView, CampaignWithItems
from stores import api as stores
from stores.errors import ShopUnknown
from yundian.attribution import api as attribution
from yundian.catalog import api as catalog
from yundian.payments import api as payments
from yundian.payments.types import Provider
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput, VersionConflict
from yundian.platform.core.ids import new_id, readable_code
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import brand_of
from yundian.reports import api as reports

CODE_LENGTH = 8


async def create_campaign(session: AsyncSession, *, fields: CampaignFields) -> CampaignWithItems:
    """A draft that nobody but HQ sees. ``SeatLifeTooShort``."""
    fields = rules.checked(fields)
    await _check_seat_life(session, fields.seat_life_s)
    campaign = Campaign(
        brand_id=brand_of(session), id=new_id(), code=readable_code(CODE_LENGTH).lower(), **_columns(fields)
    )
    session.add(campaign)
    await session.flush()
    await _put_items(session, campaign, fields)
    await _put_shops(session, campaign, fields)
    await session.flush()
    await reports.name_campaign(session, campaign_id=campaign.id, code=campaign.code, name=campaign.name)
    return await _whole(session, campaign)


async def edit_campaign(
    session: AsyncSession, *, campaign_id: uuid.UUID, version: int, fields: CampaignFields
) -> CampaignWithItems:
    """Everything of a draft; of a published one its words, its end, its quotas and its shops.

    Raises:
        TermsAreFixed: a published campaign's size, lives, limits, prices or items would change.
        QuotaBelowSold: fewer pieces than are reserved and sold.
        SeatLifeTooShort: WeChat would not take its orders.
    """
    fields = rules.checked(fields)
    campaign = await _campaign(session, campaign_id)
    if campaign.version != version:
        raise VersionConflict
    if campaign.state is CampaignState.CLOSED:
        raise TermsAreFixed(fields=["closed"])
    if campaign.state is CampaignState.DRAFT:
        await _check_seat_life(session, fields.seat_life_s)
        await rows.drop_items(session, campaign_id=campaign.id)
        await _put_items(session, campaign, fields)
    else:
        await _check_terms(session, campaign, fields)
    for name, value in _columns(fields).items():
        setattr(campaign, name, value)
    campaign.updated_at = clock.now()
    await _put_shops(session, campaign, fields)
    await session.flush()
    await reports.name_campaign(session, campaign_id=campaign.id, code=campaign.code, name=campaign.name)
    return await _whole(session, campaign)


async def publish_campaign(
    session: AsyncSession, *, campaign_id: uuid.UUID, version: int, now: dt.datetime
) -> CampaignWithItems:
    """Open it to everybody in its window. Records ``CampaignPublished``.

    Raises:
        CampaignIncomplete: nothing to sell, no shop, or its end has passed.
        SkuNotSellable: the catalogue does not sell one of its SKUs.
        SeatLifeTooShort: WeChat would not take its orders.
    """
    campaign = await _campaign(session, campaign_id)
    if campaign.version != version:
        raise VersionConflict
    CAMPAIGN.check(campaign.state, CampaignState.PUBLISHED)
    await _check_seat_life(session, campaign.seat_life_s)
    whole = await _whole(session, campaign)
    rules.check_complete(whole.campaign, items=len(whole.items), shops=len(whole.shop_ids), now=now)
    known = await catalog.get_skus(session, ids={item.sku_id for item in whole.items})
    dead = [item.sku_code for item in whole.items if not known[item.sku_id].is_sellable]
    if dead:
        raise SkuNotSellable(codes=dead)
    campaign.state, campaign.published_at = CampaignState.PUBLISHED, now
    await outbox.record(session, CampaignPublished(campaign_id=campaign.id, code=campaign.code))
    await session.flush()
    return await _whole(session, campaign)


async def close_campaign(
    session: AsyncSession, *, campaign_id: uuid.UUID, version: int, now: dt.datetime, ends_groups: bool = False
) -> CampaignWithItems:
    """No new group; open ones run to their own deadline, unless ``ends_groups``: then their money goes back.
    Its links have ended with it.

    Records ``CampaignClosed`` and, for each group that ends, ``GroupEnded``.
    """
    campaign = await _campaign(session, campaign_id)
    if campaign.version != version:
        raise VersionConflict
    CAMPAIGN.check(campaign.state, CampaignState.CLOSED)
    campaign.state, campaign.closed_at = CampaignState.CLOSED, now
    await outbox.record(session, CampaignClosed(campaign_id=campaign.id, code=campaign.code))
    await session.flush()
    await attribution.expire_links(session, campaign_id=campaign.id, at=now)
    if ends_groups:
        await ending.cancel_groups(session, campaign_id=campaign.id, reason=EndReason.CAMPAIGN, now=now)
    return await _whole(session, campaign)


async def open_with(session: AsyncSession, *, campaign_id: uuid.UUID, name: str) -> CampaignWithItems:
    """Only the upper room of this name opens groups of a campaign from now on, a draft still."""
    campaign = await _campaign(session, campaign_id)
    if campaign.state is not CampaignState.DRAFT and campaign.opens_with != name:
        raise TermsAreFixed(fields=["opens_with"])
    campaign.opens_with = name
    await session.flush()
    return await _whole(session, campaign)


async def get_campaign(session: AsyncSession, *, campaign_id: uuid.UUID) -> CampaignWithItems:
    """With its items and shops, also a draft: for HQ."""
    return await _whole(session, await _campaign(session, campaign_id))


async def find_campaign(session: AsyncSession, *, code: str) -> CampaignWithItems:
    """By the code in its address; a draft does not exist for customers."""
    campaign = await rows.by_code(session, code=code)
    if campaign is None or campaign.state is CampaignState.DRAFT:
        raise CampaignUnknown
    return await _whole(session, campaign)


async def list_campaigns(
    session: AsyncSession, *, standing: Standing | None = None, cursor: str | None = None, limit: int = 50
) -> Page[CampaignWithItems]:
    """The newest first, with their items (without their shops)."""
    after_id: uuid.UUID | None = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    found = await rows.page(session, standing=standing, after_id=after_id, now=clock.now(), limit=limit + 1)
    kept, next_cursor = cut(found, limit, lambda one: (one.id,))
    return Page(await _with_items(session, kept), next_cursor)


async def campaigns_to_share(
    session: AsyncSession, *, shop_id: uuid.UUID | None, now: dt.datetime, limit: int = 50
) -> list[CampaignWithItems]:
    """What a shop may share now; of ``None``: what runs in the brand."""
    return await _with_items(session, await rows.running_of_shop(session, shop_id=shop_id, now=now, limit=limit))


async def campaigns_of(session: AsyncSession, *, ids: list[uuid.UUID]) -> list[CampaignWithItems]:
    """These campaigns with their items (without their shops)."""
    return await _with_items(session, await rows.by_ids(session, ids=ids)) if ids else []


async def numbers_of(session: AsyncSession, *, campaign_id: uuid.UUID) -> CampaignNumbers:
    """How a campaign goes, counted now."""
    await _campaign(session, campaign_id)
    return await rows.numbers(session, campaign_id=campaign_id)


async def _campaign(session: AsyncSession, campaign_id: uuid.UUID) -> Campaign:
    campaign = await rows.get(session, campaign_id=campaign_id)
    if campaign is None:
        raise CampaignUnknown
    return campaign


async def _whole(session: AsyncSession, campaign: Campaign) -> CampaignWithItems:
    items = await rows.items_of(session, campaign_ids=[campaign.id])
    shops = await rows.shops_of(session, campaign_id=campaign.id)
    return CampaignWithItems(
        campaign=msgspec.convert(campaign, CampaignView, from_attributes=True),
        items=tuple(rows.item_view(item) for item in items[campaign.id]),
        shop_ids=tuple(shops),
    )


async def _with_items(session: AsyncSession, found: list[Campaign]) -> list[CampaignWithItems]:
    items = await rows.items_of(session, campaign_ids=[one.id for one in found]) if found else {}
    return [
        CampaignWithItems(
            campaign=msgspec.convert(one, CampaignView, from_attributes=True),
            items=tuple(rows.item_view(item) for item in items[one.id]),
            shop_ids=(),
        )
        for one in found
    ]


async def _check_seat_life(session: AsyncSession, seat_life_s: int) -> None:
    """Also when it is published: the brand may take WeChat Pay since."""
    if seat_life_s < rules.SHORTEST_SEAT_LIFE_S and await payments.is_offered(session, Provider.WECHAT):
        raise SeatLifeTooShort


def _columns(fields: CampaignFields) -> dict[str, Any]:
    return {name: getattr(fields, name) for name in fields.__struct_fields__ if name not in ("items", "shop_ids")}


async def _put_items(session: AsyncSession, campaign: Campaign, fields: CampaignFields) -> None:
    known = await catalog.get_skus(session, ids={item.sku_id for item in fields.items})
    if len(known) != len(fields.items):
        raise InvalidInput("items", "a SKU is not in the catalogue")
    for position, item in enumerate(fields.items):
        sku = known[item.sku_id]
        session.add(
            Item(
                brand_id=campaign.brand_id,
                campaign_id=campaign.id,
                sku_id=sku.id,
                position=position,
                sku_code=sku.code,
                name=sku.product_name,
                shade_name=sku.shade_name or sku.option_text,
                shade_hex=sku.shade_hex,
                single_price_minor=sku.price_minor,
                group_price_minor=item.group_price_minor,
                currency=sku.currency,
                quota=item.quota,
            )
        )
    if len({known[item.sku_id].currency for item in fields.items}) > 1:
        raise InvalidInput("items", "all SKUs of a campaign have one currency")


async def _put_shops(session: AsyncSession, campaign: Campaign, fields: CampaignFields) -> None:
    wanted = set() if fields.is_all_shops else set(fields.shop_ids)
    known = await stores.get_shops(session, ids=wanted)
    if len(known) != len(wanted):
        raise ShopUnknown
    await rows.put_shops(session, campaign_id=campaign.id, shop_ids=sorted(wanted))


async def _check_terms(session: AsyncSession, campaign: Campaign, fields: CampaignFields) -> None:
    """Terms stay; quotas move within what is left."""
    view = msgspec.convert(campaign, CampaignView, from_attributes=True)
    changed = rules.changed_terms(view, fields)
    items = {item.sku_id: item for item in (await rows.items_of(session, campaign_ids=[campaign.id]))[campaign.id]}
    prices = {item.sku_id: item.group_price_minor for item in fields.items}
    if prices != {sku_id: item.group_price_minor for sku_id, item in items.items()}:
        changed.append("items")
    if changed:
        raise TermsAreFixed(fields=changed)
    for wanted in sorted(fields.items, key=lambda one: items[one.sku_id].id):
        item = items[wanted.sku_id]
        if wanted.quota == item.quota:
            continue
        if not await rows.set_quota(session, item_id=item.id, quota=wanted.quota):
            raise QuotaBelowSold(sku_code=item.sku_code)
        await session.refresh(item)

"""The demo brand's group-buys: something runs whenever somebody looks."""

import datetime as dt
import uuid
from collections.abc import Sequence

from groupbuy import api as groupbuy
from groupbuy.types import CampaignFields, ItemFields
from yundian.catalog import api as catalog
from yundian.platform.core import clock
from yundian.platform.db.services import Services

_LIFE = dt.timedelta(days=30)
# name, title, description, both in English, size, fen less in a group, quota, SKU codes
_OFFERS: Sequence[tuple[str, str, str, str, str, int, int, int, tuple[str, ...]]] = (
    (
        "云绒唇釉三人团",
        "云绒雾面唇釉 三人成团 立省 30 元",
        "一抹成雾，六小时不拔干。三位好友一起买，到店即取，还可免费试妆。",
        "Cloud Velvet Lip: three together, ¥30 off each",
        "A mist in one stroke, six hours without dryness. Buy with two friends, try it on in the shop.",
        3,
        30_00,
        600,
        ("DT-L01-01", "DT-L01-02", "DT-L01-03", "DT-L01-04"),
    ),
    (
        "双人底妆体验团",
        "羽感粉底液 两人同行 各省 40 元",
        "约上闺蜜一起换季，门店现货，成团后凭取货码到店领取。",
        "Feather Foundation: two together, ¥40 off each",
        "Change seasons with a friend. In stock: collect in the shop by your code once the group is complete.",
        2,
        40_00,
        300,
        ("DT-F01-01", "DT-F01-02"),
    ),
)


async def ensure_campaigns(services: Services, brand_id: uuid.UUID) -> list[str]:
    """The codes of what runs; made only while nothing does."""
    now = clock.now()
    async with services.database.unit_of_work(brand_id) as session:
        running = await groupbuy.campaigns_to_share(session, shop_id=None, now=now)
        if running:
            return [one.campaign.code for one in running]
        known = await catalog.find_skus(session, codes={code for offer in _OFFERS for code in offer[8]})
        made = []
        for name, title, text, title_en, text_en, size, less_minor, quota, codes in _OFFERS:
            items = tuple(
                ItemFields(
                    sku_id=known[code].id,
                    group_price_minor=known[code].price_minor - less_minor,
                    quota=quota,
                )
                for code in codes
                if code in known
            )
            fields = CampaignFields(
                name=name,
                title=title,
                description=text,
                title_en=title_en,
                description_en=text_en,
                size=size,
                starts_at=now - dt.timedelta(minutes=1),
                ends_at=now + _LIFE,
                per_member_limit=5,
                pieces_per_seat=2,
                items=items,
            )
            draft = await groupbuy.create_campaign(session, fields=fields)
            campaign = await groupbuy.publish_campaign(
                session, campaign_id=draft.campaign.id, version=draft.campaign.version, now=now
            )
            made.append(campaign.campaign.code)
    return made

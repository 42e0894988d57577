"""Makes links, touches and credits for tests."""

import datetime as dt
import uuid

from yundian.attribution import api
from yundian.attribution.types import (
    AgentClass,
    Channel,
    Credit,
    GroupOwner,
    LinkKind,
    LinkTarget,
    LinkView,
    Seen,
    Subject,
    TouchKind,
)
from yundian.brands.types import BrandView
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.money import Money
from yundian.platform.db.services import Services

CAMPAIGN = uuid.UUID("00000000-0000-7000-8000-00000000ca01")


def target(title: str = "云雾丝绒唇釉 三人团", **changes: object) -> LinkTarget:
    values: dict[str, object] = {
        "kind": LinkKind.CAMPAIGN,
        "target_type": "test.campaign",
        "target_id": CAMPAIGN,
        "target_path": "/docs",
        "title": title,
        "campaign_id": CAMPAIGN,
        "price_minor": 9_900,
    }
    return LinkTarget(**(values | changes))  # type: ignore[arg-type]


async def make_link(
    services: Services,
    brand: BrandView,
    shop_id: uuid.UUID | None,
    *,
    staff_id: uuid.UUID | None = None,
    channel: Channel = Channel.SHARE,
    **changes: object,
) -> LinkView:
    """A committed link of the shop."""
    async with services.database.unit_of_work(brand.id) as session:
        return await api.make_link(
            session,
            keyring=services.keyring,
            target=target(**changes),  # type: ignore[arg-type]
            shop_id=shop_id,
            channel=channel,
            staff_id=staff_id,
        )


async def touch(
    services: Services,
    link: LinkView,
    *,
    visitor: bytes | None = None,
    member_id: uuid.UUID | None = None,
    at: dt.datetime | None = None,
    agent: AgentClass = AgentClass.WECHAT,
    kind: TouchKind = TouchKind.OPEN,
    own: frozenset[uuid.UUID] = frozenset(),
) -> uuid.UUID | None:
    async with services.database.connection(link.brand_id) as tx:
        return await api.record_touch(
            tx,
            link_id=link.id,
            visitor=visitor,
            member_id=member_id,
            kind=kind,
            at=at or clock.now(),
            agent=agent,
            own_shop_ids=own,
        )


async def decided(
    services: Services,
    brand: BrandView,
    *,
    member_id: uuid.UUID | None = None,
    visitor: bytes | None = None,
    group: GroupOwner | None = None,
    fulfil_shop_id: uuid.UUID | None = None,
    campaign_id: uuid.UUID | None = CAMPAIGN,
    at: dt.datetime | None = None,
) -> Credit:
    async with services.database.connection(brand.id) as tx:
        return await api.decide(
            tx,
            member_id=member_id,
            visitor=visitor,
            at=at or clock.now(),
            campaign_id=campaign_id,
            group=group,
            fulfil_shop_id=fulfil_shop_id,
        )


async def credited(services: Services, brand: BrandView, credit: Credit, *, minor: int = 9_900) -> Subject:
    """A new order with this credit."""
    subject = Subject("order", new_id())
    async with services.database.unit_of_work(brand.id) as session:
        await api.write_credit(session, credit=credit, subject=subject, amount=Money(minor, "CNY"), member_id=None)
    return subject


def seen(at: dt.datetime, shop_id: uuid.UUID | None, **changes: object) -> Seen:
    """A touch on a link of the shop, as a decision sees it."""
    values: dict[str, object] = {
        "touch_id": new_id(),
        "at": at,
        "kind": TouchKind.OPEN,
        "is_own": False,
        "link_id": new_id(),
        "shop_id": shop_id,
        "staff_id": None,
        "campaign_id": CAMPAIGN,
        "sharer_member_id": None,
        "expires_at": None,
        "revoked_at": None,
    }
    return Seen(**(values | changes))  # type: ignore[arg-type]

"""HQ's pages: campaigns, their editor, how they go."""

import datetime as dt
import uuid
from typing import Annotated, Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.pages import words
from groupbuy.pages.customer import campaign_context
from groupbuy.pages.editing import EditorForm, form_of
from groupbuy.pages.picking import editor
from groupbuy.pages.shared import gallery, pictures_of, told_items
from groupbuy.service import campaigns, reading
from groupbuy.states import Standing
from groupbuy.types import CampaignWithItems
from stores import api as stores
from yundian.brands import api as brands
from yundian.platform.auth.guards import requires
from yundian.platform.core import clock
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import fragment, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

Text = Annotated[str, QueryParameter(max_length=60)]
_DAY = dt.timedelta(days=1)


class CampaignPages(Controller):
    path = "/hq/campaigns"
    include_in_schema = False

    @get(name="groupbuy.campaigns", guards=[readers])
    async def list_campaigns(
        self, session: NamedDependency[AsyncSession], standing: Text = "", cursor: Cursor = None
    ) -> Template:
        """Campaigns, the newest first."""
        wanted = Standing(standing) if standing in {one.value for one in Standing} else None
        found = await campaigns.list_campaigns(session, standing=wanted, cursor=cursor)
        pictures = await pictures_of(session, found.items)
        return page(
            "groupbuy/campaigns.html",
            campaigns=found,
            first={one.campaign.id: gallery(one, pictures)[:1] for one in found.items},
            filters=Form.of(standing=standing),
            is_filtered=wanted is not None,
            standings=[(one.value, words.standing_label(one)) for one in Standing],
            words=words,
            now=clock.house(),
            zone=await brands.zone_of(session),
        )

    @get("/new", name="groupbuy.campaign.new", guards=[writers])
    async def new_campaign(self, session: NamedDependency[AsyncSession]) -> Template:
        """An empty editor, filled with what most campaigns say."""
        zone = await brands.zone_of(session)
        day = (clock.house() + _DAY).replace(minute=0, second=0, microsecond=0)
        form = form_of(None, zone=zone, starts_at=day, ends_at=day + 7 * _DAY)
        return await editor(session, form, whole=None)

    @post("/new", name="groupbuy.campaign.create", guards=[writers], status_code=200)
    @idempotent
    async def create_campaign(
        self, request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]
    ) -> Response[Any]:
        """Draft the campaign, or show what is wrong."""
        form = await Form.read(request)
        async with form.attempt(session):
            fields = await form.parse(EditorForm).fields(session, form, zone=await brands.zone_of(session))
            made = await campaigns.create_campaign(session, fields=fields)
            return see_other(f"/hq/campaigns/{made.campaign.id}", toast=_("Saved"))
        return await editor(session, form, whole=None)

    @get("/{campaign_id:uuid}", name="groupbuy.campaign.see", guards=[readers])
    async def see_campaign(
        self, campaign_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession], cursor: Cursor = None
    ) -> Template:
        """What it says, how it goes, and what may be done with it."""
        whole = await campaigns.get_campaign(session, campaign_id=campaign_id)
        return await _campaign_page(session, whole, Form.of(), cursor)

    @get("/{campaign_id:uuid}/numbers", name="groupbuy.campaign.numbers", guards=[readers])
    async def numbers(self, campaign_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]) -> Template:
        """How it goes at this moment, asked for every few seconds."""
        return fragment(
            "groupbuy/_numbers.html", numbers=await campaigns.numbers_of(session, campaign_id=campaign_id)
        )

    @get("/{campaign_id:uuid}/preview", name="groupbuy.campaign.preview", guards=[readers])
    async def preview(
        self,
        campaign_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Template:
        """As customers will see it, also before it is published."""
        whole = await campaigns.get_campaign(session, campaign_id=campaign_id)
        brand = await brands.find_brand(session, code=await brands.code_of(session))
        return page(
            "groupbuy/campaign.html",
            **await campaign_context(session, brand, whole, shop_id=None, member_id=None),
            url="",
            via="",
            is_preview=True,
        )

    @get("/{campaign_id:uuid}/edit", name="groupbuy.campaign.edit", guards=[writers])
    async def edit_campaign(
        self, campaign_id: FromPath[uuid.UUID], session: NamedDependency[AsyncSession]
    ) -> Template:
        """The editor as it stands."""
        whole = await campaigns.get_campaign(session, campaign_id=campaign_id)
        codes = await _shop_codes(session, whole)
        return await editor(
            session, form_of(whole, zone=await brands.zone_of(session), shop_codes=codes), whole=whole
        )

    @post("/{campaign_id:uuid}/edit", name="groupbuy.campaign.save", guards=[writers], status_code=200)
    @idempotent
    async def save_campaign(
        self,
        campaign_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
    ) -> Response[Any]:
        """Save it, or show what is wrong."""
        form = await Form.read(request)
        async with form.attempt(session):
            values = form.parse(EditorForm)
            fields = await values.fields(session, form, zone=await brands.zone_of(session))
            await campaigns.edit_campaign(session, campaign_id=campaign_id, version=values.version, fields=fields)
            return see_other(f"/hq/campaigns/{campaign_id}", toast=_("Saved"))
        return await editor(session, form, whole=await campaigns.get_campaign(session, campaign_id=campaign_id))

    @post("/{campaign_id:uuid}/publish", name="groupbuy.campaign.publish", guards=[writers], status_code=200)
    @idempotent
    async def publish(
        self,
        campaign_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
    ) -> Response[Any]:
        """Open it to everybody, or say why not."""
        form = await Form.read(request)
        async with form.attempt(session):
            await campaigns.publish_campaign(
                session, campaign_id=campaign_id, version=form.version(), now=clock.house()
            )
            return see_other(f"/hq/campaigns/{campaign_id}", toast=_("Published"))
        whole = await campaigns.get_campaign(session, campaign_id=campaign_id)
        return await _campaign_page(session, whole, form, None)

    @post("/{campaign_id:uuid}/close", name="groupbuy.campaign.close", guards=[writers], status_code=200)
    @idempotent
    async def close(
        self,
        campaign_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
    ) -> Response[Any]:
        """Open no more groups, or say why not; with ``ends_groups`` the open ones end too."""
        form = await Form.read(request)
        async with form.attempt(session):
            await campaigns.close_campaign(
                session,
                campaign_id=campaign_id,
                version=form.version(),
                now=clock.house(),
                ends_groups=bool(form.value("ends_groups")),
            )
            return see_other(f"/hq/campaigns/{campaign_id}", toast=_("Closed"))
        whole = await campaigns.get_campaign(session, campaign_id=campaign_id)
        return await _campaign_page(session, whole, form, None)


async def _campaign_page(
    session: AsyncSession, whole: CampaignWithItems, form: Form, cursor: str | None
) -> Template:
    now = clock.house()
    groups = await reading.groups_of_campaign(session, campaign_id=whole.campaign.id, cursor=cursor, limit=20)
    shops = await stores.get_shops(
        session, ids={*whole.shop_ids, *(group.shop_id for group in groups.items if group.shop_id)}
    )
    return page(
        "groupbuy/hq_campaign.html",
        status_code=form.status,
        form=form,
        whole=await told_items(session, whole),
        campaign=whole.campaign,
        standing=whole.campaign.standing(now),
        numbers=await campaigns.numbers_of(session, campaign_id=whole.campaign.id),
        groups=groups,
        shops=shops,
        words=words,
        zone=await brands.zone_of(session),
        brand_code=await brands.code_of(session),
    )


async def _shop_codes(session: AsyncSession, whole: CampaignWithItems) -> list[str]:
    return sorted(shop.code for shop in (await stores.get_shops(session, ids=set(whole.shop_ids))).values())

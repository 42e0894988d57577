"""The campaign editor, and how HQ picks what a campaign sells: searched while one types, or step by step without
a script."""

import uuid
from collections.abc import Sequence
from typing import Annotated, Any, NamedTuple

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import QueryParameter
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.pages import words
from groupbuy.pages.editing import ItemRow, rows_of
from groupbuy.service import campaigns
from groupbuy.states import CampaignState
from groupbuy.types import MAX_ITEMS, CampaignWithItems
from yundian.brands import api as brands
from yundian.catalog import api as catalog
from yundian.catalog.types import FoundSku, NamedSku, PictureView
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Role
from yundian.platform.web.forms import Form
from yundian.platform.web.pages import fragment, is_htmx, page

writers = requires(Role.HQ_ADMIN)

_MOST_FOUND = 12

Text = Annotated[str, QueryParameter(max_length=100)]


class ShownRow(NamedTuple):
    """A line of the table of SKUs, with what the catalogue knows of the SKU; nothing for an unknown code."""

    row: ItemRow
    sku: NamedSku | None
    picture: PictureView | None


class PickingPages(Controller):
    path = "/hq/campaigns"
    include_in_schema = False
    guards = [writers]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/skus", name="groupbuy.campaign.skus")
    async def find(self, session: NamedDependency[AsyncSession], q: Text = "") -> Template:
        """What the typed text means, to be picked."""
        found = await catalog.search_skus(session, search=q, limit=_MOST_FOUND)
        return fragment("groupbuy/_found_skus.html", found=found, search=q.strip())

    @post("/items", name="groupbuy.campaign.items", status_code=200)
    async def change(
        self, request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]
    ) -> Response[Any]:
        """Put one more SKU into the table, or take one out; nothing is saved. Without a script: also search."""
        form = await Form.read(request)
        rows = [row for row in rows_of(form) if row.sku != form.value("drop")]
        added = form.value("add")
        if added and added not in {row.sku for row in rows} and len(rows) < MAX_ITEMS:
            rows.append(ItemRow(added))
        if is_htmx(request):
            return fragment(
                "groupbuy/_items.html", rows=await _shown(session, rows), is_fixed=False, form=Form.of()
            )
        search = form.value("q")
        found = (
            await catalog.search_skus(session, search=search, limit=_MOST_FOUND) if form.value("find") else None
        )
        return await editor(session, form, whole=await _campaign(session, form), rows=rows, found=found)


async def editor(
    session: AsyncSession,
    form: Form,
    *,
    whole: CampaignWithItems | None,
    rows: Sequence[ItemRow] | None = None,
    found: Sequence[FoundSku] | None = None,
) -> Template:
    """The whole editor, as it was typed."""
    is_fixed = whole is not None and whole.campaign.state is not CampaignState.DRAFT
    return page(
        "groupbuy/campaign_editor.html",
        status_code=form.status,
        form=form,
        whole=whole,
        rows=await _shown(session, rows_of(form) if rows is None else rows),
        found=found,
        search=form.value("q"),
        is_fixed=is_fixed,
        policies=words.policies(),
        action=f"/hq/campaigns/{whole.campaign.id}/edit" if whole else "/hq/campaigns/new",
        zone=await brands.zone_of(session),
    )


async def _campaign(session: AsyncSession, form: Form) -> CampaignWithItems | None:
    """Whose editor was open; none for a new one, and for an id that was tampered with."""
    try:
        campaign_id = uuid.UUID(form.value("campaign_id"))
    except ValueError:
        return None
    return await campaigns.get_campaign(session, campaign_id=campaign_id)


async def _shown(session: AsyncSession, rows: Sequence[ItemRow]) -> list[ShownRow]:
    known = await catalog.find_skus(session, codes={row.sku for row in rows})
    pictures = await catalog.pictures_of(session, sku_ids={sku.id for sku in known.values()})
    shown = []
    for row in rows:
        sku = known.get(row.sku)
        views = pictures.get(sku.id, []) if sku else []
        shown.append(ShownRow(row, sku, views[0] if views else None))
    return shown

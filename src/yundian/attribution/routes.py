"""Attribution's JSON API: why a credit is whose, its transfer, share cards, and touches of mini programs."""

import uuid
from typing import Annotated, Any
from urllib.parse import urljoin, urlsplit

from litestar import Controller, Request, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody, QueryParameter
from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from stores.errors import ShopUnknown
from yundian.attribution import api
from yundian.attribution.errors import (
    CreditMoved,
    CreditNotTransferable,
    CreditUnknown,
    LinkUnknown,
    NotOurAddress,
)
from yundian.attribution.schemas import (
    CreditRead,
    ShareCard,
    ShareRequest,
    TouchedLink,
    TouchRequest,
    TransferRequest,
    WeChatSignature,
    credit_read,
)
from yundian.attribution.service import credits, links
from yundian.attribution.types import AgentClass, LinkRead, LinkView, LinkWithNumbers, Subject
from yundian.members import api as members
from yundian.platform.auth.guards import FOR_CUSTOMERS, anyone, requires
from yundian.platform.core import clock
from yundian.platform.core.principal import SHOP_ROLES, Principal, PrincipalKind, Role
from yundian.platform.db.paging import Page
from yundian.platform.db.services import Services
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor, Limit
from yundian.platform.web.openapi import refusals

readers = requires(*Role)
movers = requires(Role.HQ_ADMIN)
SUBJECT = "/{subject_type:str}/{subject_id:uuid}"


class CreditController(Controller):
    path = "/credits"

    @get(
        SUBJECT,
        operation_id="attribution_explain_credit",
        guards=[readers],
        responses=refusals(CreditUnknown),
    )
    async def explain(
        self,
        subject_type: FromPath[str],
        subject_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> CreditRead:
        """Whose an order is, and why. A shop's people see what is credited to their shop."""
        found = await credits.explain(
            session, subject=Subject(subject_type, subject_id), visible=principal.shops(*Role)
        )
        return credit_read(found)

    @post(
        SUBJECT + "/transfers",
        operation_id="attribution_transfer_credit",
        guards=[movers],
        responses=refusals(CreditUnknown, CreditMoved, CreditNotTransferable, ShopUnknown),
    )
    @idempotent
    async def transfer(
        self,
        subject_type: FromPath[str],
        subject_id: FromPath[uuid.UUID],
        data: JSONBody[TransferRequest],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> CreditRead:
        """Move a credit to another shop, or to HQ, with audit. To undo it is another transfer."""
        subject = Subject(subject_type, subject_id)
        await credits.transfer(
            session,
            subject=subject,
            from_shop_id=data.from_shop_id,
            to_shop_id=data.to_shop_id,
            reason=data.reason,
            actor_id=principal.id,
            actor_name=principal.name,
        )
        return credit_read(await credits.explain(session, subject=subject))


class ShopLinkController(Controller):
    path = "/shop-links"

    @get(
        operation_id="attribution_list_shop_links",
        guards=[requires(*SHOP_ROLES)],
        responses=refusals(ShopUnknown),
    )
    async def list_links(
        self,
        shop_id: Annotated[uuid.UUID, QueryParameter(description="One of the caller's shops")],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
        limit: Limit = 50,
        cursor: Cursor = None,
    ) -> Page[LinkWithNumbers]:
        """List the live links of one's shop, the newest first; of people's own one's own; the owner sees all."""
        if shop_id not in (principal.own_shops):
            raise ShopUnknown
        base = services.settings.public_url or str(request.base_url)
        found = await links.list_links(
            session,
            shop_id=shop_id,
            staff_id=principal.id,
            is_everybodys=shop_id in (principal.shops(Role.SHOP_OWNER) or ()),
            cursor=cursor,
            limit=limit,
        )
        items = [
            LinkWithNumbers(
                link=LinkRead.of(one.link, base=base),
                opens=one.opens,
                orders=one.orders,
                sales_minor=one.sales_minor,
                currency=one.link.currency,
            )
            for one in found.items
        ]
        return Page(items, found.next_cursor)


class SharingController(Controller):
    path = "/"
    guards = [anyone]  # noqa: RUF012  Litestar's way to guard a controller
    opt = FOR_CUSTOMERS

    @post(
        "/share-card",
        operation_id="attribution_share_card",
        status_code=200,
        opt={"rate_limit": "60/minute"},
        responses=refusals(LinkUnknown, NotOurAddress),
    )
    async def share_card(
        self,
        data: JSONBody[ShareRequest],
        request: Request[Any, Any, Any],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> ShareCard:
        """What this page looks like when it is shared, and a link to it by which the shop that brought the caller
        keeps the credit; a customer of the brand gets one of her own."""
        base = services.settings.public_url or str(request.base_url)
        here = urlsplit(data.url)
        if here[:2] != urlsplit(base)[:2]:
            raise NotOurAddress
        link = await links.resolve(services.database, keyring=services.keyring, token=data.token)
        own, shop_name = await _own_link(services, principal, link, here.path)
        return ShareCard(
            title=link.title,
            text=shop_name,
            url=base.rstrip("/") + (own.path if own else here.path),
            # WeChat's own servers fetch it.
            picture=urljoin(base, link.picture) if link.picture else "",
            wechat=await _signature(request, services, link, data.url),
        )

    @post("/touches", operation_id="attribution_touch", status_code=200, responses=refusals(LinkUnknown))
    async def touch(
        self,
        data: JSONBody[TouchRequest],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> TouchedLink:
        """A mini program was opened by a link or a scanned code: keeps the touch and tells where it leads."""
        brand_id = await links.brand_of_token(services.database, keyring=services.keyring, token=data.token)
        found = await links.open_link(
            services.database,
            brand_id=brand_id,
            token=data.token,
            visitor=api.visitor_hash(services.keyring, data.visitor),
            agent=AgentClass.WECHAT,
            member_id=_member_of(principal, brand_id),
        )
        link = found.link
        return TouchedLink(
            kind=link.kind.value,
            target_type=link.target_type,
            target_id=link.target_id,
            path=link.target_path,
            title=link.title,
            shop_id=link.shop_id,
            campaign_id=link.campaign_id,
            is_live=link.is_live(clock.now()) and not found.is_shop_closed,
        )


def _member_of(principal: Principal, brand_id: uuid.UUID) -> uuid.UUID | None:
    is_hers = principal.kind is PrincipalKind.CUSTOMER and principal.brand_id == brand_id
    return principal.id if is_hers else None


async def _own_link(
    services: Services, principal: Principal, link: LinkView, path: str
) -> tuple[LinkView | None, str]:
    """The link by which this caller shares the page, and the name of its shop. One that ended is not passed on."""
    member_id, own = _member_of(principal, link.brand_id), None
    async with services.database.unit_of_work(link.brand_id) as session:
        if link.is_live(clock.now()):
            own = await links.share_page(
                session, keyring=services.keyring, parent=link, member_id=member_id, path=path
            )
        shops = await stores.get_shops(session, ids={link.shop_id} if link.shop_id else set())
    return own, "".join(shop.name for shop in shops.values())


async def _signature(
    request: Request[Any, Any, Any], services: Services, link: LinkView, url: str
) -> WeChatSignature | None:
    """Without an official account, or while WeChat does not answer, the page is shared as it is."""
    found = await members.js_config(
        services.database,
        keyring=services.keyring,
        apps=request.app.state.wechat,
        brand_id=link.brand_id,
        url=url,
    )
    if found is None:
        return None
    return WeChatSignature(
        app_id=found.app_id, timestamp=found.timestamp, nonce=found.nonce, signature=found.signature
    )

"""What pages and routes of auth share: where a sign-in comes from, and whom a shop's owner may touch."""

import uuid
from collections.abc import Iterable
from typing import Any

from litestar import Request
from litestar.di import Provide
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.auth.cookies import cookie_name
from yundian.platform.auth.ports import ShopNames
from yundian.platform.auth.types import Client
from yundian.platform.core.errors import Forbidden, NotFound
from yundian.platform.core.principal import Grant, Principal, Role
from yundian.platform.core.settings import Settings
from yundian.platform.web.context import current

# Per address, behind which a whole office may sit; the lock-out in the database guards each login.
SIGN_IN_RATE = "60/minute"


def client_of(request: Request[Any, Any, Any], settings: Settings) -> Client:
    """The address and device of a request, and the session it would replace."""
    return Client(
        ip=current().client,
        user_agent=request.headers.get("User-Agent", ""),
        old_token=request.cookies.get(cookie_name(settings)),
    )


def shop_names_of(request: Request[Any, Any, Any]) -> ShopNames:
    """How to ask the room of the shops, filled in by the composition root."""
    names: ShopNames = request.app.state.shop_names
    return names


SHOP_NAMES = {"shop_names": Provide(shop_names_of, sync_to_thread=False)}


async def check_shop(
    session: AsyncSession, *, shops: ShopNames, principal: Principal, shop_id: uuid.UUID, role: Role
) -> None:
    """HQ manages everybody in the brand's shops; an owner the staff of her own, any other being unknown to her."""
    own = principal.shops(Role.HQ_ADMIN, Role.SHOP_OWNER)
    if own is not None and shop_id not in own:
        raise NotFound
    if own is not None and role is not Role.SHOP_STAFF:
        raise Forbidden
    await check_known(session, shops=shops, grants=[Grant(role, shop_id)])


async def check_known(session: AsyncSession, *, shops: ShopNames, grants: Iterable[Grant]) -> None:
    """``NotFound`` when a grant names a shop that the brand does not have."""
    ids = {grant.shop_id for grant in grants if grant.shop_id is not None}
    if ids and set(await shops(session, ids=ids)) != ids:
        raise NotFound

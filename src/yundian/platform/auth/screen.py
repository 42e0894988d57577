"""What pages and routes of auth share: where a sign-in comes from, and whom a shop's owner may touch."""

import uuid
from typing import Any

from litestar import Request

from yundian.platform.auth.cookies import cookie_name
from yundian.platform.auth.sign_in import Client
from yundian.platform.core.errors import Forbidden, NotFound
from yundian.platform.core.principal import Principal, Role
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


def own_id(principal: Principal) -> uuid.UUID:
    """The account of a signed-in person."""
    if principal.id is None:
        raise Forbidden
    return principal.id


def check_shop(principal: Principal, shop_id: uuid.UUID, role: Role) -> None:
    """HQ manages everybody; an owner the staff of her own shop, any other shop being unknown to her."""
    shops = principal.shops(Role.HQ_ADMIN, Role.SHOP_OWNER)
    if shops is None:
        return
    if shop_id not in shops:
        raise NotFound
    if role is not Role.SHOP_STAFF:
        raise Forbidden

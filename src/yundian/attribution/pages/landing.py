"""Where a shared link is opened."""

import secrets
from typing import Any
from urllib.parse import urlencode

from litestar import Controller, Response, get
from litestar.datastructures import Cookie
from litestar.di import NamedDependency
from litestar.params import FromPath

from yundian.attribution import api
from yundian.attribution.errors import LinkUnknown
from yundian.attribution.repository.touches import Touched
from yundian.attribution.service import agents, links
from yundian.attribution.types import AgentClass
from yundian.platform.auth import api as auth
from yundian.platform.auth.cookies import token_of
from yundian.platform.auth.guards import anyone
from yundian.platform.core import clock
from yundian.platform.core.principal import ANONYMOUS, Principal, PrincipalKind
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, page, see_other

_YEAR_S = 365 * 24 * 3600


class LandingPages(Controller):
    path = "/s"
    include_in_schema = False
    guards = [anyone]  # noqa: RUF012  Litestar's way to guard a controller

    @get("/{token:str}", name="attribution.landing")
    async def land(
        self,
        token: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Keep that the link was opened, and lead to what was shared. A link that ended still leads there."""
        agent = agents.class_of(request.headers.get("User-Agent", ""), is_prefetch=_is_prefetch(request))
        value, is_new = _visitor(request, services.settings)
        try:
            brand_id = await links.brand_of_token(services.database, keyring=services.keyring, token=token)
            member = await _customer(request, services)
            found = await links.open_link(
                services.database,
                brand_id=brand_id,
                token=token,
                visitor=None if agent is AgentClass.BOT else api.visitor_hash(services.keyring, value),
                agent=agent,
                member_id=member.id if member.brand_id == brand_id else None,
                own_shop_ids=principal.own_shops,
            )
        except LinkUnknown:
            return page("attribution/unknown.html", status_code=404)
        answer = see_other(_destination(found), toast=_said(found))
        if is_new and agent is not AgentClass.BOT:
            answer.cookies.append(_cookie(services.settings, value))
        return answer


def _is_prefetch(request: AnyRequest) -> bool:
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("X-Purpose", "")
    return "prefetch" in purpose or "preview" in purpose


def _visitor(request: AnyRequest, settings: Settings) -> tuple[str, bool]:
    """The browser's random value, and whether it is new."""
    known = request.cookies.get(api.visitor_cookie_name(settings), "")
    if api.is_visitor(known):
        return known, False
    return secrets.token_urlsafe(24), True


async def _customer(request: AnyRequest, services: Services) -> Principal:
    """The customer who is signed in in this browser, whoever of the staff is too."""
    token = token_of(services.settings, cookies=request.cookies, authorization="", is_for_customers=True)
    if token is None:
        return ANONYMOUS
    found = await auth.principal_of_token(services.database, keyring=services.keyring, token=token)
    return found if found.kind is PrincipalKind.CUSTOMER else ANONYMOUS


def _destination(found: Touched) -> str:
    path, _, mark = found.link.target_path.partition("#")
    joint = "&" if "?" in path else "?"
    return f"{path}{joint}{urlencode({'via': found.link.token})}{'#' + mark if mark else ''}"


def _said(found: Touched) -> str:
    """What a person should know about a link that ended; nothing for one that lives."""
    if found.is_shop_closed:
        return _("The shop that shared this has closed. You are welcome all the same.")
    return "" if found.link.is_live(clock.house()) else _("This link has ended. You are welcome all the same.")


def _cookie(settings: Settings, value: str) -> Cookie:
    return Cookie(
        key=api.visitor_cookie_name(settings),
        value=value,
        path="/",
        max_age=_YEAR_S,
        httponly=True,
        samesite="lax",
        secure=settings.is_production,
    )

"""Forged requests: another site may make a browser send our cookies, but not read our token.

Every unsafe request is refused when the browser says that it comes from elsewhere. One that carries cookies must
also show the token of its CSRF cookie, in the field ``_csrf_token`` or the header ``X-CSRF-Token``. A request
without cookies (a program with an ``Authorization`` header, a provider's notice) has nothing to forge.
"""

import hmac
import secrets
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from litestar import Request
from litestar.enums import RequestEncodingType, ScopeType
from litestar.middleware import ASGIMiddleware
from litestar.types import ASGIApp, Receive, Scope, Send

from yundian.platform.core.errors import DomainError
from yundian.platform.db.services import Services
from yundian.platform.web.context import current

FIELD = "_csrf_token"
HEADER = "X-CSRF-Token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FORMS = frozenset({RequestEncodingType.URL_ENCODED, RequestEncodingType.MULTI_PART})


class ForgedRequest(DomainError):
    """The request does not come from one of our pages, or the page is too old."""

    code = "web.forged_request"
    status = 403
    title = "This page is out of date: reload it and try again"


def cookie_name(services: Services) -> str:
    return "__Host-csrf" if services.settings.is_production else "csrf"


def token_for(services: Services, cookie: str | None) -> tuple[str, bool]:
    """The token a page hands out, and whether its cookie is new."""
    if cookie and _is_ours(services, cookie):
        return cookie, False
    secret = secrets.token_hex(16)
    return f"{secret}.{_sign(services, secret)}", True


class CsrfMiddleware(ASGIMiddleware):
    """Refuses forged unsafe requests; routes opt out with ``opt={"exclude_from_csrf": True}``."""

    scopes = (ScopeType.HTTP,)
    exclude_opt_key = "exclude_from_csrf"

    async def handle(self, scope: Scope, receive: Receive, send: Send, next_app: ASGIApp) -> None:
        request: Request[Any, Any, Any] = Request(scope, receive, send)
        if request.method not in _SAFE:
            services: Services = request.app.state.services
            if _is_foreign(request, services.settings.public_url):
                raise ForgedRequest
            if request.cookies and not await _shows_token(request, services):
                raise ForgedRequest
        await next_app(scope, receive, send)


async def _shows_token(request: Request[Any, Any, Any], services: Services) -> bool:
    cookie = request.cookies.get(cookie_name(services), "")
    shown = request.headers.get(HEADER, "")
    if not shown and request.content_type[0] in _FORMS:
        shown = str((await request.form()).get(FIELD, ""))
    is_right = bool(cookie) and hmac.compare_digest(shown.encode(), cookie.encode()) and _is_ours(services, cookie)
    if is_right:
        current().csrf_token = cookie
    return is_right


def _is_foreign(request: Request[Any, Any, Any], public_url: str) -> bool:
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")
    if origin is None:
        return False
    own = {request.headers.get("Host", "")}
    if public_url:
        own.add(urlsplit(public_url).netloc)
    return urlsplit(origin).netloc not in own


def _is_ours(services: Services, token: str) -> bool:
    secret, _, signature = token.partition(".")
    return hmac.compare_digest(signature.encode(), _sign(services, secret).encode())


def _sign(services: Services, secret: str) -> str:
    return hmac.new(services.keyring.key("csrf"), secret.encode(), sha256).hexdigest()[:32]

"""The outermost layer: every request gets an id, a language, headers, a log line and a measurement.

It wraps the whole app, so that also unknown addresses and failures before any route are answered and seen.
"""

import re
import time
from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs

import structlog
from litestar import Litestar
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from yundian.platform.core.ids import new_id
from yundian.platform.core.settings import Settings
from yundian.platform.web import csrf, i18n, logs, metrics, tracing
from yundian.platform.web.addresses import client_address, is_trusted
from yundian.platform.web.context import RequestContext, enter, leave
from yundian.platform.web.headers import security_headers
from yundian.platform.web.uploads import close_uploads

_SANE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_LOCALE_AGE_S = 31_536_000


class WebApp(Litestar):
    """Litestar inside the envelope."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await handle(super().__call__, self.state.settings, scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


async def handle(app: ASGIApp, settings: Settings, scope: Scope, receive: Receive, send: Send) -> None:
    """Run one request inside its context."""
    started = time.perf_counter()
    is_https = settings.is_production or _is_https(scope, settings)
    headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
    context = _context(scope, headers, settings)
    status = 500

    async def wrapped(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            sent = list(message.get("headers", []))
            sent += security_headers({name.lower() for name, _ in sent}, settings, is_https=is_https)
            sent.append((b"x-request-id", context.request_id.encode()))
            sent += [(b"set-cookie", value) for value in _cookies(context, is_secure=is_https)]
            message["headers"] = sent
        await send(message)

    token = enter(context)
    try:
        with (
            structlog.contextvars.bound_contextvars(request_id=context.request_id),
            tracing.request_span(context, headers),
        ):
            try:
                await app(scope, receive, wrapped)
            finally:
                tracing.finish(context, status=status)
                if headers.get("content-type", "").startswith("multipart/"):
                    close_uploads(scope)
    except Exception as error:
        logs.failure(error, code="core.unexpected", is_ours=True)
        raise
    finally:
        duration = time.perf_counter() - started
        metrics.request_done(context.operation, status, duration)
        logs.request_done(context, status=status, duration_s=duration)
        leave(token)


def _context(scope: Scope, headers: Mapping[str, str], settings: Settings) -> RequestContext:
    given = headers.get("x-request-id", "")
    query = parse_qs(scope.get("query_string", b"").decode("latin-1")) if b"lang=" in scope["query_string"] else {}
    asked = query.get("lang", [None])[-1]
    cookies = read_cookies(headers.get("cookie", ""))
    client = scope.get("client")
    return RequestContext(
        request_id=given if _SANE_ID.fullmatch(given) else str(new_id()),
        locale=i18n.choose(
            asked=asked, cookie=cookies.get(i18n.COOKIE), accept_language=headers.get("accept-language", "")
        ),
        is_locale_asked=asked in i18n.LOCALES,
        client=client_address(
            client[0] if client else "", headers.get("x-forwarded-for", ""), settings.trusted_proxies
        ),
        cookies=cookies,
        scope=scope,  # type: ignore[arg-type]
    )


def read_cookies(header: str) -> dict[str, str]:
    """Name and value of each; a malformed header has none."""
    if not header:
        return {}
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header)
    except Exception:
        return {}
    return {name: morsel.value for name, morsel in jar.items()}


def _cookies(context: RequestContext, *, is_secure: bool) -> list[bytes]:
    """The language just chosen, the CSRF cookie of a token just handed out, the end of a toast just shown."""
    tail = "; Path=/; SameSite=Lax" + ("; Secure" if is_secure else "")
    cookies = []
    if context.is_locale_asked:
        cookies.append(f"{i18n.COOKIE}={context.locale}; Max-Age={_LOCALE_AGE_S}{tail}")
    if context.is_csrf_new:
        name = csrf.cookie_name(context.scope["app"].state.services)
        cookies.append(f"{name}={context.csrf_token}{tail}; HttpOnly")
    if context.is_toast_shown:
        cookies.append(f"toast=; Max-Age=0{tail}; HttpOnly")
    return [cookie.encode("latin-1") for cookie in cookies]


def _is_https(scope: Scope, settings: Settings) -> bool:
    if scope.get("scheme") == "https":
        return True
    client = scope.get("client")
    if client is None or not is_trusted(client[0], settings.trusted_proxies):
        return False
    return any(name.lower() == b"x-forwarded-proto" and value == b"https" for name, value in scope["headers"])

"""The session cookie, and where else a request may carry its token."""

import datetime as dt
from collections.abc import Mapping

from litestar.datastructures import Cookie

from yundian.platform.core import clock
from yundian.platform.core.settings import Settings

_NAME = "yundian_session"
# The prefix makes browsers refuse the cookie from another host or without TLS.
_SECURE_NAME = f"__Host-{_NAME}"
_CUSTOMER_NAME = "yundian_customer"
_BEARER = "bearer "


def cookie_name(settings: Settings) -> str:
    return _SECURE_NAME if settings.is_production else _NAME


def customer_cookie_name(settings: Settings) -> str:
    """Another name than the staff's: a shop's owner may shop in the browser she works in."""
    return f"__Host-{_CUSTOMER_NAME}" if settings.is_production else _CUSTOMER_NAME


def session_cookie(settings: Settings, *, token: str, ends_at: dt.datetime) -> Cookie:
    """Not for scripts, not across sites, in production only over TLS."""
    return _cookie(settings, cookie_name(settings), token=token, ends_at=ends_at)


def customer_cookie(settings: Settings, *, token: str, ends_at: dt.datetime) -> Cookie:
    return _cookie(settings, customer_cookie_name(settings), token=token, ends_at=ends_at)


def ended_customer_cookie(settings: Settings) -> Cookie:
    """Makes the browser forget the customer."""
    return customer_cookie(settings, token="", ends_at=clock.now())


def _cookie(settings: Settings, name: str, *, token: str, ends_at: dt.datetime) -> Cookie:
    return Cookie(
        key=name,
        value=token,
        path="/",
        max_age=max(0, int((ends_at - clock.now()).total_seconds())),
        httponly=True,
        samesite="lax",
        secure=settings.is_production,
    )


def ended_cookie(settings: Settings) -> Cookie:
    """Makes the browser forget the session."""
    return session_cookie(settings, token="", ends_at=clock.now())


def token_of(
    settings: Settings, *, cookies: Mapping[str, str], authorization: str, is_for_customers: bool = False
) -> str | None:
    """The token of a request: the bearer token of a program, else the cookie of a browser, by whose page it is."""
    if authorization[: len(_BEARER)].lower() == _BEARER:
        return authorization[len(_BEARER) :].strip()
    name = customer_cookie_name(settings) if is_for_customers else cookie_name(settings)
    return cookies.get(name) or None

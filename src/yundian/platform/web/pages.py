"""Answers that people read."""

from typing import Any
from urllib.parse import urlencode

from litestar import MediaType, Request
from litestar.datastructures import Cookie
from litestar.response import Redirect, Template

from yundian.platform.web.i18n import told

AnyRequest = Request[Any, Any, Any]

_TOAST_S = 60


def page(
    template: str, /, *, status_code: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> Template:
    """A whole page, or whatever the template is. What the brand calls its own is told in the reader's language."""
    return Template(
        template, context=told(context), status_code=status_code, headers=headers, media_type=MediaType.HTML
    )


def fragment(
    template: str, /, *, status_code: int = 200, headers: dict[str, str] | None = None, **context: Any
) -> Template:
    """A part of a page for HTMX. The address also answers without HTMX, hence ``Vary``."""
    return page(template, status_code=status_code, headers={"Vary": "HX-Request", **(headers or {})}, **context)


def is_htmx(request: AnyRequest) -> bool:
    """Whether a script asks for a part of a page, and not a browser for the whole."""
    return request.headers.get("HX-Request") == "true"


def see_other(url: str, *, toast: str = "") -> Redirect:
    """After a form: go and look; ``toast`` is shown once on the next page."""
    cookies = (
        [
            Cookie(
                key="toast",
                value=urlencode({"text": toast}),
                max_age=_TOAST_S,
                httponly=True,
                samesite="lax",
                path="/",
            )
        ]
        if toast
        else None
    )
    return Redirect(url, status_code=303, cookies=cookies)

"""Pages: rendering, and the person who holds the phone (a cookie)."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.datastructures import Cookie
from litestar.response import Redirect

from yundian.sandbox.clock import readable
from yundian.sandbox.context import Sandbox
from yundian.sandbox.wechat import identity

_COOKIE = "sandbox_user"
_environment = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def _yuan(minor: int) -> str:
    return f"¥{minor // 100}.{minor % 100:02d}"


_environment.filters["yuan"] = _yuan
_environment.filters["time"] = lambda at: readable(at) if at else ""


def page(template: str, *, status: int = 200, **values: object) -> Response[Any]:
    """A page of HTML; everything in it is escaped."""
    text = _environment.get_template(template).render(**values)
    return Response(text, media_type="text/html", status_code=status)


def message(title: str, subtitle: str, *, status: int = 200) -> Response[Any]:
    """A page that only says something."""
    return page("message.html", status=status, title=title, subtitle=subtitle)


def person(sandbox: Sandbox, request: Request[Any, Any, Any]) -> dict[str, object] | None:
    """Whose phone this is, if somebody said so before."""
    text = request.cookies.get(_COOKIE, "")
    return identity.user(sandbox, int(text)) if text.isascii() and text.isdecimal() else None


def remember(user_id: int) -> Cookie:
    """From now on this browser is this person's phone."""
    return Cookie(key=_COOKIE, value=str(user_id), httponly=True, samesite="lax", path="/")


async def form(request: Request[Any, Any, Any]) -> dict[str, str]:
    """The fields of a form as text."""
    return {name: str(value) for name, value in (await request.form()).items()}


def chosen(sandbox: Sandbox, fields: dict[str, str]) -> int | None:
    """The person a form names: an existing one, or a new one by nickname."""
    nickname = fields.get("nickname", "").strip()[:32]
    if nickname:
        phone = fields.get("phone", "").strip() or f"199{len(identity.users(sandbox)):08d}"
        return identity.add_user(sandbox, nickname=nickname, phone=phone)
    text = fields.get("user_id", "")
    found = identity.user(sandbox, int(text)) if text.isascii() and text.isdecimal() else None
    return None if found is None else int(text)


def back(to: str) -> Response[Any]:
    """After a form: look at the page again."""
    return Redirect(to, status_code=303)

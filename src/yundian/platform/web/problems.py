"""Refusals as answers: ``application/problem+json`` for programs, a page or a fragment for people."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from litestar import MediaType, Request, Response
from litestar.response import Redirect, Template

from yundian.platform.core.errors import DomainError, NotAuthenticated
from yundian.platform.web import logs
from yundian.platform.web.context import current
from yundian.platform.web.faults import Fault, explain
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import is_htmx

SIGN_IN = "/sign-in"
PROBLEM_JSON = "application/problem+json"


class FieldProblem(msgspec.Struct, frozen=True, kw_only=True):
    """A wrong field: its path in the input, and what is wrong with it: a word that never changes (``required``,
    ``too_long``, ``wrong_type``; ``invalid`` where nothing more is known), and a sentence for people."""

    field: str
    message: str
    code: str


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An answer other than success. Switch on ``code``: it never changes; ``title`` is for people."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    facts: dict[str, Any]
    errors: list[FieldProblem]
    request_id: str


def on_exception(request: Request[Any, Any, Any], exc: Exception) -> Response[Any]:
    """The one exception handler of the app."""
    fault = explain(exc)
    if fault.is_ours or fault.status >= 500:
        logs.failure(exc, code=fault.code, is_ours=fault.is_ours)
    return answer(request, fault)


def refuse(request: Request[Any, Any, Any], error: DomainError) -> Response[Any]:
    """The answer to a refusal, in the form the caller reads."""
    return answer(request, explain(error))


def answer(request: Request[Any, Any, Any], fault: Fault) -> Response[Any]:
    """Problem JSON; for a browser a page, for HTMX a fragment, and the way to sign in when nobody is."""
    if not wants_html(request):
        return Response(
            problem_of(fault), status_code=fault.status, media_type=PROBLEM_JSON, headers=dict(fault.headers)
        )
    is_fragment = is_htmx(request)
    if isinstance(fault.error, NotAuthenticated):
        page = str(fault.error.facts.get("sign_in", SIGN_IN))
        return _to_sign_in(request, page, is_fragment=is_fragment)
    if fault.error.remedy:
        return _elsewhere(fault.error.remedy, is_fragment=is_fragment)
    return Template(
        "problem_fragment.html" if is_fragment else "problem.html",
        context={"problem": problem_of(fault)},
        status_code=fault.status,
        headers=dict(fault.headers),
        media_type=MediaType.HTML,
    )


def problem_of(fault: Fault) -> Problem:
    """The body of the answer, in the language of the request."""
    errors = [FieldProblem(field=e.field, message=sentence(e.message, e.facts), code=e.code) for e in fault.errors]
    facts = {key: _plain(value) for key, value in fault.error.facts.items() if key != "errors"}
    detail = "; ".join(f"{e.field}: {e.message}" if e.field else e.message for e in errors)
    return Problem(
        type=f"urn:yundian:problem:{fault.code}",
        title=translated(fault.error.title),
        status=fault.status,
        code=fault.code,
        detail=detail,
        facts=facts,
        errors=errors,
        request_id=current().request_id,
    )


def translated(message: str) -> str:
    """The message in the language of the request; an empty msgid would answer with the catalogue's header."""
    return _(message) if message else ""


def sentence(message: str, facts: Mapping[str, object]) -> str:
    """The message in the language of the request, with what stands in it."""
    text = translated(message)
    try:
        return text % facts if "%(" in text else text
    except (KeyError, TypeError, ValueError):  # a percent sign of its own
        return text


def wants_html(request: Request[Any, Any, Any]) -> bool:
    """Whether a person reads the answer: a page's navigation or HTMX, never the JSON API."""
    if request.scope["path"].startswith("/v1/"):
        return False
    if is_htmx(request):
        return True
    return "text/html" in request.headers.get("Accept", "")


def _to_sign_in(request: Request[Any, Any, Any], page: str, *, is_fragment: bool) -> Response[Any]:
    back = request.headers.get("HX-Current-URL", "") if is_fragment else _path_of(request)
    return _elsewhere(f"{page}?next={quote(_local(back), safe='')}", is_fragment=is_fragment)


def _elsewhere(target: str, *, is_fragment: bool) -> Response[Any]:
    if is_fragment:
        return Response("", status_code=401, headers={"HX-Redirect": target}, media_type=MediaType.HTML)
    return Redirect(target, status_code=303)


def _path_of(request: Request[Any, Any, Any]) -> str:
    if request.method != "GET":
        return "/"
    query = request.scope.get("query_string", b"").decode("latin-1")
    return request.scope["path"] + (f"?{query}" if query else "")


def _local(url: str) -> str:
    """Path and query of an address, never another host."""
    path = url.split("://", 1)[-1]
    path = path[path.find("/") :] if "://" in url and "/" in path else path
    return path if path.startswith("/") and not path.startswith("//") and "\\" not in path else "/"


def _plain(value: object) -> object:
    """Facts travel as JSON: what JSON does not know is written as text."""
    return value if isinstance(value, str | int | float | bool | list | dict | None) else str(value)

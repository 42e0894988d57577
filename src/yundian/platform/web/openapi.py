"""The API's own description: one schema, with the refusals that every route shares added in one place."""

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from litestar import Request, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.datastructures import ResponseSpec
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, License, SecurityScheme, Tag
from litestar.plugins.base import ReceiveRoutePlugin
from litestar.routes import BaseRoute, HTTPRoute
from litestar.types import Guard

from yundian.platform.core.errors import DomainError
from yundian.platform.web.examples import operations_of, with_examples
from yundian.platform.web.problems import PROBLEM_JSON, Problem

VERSION = "1.0.0"

_CAPITAL = re.compile(r"(?<=.)[A-Z]")

_SHARED = {
    400: "The input is wrong: `errors` names each field (core.invalid_input)",
    401: "Nobody is signed in, or the session is over (auth.not_authenticated)",
    403: "Not allowed for this role (auth.forbidden)",
    404: "It does not exist, or belongs to another brand or shop (core.not_found)",
    409: "The state does not allow it (the code says why)",
    422: "The Idempotency-Key was used for another request (web.idempotency_key_reused)",
    429: "Too many requests; come back after `Retry-After` seconds (core.too_many_requests)",
    503: "Temporarily unavailable; the same request may succeed later (core.unavailable)",
}


def problem_response(description: str) -> ResponseSpec:
    """A documented refusal."""
    return ResponseSpec(Problem, description=description, media_type=PROBLEM_JSON, generate_examples=False)


def refusals(*errors: type[DomainError]) -> Mapping[int, ResponseSpec]:
    """``responses=`` of a route: the codes it may answer with, grouped by status."""
    by_status: dict[int, list[str]] = {}
    for error in errors:
        by_status.setdefault(error.status, []).append(f"`{error.code}`: {error.title}")
    return {status: problem_response("; ".join(codes)) for status, codes in by_status.items()}


class SharedRefusals(ReceiveRoutePlugin):
    """Describes on every JSON route what any of them may answer; the route's own words for a status win.

    ``is_open`` says which handlers let anyone in: those refuse nobody for who they are.
    """

    def __init__(self, *, is_open: Callable[[HTTPRouteHandler], bool]) -> None:
        self._is_open = is_open

    def receive_route(self, route: BaseRoute) -> None:
        if not isinstance(route, HTTPRoute):
            return
        for handler in route.route_handlers:
            if handler.resolve_include_in_schema():
                hidden = (401, 403) if self._is_open(handler) else ()
                shared = {s: problem_response(text) for s, text in _SHARED.items() if s not in hidden}
                handler.responses = {**shared, **(handler.responses or {})}


def finished(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with its examples, with shared refusals written once, and no key for the doors that are open."""
    with_examples(schema)
    shared: dict[str, Any] = {}
    for operation in operations_of(schema):
        operation["summary"] = _CAPITAL.sub(lambda found: f" {found[0].lower()}", operation.get("summary", ""))
        responses = operation["responses"]
        if "403" not in responses:
            operation["security"] = []
        for status, response in responses.items():
            if response.get("description") == _SHARED.get(int(status)):
                shared.setdefault(f"Problem{status}", response)
                responses[status] = {"$ref": f"#/components/responses/Problem{status}"}
    schema["components"]["responses"] = shared
    return schema


class SchemaFile(JsonRenderPlugin):
    """``/schema/openapi.json``."""

    def __init__(self) -> None:
        super().__init__()
        self._text = b""

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        """The same text for everybody, made once."""
        if not self._text:
            self._text = msgspec.json.encode(finished(copy.deepcopy(openapi_schema)))
        return self._text


def openapi_config(tags: Sequence[str], *, guards: Sequence[Guard]) -> OpenAPIConfig:
    """The schema at ``/schema/openapi.json``; operation ids are given by hand, they name the clients' methods."""
    return OpenAPIConfig(
        title="Yundian 云店",
        version=VERSION,
        summary="Omnichannel store-and-social commerce",
        description=(
            "Errors are `application/problem+json`; switch on `code`, and for a field on the `code` of its error;"
            " sentences are in the language of `Accept-Language`. Money is integer minor units with its"
            " currency. Times are RFC 3339 with an offset. Lists are keyset pages: pass `next_cursor` as `cursor`."
            " Unsafe requests may carry an `Idempotency-Key` (kept 24 hours): the same key and body get the same"
            " answer, with `Idempotent-Replayed: true`."
        ),
        license=License(name="Apache-2.0", identifier="Apache-2.0"),
        tags=[Tag(name=tag) for tag in tags],
        components=Components(
            security_schemes={
                "session": SecurityScheme(type="apiKey", name="yundian_session", security_scheme_in="cookie"),
                "bearer": SecurityScheme(type="http", scheme="bearer"),
            }
        ),
        security=[{"session": []}, {"bearer": []}],
        use_handler_docstrings=True,
        render_plugins=[SchemaFile()],
        openapi_router=Router("/schema", route_handlers=[], guards=list(guards), include_in_schema=False),
    )

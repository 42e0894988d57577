"""The span of a request: continues the caller's trace, and is the parent of its statements and events."""

import contextlib
from collections.abc import Generator, Mapping

from opentelemetry import propagate, trace
from opentelemetry.trace import SpanKind, Status, StatusCode

from yundian.platform.web.context import RequestContext

_tracer = trace.get_tracer("yundian.web")
_is_on = False


def switch(*, is_on: bool) -> None:
    """Turn the spans of this process on or off; off, a request pays nothing for them."""
    global _is_on  # noqa: PLW0603  tracing is a property of the process, as in the library below
    _is_on = is_on


@contextlib.contextmanager
def request_span(context: RequestContext, headers: Mapping[str, str]) -> Generator[None, None, None]:
    """A span around the request. ``finish`` names it, when the route is known."""
    if not _is_on:
        yield
        return
    parent = propagate.extract(headers)
    with _tracer.start_as_current_span(
        str(context.scope.get("method")), context=parent, kind=SpanKind.SERVER, record_exception=False
    ):
        yield


def finish(context: RequestContext, *, status: int) -> None:
    """Name the current span by the operation; no address and no query, which may hold a token."""
    if not _is_on:
        return
    span = trace.get_current_span()
    span.update_name(context.operation or "unknown")
    span.set_attribute("http.request.method", str(context.scope.get("method")))
    span.set_attribute("http.response.status_code", status)
    span.set_attribute("yundian.request_id", context.request_id)
    if context.brand_id is not None:
        span.set_attribute("yundian.brand_id", str(context.brand_id))
    if status >= 500:
        span.set_status(Status(StatusCode.ERROR))

"""What is written about requests: who, which operation, how it ended. Never bodies, headers, queries or messages.

An exception's message may quote a value (a phone, a password, a row), so a failure is logged as the names of the
exceptions and the lines of code they passed.
"""

import logging
import traceback
from collections.abc import Iterator

import jinja2
import structlog

from yundian.platform.web.context import RequestContext, current

log: structlog.stdlib.BoundLogger = structlog.get_logger("yundian.web")

# Their messages name code (a missing variable, a wrong type), not what somebody typed.
_SPEAKABLE = (jinja2.TemplateError, AttributeError, ImportError, NameError, TypeError)

_LEVEL = logging.getLogger("yundian.web")
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


def request_done(context: RequestContext, *, status: int, duration_s: float) -> None:
    """One line per request; the probes of the machine room are not worth one."""
    path = str(context.scope.get("path", ""))
    # Asked before the fields are gathered: a line that nobody writes costs nothing.
    if path in _QUIET or path.startswith("/static/") or not _LEVEL.isEnabledFor(logging.INFO):
        return
    principal = context.principal
    log.info(
        "http.request",
        request_id=context.request_id,
        operation=context.operation or None,
        method=context.scope.get("method"),
        status=status,
        duration_ms=round(duration_s * 1000, 1),
        brand_id=_text(principal.brand_id),
        principal_id=_text(principal.id),
        principal_kind=str(principal.kind),
    )


def failure(exc: BaseException, *, code: str, is_ours: bool) -> None:
    """A request that ended in a 5xx."""
    context = current()
    write = log.error if is_ours else log.warning
    write(
        "http.failure",
        request_id=context.request_id,
        operation=context.operation or None,
        code=code,
        brand_id=_text(context.brand_id),
        **describe(exc),
    )


def describe(exc: BaseException) -> dict[str, object]:
    """An exception without its values: the types, the database's verdict, the lines of code."""
    names = [type(link).__qualname__ for link in _links(exc)]
    database = next((link for link in _links(exc) if getattr(link, "sqlstate", None)), None)
    described: dict[str, object] = {"exceptions": names, "frames": list(_frames(exc))}
    if isinstance(exc, _SPEAKABLE):
        described["reason"] = str(exc)[:300]
    if database is not None:
        described["sqlstate"] = getattr(database, "sqlstate", None)
        described["constraint"] = getattr(database, "constraint_name", None)
    return described


def _links(exc: BaseException | None) -> Iterator[BaseException]:
    for _ in range(8):
        if exc is None:
            return
        yield exc
        exc = exc.exceptions[0] if isinstance(exc, BaseExceptionGroup) else exc.__cause__ or exc.__context__


def _frames(exc: BaseException) -> Iterator[str]:
    innermost = exc.exceptions[0] if isinstance(exc, BaseExceptionGroup) else exc
    for frame in traceback.extract_tb(innermost.__traceback__)[-15:]:
        yield f"{frame.filename.rsplit('/site-packages/', 1)[-1]}:{frame.lineno} {frame.name}"


def _text(value: object) -> str | None:
    return None if value is None else str(value)

"""Structured logs of every process: events with fields, one line each; names that sound secret are blanked."""

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

from yundian.platform.core.settings import Settings
from yundian.platform.web.logs import describe

_SECRET = re.compile(
    r"passw|secret|token|cookie|authorization|phone|mobile|openid|unionid|api_?key|totp|recovery|login|email|address"
)
_HIDDEN = "[hidden]"


def configure(settings: Settings) -> None:
    """Set structlog up for this process; the standard library's loggers write through it too."""
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        describe_exceptions,
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.INFO))
    # SQL with its parameters, request lines with their queries: neither belongs in a log.
    for name in ("sqlalchemy", "asyncpg", "httpx", "httpcore", "arq", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def describe_exceptions(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """An exception as types and lines of code, also a library's: a traceback with its locals shows passwords."""
    given = event.pop("exc_info", None)
    error = sys.exc_info()[1] if given is True else given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event.update(describe(error))
    return event


def hide_secrets(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank every field whose name sounds secret. The second wall: nobody should log one in the first place."""
    for name in event:
        if name != "event" and _SECRET.search(name.lower()):
            event[name] = _HIDDEN
    return event

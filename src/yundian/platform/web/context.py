"""What is known about the request in hand, for what is not handed it: templates, translations, logs."""

import uuid
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from yundian.platform.core.principal import ANONYMOUS, Principal

DEFAULT_LOCALE = "zh_CN"


@dataclass(slots=True)
class RequestContext:
    """Made once per request by the outermost layer; ``scope`` is the ASGI scope, which later layers fill."""

    request_id: str = ""
    locale: str = DEFAULT_LOCALE
    client: str = ""
    cookies: dict[str, str] = field(default_factory=dict)
    scope: dict[str, Any] = field(default_factory=dict)
    csrf_token: str = ""
    is_csrf_new: bool = False
    is_locale_asked: bool = False
    is_toast_shown: bool = False

    @property
    def principal(self) -> Principal:
        user = self.scope.get("user")
        return user if isinstance(user, Principal) else ANONYMOUS

    @property
    def operation(self) -> str:
        """The operation id of a JSON route, the name of a page, or nothing when no route was found."""
        handler = self.scope.get("route_handler")
        if handler is None:
            return ""
        return str(getattr(handler, "operation_id", None) or handler.name or handler.handler_name)

    @property
    def brand_id(self) -> uuid.UUID | None:
        return self.principal.brand_id


_NOBODY = RequestContext()

_current: ContextVar[RequestContext | None] = ContextVar("request_context", default=None)


def current() -> RequestContext:
    """The context of this request; outside of one (a job, a command, a test) the defaults."""
    return _current.get() or _NOBODY


enter = _current.set
leave = _current.reset

"""What a handler may ask for by name: ``session``, ``principal``, ``services``.

``session`` is the only generator among them. Litestar runs the clean-ups of several generators at once and wraps
what they raise in a group; with one, a failed commit raises its own type, before the answer is sent.
Each builds on another: those that do not, Litestar runs in a task group, which costs more than all three do.
"""

from collections.abc import AsyncGenerator
from typing import Any

from litestar import Request
from litestar.di import NamedDependency, Provide
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.principal import ANONYMOUS, Principal
from yundian.platform.core.steps import step
from yundian.platform.db.services import Services


def services_of(request: Request[Any, Any, Any]) -> Services:
    """The open connections of this process."""
    services: Services = request.app.state.services
    return services


def principal_of(request: Request[Any, Any, Any]) -> Principal:
    """The caller; anonymous when no one signed in."""
    user = request.scope.get("user")
    return user if isinstance(user, Principal) else ANONYMOUS


def provide_principal(request: Request[Any, Any, Any], services: NamedDependency[Services]) -> Principal:
    """``principal_of``, after ``services``."""
    return principal_of(request)


async def provide_session(
    services: NamedDependency[Services], principal: NamedDependency[Principal]
) -> AsyncGenerator[AsyncSession, None]:
    """The transaction of this request, in the caller's brand; commits before the answer is sent."""
    async with services.database.unit_of_work(principal.brand_id) as session:
        yield session
    step("web.committed")


DEPENDENCIES = {
    "session": Provide(provide_session),
    "principal": Provide(provide_principal, sync_to_thread=False),
    "services": Provide(services_of, sync_to_thread=False),
}

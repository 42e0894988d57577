"""Where the provider of short messages tells which arrived, and what people answered. For the provider only."""

import hmac
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from litestar import Controller, Response, post
from litestar.di import NamedDependency
from pydantic import SecretStr

from yundian.messaging.errors import BadCallback
from yundian.messaging.service import hearing
from yundian.platform.auth.guards import anyone
from yundian.platform.core.settings import Settings
from yundian.platform.db.services import Services
from yundian.platform.sms import telling
from yundian.platform.web.pages import AnyRequest

T = TypeVar("T")

# A provider tells of all messages from a few addresses.
_OPEN: dict[str, Any] = {"exclude_from_csrf": True, "no_principal": True, "exclude_from_limits": True}
_TAKEN = {"code": 0, "msg": "ok"}


class SmsPages(Controller):
    path = "/sms"
    include_in_schema = False
    guards = [anyone]  # noqa: RUF012  Litestar's way to guard a controller
    opt = _OPEN

    @post("/reports", name="messaging.sms.reports", status_code=200)
    async def take_reports(
        self, request: AnyRequest, services: NamedDependency[Services]
    ) -> Response[dict[str, Any]]:
        """Which messages arrived and which did not."""
        reports = await _told(request, services.settings, telling.reports)
        await hearing.sms_reported(services.database, reports=reports)
        return Response(_TAKEN)

    @post("/replies", name="messaging.sms.replies", status_code=200)
    async def take_replies(
        self, request: AnyRequest, services: NamedDependency[Services]
    ) -> Response[dict[str, Any]]:
        """What people answered: who wants no more offers gets none."""
        replies = await _told(request, services.settings, telling.replies)
        await hearing.sms_answered(services.database, replies=replies)
        return Response(_TAKEN)


async def _told(request: AnyRequest, settings: Settings, read: Callable[[bytes], list[T]]) -> list[T]:
    """What the body says, if whoever sends it knows the key. ``BadCallback``.

    The key that we send with is never asked for in an address, which others write down.
    """
    bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
    callback_key = settings.sms_callback_key
    said = (
        (request.query_params.get("key", ""), callback_key),
        (bearer, callback_key),
        (bearer, settings.sms_key),
    )
    if not any(given and key and _is(given, key) for given, key in said):
        raise BadCallback
    try:
        return read(await request.body())
    except msgspec.DecodeError as error:
        raise BadCallback from error


def _is(given: str, key: SecretStr) -> bool:
    return hmac.compare_digest(given.encode(), key.get_secret_value().encode())

"""The web app: rooms, middleware, connections, put together from settings and nothing global."""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

from litestar import Litestar
from litestar.types import ControllerRouterHandler

from yundian.app import logs, telemetry
from yundian.app.house import HOUSE
from yundian.app.ports import channel_names, shop_names, sms_sender
from yundian.app.rooms import rooms as all_rooms
from yundian.payments.adapters.providers import ProviderPool
from yundian.payments.service.desk import NoticeDesk
from yundian.platform.auth.guards import anyone
from yundian.platform.auth.middleware import AuthMiddleware
from yundian.platform.core.settings import Settings
from yundian.platform.db import tenancy
from yundian.platform.db.services import open_services
from yundian.platform.outbox.poke import Poker
from yundian.platform.room import Room
from yundian.platform.web import metrics, openapi
from yundian.platform.web.assets import static_router
from yundian.platform.web.csrf import CsrfMiddleware
from yundian.platform.web.dependencies import DEPENDENCIES
from yundian.platform.web.envelope import WebApp
from yundian.platform.web.limits import Limiter, LimitMiddleware
from yundian.platform.web.problems import on_exception
from yundian.platform.web.templates import template_config
from yundian.platform.wechat.client import WeChatApps

MAX_BODY_BYTES = 1_048_576


def create_app(settings: Settings | None = None, rooms: Sequence[Room] | None = None) -> Litestar:
    """The whole house as one ASGI app. Connections are opened by its lifespan, and closed at its end."""
    settings = settings or Settings()
    logs.configure(settings)
    chosen = (HOUSE, *(all_rooms() if rooms is None else rooms))
    app = WebApp(
        route_handlers=_handlers(chosen),
        lifespan=[_lifespan(settings)],
        middleware=[AuthMiddleware(), LimitMiddleware(), CsrfMiddleware()],
        dependencies=dict(DEPENDENCIES),
        exception_handlers={Exception: on_exception},
        template_config=template_config(
            [folder for room in chosen if (folder := _templates(room)).is_dir()],
            [item for room in chosen for item in room.navigation],
            [panel for room in chosen for panel in room.panels],
        ),
        openapi_config=openapi.openapi_config([room.name for room in chosen if room.controllers], guards=[anyone]),
        plugins=[openapi.SharedRefusals(is_open=lambda handler: anyone in handler.resolve_guards())],
        request_max_body_size=MAX_BODY_BYTES,
        logging_config=None,
        debug=False,
    )
    app.state.settings = settings
    app.state.shop_names = shop_names
    app.state.channel_names = channel_names
    return app


def _handlers(rooms: Sequence[Room]) -> list[ControllerRouterHandler]:
    return [*(handler for room in rooms for handler in room.route_handlers()), static_router([anyone])]


def _templates(room: Room) -> Path:
    return Path(next(iter(importlib.import_module(room.package).__path__))) / "templates"


def _lifespan(
    settings: Settings,
) -> Callable[[Litestar], contextlib.AbstractAsyncContextManager[None]]:
    @contextlib.asynccontextmanager
    async def lifespan(app: Litestar) -> AsyncGenerator[None, None]:
        """Open the connections; refuse to start with a login that could step over the wall between brands."""
        async with open_services(settings) as services:
            async with services.database.engine.connect() as connection:
                await tenancy.check_startup(connection)
            poker = Poker(services.redis)
            services.database.after_commit = poker
            app.state.services = services
            app.state.limiter = Limiter(services.redis)
            app.state.wechat = wechat = WeChatApps(services.redis, services.keyring)
            app.state.sms = sms = sms_sender(settings)
            app.state.payment_providers = providers = ProviderPool()
            app.state.notice_desk = NoticeDesk(services.database, keyring=services.keyring, providers=providers)
            telling = asyncio.create_task(metrics.keep_telling(services.database))
            with telemetry.tracing(settings):
                try:
                    yield
                finally:
                    telling.cancel()
                    await wechat.aclose()
                    await sms.aclose()
                    await providers.aclose()
                    await poker.aclose()

    return lifespan

"""What belongs to no single room: the front door, the two home pages, the language, the API's page, health."""

from typing import Any

import msgspec
from litestar import Controller, Request, Response, get
from litestar.di import NamedDependency
from litestar.response import Redirect, Template

from yundian.app import health
from yundian.platform.auth.guards import anyone, requires
from yundian.platform.core import figures
from yundian.platform.core.errors import NotFound
from yundian.platform.core.principal import SHOP_ROLES, Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.jobs.declare import cron
from yundian.platform.room import Room
from yundian.platform.web import idempotency
from yundian.platform.web.assets import static
from yundian.platform.web.context import current
from yundian.platform.web.declare import NavigationItem, Place
from yundian.platform.web.pages import page, see_other

HQ = frozenset({Role.HQ_ADMIN, Role.HQ_ANALYST})

_UNSEEN: dict[str, Any] = {"no_principal": True, "exclude_from_limits": True}


class Front(Controller):
    """The pages everybody starts from."""

    include_in_schema = False

    @get("/", name="house.front", guards=[anyone], sync_to_thread=False)
    def front(self, principal: NamedDependency[Principal]) -> Template | Redirect:
        """Who is signed in goes to work; everybody else is told what this is."""
        if principal.roles & HQ:
            return see_other("/hq")
        if principal.roles & SHOP_ROLES:
            return see_other("/shop")
        return page("front.html")

    @get("/hq", name="house.hq", guards=[requires(*HQ)], sync_to_thread=False)
    def hq(self) -> Template:
        return page("hq_home.html")

    @get("/shop", name="house.shop", guards=[requires(*SHOP_ROLES)], sync_to_thread=False)
    def shop(self) -> Template:
        return page("shop_home.html")

    @get("/docs", name="house.docs", guards=[anyone], sync_to_thread=False)
    def docs(self) -> Template:
        """The API, to read and to try."""
        return page("docs.html")

    @get("/favicon.ico", name="house.favicon", guards=[anyone], opt=_UNSEEN, sync_to_thread=False)
    def favicon(self) -> Redirect:
        return Redirect(static("favicon.svg"), status_code=302)


class MachineRoom(Controller):
    """For load balancers and monitors."""

    include_in_schema = False
    opt = _UNSEEN

    @get("/healthz", name="house.healthz", guards=[anyone], sync_to_thread=False)
    def alive(self) -> dict[str, str]:
        """The process answers. Nothing else is asked: a sick database must restart no web process."""
        return {"status": "ok"}

    @get("/readyz", name="house.readyz", guards=[anyone])
    async def ready(self, services: NamedDependency[Services]) -> Response[dict[str, Any]]:
        """Every part and its state; 503 when one that is needed fails."""
        readiness = await health.readiness(services)
        return Response(msgspec.to_builtins(readiness), status_code=200 if readiness.ready else 503)

    @get("/metrics", name="house.metrics", guards=[anyone])
    async def measure(
        self, request: Request[Any, Any, Any], services: NamedDependency[Services]
    ) -> Response[bytes]:
        """What all processes of this machine count: for the bearer of ``metrics_token``, if there is one, else for
        callers on this machine."""
        sent = request.headers.get("Authorization", "")
        if not health.may_measure(services.settings, authorization=sent, peer=current().client):
            raise NotFound
        return Response(await health.measure(services), media_type=figures.MEDIA_TYPE)


HOUSE = Room(
    name="house",
    package="yundian.app",
    pages=(Front, MachineRoom),
    # Declared here, since web and jobs stand side by side and do not know each other.
    crons=(cron("web.forget_idempotency_keys", every_s=idempotency.CLEAN_EVERY_S)(idempotency.forget_expired),),
    navigation=(
        NavigationItem(Place.HQ_NAVIGATION, 0, "Home", "/hq", "home", HQ),
        NavigationItem(Place.SHOP_NAVIGATION, 0, "Home", "/shop", "home", SHOP_ROLES),
    ),
)

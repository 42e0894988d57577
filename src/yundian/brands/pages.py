"""HQ's pages about the brand: its policy, and the courier's parked deliveries."""

from typing import Any

from babel.core import get_global
from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api, rules, service
from yundian.brands.schemas import PolicyUpdate, Rerun, RerunAll
from yundian.brands.types import PolicyView
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.outbox import parked
from yundian.platform.outbox.health import courier_health
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.lists import Cursor
from yundian.platform.web.pages import fragment, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)

PAGE_SIZE = 50
_COURIER = "/hq/courier"


class PolicyPages(Controller):
    path = "/hq/settings"
    include_in_schema = False

    @get(name="brands.policy", guards=[readers])
    async def edit_policy(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """The brand's policy as it stands."""
        policy = await api.get_policy(session, brand_id=principal.brand)
        return _policy(Form.of(policy, *PolicyUpdate.__struct_fields__), policy)

    @post(name="brands.policy.save", guards=[writers], status_code=200)
    @idempotent
    async def save_policy(
        self,
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Save it, or show what is wrong."""
        form = await Form.read(request)
        async with form.attempt(session):
            data = form.parse(PolicyUpdate)
            await service.save_policy(
                session, brand_id=principal.brand, version=data.version, fields=data.fields()
            )
            return see_other("/hq/settings", toast=_("Saved"))
        return _policy(form, await api.get_policy(session, brand_id=principal.brand))


class CourierPages(Controller):
    path = _COURIER
    include_in_schema = False

    @get(name="courier.parked", guards=[writers])
    async def list_parked(self, session: NamedDependency[AsyncSession], cursor: Cursor = None) -> Template:
        """What waits, and what gave up and waits for a person."""
        return page(
            "brands/courier.html",
            health=await courier_health(session),
            parked=await parked.list_parked(session, limit=PAGE_SIZE, cursor=cursor),
        )

    @post("/rerun", name="courier.rerun", guards=[writers], status_code=200)
    @idempotent
    async def rerun(
        self, request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]
    ) -> Response[Any]:
        """Try one again; a second click finds it running and says so."""
        form = await Form.read(request)
        async with form.attempt(session):
            data = form.parse(Rerun)
            await parked.rerun(session, kind=data.kind, id=data.id, subscriber=data.subscriber)
        return see_other(_COURIER, toast=form.message or _("It is being tried again"))

    @post("/rerun-all", name="courier.rerun_all", guards=[writers], status_code=200)
    @idempotent
    async def rerun_all(
        self, request: Request[Any, Any, Any], session: NamedDependency[AsyncSession]
    ) -> Response[Any]:
        """Try everything of one subscriber again."""
        form = await Form.read(request)
        count = 0
        async with form.attempt(session):
            count = await parked.rerun_all(session, subscriber=form.parse(RerunAll).subscriber)
        return see_other(_COURIER, toast=form.message or _("%(count)s are being tried again", count=count))


class CourierPanel(Controller):
    path = "/hq/panels/courier"
    include_in_schema = False

    @get(name="courier.panel", guards=[readers])
    async def panel(self, session: NamedDependency[AsyncSession]) -> Template:
        """How the brand's events are doing, on HQ's home."""
        return fragment("brands/_courier_panel.html", health=await courier_health(session))


def _policy(form: Form, policy: PolicyView) -> Template:
    currencies = sorted({"CNY", policy.currency, *get_global("all_currencies")})
    return page(
        "brands/policy.html",
        status_code=form.status,
        form=form,
        locales=[("zh_CN", "简体中文"), ("en", "English")],
        zones=[(zone, zone) for zone in rules.time_zones()],
        currencies=[(code, code) for code in currencies],
    )

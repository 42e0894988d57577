"""A member's own page: who she is here, her phone, her sessions."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Redirect, Template

from yundian.brands import api as brands
from yundian.brands.types import BrandView
from yundian.members import api
from yundian.members.pages.shared import home, sign_in_page
from yundian.members.pages.sign_in import code_page, ticket_of
from yundian.members.schemas import CodeForm
from yundian.members.service import apps, joining, phone
from yundian.members.types import AppKind
from yundian.platform.auth import api as auth
from yundian.platform.auth.cookies import ended_customer_cookie
from yundian.platform.auth.guards import customer
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, page, see_other

_RATED: dict[str, Any] = {"rate_limit": "30/minute"}


class MePages(Controller):
    path = "/m/{brand_code:str}/me"
    include_in_schema = False
    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="members.me")
    async def me(
        self,
        brand_code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Name, phone, WeChat, and the way out."""
        brand = await brands.brand_in_address(services.database, brand_code)
        return await _me(brand, services, principal, Form.of())

    @post("/terms", name="members.me.agree", status_code=303)
    async def agree(
        self,
        brand_code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        """Agree to the terms as they stand."""
        async with services.database.connection(principal.brand) as tx:
            await joining.agree_again(tx, member_id=principal.own_id)
        return see_other(home(brand_code), toast=_("Thank you"))

    @get(["/phone", "/code", "/terms"], name="members.me.reloaded", sync_to_thread=False)
    def reloaded(self, brand_code: FromPath[str]) -> Redirect:
        """A form's answer, asked for again by its address: begin where the form is."""
        return see_other(home(brand_code))

    @post("/phone", name="members.me.phone", opt=_RATED, status_code=200)
    async def send_code(
        self,
        brand_code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Send a code to the phone to bind, and ask for it."""
        brand, form = await brands.brand_in_address(services.database, brand_code), await Form.read(request)
        ticket = await ticket_of(form, request, services, brand, member_id=principal.own_id)
        if ticket:
            return _code_page(brand, services, Form.of(ticket=ticket))
        if form.value("ticket"):
            return _code_page(brand, services, form)
        return await _me(brand, services, principal, form)

    @post("/code", name="members.me.phone.confirm", opt=_RATED, status_code=200)
    async def confirm_code(
        self,
        brand_code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Bind the phone, or say why not."""
        brand, form = await brands.brand_in_address(services.database, brand_code), await Form.read(request)
        async with form.attempt():
            values = form.parse(CodeForm)
            await phone.bind(
                services.database,
                keyring=services.keyring,
                brand_id=brand.id,
                member_id=principal.own_id,
                ticket=values.ticket,
                code=values.code,
            )
            return see_other(home(brand_code), toast=_("Your phone is bound"))
        return _code_page(brand, services, form)

    @post("/sign-out", name="members.sign_out", status_code=303)
    async def sign_out(
        self,
        brand_code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        """End this browser's session."""
        async with services.database.connection(principal.brand) as tx:
            if principal.session_id is not None:
                await auth.end_customer_session(tx, member_id=principal.own_id, session_id=principal.session_id)
        return _out(brand_code, services)

    @post("/sign-out-everywhere", name="members.sign_out_everywhere", status_code=303)
    async def sign_out_everywhere(
        self,
        brand_code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Redirect:
        """End all of one's sessions, on every device."""
        async with services.database.connection(principal.brand) as tx:
            await auth.end_customer_sessions(tx, member_id=principal.own_id)
        return _out(brand_code, services)


def _out(brand_code: str, services: Services) -> Redirect:
    answer = see_other(sign_in_page(brand_code, stay="1"), toast=_("You are signed out."))
    answer.cookies.append(ended_customer_cookie(services.settings))
    return answer


async def _me(brand: BrandView, services: Services, principal: Principal, form: Form) -> Template:
    async with services.database.connection(principal.brand) as tx:
        member = await api.member_view(tx, keyring=services.keyring, member_id=principal.own_id)
        totals = await api.totals_of(tx, member_id=principal.own_id)
    app = await apps.app_of_brand(
        services.database, keyring=services.keyring, brand_id=brand.id, kind=AppKind.OFFICIAL
    )
    return page(
        "members/me.html",
        brand=brand,
        member=member,
        totals=totals,
        has_app=app is not None,
        form=form,
        status_code=form.status,
    )


def _code_page(brand: BrandView, services: Services, form: Form) -> Template:
    return code_page(brand, services, form, action=home(brand.code))

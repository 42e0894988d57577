"""A member decides what she hears."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template

from yundian.brands import api as brands
from yundian.members import api as members
from yundian.members.types import JoinedVia
from yundian.messaging.schemas import words
from yundian.messaging.schemas.forms import ChoiceForm, LanguageForm
from yundian.messaging.service import choosing
from yundian.platform.auth.guards import customer
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest, page, see_other
from yundian.platform.wechat.agents import is_wechat_browser


class ChoicePages(Controller):
    path = "/m/{brand_code:str}/messages"
    include_in_schema = False
    guards = [customer]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="messaging.choices")
    async def show(
        self,
        brand_code: FromPath[str],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Each class of messages, and whether she gets it."""
        return await _choices(services, principal, brand_code, Form.of())

    @post(name="messaging.choices.save", status_code=200)
    async def choose(
        self,
        brand_code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """One class on or off: with one tap either way."""
        form = await Form.read(request)
        async with form.attempt():
            wanted = form.parse(ChoiceForm)
            async with services.database.connection(principal.brand) as tx:
                await choosing.choose(
                    tx,
                    member_id=principal.own_id,
                    message_class=wanted.message_class,
                    is_allowed=wanted.is_allowed,
                    via=_via(request),
                )
            return see_other(f"/m/{brand_code}/messages", toast=_("Noted"))
        return await _choices(services, principal, brand_code, form)

    @post("/language", name="messaging.choices.language", status_code=200)
    async def speak(
        self,
        brand_code: FromPath[str],
        request: AnyRequest,
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """The language of messages from now on."""
        form = await Form.read(request)
        async with form.attempt():
            wanted = form.parse(LanguageForm)
            async with services.database.connection(principal.brand) as tx:
                await members.speak(tx, member_id=principal.own_id, locale=wanted.locale)
            return see_other(f"/m/{brand_code}/messages", toast=_("Noted"))
        return await _choices(services, principal, brand_code, form)


async def _choices(services: Services, principal: Principal, brand_code: str, form: Form) -> Template:
    async with services.database.unit_of_work(None) as session:
        brand = await brands.find_brand(session, code=brand_code)
    async with services.database.unit_of_work(principal.brand) as session:
        policy = await brands.get_policy(session, brand_id=principal.brand)
    async with services.database.connection(principal.brand) as tx:
        choices = await choosing.choices_of(tx, member_id=principal.own_id)
        reach = (await members.reach_of(tx, ids=[principal.own_id])).get(principal.own_id)
    return page(
        "messaging/choices.html",
        brand=brand,
        choices=choices,
        locale=(reach.locale if reach else "") or policy.default_locale,
        words=words,
        form=form,
        status_code=form.status,
    )


def _via(request: AnyRequest) -> JoinedVia:
    """Where she was when she decided."""
    return JoinedVia.WECHAT if is_wechat_browser(request.headers.get("User-Agent", "")) else JoinedVia.PHONE

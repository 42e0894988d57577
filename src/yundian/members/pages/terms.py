"""What members agree to: read by anybody, written by HQ."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.members.schemas import TermsForm
from yundian.members.service import terms
from yundian.platform.auth.guards import FOR_CUSTOMERS, anyone, requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import AnyRequest, page, see_other

_PAGE = "/hq/terms"


class TermsPage(Controller):
    path = "/m/{brand_code:str}/terms"
    include_in_schema = False
    opt = FOR_CUSTOMERS

    @get(name="members.terms", guards=[anyone])
    async def show(self, brand_code: FromPath[str], services: NamedDependency[Services]) -> Template:
        """The text of today, in its version."""
        brand = await brands.brand_in_address(services.database, brand_code)
        async with services.database.connection(brand.id) as tx:
            found = await terms.current(tx)
        return page("members/terms.html", brand=brand, terms=found)


class HqTermsPages(Controller):
    path = _PAGE
    include_in_schema = False
    guards = [requires(Role.HQ_ADMIN)]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="members.hq_terms")
    async def edit(self, session: NamedDependency[AsyncSession]) -> Template:
        """The text as it stands, to write the next one from."""
        found = await terms.current(session)
        form = Form.of(number=found.number, text_zh=found.text_zh, text_en=found.text_en)
        return page("members/hq_terms.html", terms=found, form=form)

    @post(name="members.hq_terms.publish", status_code=200)
    @idempotent
    async def publish(
        self,
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Ask every member for her consent to a new text."""
        form = await Form.read(request)
        async with form.attempt(session):
            data = form.parse(TermsForm)
            await terms.publish(
                session, number=data.number, text_zh=data.text_zh, text_en=data.text_en, actor_id=principal.id
            )
            return see_other(_PAGE, toast=_("Published"))
        found = await terms.current(session)
        return page("members/hq_terms.html", terms=found, form=form, status_code=form.status)

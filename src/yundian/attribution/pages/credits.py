"""HQ's answer to "why this shop", and the way to put a credit right."""

import uuid
from typing import Any

from litestar import Controller, Request, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from stores import api as stores
from stores.errors import ShopUnknown
from yundian.attribution import schemas
from yundian.attribution.errors import CreditUnknown
from yundian.attribution.service import credits
from yundian.attribution.types import Explanation, Subject
from yundian.platform.auth.guards import requires
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.principal import Principal, Role
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import fragment, page, see_other

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
movers = requires(Role.HQ_ADMIN)
_HQ = "hq"


class CreditPages(Controller):
    path = "/hq"
    include_in_schema = False

    @get("/credits/{subject_type:str}/{subject_id:uuid}", name="attribution.credit", guards=[readers])
    async def show(
        self,
        subject_type: FromPath[str],
        subject_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
    ) -> Template:
        """The whole story: rule, evidence, transfers."""
        return await _credit_page(session, Subject(subject_type, subject_id), Form.of())

    @post(
        "/credits/{subject_type:str}/{subject_id:uuid}/transfer",
        name="attribution.credit.transfer",
        guards=[movers],
        status_code=200,
    )
    @idempotent
    async def transfer(
        self,
        subject_type: FromPath[str],
        subject_id: FromPath[uuid.UUID],
        request: Request[Any, Any, Any],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Move it, or say why not."""
        subject, form = Subject(subject_type, subject_id), await Form.read(request)
        await credits.get_credit(session, subject=subject)
        async with form.attempt(session):
            wanted = form.parse(schemas.TransferForm)
            await credits.transfer(
                session,
                subject=subject,
                from_shop_id=_shop_id(wanted.seen, "seen"),
                to_shop_id=await _target(session, wanted),
                reason=wanted.reason,
                actor_id=principal.id,
                actor_name=principal.name,
            )
            return see_other(f"/hq/credits/{subject_type}/{subject_id}", toast=_("Transferred"))
        return await _credit_page(session, subject, form)

    @get("/panels/credits/{subject_type:str}/{subject_id:uuid}", name="attribution.credit.panel", guards=[readers])
    async def panel(
        self,
        subject_type: FromPath[str],
        subject_id: FromPath[uuid.UUID],
        session: NamedDependency[AsyncSession],
    ) -> Template:
        """The answer in short, on the page of what is credited."""
        subject = Subject(subject_type, subject_id)
        try:
            found: Explanation | None = await credits.explain(session, subject=subject)
        except CreditUnknown:
            found = None
        return fragment("attribution/_credit_panel.html", found=found, subject=subject, words=schemas)


async def _credit_page(session: AsyncSession, subject: Subject, form: Form) -> Template:
    found = await credits.explain(session, subject=subject)
    shops = [(str(key), schemas.shop_name(found, key)) for key in found.shop_names if key != found.credit.shop_id]
    if found.credit.shop_id is not None:
        shops.append((_HQ, _("headquarters")))
    return page(
        "attribution/credit.html",
        status_code=form.status,
        form=form,
        found=found,
        credit=found.credit,
        seen=str(found.credit.shop_id or _HQ),
        shops=shops,
        words=schemas,
    )


def _shop_id(text: str, field: str) -> uuid.UUID | None:
    if text == _HQ:
        return None
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidInput(field, "choose a shop") from error


async def _target(session: AsyncSession, wanted: schemas.TransferForm) -> uuid.UUID | None:
    code = wanted.code.strip()
    if not code:
        return _shop_id(wanted.shop, "shop")
    found = await stores.find_shops(session, codes={code})
    if code not in found:
        raise ShopUnknown
    return found[code].id

"""HQ sets up the brand's apps at WeChat."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.members.schemas import WeChatAppForm
from yundian.members.service import apps
from yundian.members.types import AppKind, WeChatAppFields, WeChatAppView
from yundian.platform.auth.guards import requires
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import AnyRequest, page, see_other

_PAGE = "/hq/wechat"


class WeChatAppPages(Controller):
    path = _PAGE
    include_in_schema = False
    guards = [requires(Role.HQ_ADMIN)]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="members.wechat_apps")
    async def show(
        self,
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """Both apps, without their secrets."""
        return await _apps(request, session, services, principal, {})

    @post("/{kind:str}", name="members.wechat_apps.save", status_code=200)
    @idempotent
    async def save(
        self,
        kind: FromPath[AppKind],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Set up or change one; blank secrets stay as they are."""
        form = await Form.read(request)
        async with form.attempt(session):
            data = form.parse(WeChatAppForm)
            await apps.save_app(
                session,
                keyring=services.keyring,
                brand_id=principal.brand,
                kind=kind,
                fields=WeChatAppFields(
                    app_id=data.app_id, secret=data.secret, token=data.token, aes_key=data.aes_key
                ),
                version=data.version,
            )
            return see_other(_PAGE, toast=_("Saved"))
        return await _apps(request, session, services, principal, {kind: form})


async def _apps(
    request: AnyRequest,
    session: AsyncSession,
    services: Services,
    principal: Principal,
    forms: dict[AppKind, Form],
) -> Template:
    found = await apps.list_apps(session, brand_id=principal.brand)
    items = [_item(kind, found.get(kind), forms.get(kind)) for kind in (AppKind.OFFICIAL, AppKind.MINI)]
    base = (services.settings.public_url or str(request.base_url)).rstrip("/")
    status = max([form.status for form in forms.values()], default=200)
    return page("members/wechat_apps.html", items=items, base=base, status_code=status)


def _item(kind: AppKind, app: WeChatAppView | None, form: Form | None) -> dict[str, Any]:
    return {"kind": kind.value, "app": app, "form": form or Form.of(app, *(("app_id", "version") if app else ()))}

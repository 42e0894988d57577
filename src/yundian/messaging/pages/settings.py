"""HQ edits what the brand says, tries it out, and decides when and how often it speaks."""

from typing import Any

from litestar import Controller, Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Template
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.brands import api as brands
from yundian.messaging.pages.hq import WORDS, readers, writers
from yundian.messaging.rules.samples import PHONE_WORDS
from yundian.messaging.schemas.forms import PolicyForm, TemplateForm, TestForm, form_values
from yundian.messaging.schemas.words import channel_label, why_no_sms
from yundian.messaging.service import deciding, previewing, queueing, reading
from yundian.messaging.states import ON_THE_WAY
from yundian.messaging.types import Channel, PolicyView, TemplateView
from yundian.platform.core.principal import Principal
from yundian.platform.db.services import Services
from yundian.platform.web.forms import Form
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.pages import AnyRequest, fragment, page, see_other

_TEMPLATES, _SETTINGS = "/hq/message-templates", "/hq/message-settings"
_TESTS_SHOWN = 5


class TemplatePages(Controller):
    path = _TEMPLATES
    include_in_schema = False

    @get(name="messaging.templates", guards=[readers])
    async def list_templates(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """What the brand can say, and which ways are set up for it."""
        policy = await deciding.get_policy(session, brand_id=principal.brand)
        found = await deciding.list_templates(session, brand_id=principal.brand)
        sms = {one.code: why_no_sms(one, services.settings, is_on=policy.is_sms_on) for one in found}
        return page("messaging/templates.html", templates=found, why_no_sms=sms, **WORDS)

    @get("/{code:str}", name="messaging.template", guards=[readers])
    async def show(
        self,
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """One template: its words in both languages, and how they read."""
        return await _template(session, services, principal, code)

    @post("/{code:str}", name="messaging.template.save", guards=[writers], status_code=200)
    @idempotent
    async def save(
        self,
        code: FromPath[str],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """The brand's own version from now on."""
        form = await Form.read(request)
        async with form.attempt(session):
            data = form.parse(TemplateForm)
            await deciding.save_template(
                session, brand_id=principal.brand, code=code, fields=data.fields(), version=data.version
            )
        if form.failed:
            return await _template(session, services, principal, code, form=form)
        return see_other(f"{_TEMPLATES}/{code}", toast=_("Saved"))

    @post("/{code:str}/preview", name="messaging.template.preview", guards=[writers], status_code=200)
    async def preview(
        self,
        code: FromPath[str],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """How what was typed would read; nothing is saved."""
        form = await Form.read(request)
        template = await deciding.get_template(session, brand_id=principal.brand, code=code)
        typed = template
        async with form.attempt(session):
            typed = deciding.as_if_saved(template, form.parse(TemplateForm).fields())
        return await _template(session, services, principal, code, form=form, shown=typed)

    @get("/{code:str}/tests", name="messaging.template.tests", guards=[readers])
    async def tests(
        self,
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Template:
        """What became of the newest tests; it looks again by itself while one is on its way."""
        template = await deciding.get_template(session, brand_id=principal.brand, code=code)
        tests = await reading.tests_of(session, code=template.code, limit=_TESTS_SHOWN)
        settings = services.settings
        sandbox = "" if settings.is_production else settings.wechat_url.rstrip("/")
        return fragment(
            "messaging/_tests.html",
            code=template.code,
            tests=tests,
            is_live=any(one.state in ON_THE_WAY for one in tests),
            inbox=f"{sandbox}/pages" if sandbox else "",
            zone=await brands.zone_of(session),
            **WORDS,
        )

    @post("/{code:str}/test", name="messaging.template.test", guards=[writers], status_code=200)
    @idempotent
    async def test(
        self,
        code: FromPath[str],
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """Send it with sample values to a member whose phone is known: oneself."""
        form = await Form.read(request)
        async with form.attempt(session):
            wanted = form.parse(TestForm)
            await queueing.queue_test(
                session, code=code, phone=wanted.phone, channel=wanted.channel, path="/m/{brand}/me"
            )
        if form.failed:
            return await _template(session, services, principal, code, test_form=form)
        return see_other(f"{_TEMPLATES}/{code}#tests", toast=_("The test is on its way"))


class SettingsPages(Controller):
    path = _SETTINGS
    include_in_schema = False
    guards = [writers]  # noqa: RUF012  Litestar's way to guard a controller

    @get(name="messaging.settings")
    async def show(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> Template:
        """Quiet hours, caps, how long words are kept."""
        policy = await deciding.get_policy(session, brand_id=principal.brand)
        return await _settings(session, _policy_form(policy))

    @post(name="messaging.settings.save", status_code=200)
    @idempotent
    async def save(
        self,
        request: AnyRequest,
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> Response[Any]:
        """They hold for every message that is not sent yet."""
        form = await Form.read(request)
        async with form.attempt(session):
            data = form.parse(PolicyForm)
            await deciding.save_policy(
                session, brand_id=principal.brand, fields=data.fields(), version=data.version
            )
        if form.failed:
            return await _settings(session, form)
        return see_other(_SETTINGS, toast=_("Saved"))


async def _template(
    session: AsyncSession,
    services: Services,
    principal: Principal,
    code: str,
    *,
    form: Form | None = None,
    test_form: Form | None = None,
    shown: TemplateView | None = None,
) -> Template:
    template = await deciding.get_template(session, brand_id=principal.brand, code=code)
    failed, previewed = form or test_form, shown or template
    policy = await deciding.get_policy(session, brand_id=principal.brand)
    return page(
        "messaging/template.html",
        template=template,
        form=form or Form.of(**form_values(template)),
        test_form=test_form or Form.of(),
        previews=await previewing.preview(session, template=previewed, settings=services.settings),
        previewed=previewed,
        why_no_sms=why_no_sms(previewed, services.settings, is_on=policy.is_sms_on),
        phone_words=PHONE_WORDS,
        brand_name=(await brands.get_policy(session, brand_id=principal.brand)).display_name,
        is_typed=shown is not None and not (form and form.failed),
        channels=[(one.value, channel_label(one.value)) for one in Channel],
        status_code=failed.status if failed else 200,
        **WORDS,
    )


async def _settings(session: AsyncSession, form: Form) -> Template:
    zone = await brands.zone_of(session)
    return page("messaging/settings.html", form=form, zone=zone, status_code=form.status)


def _policy_form(policy: PolicyView) -> Form:
    return Form.of(
        policy,
        "version",
        "marketing_per_day",
        "retention_days",
        "is_sms_on",
        quiet_from=policy.quiet_from.strftime("%H:%M"),
        quiet_until=policy.quiet_until.strftime("%H:%M"),
    )

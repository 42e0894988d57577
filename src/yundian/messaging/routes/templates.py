"""HQ edits by JSON what the brand says, tries it out, and decides when and how often it speaks."""

from litestar import Controller, get, post, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.messaging.errors import NobodyToTest, TemplateUnknown
from yundian.messaging.schemas.wire import (
    SettingsRead,
    SettingsWrite,
    TemplateRead,
    TemplateUpdate,
    TemplateWrite,
    TestWish,
)
from yundian.messaging.schemas.words import why_no_sms
from yundian.messaging.service import deciding, previewing, queueing, reading
from yundian.messaging.service.previewing import Preview
from yundian.messaging.types import MessageView, TemplateView
from yundian.platform.auth.guards import requires
from yundian.platform.core.errors import VersionConflict
from yundian.platform.core.principal import Principal, Role
from yundian.platform.db.services import Services
from yundian.platform.web.idempotency import idempotent
from yundian.platform.web.openapi import refusals

readers = requires(Role.HQ_ADMIN, Role.HQ_ANALYST)
writers = requires(Role.HQ_ADMIN)
_TESTS_SHOWN = 20


class TemplateController(Controller):
    """What the brand can say: the house's templates, with its own words and its accounts' ids."""

    path = "/message-templates"

    @get(operation_id="messaging_list_templates", guards=[readers])
    async def list_templates(
        self,
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> list[TemplateRead]:
        """List every template, as the brand has it."""
        found = await deciding.list_templates(session, brand_id=principal.brand)
        return await _read(session, services, principal, found)

    @get(
        "/{code:str}",
        operation_id="messaging_get_template",
        guards=[readers],
        responses=refusals(TemplateUnknown),
    )
    async def show(
        self,
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> TemplateRead:
        """Get a template: its words in both languages, and the values it may name."""
        return await _one(session, services, principal, code)

    @put(
        "/{code:str}",
        operation_id="messaging_put_template",
        guards=[writers],
        responses=refusals(TemplateUnknown, VersionConflict),
    )
    @idempotent
    async def save(
        self,
        code: FromPath[str],
        data: JSONBody[TemplateUpdate],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> TemplateRead:
        """Make it the brand's own version, switched on or off; messages that wait are sent with it.

        `version` is 0 while the brand has not changed the house's own. A language that is left out stays the
        house's.
        """
        await deciding.save_template(
            session, brand_id=principal.brand, code=code, fields=data.fields(), version=data.version
        )
        return await _one(session, services, principal, code)

    @get(
        "/{code:str}/preview",
        operation_id="messaging_preview_template",
        guards=[readers],
        responses=refusals(TemplateUnknown),
    )
    async def preview(
        self,
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> list[Preview]:
        """Read a template as a phone shows it, with values that could be, in each language."""
        template = await deciding.get_template(session, brand_id=principal.brand, code=code)
        return await previewing.preview(session, template=template, settings=services.settings)

    @post(
        "/{code:str}/preview",
        operation_id="messaging_preview_template_draft",
        guards=[writers],
        status_code=200,
        responses=refusals(TemplateUnknown),
    )
    async def preview_draft(
        self,
        code: FromPath[str],
        data: JSONBody[TemplateWrite],
        session: NamedDependency[AsyncSession],
        services: NamedDependency[Services],
        principal: NamedDependency[Principal],
    ) -> list[Preview]:
        """Read it as it would be with these words; nothing is saved."""
        template = await deciding.get_template(session, brand_id=principal.brand, code=code)
        draft = deciding.as_if_saved(template, data.fields())
        return await previewing.preview(session, template=draft, settings=services.settings)

    @get(
        "/{code:str}/tests",
        operation_id="messaging_list_template_tests",
        guards=[readers],
        responses=refusals(TemplateUnknown),
    )
    async def tests(
        self,
        code: FromPath[str],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> list[MessageView]:
        """List the newest tests of a template, and what became of them."""
        template = await deciding.get_template(session, brand_id=principal.brand, code=code)
        return await reading.tests_of(session, code=template.code, limit=_TESTS_SHOWN)

    @post(
        "/{code:str}/tests",
        operation_id="messaging_test_template",
        guards=[writers],
        status_code=202,
        responses=refusals(TemplateUnknown, NobodyToTest),
    )
    @idempotent
    async def test(
        self, code: FromPath[str], data: JSONBody[TestWish], session: NamedDependency[AsyncSession]
    ) -> None:
        """Send it with sample values to the member with this phone, at once, whatever the hour and her choices."""
        await queueing.queue_test(session, code=code, phone=data.phone, channel=data.channel, path="/m/{brand}/me")


class SettingsController(Controller):
    """When and how often the brand writes, and how long words are kept."""

    path = "/message-settings"
    guards = [writers]  # noqa: RUF012  Litestar's way to guard a controller

    @get(operation_id="messaging_get_settings")
    async def show(
        self, session: NamedDependency[AsyncSession], principal: NamedDependency[Principal]
    ) -> SettingsRead:
        """Get quiet hours, the cap of offers a day, days that words are kept, and whether short messages go."""
        return SettingsRead.of(await deciding.get_policy(session, brand_id=principal.brand))

    @put(operation_id="messaging_put_settings", responses=refusals(VersionConflict))
    @idempotent
    async def save(
        self,
        data: JSONBody[SettingsWrite],
        session: NamedDependency[AsyncSession],
        principal: NamedDependency[Principal],
    ) -> SettingsRead:
        """Replace them; they hold for every message that is not sent yet. `version` is 0 while none were saved."""
        return SettingsRead.of(
            await deciding.save_policy(
                session, brand_id=principal.brand, fields=data.fields(), version=data.version
            )
        )


async def _one(session: AsyncSession, services: Services, principal: Principal, code: str) -> TemplateRead:
    template = await deciding.get_template(session, brand_id=principal.brand, code=code)
    return (await _read(session, services, principal, [template]))[0]


async def _read(
    session: AsyncSession, services: Services, principal: Principal, found: list[TemplateView]
) -> list[TemplateRead]:
    policy = await deciding.get_policy(session, brand_id=principal.brand)
    return [
        TemplateRead.of(one, why_no_sms=why_no_sms(one, services.settings, is_on=policy.is_sms_on))
        for one in found
    ]

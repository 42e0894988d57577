"""What HQ decides: the brand's templates and policy, over the house's own."""

import datetime as dt
import string
import uuid

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.messaging.models import Policy, Template
from yundian.messaging.repository import settings as repository
from yundian.messaging.rules import rendering
from yundian.messaging.rules.templates import TEMPLATES, HouseTemplate, house_template
from yundian.messaging.types import PolicyFields, PolicyView, TemplateFields, TemplateText, TemplateView
from yundian.platform.core.errors import InvalidInput, VersionConflict

DEFAULT_POLICY = PolicyView(
    quiet_from=dt.time(21, 0),
    quiet_until=dt.time(9, 0),
    marketing_per_day=1,
    retention_days=90,
    is_sms_on=True,
    version=0,
)
_MOST_MARKETING, _LONGEST_RETENTION = 20, 1095


async def list_templates(session: AsyncSession, *, brand_id: uuid.UUID) -> list[TemplateView]:
    """Every template of the house, as the brand has it."""
    own = {row.code: row for row in await repository.templates(session, brand_id=brand_id)}
    return [_view(template, own.get(code)) for code, template in TEMPLATES.items()]


async def get_template(session: AsyncSession, *, brand_id: uuid.UUID, code: str) -> TemplateView:
    """``TemplateUnknown`` where the house has none."""
    return _view(house_template(code), await repository.template(session, brand_id=brand_id, code=code))


async def save_template(
    session: AsyncSession, *, brand_id: uuid.UUID, code: str, fields: TemplateFields, version: int
) -> TemplateView:
    """The brand's own version from now on; messages that wait are sent with it.

    ``InvalidInput`` names a text that cannot be rendered, ``VersionConflict`` that somebody else saved.
    """
    template = house_template(code)
    rendering.checked_fields(template, fields)
    row = await repository.template(session, brand_id=brand_id, code=code)
    if version != (row.version if row else 0):
        raise VersionConflict
    if row is None:
        row = Template(brand_id=brand_id, code=code, is_urgent=template.is_urgent, texts={})
        session.add(row)
    row.sqlmodel_update({**msgspec.structs.asdict(fields), "texts": msgspec.to_builtins(fields.texts)})
    await session.flush()
    return _view(template, row)


def as_if_saved(template: TemplateView, fields: TemplateFields) -> TemplateView:
    """The template with these fields, unsaved. ``InvalidInput`` names a text that cannot be rendered.

    A language without words has the house's.
    """
    house = house_template(template.code)
    rendering.checked_fields(house, fields)
    texts = {**house.texts, **fields.texts}
    return msgspec.structs.replace(template, **{**msgspec.structs.asdict(fields), "texts": texts})


async def get_policy(session: AsyncSession, *, brand_id: uuid.UUID) -> PolicyView:
    row = await repository.policy(session, brand_id=brand_id)
    return DEFAULT_POLICY if row is None else msgspec.convert(row, PolicyView, from_attributes=True)


async def save_policy(
    session: AsyncSession, *, brand_id: uuid.UUID, fields: PolicyFields, version: int
) -> PolicyView:
    """``VersionConflict`` when somebody else saved in between."""
    if not 0 <= fields.marketing_per_day <= _MOST_MARKETING:
        raise InvalidInput("marketing_per_day", "Must be 0 to 20")
    if not 1 <= fields.retention_days <= _LONGEST_RETENTION:
        raise InvalidInput("retention_days", "Must be 1 to 1095")
    row = await repository.policy(session, brand_id=brand_id)
    if version != (row.version if row else 0):
        raise VersionConflict
    values = msgspec.structs.asdict(fields)
    if row is None:
        row = Policy(brand_id=brand_id, id=brand_id, **values)
        session.add(row)
    else:
        row.sqlmodel_update(values)
    await session.flush()
    return msgspec.convert(row, PolicyView, from_attributes=True)


def _own(row: Template) -> dict[str, TemplateText]:
    return msgspec.convert(row.texts, dict[str, TemplateText])


def _in_order(text: TemplateText) -> TemplateText:
    """WeChat numbers its fields; the database keeps no order."""

    def sorted_by_number(fields: dict[str, str]) -> dict[str, str]:
        return dict(sorted(fields.items(), key=lambda one: int(one[0].lstrip(string.ascii_letters + "_"))))

    return msgspec.structs.replace(
        text, official=sorted_by_number(text.official), mini=sorted_by_number(text.mini)
    )


def _view(template: HouseTemplate, row: Template | None) -> TemplateView:
    texts = template.texts
    if row is not None:
        texts = {**texts, **{name: _in_order(text) for name, text in _own(row).items()}}
    return TemplateView(
        code=template.code,
        message_class=template.message_class,
        names=template.names,
        is_enabled=row.is_enabled if row else True,
        is_urgent=row.is_urgent if row else template.is_urgent,
        official_template_id=row.official_template_id if row else "",
        mini_template_id=row.mini_template_id if row else "",
        mini_page=row.mini_page if row else "",
        texts=texts,
        version=row.version if row else 0,
    )

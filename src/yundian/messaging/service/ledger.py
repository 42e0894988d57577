"""A member's consents for HQ: what is left, what was agreed to, and which message used which."""

import uuid
from dataclasses import dataclass, field

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.members import api as members
from yundian.messaging.repository import ledger as repository
from yundian.messaging.service import deciding
from yundian.messaging.types import CreditEntryView, CreditView
from yundian.platform.core.crypto import mask_phone
from yundian.platform.core.errors import NotFound
from yundian.platform.db.paging import Page, cut, decode_cursor


@dataclass(frozen=True, slots=True)
class Ledger:
    """``phone`` is masked, or empty. ``templates``: the house's by WeChat's id; several may share one."""

    phone: str = field(repr=False)
    credits: list[CreditView]
    entries: Page[CreditEntryView]
    templates: dict[str, list[str]]


async def ledger_of(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    member_id: uuid.UUID,
    template_id: str,
    cursor: str | None,
    limit: int,
) -> Ledger:
    """The credits by template and a page of the entries, of one template or of all. ``NotFound``: no member."""
    reach = (await members.reach_of(session, ids=[member_id])).get(member_id)
    if reach is None:
        raise NotFound
    before_id = decode_cursor(cursor, (uuid.UUID,))[0] if cursor else None
    found = await repository.entries_of(
        session, member_id=member_id, template_id=template_id, before_id=before_id, limit=limit + 1
    )
    items, next_cursor = cut(found, limit, lambda one: (one.id,))
    templates: dict[str, list[str]] = {}
    for one in await deciding.list_templates(session, brand_id=brand_id):
        if one.mini_template_id:
            templates.setdefault(one.mini_template_id, []).append(one.code)
    return Ledger(
        phone=mask_phone(reach.phone) if reach.phone else "",
        credits=await repository.credits_of(session, member_id=member_id),
        entries=Page(items=items, next_cursor=next_cursor),
        templates=templates,
    )

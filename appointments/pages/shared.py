"""What the pages of shops and headquarters have in common."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import setup as repository
from appointments.service.replacing import Begun
from appointments.types import Plans
from stores import api as stores
from stores.types import ShopView
from yundian.platform.core.principal import Principal
from yundian.platform.core.words import ENGLISH
from yundian.platform.outbox.door import Door
from yundian.platform.web.context import current
from yundian.platform.web.i18n import gettext as _


def replaced_text(one: Begun) -> str:
    """What became of appointments whose people are away, or where to see it."""
    if one.run_id is not None:
        return _(
            "Saved. %(total)s appointments are seen to in the background; this page shows how far it is.",
            total=one.total,
        )
    return _(
        "Saved. %(given)s appointments were given to others, %(asked)s customers are asked to choose.",
        given=one.given,
        asked=one.asked,
    )


async def own_shops(session: AsyncSession, principal: Principal) -> list[ShopView]:
    """The shops that the caller works in, by name."""
    found = await stores.get_shops(session, ids=set(principal.own_shops))
    return sorted(found.values(), key=lambda shop: (shop.name, shop.code))


async def people_named(door: Door, plans: Plans) -> list[tuple[uuid.UUID, str]]:
    """Who may serve, as the reader calls them. What decides about times does not carry English names along."""
    locale = current().locale
    known = [(one.id, one.name) for one in plans.staff]
    if locale != ENGLISH or not known:
        return known
    words = await repository.staff_names(door, staff_ids=[key for key, _name in known])
    return [(key, words[key].text(locale) if key in words else name) for key, name in known]


def uuid_or_none(text: str) -> uuid.UUID | None:
    """What a page named, where anything else counts as nothing."""
    try:
        return uuid.UUID(text)
    except ValueError:
        return None

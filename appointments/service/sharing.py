"""A shop's own link to where one books with it: made once, then the same. What comes by it is the shop's."""

import uuid
from collections.abc import Collection

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import setup as repository
from stores import api as stores
from stores.types import ShopView
from yundian.attribution import api as attribution
from yundian.attribution.types import Channel, LinkKind, LinkTarget, LinkView
from yundian.brands import api as brands
from yundian.platform.core.crypto import Keyring

_TARGET = "appointments.shop"


async def bookable(session: AsyncSession, *, shops: Collection[uuid.UUID]) -> list[ShopView]:
    """Those of these shops where somebody takes appointments, by name."""
    served = await repository.shops_with_staff(session)
    found = await stores.get_shops(session, ids=served & set(shops))
    return sorted(found.values(), key=lambda shop: (shop.name, shop.code))


async def share(session: AsyncSession, *, keyring: Keyring, shop: ShopView, title: str) -> LinkView:
    """The link; whoever opens it chooses what and when, in this shop."""
    return await attribution.make_link(
        session,
        keyring=keyring,
        shop_id=shop.id,
        channel=Channel.SHARE,
        target=LinkTarget(
            kind=LinkKind.APPOINTMENT,
            target_type=_TARGET,
            target_id=shop.id,
            target_path=f"/m/{await brands.code_of(session)}/book/{shop.id}",
            title=title,
        ),
    )

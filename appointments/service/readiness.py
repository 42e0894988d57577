"""Where customers can book, and what is missing where they cannot."""

import uuid
from dataclasses import dataclass

from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.repository import readiness as repository
from appointments.rules.readiness import Counts, Lack, Steps, lacks, steps
from appointments.service import setup
from appointments.states import Status
from stores import api as stores
from stores.types import ShopView
from yundian.payments import api as payments
from yundian.payments.types import Provider
from yundian.platform.outbox.door import Door

# A page shows no more.
MOST_SHOPS = 1000


@dataclass(frozen=True)
class Readiness:
    """A shop with what is set up in it, and what is still to do."""

    shop: ShopView
    counts: Counts
    lacks: list[Lack]


async def of_shops(session: AsyncSession) -> list[Readiness]:
    """Every shop by its code."""
    shops = await stores.list_shops(session, limit=MOST_SHOPS)
    counted = await repository.counts(session, shop_ids=[shop.id for shop in shops])
    return [Readiness(shop, counted[shop.id], lacks(counted[shop.id])) for shop in shops if shop.id in counted]


async def of_brand(session: AsyncSession) -> Steps:
    """What is done until the first customer can book, in whichever shop."""
    counts = [one.counts for one in await of_shops(session)]
    services = await setup.list_services(session)
    return steps(counts, has_services=any(one.status is Status.ACTIVE for one in services))


async def chair_kinds(door: Door) -> list[str]:
    """What kinds of chairs and rooms are called in this brand: a kind that is spelt otherwise is another kind."""
    return await repository.chair_kinds(door)


async def needed_kinds(door: Door, *, shop_id: uuid.UUID) -> list[str]:
    """The kinds that services need which are performed in a shop, and of which it has no chair."""
    return await repository.needed_kinds(door, shop_id=shop_id)


async def cannot_be_paid(door: Door) -> bool:
    """Whether customers are asked for deposits, and the brand has no way to take them: nobody can book those."""
    if not await repository.takes_deposits(door):
        return False
    return not any([await payments.is_offered(door, provider) for provider in Provider])

"""What was made of a file's words waits to be looked at: confirmed by HQ, or taken out with its import."""

import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel.ext.asyncio.session import AsyncSession

from appointments.models.surveys import ImportDraft
from appointments.repository import setup as setup_repository
from appointments.repository import surveys as repository
from appointments.repository import words
from appointments.service import planned, setup
from appointments.states import Status
from appointments.types import PlanLine, ServiceView, StaffView
from stores import api as stores
from stores.types import ShopWithHours
from yundian.platform.core import clock
from yundian.platform.core.errors import VersionConflict
from yundian.platform.db.conflicts import savepoint
from yundian.platform.outbox.door import brand_of


@dataclass(frozen=True, slots=True)
class DraftShop:
    draft: ImportDraft
    shop: ShopWithHours

    @property
    def name(self) -> str:
        return self.shop.shop.name


@dataclass(frozen=True, slots=True)
class DraftService:
    draft: ImportDraft
    service: ServiceView

    @property
    def name(self) -> str:
        return self.service.name


@dataclass(frozen=True, slots=True)
class DraftPerson:
    draft: ImportDraft
    person: StaffView
    week: list[PlanLine]

    @property
    def name(self) -> str:
        return self.person.display_name


@dataclass(frozen=True, slots=True)
class Drafts:
    """What files made and nobody confirmed yet."""

    shops: list[DraftShop]
    services: list[DraftService]
    people: list[DraftPerson]

    @property
    def count(self) -> int:
        return len(self.ids)

    @property
    def ids(self) -> frozenset[uuid.UUID]:
        shops, services = (one.draft for one in self.shops), (one.draft for one in self.services)
        return frozenset(one.made_id for one in (*shops, *services, *(each.draft for each in self.people)))


async def open_drafts(session: AsyncSession) -> Drafts:
    """What waits to be confirmed; what HQ opened or made active on its own page does not wait any more."""
    found = await repository.drafts(session, brand_id=brand_of(session))
    by_id = {one.made_id: one for one in found}
    shops = await stores.get_shops(session, ids={one.made_id for one in found if one.kind == "shop"})
    waiting = [one.id for one in shops.values() if one.status.value == "opening"]
    services = [one for one in await setup.list_services(session) if one.id in by_id] if found else []
    people = [one for one in await setup.list_staff(session) if one.id in by_id] if found else []
    weeks: dict[uuid.UUID, list[PlanLine]] = {}
    for one in people:
        weeks[one.id] = await setup.plan_of(session, staff_id=one.id)
    return Drafts(
        [DraftShop(by_id[id_], await stores.get_shop(session, shop_id=id_)) for id_ in waiting],
        [DraftService(by_id[one.id], one) for one in services if one.status is Status.RETIRED],
        [DraftPerson(by_id[one.id], one, weeks[one.id]) for one in people if one.status is Status.RETIRED],
    )


async def waiting(session: AsyncSession) -> frozenset[uuid.UUID]:
    """What files made and nobody confirmed, by id: also what was made active on its own page. One statement."""
    return await repository.draft_ids(session)


async def confirm(session: AsyncSession, *, ids: Sequence[uuid.UUID]) -> int:
    """These can be booked from now on: shops open, services are offered, people serve. How many were drafts."""
    drafts = {one.made_id: one for one in await repository.drafts(session, brand_id=brand_of(session))}
    confirmed = await repository.confirm(session, ids=ids, now=clock.now())
    services = {one.id: one for one in await setup_repository.services(session)}
    people = {one.id: one for one in await setup_repository.staff(session, shop_id=None)}
    shop_ids = {one.shop_id for one in await setup_repository.shops_of(session, staff_ids=list(confirmed))}
    # How they were planned until now, before that changes.
    await planned.keep(session, shop_ids=shop_ids)
    for made_id in sorted(confirmed):
        if drafts[made_id].kind == "shop":
            await stores.open_shop(session, shop_id=made_id)
            continue
        row = services.get(made_id) or people.get(made_id)
        if row is not None:
            row.status = Status.ACTIVE
    await session.flush()
    return len(confirmed)


async def made_for(session: AsyncSession, *, run_id: uuid.UUID) -> int:
    """How much was made for an import that is still here."""
    return len(await repository.made_for(session, run_id=run_id))


async def unmake(session: AsyncSession, *, run_id: uuid.UUID) -> Counter[str]:
    """Take out what was made for an import while nobody uses it or confirmed it: how many were kept, and why."""
    kept: Counter[str] = Counter()
    gone: list[uuid.UUID] = []
    waiting = (await open_drafts(session)).ids
    for kind, made_id in await repository.made_for(session, run_id=run_id):
        if made_id not in waiting:
            kept["confirmed"] += 1
        elif await _is_out(session, kind, made_id):
            gone.append(made_id)
        else:
            kept["used"] += 1
    if gone:
        await words.forget_meaning(session, means=[str(one) for one in gone])
    return kept


async def _is_out(session: AsyncSession, kind: str, made_id: uuid.UUID) -> bool:
    try:
        async with savepoint(session):
            await repository.remove(session, kind=kind, made_id=made_id)
            if kind == "shop" and not await stores.remove_unopened(session, shop_id=made_id):
                raise VersionConflict
    except (sa.exc.IntegrityError, VersionConflict):
        return False
    return True

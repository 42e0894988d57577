"""What HQ does with shops, and what everybody reads of them."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence

import msgspec
from sqlmodel.ext.asyncio.session import AsyncSession

from stores.errors import ShopCodeTaken, ShopUnknown
from stores.events import ShopAdded, ShopChanged, ShopClosed, ShopOpened, ShopPaused
from stores.models import Shop
from stores.repository import past, shops
from stores.rules import hours as hour_rules
from stores.rules.shops import checked
from stores.states import ShopStatus
from stores.types import Interval, Place, ShopEdit, ShopFields, ShopFilter, ShopView, ShopWithHours
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput, VersionConflict
from yundian.platform.db.conflicts import conflicts
from yundian.platform.db.paging import Page, cut, decode_cursor
from yundian.platform.outbox import outbox
from yundian.platform.outbox.declare import Event

# A picture of more is no clearer.
MAX_POINTS = 5_000

_HALF_A_METRE = 4.5e-6

_ANNOUNCED: Mapping[ShopStatus, type[ShopOpened | ShopPaused | ShopClosed]] = {
    ShopStatus.OPEN: ShopOpened,
    ShopStatus.PAUSED: ShopPaused,
    ShopStatus.CLOSED: ShopClosed,
}


async def list_shops(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    wanted: ShopFilter,
    cursor: str | None = None,
    limit: int = 50,
) -> Page[ShopWithHours]:
    """One page in the order of the codes. Two statements."""
    after_code: str | None = decode_cursor(cursor, (str,))[0] if cursor else None
    rows = await shops.page(session, brand_id=brand_id, wanted=wanted, after_code=after_code, limit=limit + 1)
    found, next_cursor = cut(rows, limit, lambda shop: (shop.code,))
    return Page(await with_hours(session, brand_id=brand_id, found=found, now=clock.now()), next_cursor)


async def get_shop(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    visible: frozenset[uuid.UUID] | None,
) -> ShopWithHours:
    """A shop the caller may see (``visible`` of ``None``: all); any other is ``ShopUnknown``."""
    shop = await _shop(session, brand_id=brand_id, shop_id=shop_id, visible=visible)
    return (await with_hours(session, brand_id=brand_id, found=[shop], now=clock.now()))[0]


async def see_shop(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    visible: frozenset[uuid.UUID] | None,
) -> ShopView:
    """The shop without its hours, if the caller may see it; else ``ShopUnknown``. One statement."""
    return _view(await _shop(session, brand_id=brand_id, shop_id=shop_id, visible=visible))


async def counts(
    session: AsyncSession, *, brand_id: uuid.UUID, shop_ids: frozenset[uuid.UUID] | None = None
) -> Mapping[ShopStatus, int]:
    """How many shops there are in each status."""
    return await shops.counts(session, brand_id=brand_id, shop_ids=shop_ids)


async def provinces(session: AsyncSession, *, brand_id: uuid.UUID) -> list[str]:
    """The provinces the brand is in."""
    return await shops.provinces(session, brand_id=brand_id)


async def points(session: AsyncSession, *, brand_id: uuid.UUID, wanted: ShopFilter) -> list[Place]:
    """Where the wanted shops are, for a map."""
    return await shops.points(session, brand_id=brand_id, wanted=wanted, limit=MAX_POINTS)


async def create_shop(session: AsyncSession, *, brand_id: uuid.UUID, fields: ShopFields) -> ShopWithHours:
    """A new shop, announced but not open. Records ``ShopAdded``."""
    shop = Shop(brand_id=brand_id, **msgspec.structs.asdict(checked(fields)))
    session.add(shop)
    async with conflicts({"uq_stores_shop_brand_id_code": ShopCodeTaken(code=fields.code)}):
        await session.flush()
    await outbox.record(session, ShopAdded(shop_id=shop.id))
    return ShopWithHours(shop=_view(shop), hours=(), is_open_now=False)


async def update_shop(
    session: AsyncSession, *, brand_id: uuid.UUID, shop_id: uuid.UUID, version: int, edit: ShopEdit
) -> ShopWithHours:
    """Change what ``edit`` sets. Records ``ShopChanged`` when something differs.

    Raises ``VersionConflict`` when somebody saved the shop since ``version``.
    """
    shop = await _shop_at(session, brand_id=brand_id, shop_id=shop_id, version=version)
    changes = {k: v for k, v in msgspec.structs.asdict(edit).items() if v is not msgspec.UNSET}
    standing = msgspec.convert(shop, ShopFields, from_attributes=True)
    checked(msgspec.structs.replace(standing, **changes))
    if _is_same_place(shop, changes):
        changes = {k: v for k, v in changes.items() if k not in ("latitude", "longitude")}
    differing = {k: v for k, v in changes.items() if getattr(shop, k) != v}
    for name, value in differing.items():
        setattr(shop, name, value)
    if differing:
        async with conflicts({"uq_stores_shop_brand_id_code": ShopCodeTaken(code=shop.code)}):
            await session.flush()
        await outbox.record(session, ShopChanged(shop_id=shop_id))
    return (await with_hours(session, brand_id=brand_id, found=[shop], now=clock.now()))[0]


async def change_status(
    session: AsyncSession, *, brand_id: uuid.UUID, shop_id: uuid.UUID, version: int, status: ShopStatus
) -> ShopWithHours:
    """Open, pause, close or re-announce a shop. Records what happened; the same status again changes nothing."""
    shop = await _shop_at(session, brand_id=brand_id, shop_id=shop_id, version=version)
    if shop.status is not status:
        await past.keep(session, shop_ids=[shop_id])
        shop.move_to(status)
        await session.flush()
        announced = _ANNOUNCED.get(status, ShopChanged)
        await outbox.record(session, announced(shop_id=shop_id))
    return (await with_hours(session, brand_id=brand_id, found=[shop], now=clock.now()))[0]


async def put_hours(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    version: int,
    hours: Sequence[Interval],
) -> ShopWithHours:
    """Replace the weekly hours; they count as an edit of the shop. Records ``ShopChanged`` when they differ."""
    ordered = hour_rules.checked(hours)
    shop = await _shop_at(session, brand_id=brand_id, shop_id=shop_id, version=version)
    standing = await shops.hours_of(session, brand_id=brand_id, shop_ids=[shop_id])
    if standing.get(shop_id, ()) != ordered:
        shop.updated_at = clock.now()
        await session.flush()
        await past.keep(session, shop_ids=[shop_id])
        await shops.replace_hours(session, brand_id=brand_id, shop_id=shop_id, hours=ordered)
        await outbox.record(session, ShopChanged(shop_id=shop_id))
    return (await with_hours(session, brand_id=brand_id, found=[shop], now=clock.now()))[0]


async def with_hours(
    session: AsyncSession, *, brand_id: uuid.UUID, found: Sequence[Shop], now: dt.datetime
) -> list[ShopWithHours]:
    """The shops with their hours, and whether they serve customers now. One statement for all."""
    ids = [shop.id for shop in found]
    hours = await shops.hours_of(session, brand_id=brand_id, shop_ids=ids) if ids else {}
    return [
        ShopWithHours(
            shop=_view(shop),
            hours=hours.get(shop.id, ()),
            is_open_now=serves(shop, hours.get(shop.id, ()), now=now),
        )
        for shop in found
    ]


def serves(shop: Shop, hours: Sequence[Interval], *, now: dt.datetime) -> bool:
    """Whether the shop is in business and inside its hours."""
    return shop.status is ShopStatus.OPEN and hour_rules.is_open_at(hours, zone=shop.time_zone, instant=now)


def announcements(shop_id: uuid.UUID, *, is_new: bool, status: ShopStatus) -> list[Event]:
    """The events of a shop that a file brought in."""
    if not is_new:
        return [ShopChanged(shop_id=shop_id)]
    opened: list[Event] = [ShopOpened(shop_id=shop_id)] if status is ShopStatus.OPEN else []
    return [ShopAdded(shop_id=shop_id), *opened]


async def _shop(
    session: AsyncSession,
    *,
    brand_id: uuid.UUID,
    shop_id: uuid.UUID,
    visible: frozenset[uuid.UUID] | None,
) -> Shop:
    is_visible = visible is None or shop_id in visible
    shop = await shops.get(session, brand_id=brand_id, shop_id=shop_id) if is_visible else None
    if shop is None:
        raise ShopUnknown(shop_id=str(shop_id))
    return shop


async def _shop_at(session: AsyncSession, *, brand_id: uuid.UUID, shop_id: uuid.UUID, version: int) -> Shop:
    if version < 1:
        raise InvalidInput("version", "must be the version that was read")
    shop = await _shop(session, brand_id=brand_id, shop_id=shop_id, visible=None)
    if shop.version != version:
        raise VersionConflict(version=shop.version)
    return shop


def _is_same_place(shop: Shop, changes: Mapping[str, object]) -> bool:
    """A form shows a Chinese datum and converts back: what comes home within half a metre did not move."""
    pairs = ((changes.get("latitude"), shop.latitude), (changes.get("longitude"), shop.longitude))
    return all(isinstance(new, float) and old is not None and abs(new - old) < _HALF_A_METRE for new, old in pairs)


def _view(shop: Shop) -> ShopView:
    return msgspec.convert(shop, ShopView, from_attributes=True)

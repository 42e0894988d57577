"""The campaign editor's form: people type local times, yuan, SKU and shop codes."""

import datetime as dt
import uuid
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Meta
from sqlmodel.ext.asyncio.session import AsyncSession

from groupbuy.states import LatePolicy
from groupbuy.types import CampaignFields, CampaignWithItems, ItemFields
from stores import api as stores
from yundian.catalog import api as catalog
from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.platform.web.forms import Form

_LOCAL = "%Y-%m-%dT%H:%M:%S"


class ItemRow(NamedTuple):
    """A line of the table of SKUs, as it was typed."""

    sku: str = ""
    price: str = ""
    quota: str = ""


class EditorForm(msgspec.Struct, frozen=True, kw_only=True):
    """What the editor sends besides its rows."""

    name: Annotated[str, Meta(min_length=1, max_length=80)]
    title: Annotated[str, Meta(min_length=1, max_length=80)]
    description: Annotated[str, Meta(max_length=1000)] = ""
    title_en: Annotated[str, Meta(max_length=80)] = ""
    description_en: Annotated[str, Meta(max_length=1000)] = ""
    size: Annotated[int, Meta(ge=2, le=100)]
    starts_at: str
    ends_at: str
    group_hours: Annotated[float, Meta(gt=0, le=720)]
    seat_minutes: Annotated[int, Meta(ge=1, le=1440)]
    per_member_limit: Annotated[int, Meta(ge=1, le=1000)]
    pieces_per_seat: Annotated[int, Meta(ge=1, le=100)]
    late_policy: LatePolicy = LatePolicy.OPEN_NEW_GROUP
    short_fill_size: int | None = None
    is_all_shops: bool = False
    has_pickup_choice: bool = False
    shop_codes: Annotated[str, Meta(max_length=20_000)] = ""
    version: int = 0

    async def fields(self, session: AsyncSession, form: Form, *, zone: str) -> CampaignFields:
        """The campaign that was described; ``InvalidInput`` names what is wrong."""
        return CampaignFields(
            name=self.name,
            title=self.title,
            description=self.description,
            title_en=self.title_en.strip(),
            description_en=self.description_en.strip(),
            size=self.size,
            starts_at=_instant("starts_at", self.starts_at, zone),
            ends_at=_instant("ends_at", self.ends_at, zone),
            group_life_s=round(self.group_hours * 3600),
            seat_life_s=self.seat_minutes * 60,
            per_member_limit=self.per_member_limit,
            pieces_per_seat=self.pieces_per_seat,
            late_policy=self.late_policy,
            short_fill_size=self.short_fill_size,
            is_all_shops=self.is_all_shops,
            has_pickup_choice=self.has_pickup_choice,
            items=await _items(session, [row for row in rows_of(form) if row.sku]),
            shop_ids=() if self.is_all_shops else await _shops(session, self.shop_codes),
        )


def form_of(
    whole: CampaignWithItems | None,
    *,
    zone: str,
    shop_codes: Sequence[str] = (),
    starts_at: dt.datetime | None = None,
    ends_at: dt.datetime | None = None,
) -> Form:
    """The editor's form of a campaign, or of a new one."""
    if whole is None:
        return Form.of(
            size=3,
            starts_at=_local(starts_at or clock.house(), zone),
            ends_at=_local(ends_at or clock.house(), zone),
            group_hours=24,
            seat_minutes=15,
            per_member_limit=1,
            pieces_per_seat=1,
            late_policy=LatePolicy.OPEN_NEW_GROUP.value,
            is_all_shops="on",
            has_pickup_choice="on",
        )
    campaign = whole.campaign
    return Form.of(
        campaign,
        "name",
        "title",
        "description",
        "title_en",
        "description_en",
        "size",
        "per_member_limit",
        "pieces_per_seat",
        "short_fill_size",
        "version",
        late_policy=campaign.late_policy.value,
        starts_at=_local(campaign.starts_at, zone),
        ends_at=_local(campaign.ends_at, zone),
        group_hours=f"{campaign.group_life_s / 3600:g}",
        seat_minutes=campaign.seat_life_s // 60,
        is_all_shops="on" if campaign.is_all_shops else None,
        has_pickup_choice="on" if campaign.has_pickup_choice else None,
        shop_codes="\n".join(shop_codes),
        sku=[item.sku_code for item in whole.items],
        price=[f"{Decimal(item.group_price_minor) / 100:.2f}" for item in whole.items],
        quota=[str(item.quota) for item in whole.items],
    )


def rows_of(form: Form) -> list[ItemRow]:
    """The rows as typed; empty ones are left out."""
    columns = [form.list(name) for name in ("sku", "price", "quota")]
    count = max(map(len, columns), default=0)
    padded = [[*column, *[""] * (count - len(column))] for column in columns]
    rows = [ItemRow(*(text.strip() for text in row)) for row in zip(*padded, strict=True)]
    return [row for row in rows if any(row)]


async def _items(session: AsyncSession, rows: Sequence[ItemRow]) -> tuple[ItemFields, ...]:
    known = await catalog.find_skus(session, codes={row.sku for row in rows})
    unknown = sorted({row.sku for row in rows} - set(known))
    if unknown:
        raise InvalidInput("items", "No such SKU in the catalogue", skus=unknown)
    return tuple(
        ItemFields(sku_id=known[row.sku].id, group_price_minor=_minor(row.price), quota=_count(row.quota))
        for row in rows
    )


async def _shops(session: AsyncSession, text: str) -> tuple[uuid.UUID, ...]:
    codes = {code for code in text.replace(",", " ").replace("，", " ").split() if code}
    known = await stores.find_shops(session, codes=codes)
    if len(known) != len(codes):
        raise InvalidInput("shop_codes", "No shop has one of these codes", codes=sorted(codes - set(known)))
    return tuple(sorted(shop.id for shop in known.values()))


def _minor(text: str) -> int:
    try:
        value = Decimal(text) * 100
    except ArithmeticError:
        raise InvalidInput("items", "A price is an amount like 99 or 99.90") from None
    if not value.is_finite() or value != value.to_integral_value() or not 0 < value <= 10_000_000_00:
        raise InvalidInput("items", "A price is an amount like 99 or 99.90")
    return int(value)


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 8 or not 0 < int(text) <= 10_000_000:
        raise InvalidInput("items", "The quota is a number of pieces")
    return int(text)


def _instant(field: str, text: str, zone: str) -> dt.datetime:
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(clock.UTC)
    except (ValueError, OverflowError):
        raise InvalidInput(field, "A date and a time") from None


def _local(at: dt.datetime, zone: str) -> str:
    return at.astimezone(ZoneInfo(zone)).strftime(_LOCAL)

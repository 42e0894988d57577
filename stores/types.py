"""What ``stores.api`` and the service take and return."""

import datetime as dt
import uuid
from enum import StrEnum
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from stores.states import MovementKind, ShopStatus
from yundian.platform.core.words import Bilingual

Latitude = Annotated[float, Meta(ge=-90, le=90)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Code = Annotated[str, Meta(min_length=1, max_length=40)]
Name = Annotated[str, Meta(min_length=1, max_length=80)]
EnglishName = Annotated[str, Meta(max_length=80, description="Its English name; empty: none.")]
Text = Annotated[str, Meta(max_length=60)]
Address = Annotated[str, Meta(max_length=200)]
Country = Annotated[str, Meta(pattern="^[A-Z]{2}$")]
Postcode = Annotated[str, Meta(max_length=16)]
Phone = Annotated[str, Meta(max_length=32)]
Zone = Annotated[str, Meta(max_length=40)]
SourceText = Annotated[str, Meta(max_length=80)]


class Datum(StrEnum):
    """What coordinates are measured against. Stored is always WGS-84.

    Maps sold in mainland China must use GCJ-02 (WeChat, Tencent, AMap), some hundred metres off; Baidu adds its
    own BD-09. Browsers and GPS devices give WGS-84.
    """

    WGS84 = "wgs84"
    GCJ02 = "gcj02"
    BD09 = "bd09"


class Place(msgspec.Struct, frozen=True):
    """A point on the earth in WGS-84 degrees."""

    latitude: Latitude
    longitude: Longitude


class Interval(msgspec.Struct, frozen=True, order=True):
    """Opening time of a week day (1 is Monday) in minutes of the shop's wall clock.

    ``closes`` is at most 24 hours after ``opens`` and exceeds 1,440 when it lies in the next day.
    """

    weekday: Annotated[int, Meta(ge=1, le=7)]
    opens: Annotated[int, Meta(ge=0, lt=1440)]
    closes: Annotated[int, Meta(gt=0, le=2880)]


class ShopFields(msgspec.Struct, frozen=True, kw_only=True):
    """Everything people enter about a shop. Coordinates are WGS-84; the phone is the shop's, not a person's."""

    code: Code
    name: Name
    time_zone: Zone
    name_en: EnglishName = ""
    country: Country = "CN"
    province: Text = ""
    city: Text = ""
    district: Text = ""
    address: Address = ""
    address_en: Address = ""
    postcode: Postcode = ""
    phone: Phone = ""
    latitude: Latitude | None = None
    longitude: Longitude | None = None


class ShopEdit(msgspec.Struct, frozen=True, kw_only=True):
    """The fields to change; what is unset stays as it is."""

    code: Code | UnsetType = UNSET
    name: Name | UnsetType = UNSET
    name_en: EnglishName | UnsetType = UNSET
    time_zone: Zone | UnsetType = UNSET
    country: Country | UnsetType = UNSET
    province: Text | UnsetType = UNSET
    city: Text | UnsetType = UNSET
    district: Text | UnsetType = UNSET
    address: Address | UnsetType = UNSET
    address_en: Address | UnsetType = UNSET
    postcode: Postcode | UnsetType = UNSET
    phone: Phone | UnsetType = UNSET
    latitude: Latitude | UnsetType | None = UNSET
    longitude: Longitude | UnsetType | None = UNSET


class ShopView(Bilingual, frozen=True, kw_only=True):
    """A shop as the brand's own people see it. ``address_en`` is the whole address, the city included."""

    id: uuid.UUID
    code: str
    name: str
    name_en: str
    status: ShopStatus
    country: str
    province: str
    city: str
    district: str
    address: str
    address_en: str
    postcode: str
    phone: str
    latitude: float | None
    longitude: float | None
    time_zone: str
    source: str
    source_ref: str
    version: int
    updated_at: dt.datetime

    @property
    def whereabouts(self) -> str:
        """From the city to the house; to who reads English the English address, which says all of it."""
        return (
            self.address if self._is_english else " ".join(filter(None, (self.city, self.district, self.address)))
        )

    @property
    def own_district(self) -> str:
        """Nothing where the English address, which says it too, is read."""
        return "" if self._is_english else self.district

    @property
    def _is_english(self) -> bool:
        return bool(self.address_en) and self.address == self.address_en


class ShopWithHours(msgspec.Struct, frozen=True):
    """A shop, its weekly hours in order, and whether it serves customers at the asked instant."""

    shop: ShopView
    hours: tuple[Interval, ...]
    is_open_now: bool


class ShopOpening(msgspec.Struct, frozen=True):
    """What decides when a shop can serve: its zone, whether it is in business, and its weekly hours in order."""

    time_zone: str
    is_in_business: bool
    hours: tuple[Interval, ...]


class PastOpening(msgspec.Struct, frozen=True):
    """What the weekly hours were, and whether the shop was in business, until they were changed."""

    until: dt.datetime
    is_in_business: bool
    hours: tuple[Interval, ...]


class Way(msgspec.Struct, frozen=True, kw_only=True):
    """Where a shop is in the datum its country's maps use, and the address that opens a map with the way there."""

    latitude: float
    longitude: float
    url: str


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A shop on a sketch, by its number in the list."""

    number: int
    x: float
    y: float


class Ring(msgspec.Struct, frozen=True, kw_only=True):
    """A round distance on a sketch."""

    radius: float
    metres: int


class Sketch(msgspec.Struct, frozen=True, kw_only=True):
    """Shops as they lie around somebody, who stands in the middle; north is up."""

    width: int
    height: int
    marks: tuple[Mark, ...]
    rings: tuple[Ring, ...]


class NearShop(msgspec.Struct, frozen=True):
    """A shop and how far it is, in metres along the great circle."""

    shop: ShopView
    hours: tuple[Interval, ...]
    is_open_now: bool
    distance_m: float


class ShopPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where a shop counts its days, and where on the map its sales are."""

    time_zone: str
    country: str
    province: str


class ShopFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which shops to list. ``shop_ids`` of ``None`` means every shop of the brand; ``search`` is a prefix."""

    shop_ids: frozenset[uuid.UUID] | None = None
    status: ShopStatus | None = None
    province: str | None = None
    city: str | None = None
    search: str | None = None


class StockLine(msgspec.Struct, frozen=True):
    """Pieces of one SKU. Signed only in an adjustment."""

    sku_id: uuid.UUID
    quantity: int


class StockView(Bilingual, frozen=True, kw_only=True):
    """Stock of one SKU in one shop; ``available`` = ``on_hand`` - ``reserved``."""

    sku_id: uuid.UUID
    sku_code: str
    product_name: str
    product_name_en: str
    shade_name: str
    shade_name_en: str
    shade_hex: str | None
    on_hand: int
    reserved: int
    available: int
    low_at: int
    is_low: bool


class MovementView(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the stock ledger."""

    id: uuid.UUID
    sku_id: uuid.UUID
    kind: MovementKind
    on_hand_delta: int
    reserved_delta: int
    reference: str | None
    reason: str
    actor_id: uuid.UUID | None
    created_at: dt.datetime


class ShopRecord(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A shop in a file. What the mapping leaves out stays as it is in a shop that exists.

    ``status`` counts for new shops only: later it is HQ's decision. ``hours`` is written like
    ``Mo-Fr 10:00-22:00; Sa,Su 09:30-01:00``.
    """

    code: Code
    name: Name
    time_zone: Zone
    name_en: EnglishName | None = None
    country: Country | None = None
    province: Text | None = None
    city: Text | None = None
    district: Text | None = None
    address: Address | None = None
    address_en: Address | None = None
    postcode: Postcode | None = None
    phone: Phone | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    datum: Datum | None = None
    status: Literal["opening", "open"] | None = None
    hours: str | None = None
    source_ref: SourceText | None = None

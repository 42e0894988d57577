"""What the stores' API takes and answers, and what its pages' forms send."""

import uuid
from typing import Annotated, Self

import msgspec
from msgspec import UNSET, Meta, UnsetType

from stores.rules import hours as hour_rules
from stores.rules.places import from_wgs84, to_wgs84
from stores.states import ShopStatus
from stores.types import (
    Address,
    Code,
    Country,
    Datum,
    EnglishName,
    Interval,
    Latitude,
    Longitude,
    Name,
    NearShop,
    Phone,
    Place,
    Postcode,
    ShopEdit,
    ShopFields,
    ShopView,
    ShopWithHours,
    StockLine,
    Text,
    Zone,
)
from yundian.platform.core.errors import InvalidInput

Version = Annotated[int, Meta(ge=1, le=2**31 - 1, description="As it was read; a stale one is refused.")]
Pieces = Annotated[int, Meta(ge=1, le=1_000_000)]
SignedPieces = Annotated[int, Meta(ge=-1_000_000, le=1_000_000)]
Reference = Annotated[str, Meta(min_length=1, max_length=80, description="Repeating it changes nothing.")]
Clock = Annotated[str, Meta(pattern=r"^\d{1,2}:[0-5]\d$", examples=["10:00"])]


class Hours(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Opening time of a week day (1 is Monday) by the shop's clock.

    ``closes`` at or before ``opens`` lies in the next day; 00:00 to 24:00 is the whole day.
    """

    weekday: Annotated[int, Meta(ge=1, le=7)]
    opens: Clock
    closes: Clock

    @classmethod
    def of(cls, one: Interval) -> Self:
        return cls(weekday=one.weekday, opens=hour_rules.text_of(one.opens), closes=hour_rules.text_of(one.closes))

    def interval(self) -> Interval:
        return hour_rules.interval(weekday=self.weekday, opens=self.opens, closes=self.closes)


class ShopEnglish(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a shop's owner says of it in English; empty: nothing. ``version``: the shop's when it was read."""

    name_en: EnglishName = ""
    address_en: Address = ""
    version: Version

    def edit(self) -> ShopEdit:
        return ShopEdit(name_en=self.name_en.strip(), address_en=self.address_en.strip())


class ShopRead(msgspec.Struct, frozen=True, kw_only=True):
    """A shop with its weekly hours. Coordinates are WGS-84."""

    shop: ShopView
    hours: list[Hours]
    is_open_now: bool

    @classmethod
    def of(cls, one: ShopWithHours) -> Self:
        return cls(shop=one.shop, hours=[Hours.of(h) for h in one.hours], is_open_now=one.is_open_now)


class ShopCreate(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new shop. ``datum`` says what its coordinates are measured against."""

    code: Code
    name: Name
    name_en: EnglishName = ""
    time_zone: Zone = "Asia/Shanghai"
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
    datum: Datum = Datum.WGS84

    def fields(self) -> ShopFields:
        """Trimmed, the coordinates as they are stored."""
        place = stored_place(self.latitude, self.longitude, self.datum)
        return ShopFields(
            code=self.code.strip(),
            name=self.name.strip(),
            name_en=self.name_en.strip(),
            time_zone=self.time_zone,
            country=self.country,
            province=self.province.strip(),
            city=self.city.strip(),
            district=self.district.strip(),
            address=self.address.strip(),
            address_en=self.address_en.strip(),
            postcode=self.postcode.strip(),
            phone=self.phone.strip(),
            latitude=place.latitude if place is not None else None,
            longitude=place.longitude if place is not None else None,
        )

    def edit(self) -> ShopEdit:
        """As a change of every field."""
        return ShopEdit(**msgspec.structs.asdict(self.fields()))


class ShopPatch(ShopEdit, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The fields to change; both coordinates go together, measured against ``datum``."""

    version: Version
    datum: Datum = Datum.WGS84

    def edit(self) -> ShopEdit:
        changes = {
            name: getattr(self, name)
            for name in ShopEdit.__struct_fields__
            if name not in ("latitude", "longitude") and getattr(self, name) is not UNSET
        }
        if self.latitude is not UNSET or self.longitude is not UNSET:
            place = stored_place(_given(self.latitude), _given(self.longitude), self.datum)
            changes["latitude"] = place.latitude if place is not None else None
            changes["longitude"] = place.longitude if place is not None else None
        return ShopEdit(**changes)


class ShopForm(ShopCreate, frozen=True, kw_only=True):
    """The editor's form; the version is missing for a new shop."""

    version: Version = 1


class StatusChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: ShopStatus
    version: Version


class HoursChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All weekly hours of a shop, replacing those that stand."""

    hours: Annotated[list[Hours], Meta(max_length=hour_rules.MAX_INTERVALS)]
    version: Version


class ReceiptLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku_id: uuid.UUID
    quantity: Pieces


class Receipt(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pieces that arrived, with the delivery note's number as ``reference``."""

    lines: Annotated[list[ReceiptLine], Meta(min_length=1, max_length=200)]
    reference: Reference | None = None
    reason: Annotated[str, Meta(max_length=200)] = ""

    def stock_lines(self) -> list[StockLine]:
        return [StockLine(line.sku_id, line.quantity) for line in self.lines]


class AdjustmentLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    sku_id: uuid.UUID
    quantity: SignedPieces


class Adjustment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Signed pieces: counted, broken, found; ``reason`` is kept in the ledger."""

    lines: Annotated[list[AdjustmentLine], Meta(min_length=1, max_length=200)]
    reason: Annotated[str, Meta(min_length=1, max_length=200)]
    reference: Reference | None = None

    def stock_lines(self) -> list[StockLine]:
        return [StockLine(line.sku_id, line.quantity) for line in self.lines]


class LowMark(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    low_at: Annotated[int, Meta(ge=0, le=1_000_000, description="From this many free pieces on it is low.")]


class PublicShop(msgspec.Struct, frozen=True, kw_only=True):
    """What everybody may know of a shop. Coordinates are in the datum that was asked for."""

    code: str
    name: str
    name_en: str
    country: str
    province: str
    city: str
    district: str
    address: str
    address_en: str
    phone: str
    time_zone: str
    latitude: float
    longitude: float
    hours: list[Hours]
    is_open_now: bool
    distance_m: int

    @classmethod
    def of(cls, near: NearShop, *, datum: Datum) -> Self:
        shop = near.shop
        if shop.latitude is None or shop.longitude is None:
            raise ValueError("a shop without coordinates is near nothing")
        place = from_wgs84(Place(shop.latitude, shop.longitude), datum=datum)
        return cls(
            code=shop.code,
            name=shop.name,
            name_en=shop.name_en,
            country=shop.country,
            province=shop.province,
            city=shop.city,
            district=shop.district,
            address=shop.address,
            address_en=shop.address_en,
            phone=shop.phone,
            time_zone=shop.time_zone,
            latitude=place.latitude,
            longitude=place.longitude,
            hours=[Hours.of(h) for h in near.hours],
            is_open_now=near.is_open_now,
            distance_m=round(near.distance_m),
        )


class NearbyShops(msgspec.Struct, frozen=True, kw_only=True):
    """The nearest shops, the nearest first."""

    items: list[PublicShop]


def stored_place(latitude: float | None, longitude: float | None, datum: Datum) -> Place | None:
    """The coordinates as they are stored; both or none."""
    if latitude is None and longitude is None:
        return None
    if latitude is None or longitude is None:
        raise InvalidInput("longitude", "give both coordinates or none")
    return to_wgs84(latitude=latitude, longitude=longitude, datum=datum)


def _given(value: float | UnsetType | None) -> float | None:
    return None if isinstance(value, UnsetType) else value

"""What ``catalog.api`` and the service take and return."""

import datetime as dt
import uuid
from enum import StrEnum
from typing import Annotated

import msgspec

from yundian.catalog.states import ProductStatus, SkuStatus
from yundian.platform.core.words import Bilingual

Code = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=r"^\S+$", examples=["LIP-01"])]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"\S")]
EnglishName = Annotated[str, msgspec.Meta(max_length=200, description="Its English name; empty: none.")]
Label = Annotated[str, msgspec.Meta(max_length=80)]
Description = Annotated[str, msgspec.Meta(max_length=8000)]
Tag = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
ShadeName = Annotated[str, msgspec.Meta(max_length=120)]
Colour = Annotated[str, msgspec.Meta(max_length=16, examples=["#c04050"])]
Barcode = Annotated[str, msgspec.Meta(max_length=20, examples=["6901234567892"])]


class SkuView(Bilingual, frozen=True, kw_only=True):
    """One SKU. ``shade_hex`` is ``#rrggbb`` in small letters."""

    id: uuid.UUID
    product_id: uuid.UUID
    code: str
    shade_name: str
    shade_name_en: str
    shade_hex: str | None
    option_text: str
    option_text_en: str
    barcode: str | None
    price_minor: int
    currency: str
    status: SkuStatus
    position: int
    version: int


class PictureSize(StrEnum):
    """``small``: 320 pixels at most, for lists; ``large``: 1280; ``card``: a square JPEG of 500 for chats."""

    SMALL = "s"
    LARGE = "l"
    CARD = "c"


class Move(StrEnum):
    """Where a picture goes among the others of its product."""

    FIRST = "first"
    EARLIER = "earlier"
    LATER = "later"


class DrawnPicture(msgspec.Struct, frozen=True, kw_only=True):
    """An uploaded picture as it will be shown. ``digest`` is that of the large one, and names all three."""

    digest: str
    width: int
    height: int
    small_width: int
    small_height: int
    large: bytes
    small: bytes
    card: bytes


class PictureView(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of a product. ``small``, ``large`` (WebP) and ``card`` (a square JPEG) are paths on this site that
    always show the same; nobody guesses them. ``width`` and ``height`` are the large one's."""

    id: uuid.UUID
    product_id: uuid.UUID
    position: int
    small: str
    small_width: int
    small_height: int
    large: str
    width: int
    height: int
    card: str
    removed_at: dt.datetime | None = None


class ProductView(Bilingual, frozen=True, kw_only=True):
    """A product with its tags, all its SKUs and its pictures, in their order."""

    id: uuid.UUID
    code: str
    name: str
    name_en: str
    product_line: str
    category: str
    product_type: str
    description: str
    description_en: str
    status: ProductStatus
    tags: tuple[str, ...]
    skus: tuple[SkuView, ...]
    version: int
    updated_at: dt.datetime
    pictures: tuple[PictureView, ...] = ()


class ProductSummary(Bilingual, frozen=True, kw_only=True):
    """A product in a list. Counts, prices (minor units) and swatches are those of its active SKUs."""

    id: uuid.UUID
    code: str
    name: str
    name_en: str
    product_line: str
    category: str
    product_type: str
    status: ProductStatus
    version: int
    sku_count: int
    price_from_minor: int | None
    price_to_minor: int | None
    currency: str | None
    swatches: tuple[str, ...]
    picture: PictureView | None = None


class NamedSku(Bilingual, frozen=True, kw_only=True):
    """A SKU as upper rooms show it: with the name of its product. ``is_sellable``: both are on sale."""

    id: uuid.UUID
    product_id: uuid.UUID
    code: str
    product_code: str
    product_name: str
    product_name_en: str
    category: str
    shade_name: str
    shade_name_en: str
    shade_hex: str | None
    option_text: str
    option_text_en: str
    barcode: str | None
    price_minor: int
    currency: str
    is_sellable: bool


class FoundSku(msgspec.Struct, frozen=True, kw_only=True):
    """A SKU that was searched for, with the picture of its product."""

    sku: NamedSku
    picture: PictureView | None


class PriceSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What a SKU costs at one moment, to be kept by whoever promised it."""

    sku_id: uuid.UUID
    price_minor: int
    currency: str
    taken_at: dt.datetime


class ProductFields(msgspec.Struct, frozen=True, kw_only=True):
    """What an editor says about a product; already trimmed and checked (``rules``)."""

    code: str
    name: str
    name_en: str = ""
    product_line: str = ""
    category: str = ""
    product_type: str = ""
    description: str = ""
    description_en: str = ""
    tags: tuple[str, ...] = ()


class SkuFields(msgspec.Struct, frozen=True, kw_only=True):
    """What an editor says about a SKU; already trimmed and checked (``rules``)."""

    code: str
    price_minor: int
    currency: str
    shade_name: str = ""
    shade_name_en: str = ""
    shade_hex: str | None = None
    option_text: str = ""
    option_text_en: str = ""
    barcode: str | None = None
    position: int = 0


class SkuEdit(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the editor: a new SKU (no id), or an existing one as of ``version``."""

    fields: SkuFields
    status: SkuStatus = SkuStatus.ACTIVE
    id: uuid.UUID | None = None
    version: int = 0


class ProductFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which products a list shows; empty means no limit."""

    status: ProductStatus | None = None
    category: str = ""
    product_type: str = ""
    tag: str = ""
    search: str = ""


class ShadeRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A shade as a product of a foreign catalogue lists it."""

    name: ShadeName | None = None
    hex: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class ProductRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One record of a foreign catalogue: a product with a list of shades, or one line for each SKU of it.

    ``None`` is not said, or said to be empty; which of the two is known from the mapping. ``price_minor`` and
    ``currency`` hold for every SKU of the record. ``status`` is that of a new product: a file does not bring back
    what HQ withdrew.
    """

    code: Code
    name: Name
    name_en: EnglishName | None = None
    product_line: Label | None = None
    category: Label | None = None
    product_type: Label | None = None
    description: Description | None = None
    description_en: Description | None = None
    tags: list[Tag] | str | None = None
    status: ProductStatus | None = None
    price_minor: int | None = None
    currency: str | None = None
    sku_code: Code | None = None
    shade_name: ShadeName | None = None
    shade_name_en: ShadeName | None = None
    shade_hex: str | None = None
    option_text: Label | None = None
    option_text_en: Label | None = None
    barcode: str | None = None
    position: int = 0
    shades: list[ShadeRecord] | None = None

"""What the catalog's API takes, and what its pages' forms send. What it answers are the views of ``types``."""

import uuid
from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec

from yundian.catalog import rules
from yundian.catalog.states import ProductStatus, SkuStatus
from yundian.catalog.types import (
    Barcode,
    Code,
    Colour,
    Description,
    EnglishName,
    Label,
    Move,
    Name,
    ProductFields,
    ShadeName,
    SkuEdit,
    SkuFields,
    SkuView,
    Tag,
)
from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.money import Money

T = TypeVar("T")

MAX_SKUS = 200
MAX_TAGS = 20
MAX_PICTURE_BYTES = rules.MAX_PICTURE_BYTES


PriceMinor = Annotated[
    int, msgspec.Meta(gt=0, le=rules.MAX_PRICE_MINOR, description="In minor units (fen).", examples=[12900])
]
Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$", examples=["CNY"])]
Position = Annotated[int, msgspec.Meta(ge=0, le=10_000)]
Version = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1, description="As it was read; a stale one is refused.")]


class SkuWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A SKU as a client says it."""

    code: Code
    price_minor: PriceMinor
    currency: Currency
    shade_name: ShadeName = ""
    shade_name_en: ShadeName = ""
    shade_hex: Colour | None = None
    option_text: Label = ""
    option_text_en: Label = ""
    barcode: Barcode | None = None
    position: Position = 0

    def fields(self, prefix: str = "") -> SkuFields:
        """Checked and trimmed; a refusal names the field."""
        return SkuFields(
            code=self.code,
            price_minor=self.price_minor,
            currency=rules.currency(self.currency, field=f"{prefix}currency"),
            shade_name=self.shade_name.strip(),
            shade_name_en=self.shade_name_en.strip(),
            shade_hex=rules.shade_hex(self.shade_hex or "", field=f"{prefix}shade_hex"),
            option_text=self.option_text.strip(),
            option_text_en=self.option_text_en.strip(),
            barcode=rules.barcode(self.barcode or "", field=f"{prefix}barcode"),
            position=self.position,
        )


class SkuUpdate(SkuWrite, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Version


class ProductWrite(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A product as a client says it."""

    code: Code
    name: Name
    name_en: EnglishName = ""
    product_line: Label = ""
    category: Label = ""
    product_type: Label = ""
    description: Description = ""
    description_en: Description = ""
    tags: Annotated[list[Tag], msgspec.Meta(max_length=MAX_TAGS)] = []

    def fields(self) -> ProductFields:
        """Trimmed."""
        return ProductFields(
            code=self.code,
            name=self.name.strip(),
            name_en=self.name_en.strip(),
            product_line=self.product_line.strip(),
            category=self.category.strip(),
            product_type=self.product_type.strip(),
            description=self.description.strip(),
            description_en=self.description_en.strip(),
            tags=rules.tags(self.tags),
        )


class ProductCreate(ProductWrite, frozen=True, kw_only=True, forbid_unknown_fields=True):
    skus: Annotated[list[SkuWrite], msgspec.Meta(max_length=MAX_SKUS)] = []

    def sku_edits(self) -> list[SkuEdit]:
        return [SkuEdit(fields=sku.fields(f"skus.{index}.")) for index, sku in enumerate(self.skus)]


class ProductUpdate(ProductWrite, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Version


class StatusChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: ProductStatus
    version: Version


class SkuStatusChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    status: SkuStatus
    version: Version


class PictureOrder(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pictures of the product as they are to stand; those that are not named come behind."""

    ids: Annotated[list[uuid.UUID], msgspec.Meta(min_length=1, max_length=100)]


class PictureMove(msgspec.Struct, frozen=True, kw_only=True):
    to: Move


class PriceChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    price_minor: PriceMinor
    currency: Currency
    version: Version

    def currency_code(self) -> str:
        """Checked: three capital letters need not be a currency."""
        return rules.currency(self.currency)


class SkuRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the editor as the browser sends it: all text; ``key`` names the row within the form."""

    key: str
    id: str = ""
    version: str = ""
    code: str = ""
    shade_name: str = ""
    shade_name_en: str = ""
    shade_hex: str = ""
    option_text: str = ""
    option_text_en: str = ""
    barcode: str = ""
    price: str = ""
    currency: str = ""
    status: str = SkuStatus.ACTIVE.value

    @property
    def is_blank(self) -> bool:
        """A new row in which nothing was written."""
        said = (self.code, self.shade_name, self.shade_name_en, self.option_text, self.option_text_en)
        return not self.id and not any(text.strip() for text in (*said, self.barcode, self.price))

    @property
    def swatch(self) -> str | None:
        """The colour to show; what is none is left to the error beside it."""
        try:
            return rules.shade_hex(self.shade_hex)
        except InvalidInput:
            return None

    def edit(self, *, position: int) -> SkuEdit:
        """The edit it asks for; a refusal names the input (``sku-<key>-price``)."""
        name = f"sku-{self.key}-"
        currency = rules.currency(self.currency, field=f"{name}currency")
        return SkuEdit(
            id=_convert(self.id, uuid.UUID, field=f"{name}id") if self.id else None,
            version=_convert(self.version, int, field=f"{name}version") if self.id else 0,
            status=_convert(self.status, SkuStatus, field=f"{name}status"),
            fields=SkuFields(
                code=_convert(self.code.strip(), Code, field=f"{name}code"),
                price_minor=rules.price_minor(self.price, currency, field=f"{name}price"),
                currency=currency,
                shade_name=_convert(self.shade_name.strip(), ShadeName, field=f"{name}shade_name"),
                shade_name_en=_convert(self.shade_name_en.strip(), ShadeName, field=f"{name}shade_name_en"),
                shade_hex=rules.shade_hex(self.shade_hex, field=f"{name}shade_hex"),
                option_text=_convert(self.option_text.strip(), Label, field=f"{name}option_text"),
                option_text_en=_convert(self.option_text_en.strip(), Label, field=f"{name}option_text_en"),
                barcode=rules.barcode(self.barcode, field=f"{name}barcode"),
                position=position,
            ),
        )


SKU_INPUTS = tuple(name for name in SkuRow.__struct_fields__ if name != "key")


def sku_row(sku: SkuView) -> SkuRow:
    """The row that shows a SKU, its price in whole units."""
    return SkuRow(
        key=str(sku.id),
        id=str(sku.id),
        version=str(sku.version),
        code=sku.code,
        shade_name=sku.shade_name,
        shade_name_en=sku.shade_name_en,
        shade_hex=sku.shade_hex or "",
        option_text=sku.option_text,
        option_text_en=sku.option_text_en,
        barcode=sku.barcode or "",
        price=format(Money(sku.price_minor, sku.currency).to_decimal(), "f"),
        currency=sku.currency,
        status=sku.status.value,
    )


def sku_edits(rows: Sequence[SkuRow]) -> list[SkuEdit]:
    """The edits of the rows that say something, in their order; a refusal names every wrong row."""
    edits: list[SkuEdit] = []
    refusal: InvalidInput | None = None
    for row in rows:
        if row.is_blank:
            continue
        try:
            edits.append(row.edit(position=len(edits)))
        except InvalidInput as error:
            if refusal is None:
                refusal = error
            else:
                refusal.facts["errors"] = [*_errors(refusal), *_errors(error)]
    if refusal is not None:
        raise refusal
    return edits


def _errors(refusal: InvalidInput) -> list[object]:
    errors = refusal.facts["errors"]
    return errors if isinstance(errors, list) else []


class ProductForm(msgspec.Struct, frozen=True, kw_only=True):
    """The editor's fields about the product itself; tags are separated by commas."""

    code: Code
    name: Name
    name_en: EnglishName = ""
    product_line: Label = ""
    category: Label = ""
    product_type: Label = ""
    description: Description = ""
    description_en: Description = ""
    tags: Annotated[str, msgspec.Meta(max_length=400)] = ""

    def fields(self) -> ProductFields:
        tags = [_convert(tag, Tag, field="tags") for tag in rules.split_tags(self.tags)]
        write = ProductWrite(
            code=self.code,
            name=self.name,
            name_en=self.name_en,
            product_line=self.product_line,
            category=self.category,
            product_type=self.product_type,
            description=self.description,
            description_en=self.description_en,
            tags=tags,
        )
        return write.fields()


def _convert(text: str, kind: type[T], *, field: str) -> T:
    """The text as its type says, or a refusal that names the input."""
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError as error:
        raise InvalidInput(field, "Must not be empty" if not text else "Not possible here") from error

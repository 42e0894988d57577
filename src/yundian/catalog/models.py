"""Products, the SKUs they are sold as, and what makes them findable."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlmodel import Field, SQLModel

from yundian.catalog.rules import TERM_LENGTH
from yundian.catalog.states import PRODUCT, SKU, ProductStatus, SkuStatus
from yundian.platform.core import clock
from yundian.platform.db.base import (
    EditableRow,
    Row,
    brand_key,
    brand_reference,
    currency_code,
    english,
    minor_units,
    text_enum,
)


class Product(EditableRow, table=True):
    """What a customer chooses; sold as one or more SKUs."""

    __tablename__ = "catalog_product"
    __table_args__ = (
        brand_key("code"),
        sa.CheckConstraint("code <> '' AND name <> ''", name="named"),
        # Each serves one filter of the list, in the list's order.
        sa.Index(None, "brand_id", "status", "code"),
        sa.Index(None, "brand_id", "category", "code"),
        sa.Index(None, "brand_id", "product_type", "code"),
    )

    code: str = Field(sa_type=sa.String(64))
    name: str = Field(sa_type=sa.String(200))
    name_en: str = english(200)
    product_line: str = Field(default="", sa_type=sa.String(80))
    category: str = Field(default="", sa_type=sa.String(80))
    product_type: str = Field(default="", sa_type=sa.String(80))
    description: str = Field(default="", sa_type=sa.String(8000))
    description_en: str = english(8000)
    status: ProductStatus = Field(default=ProductStatus.DRAFT, sa_type=text_enum(ProductStatus))

    def move_to(self, target: ProductStatus) -> None:
        self.status = PRODUCT.check(self.status, target)


class ProductTag(Row, table=True):
    """A tag is a row, not an array element: arrays lose their index under row-level security."""

    __tablename__ = "catalog_product_tag"
    __table_args__ = (
        brand_key("tag", "product_id"),
        brand_reference("product_id", "catalog_product", ondelete="CASCADE"),
        sa.Index(None, "brand_id", "product_id"),
    )

    product_id: uuid.UUID
    tag: str = Field(sa_type=sa.String(40))


class ProductTerm(Row, table=True):
    """A text with which a search for the product may begin (``rules.search_terms``)."""

    __tablename__ = "catalog_product_term"
    __table_args__ = (
        # "C": a search is a range of bytes, whatever the database's language.
        brand_key("term", "product_id"),
        brand_reference("product_id", "catalog_product", ondelete="CASCADE"),
        sa.Index(None, "brand_id", "product_id"),
    )

    product_id: uuid.UUID
    term: str = Field(sa_type=sa.String(TERM_LENGTH, collation="C"))


class Sku(EditableRow, table=True):
    """One sellable variant: a shade, a size, a price. Stock of it is kept per shop, in ``stores``."""

    __tablename__ = "catalog_sku"
    __table_args__ = (
        brand_key("code"),
        # Nulls are distinct: any number of SKUs without a barcode.
        brand_key("barcode"),
        brand_reference("product_id", "catalog_product"),
        sa.CheckConstraint("code <> ''", name="named"),
        sa.CheckConstraint("price_minor > 0", name="price_positive"),
        sa.CheckConstraint("shade_hex ~ '^#[0-9a-f]{6}$'", name="shade_hex"),
        sa.CheckConstraint("barcode ~ '^([0-9]{8}|[0-9]{12,14})$'", name="barcode"),
        sa.Index(None, "brand_id", "product_id", "position"),
    )

    product_id: uuid.UUID
    code: str = Field(sa_type=sa.String(64))
    shade_name: str = Field(default="", sa_type=sa.String(120))
    shade_name_en: str = english(120)
    shade_hex: str | None = Field(default=None, sa_type=sa.CHAR(7))
    option_text: str = Field(default="", sa_type=sa.String(80))
    option_text_en: str = english(80)
    barcode: str | None = Field(default=None, sa_type=sa.String(14))
    price_minor: int = minor_units()
    currency: str = currency_code()
    status: SkuStatus = Field(default=SkuStatus.ACTIVE, sa_type=text_enum(SkuStatus))
    position: int = 0

    def move_to(self, target: SkuStatus) -> None:
        self.status = SKU.check(self.status, target)


class PictureFile(SQLModel, table=True):
    """A picture as it is shown, in three sizes, by the hash of the large one: the same picture is kept once."""

    __tablename__ = "catalog_picture_file"
    __table_args__ = (
        sa.CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name="digest"),
        sa.CheckConstraint("least(width, height, small_width, small_height) > 0", name="sizes"),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    digest: str = Field(primary_key=True, sa_type=sa.String(64, collation="C"))
    created_at: dt.datetime = Field(default_factory=clock.now)
    width: int
    height: int
    small_width: int
    small_height: int
    small: bytes = Field(sa_type=sa.LargeBinary)
    large: bytes = Field(sa_type=sa.LargeBinary)
    card: bytes = Field(sa_type=sa.LargeBinary)


class Picture(Row, table=True):
    """A picture of a product, at its place among the others. A removed one can be put back for a while."""

    __tablename__ = "catalog_picture"
    __table_args__ = (
        brand_key("product_id", "digest"),
        brand_reference("product_id", "catalog_product", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["brand_id", "digest"], ["catalog_picture_file.brand_id", "catalog_picture_file.digest"]
        ),
        sa.Index(None, "brand_id", "product_id", "position"),
        sa.Index(None, "brand_id", "digest"),
        sa.Index(
            "ix_catalog_picture_removed",
            "brand_id",
            "removed_at",
            postgresql_where=sa.text("removed_at IS NOT NULL"),
        ),
    )

    product_id: uuid.UUID
    digest: str = Field(sa_type=sa.String(64, collation="C"))
    position: int
    removed_at: dt.datetime | None = None

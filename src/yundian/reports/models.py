"""Facts, and what is summed up from them. Rollups are written by the statement that writes the facts."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from yundian.platform.db.base import Row, currency_code, minor_units, text_enum
from yundian.reports.types import Basis, FactKind

_BUCKET = "(get_byte(uuid_send(member_id), 15) & 63)::smallint"
_BASIS, _KIND = text_enum(Basis, 8), text_enum(FactKind, 8)


class Fact(SQLModel, table=True):
    """What was sold or refunded, once per document and line; never changed, but replaced as a whole document."""

    __tablename__ = "reports_fact"
    __table_args__ = (
        sa.CheckConstraint("basis IN ('accrual', 'cash')", name="basis"),
        sa.CheckConstraint("kind IN ('sale', 'refund')", name="kind"),
        # A till's sale may take something back in the same document: an exchange has a negative line.
        sa.CheckConstraint("line_no >= 0 AND (amount_minor >= 0 OR line_no = 0 OR kind = 'sale')", name="amount"),
        sa.CheckConstraint("quantity >= 0 OR kind = 'sale'", name="quantity"),
        # From a number to its documents.
        sa.Index("ix_reports_fact_day", "brand_id", "basis", "business_date", "document_id"),
        sa.Index(None, "brand_id", "order_id"),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    document_id: uuid.UUID = Field(primary_key=True)
    basis: Basis = Field(primary_key=True, sa_type=_BASIS)
    kind: FactKind = Field(primary_key=True, sa_type=_KIND)
    document_type: str = Field(primary_key=True, sa_type=sa.String(32))
    line_no: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    order_id: uuid.UUID
    number: str = Field(sa_type=sa.String(64))
    occurred_at: dt.datetime
    business_date: dt.date
    channel: str = Field(sa_type=sa.String(32))
    shop_id: uuid.UUID | None = None
    fulfil_shop_id: uuid.UUID | None = None
    home_shop_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None
    campaign_id: uuid.UUID | None = None
    member_id: uuid.UUID | None = None
    country: str = Field(sa_type=sa.CHAR(2))
    province: str = Field(sa_type=sa.String(60))
    sku_id: uuid.UUID | None = None
    quantity: int = Field(sa_type=sa.BigInteger)
    amount_minor: int = minor_units()
    currency: str = currency_code()


class Day(SQLModel, table=True):
    """Sums of a business day. ``shop_id`` and ``campaign_id`` are never null: ``NOBODY`` stands for none."""

    __tablename__ = "reports_day"
    __table_args__ = (sa.Index("ix_reports_day_shop", "brand_id", "basis", "shop_id", "business_date"),)

    brand_id: uuid.UUID = Field(primary_key=True)
    basis: Basis = Field(primary_key=True, sa_type=_BASIS)
    business_date: dt.date = Field(primary_key=True)
    channel: str = Field(primary_key=True, sa_type=sa.String(32))
    shop_id: uuid.UUID = Field(primary_key=True)
    campaign_id: uuid.UUID = Field(primary_key=True)
    currency: str = Field(primary_key=True, sa_type=sa.CHAR(3))
    orders: int = Field(sa_type=sa.BigInteger)
    lines: int = Field(sa_type=sa.BigInteger)
    quantity: int = Field(sa_type=sa.BigInteger)
    gross_minor: int = minor_units()
    refunds: int = Field(sa_type=sa.BigInteger)
    refunds_minor: int = minor_units()


class Month(SQLModel, table=True):
    """The same for whole months, ``month`` being their first day: a year of many shops is read in a moment."""

    __tablename__ = "reports_month"
    __table_args__ = (sa.Index("ix_reports_month_shop", "brand_id", "basis", "shop_id", "month"),)

    brand_id: uuid.UUID = Field(primary_key=True)
    basis: Basis = Field(primary_key=True, sa_type=_BASIS)
    month: dt.date = Field(primary_key=True)
    channel: str = Field(primary_key=True, sa_type=sa.String(32))
    shop_id: uuid.UUID = Field(primary_key=True)
    campaign_id: uuid.UUID = Field(primary_key=True)
    currency: str = Field(primary_key=True, sa_type=sa.CHAR(3))
    orders: int = Field(sa_type=sa.BigInteger)
    lines: int = Field(sa_type=sa.BigInteger)
    quantity: int = Field(sa_type=sa.BigInteger)
    gross_minor: int = minor_units()
    refunds: int = Field(sa_type=sa.BigInteger)
    refunds_minor: int = minor_units()


class PlaceDay(SQLModel, table=True):
    """Sums of a business day by country and province; empty where nobody knows them."""

    __tablename__ = "reports_place_day"

    brand_id: uuid.UUID = Field(primary_key=True)
    basis: Basis = Field(primary_key=True, sa_type=_BASIS)
    business_date: dt.date = Field(primary_key=True)
    channel: str = Field(primary_key=True, sa_type=sa.String(32))
    country: str = Field(primary_key=True, sa_type=sa.String(2))
    province: str = Field(primary_key=True, sa_type=sa.String(60))
    currency: str = Field(primary_key=True, sa_type=sa.CHAR(3))
    orders: int = Field(sa_type=sa.BigInteger)
    lines: int = Field(sa_type=sa.BigInteger)
    quantity: int = Field(sa_type=sa.BigInteger)
    gross_minor: int = minor_units()
    refunds: int = Field(sa_type=sa.BigInteger)
    refunds_minor: int = minor_units()


class MemberDay(SQLModel, table=True):
    """Who bought on a day: buyers are counted exactly over any range. A row without orders does not stay.

    ``bucket`` divides members into parts, which are counted one after the other within the processor's caches.
    """

    __tablename__ = "reports_member_day"
    __table_args__ = (
        sa.Index("ix_reports_member_day_shop", "brand_id", "basis", "shop_id", "business_date"),
        # Long ranges of each shop: in this order whoever came twice stands beside herself.
        sa.Index(
            "ix_reports_member_day_shop_member",
            "brand_id",
            "basis",
            "shop_id",
            "member_id",
            "business_date",
            postgresql_include=["currency"],
        ),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    basis: Basis = Field(primary_key=True, sa_type=_BASIS)
    bucket: int = Field(
        primary_key=True, sa_type=sa.SmallInteger, sa_column_args=[sa.Computed(_BUCKET, persisted=True)]
    )
    business_date: dt.date = Field(primary_key=True)
    member_id: uuid.UUID = Field(primary_key=True)
    channel: str = Field(primary_key=True, sa_type=sa.String(32))
    shop_id: uuid.UUID = Field(primary_key=True)
    campaign_id: uuid.UUID = Field(primary_key=True)
    country: str = Field(primary_key=True, sa_type=sa.String(2))
    province: str = Field(primary_key=True, sa_type=sa.String(60))
    currency: str = Field(primary_key=True, sa_type=sa.CHAR(3))
    orders: int = Field(sa_type=sa.BigInteger)


class Buyer(SQLModel, table=True):
    """On which days a member bought, through whatever channel and shop: ``days`` are sorted, each once.

    Buyers of long ranges are counted from it: a member is one row, however often she bought.
    """

    __tablename__ = "reports_buyer"

    brand_id: uuid.UUID = Field(primary_key=True)
    basis: Basis = Field(primary_key=True, sa_type=_BASIS)
    currency: str = Field(primary_key=True, sa_type=sa.CHAR(3))
    member_id: uuid.UUID = Field(primary_key=True)
    first_day: dt.date
    last_day: dt.date
    days: list[dt.date] = Field(sa_type=ARRAY(sa.Date()))


class Unmended(Row, table=True):
    """The brand has sales that code of a release before wrote, or took out, without the days of ``Buyer``.

    One row, whose id is the brand's; written by a trigger of ``reports_fact``, another ``revision`` each time.
    """

    __tablename__ = "reports_unmended"

    revision: uuid.UUID


class CampaignName(SQLModel, table=True):
    """What a campaign is called on the screens: told by the room that owns campaigns, which stands above."""

    __tablename__ = "reports_campaign"

    brand_id: uuid.UUID = Field(primary_key=True)
    campaign_id: uuid.UUID = Field(primary_key=True)
    code: str = Field(sa_type=sa.String(64))
    name: str = Field(sa_type=sa.String(200))


class Moved(SQLModel, table=True):
    """An order whose credit was moved to another shop: facts of it that come later belong there too."""

    __tablename__ = "reports_moved"

    brand_id: uuid.UUID = Field(primary_key=True)
    order_id: uuid.UUID = Field(primary_key=True)
    shop_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None
    moved_at: dt.datetime

"""What reports takes and returns. Amounts are minor units; dates are business days of the shop they belong to."""

import datetime as dt
import uuid
from enum import StrEnum

import msgspec

NOBODY = uuid.UUID(int=0)
"""In the rollups: the headquarters' own sales (no shop), or a sale without a campaign."""


class Basis(StrEnum):
    """When a sale counts. ``accrual``: when the goods may be handed over, refunds of such sales on their own day.
    ``cash``: when the money came, and when money went back."""

    ACCRUAL = "accrual"
    CASH = "cash"


class FactKind(StrEnum):
    SALE = "sale"
    REFUND = "refund"


class By(StrEnum):
    """What a row of the sales report stands for."""

    SHOP = "shop"
    CAMPAIGN = "campaign"
    CHANNEL = "channel"
    COUNTRY = "country"
    PROVINCE = "province"
    DAY = "day"
    MONTH = "month"


class FactRow(msgspec.Struct, frozen=True, kw_only=True):
    """One row of the fact table. ``line_no`` 0 is the whole document, or what its lines do not say."""

    basis: Basis
    kind: FactKind
    document_type: str
    document_id: uuid.UUID
    line_no: int
    order_id: uuid.UUID
    number: str
    occurred_at: dt.datetime
    business_date: dt.date
    channel: str
    shop_id: uuid.UUID | None
    fulfil_shop_id: uuid.UUID | None
    home_shop_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    member_id: uuid.UUID | None
    country: str
    province: str
    sku_id: uuid.UUID | None
    quantity: int
    amount_minor: int
    currency: str


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a sale is booked: its business day is the calendar day of ``time_zone``."""

    time_zone: str
    country: str = ""
    province: str = ""


class SalesQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which sales, and what a row stands for. Both days are included.

    ``shop_ids`` of ``None``: every shop and the headquarters' own. ``campaign_id``, ``channel``, ``country`` and
    ``province`` narrow; an empty country or province: nobody knows it.
    ``locale``: whose names of shops.
    """

    by: By
    basis: Basis
    first: dt.date
    last: dt.date
    shop_ids: frozenset[uuid.UUID] | None = None
    campaign_id: uuid.UUID | None = None
    channel: str | None = None
    country: str | None = None
    province: str | None = None
    locale: str = ""

    @property
    def is_of_places(self) -> bool:
        return self.by in (By.COUNTRY, By.PROVINCE) or self.country is not None or self.province is not None

    @property
    def is_narrowed(self) -> bool:
        """Not of all shops, campaigns, channels and places."""
        some = (self.shop_ids, self.campaign_id, self.channel, self.country, self.province)
        return any(one is not None for one in some)

    @property
    def is_of_shops(self) -> bool:
        """Of some shops or campaigns, or each by itself."""
        is_narrow = self.shop_ids is not None or self.campaign_id is not None
        return self.by in (By.SHOP, By.CAMPAIGN) or is_narrow


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one currency. ``net`` = ``gross`` - ``refunds``; ``buyers`` are different members."""

    currency: str
    orders: int = 0
    buyers: int = 0
    quantity: int = 0
    gross_minor: int = 0
    refunds: int = 0
    refunds_minor: int = 0
    net_minor: int = 0


class SalesRow(msgspec.Struct, frozen=True, kw_only=True):
    """One shop, campaign, channel, place, day or month in one currency; ``key`` is its id, code or date, of a
    province its country and name (``CN/广东省``)."""

    key: str
    label: str
    figures: Figures


class SalesReport(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: rows in the order they are shown, and the totals per currency (buyers are not the sum)."""

    by: By
    basis: Basis
    first: dt.date
    last: dt.date
    rows: list[SalesRow]
    totals: list[Figures]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """A report, and for each of its currencies the totals of the period before. Unless ``is_counted``, buyers are
    in none of them yet."""

    report: SalesReport
    before: dict[str, Figures]
    is_counted: bool


class Credited(msgspec.Struct, frozen=True, kw_only=True):
    """What was credited to a shop up to today: totals of the last so many days by currency, and by campaign over
    the longest of them. Buyers are not counted here."""

    spans: list[tuple[int, list[Figures]]]
    campaigns: list[SalesRow]


class DocumentView(msgspec.Struct, frozen=True, kw_only=True):
    """A sale or refund that is part of a number."""

    kind: FactKind
    document_type: str
    document_id: uuid.UUID
    order_id: uuid.UUID
    number: str
    occurred_at: dt.datetime
    business_date: dt.date
    channel: str
    shop_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    country: str
    province: str
    quantity: int
    amount_minor: int
    currency: str

    @property
    def signed_minor(self) -> int:
        """What it adds to the net."""
        return self.amount_minor if self.kind is FactKind.SALE else -self.amount_minor

    @property
    def has_order(self) -> bool:
        """A refund from outside may be of an order that nobody has told."""
        return self.document_type != "return" or self.order_id != self.document_id


class MemberRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a member bought in one currency before a day: the base of RFM, on the accrual basis.

    ``recency_days`` are calendar days of the brand's zone from the last sale to that day, and ``frequency`` is how
    many sale documents there were, refunded or not. Members of whom there are refunds only have no recency.
    """

    member_id: uuid.UUID
    currency: str
    last_sale: dt.date | None
    recency_days: int | None
    frequency: int
    gross_minor: int
    net_minor: int


class ReconciledDay(msgspec.Struct, frozen=True, kw_only=True):
    """Money of one day in one currency: payments' books beside the cash facts, in the brand's time zone.

    ``elsewhere`` is money that tills and marketplaces took in and gave back: no payment of ours stands beside it.
    """

    day: dt.date
    currency: str
    captured_minor: int
    sold_minor: int
    refunded_minor: int
    sale_refunds_minor: int
    captured_difference_minor: int
    refunded_difference_minor: int
    elsewhere_minor: int
    elsewhere_refunds_minor: int

    @property
    def is_equal(self) -> bool:
        return self.captured_difference_minor == 0 and self.refunded_difference_minor == 0


class Mismatch(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a rollup that is not what the facts say: ``{"orders": [is, should be], ...}``."""

    table: str
    key: dict[str, str]
    columns: dict[str, tuple[int, int]]


class DocumentLine(msgspec.Struct, frozen=True, kw_only=True):
    line_no: int
    sku_id: uuid.UUID | None
    quantity: int
    amount_minor: int


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A sale or a refund as it comes in, for one or both bases. Lines that do not sum up to ``amount_minor``
    (shipping) get their difference as line 0."""

    kind: FactKind
    document_type: str
    document_id: uuid.UUID
    order_id: uuid.UUID
    number: str
    occurred_at: dt.datetime
    channel: str
    shop_id: uuid.UUID | None
    fulfil_shop_id: uuid.UUID | None
    home_shop_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    member_id: uuid.UUID | None
    currency: str
    amount_minor: int
    lines: tuple[DocumentLine, ...]
    bases: tuple[Basis, ...]

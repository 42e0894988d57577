"""What reports are asked with, and what they are called: one table for the screen and for files."""

import datetime as dt
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.money import Money
from yundian.platform.web.context import current
from yundian.platform.web.formats import place
from yundian.platform.web.i18n import babel_locale
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.sheets import Cell, MinorCell, Sheet
from yundian.reports import rules
from yundian.reports.types import (
    NOBODY,
    Basis,
    By,
    DocumentView,
    FactKind,
    Figures,
    MemberRow,
    ReconciledDay,
    SalesQuery,
    SalesReport,
    SalesRow,
)

Channels = Mapping[str, str]
"""The brand's own channels by name, in the language of the page."""

# More bars than one screen shows, more rows than anybody scrolls; files have them all.
MOST_BARS = 20
MOST_ROWS = 400


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the address of a report says; ``shop`` and ``campaign`` are ids or ``none``, and ``none`` is also a
    country or province that nobody knows. ``kind`` and ``currency`` narrow the documents behind a number."""

    by: By = By.DAY
    basis: Basis = Basis.ACCRUAL
    first: dt.date | None = None
    last: dt.date | None = None
    preset: str = ""
    shop: str = ""
    campaign: str = ""
    channel: str = ""
    country: str = ""
    province: str = ""
    kind: FactKind | None = None
    currency: str = ""

    def query(self, *, today: dt.date, mine: frozenset[uuid.UUID] | None, locale: str = "") -> SalesQuery:
        """With the range filled in; ``mine``: the shops that the caller may see, ``None`` for all."""
        first, last = self.range(today)
        shop = _id_of("shop", self.shop)
        wanted = mine
        if shop is not None:
            wanted = frozenset({shop}) if mine is None else mine & {shop}
        return SalesQuery(
            by=self.by,
            basis=self.basis,
            first=first,
            last=last,
            shop_ids=wanted,
            campaign_id=_id_of("campaign", self.campaign),
            channel=self.channel or None,
            country=_place_of(self.country),
            province=_place_of(self.province),
            locale=locale,
        )

    def range(self, today: dt.date) -> tuple[dt.date, dt.date]:
        """Both days given, or a preset, or the last thirty days."""
        if self.first is None and self.last is None:
            return preset_range(self.preset or DEFAULT_PRESET, today)
        last = rules.shown_day("to", self.last or today)
        return rules.shown_day("from", self.first or last - dt.timedelta(days=29)), last


DEFAULT_PRESET = "30d"
PRESETS = ("today", "7d", "30d", "month", "last_month", "year")


def preset_range(preset: str, today: dt.date) -> tuple[dt.date, dt.date]:
    """First and last day of a range that has a name."""
    days = {"today": 1, "7d": 7, "30d": 30}
    if preset in days:
        return today - dt.timedelta(days=days[preset] - 1), today
    if preset == "month":
        return today.replace(day=1), today
    if preset == "last_month":
        return rules.months_before(today.replace(day=1), 1), today.replace(day=1) - dt.timedelta(days=1)
    if preset == "year":
        return today.replace(month=1, day=1), today
    raise InvalidInput("range", "Not a range of this page")


def preset_label(preset: str) -> str:
    return {
        "today": _("Today"),
        "7d": _("7 days"),
        "30d": _("30 days"),
        "month": _("This month"),
        "last_month": _("Last month"),
        "year": _("This year"),
    }[preset]


def by_label(by: By) -> str:
    return {
        By.SHOP: _("Shop"),
        By.CAMPAIGN: _("Campaign"),
        By.CHANNEL: _("Channel"),
        By.COUNTRY: _("Country"),
        By.PROVINCE: _("Province"),
        By.DAY: _("Day"),
        By.MONTH: _("Month"),
    }[by]


def basis_label(basis: Basis) -> str:
    return {
        Basis.ACCRUAL: _("Accrual: when the goods may be handed over; of other systems, the date of the sale"),
        Basis.CASH: _("Cash: when money came and went"),
    }[basis]


def basis_name(basis: Basis) -> str:
    return {Basis.ACCRUAL: _("Accrual (sold)"), Basis.CASH: _("Cash (paid)")}[basis]


def channel_label(channel: str, names: Channels | None = None) -> str:
    """The channels of the house and the brand's own by name, others by their code."""
    house = {"groupbuy": _("Group buying"), "shop": _("Online shop"), "appointment": _("Appointments")}
    return (names or {}).get(channel) or house.get(channel, channel)


def named(report: SalesReport, names: Channels) -> SalesReport:
    """The report with its channels by name."""
    if report.by is not By.CHANNEL:
        return report
    rows = [msgspec.structs.replace(row, label=channel_label(row.key, names)) for row in report.rows]
    return msgspec.structs.replace(report, rows=rows)


def country_label(code: str) -> str:
    """The country's name in the language of the request."""
    if not code:
        return _("Country unknown")
    return str(babel_locale(current().locale).territories.get(code, code))


def province_label(country: str, province: str) -> str:
    if not province:
        return (
            _("%(country)s, province unknown", country=country_label(country)) if country else _("Place unknown")
        )
    if not country:
        return place(province)
    return _("%(province)s, %(country)s", province=place(province), country=country_label(country))


def nobody_label(by: By) -> str:
    """What the rows without a shop or a campaign are called."""
    return _("Headquarters") if by is By.SHOP else _("No campaign")


def month_end(month: dt.date) -> dt.date:
    """The last day of a month, of its first."""
    return rules.months_before(month, -1) - dt.timedelta(days=1)


def label_of(by: By, row: SalesRow) -> str:
    """What a row stands for, in words."""
    if row.key == str(NOBODY):
        return nobody_label(by)
    if by is By.CHANNEL:
        return channel_label(row.key) if row.label == row.key else row.label
    if by is By.COUNTRY:
        return country_label(row.key)
    if by is By.PROVINCE:
        country, _slash, province = row.key.partition("/")
        return province_label(country, province)
    if by is By.CAMPAIGN and not row.label:
        return _("Campaign %(code)s", code=row.key[-6:])
    return row.label or _("Closed shop")


def sheet_of(report: SalesReport) -> Sheet:
    """The report as a table; the totals come last, one for each currency."""
    return Sheet(
        name=f"sales-by-{report.by.value}-{report.basis.value}-{report.first}-{report.last}",
        title=f"{by_label(report.by)} {basis_name(report.basis)} {report.first:%Y%m%d}-{report.last:%Y%m%d}",
        headers=[
            by_label(report.by),
            _("Currency"),
            _("Orders"),
            _("Buyers"),
            _("Gross sales"),
            _("Refunds"),
            _("Refunded"),
            _("Net sales"),
        ],
        rows=[_cells(label_of(report.by, row), row.figures) for row in report.rows],
        totals=[_cells(_("Total"), figures) for figures in report.totals],
    )


def documents_sheet(
    found: Sequence[DocumentView], wanted: SalesQuery, shops: Mapping[uuid.UUID, str], channels: Channels
) -> Sheet:
    """The documents behind a number; refunds are negative, so that the column sums up to the net."""
    return Sheet(
        name=documents_name(wanted),
        title=f"{_('Documents')} {basis_name(wanted.basis)} {wanted.first:%Y%m%d}-{wanted.last:%Y%m%d}",
        headers=documents_headers(),
        rows=document_rows(found, shops, channels),
        totals=[],
    )


def documents_name(wanted: SalesQuery) -> str:
    """What the file of documents is called."""
    return f"sales-documents-{wanted.basis.value}-{wanted.first}-{wanted.last}"


def documents_headers() -> list[str]:
    return [
        _("Number"),
        _("Kind"),
        _("Business day"),
        _("Time (UTC)"),
        _("Shop"),
        _("Channel"),
        _("Place"),
        _("Currency"),
        _("Amount"),
    ]


def document_rows(
    found: Sequence[DocumentView], shops: Mapping[uuid.UUID, str], channels: Channels
) -> list[list[Cell]]:
    return [
        [
            one.number,
            kind_label(one.kind),
            one.business_date.isoformat(),
            one.occurred_at.isoformat(sep=" ", timespec="seconds")[:19],
            shops.get(one.shop_id, _("Closed shop")) if one.shop_id else nobody_label(By.SHOP),
            channel_label(one.channel, channels),
            province_label(one.country, one.province),
            one.currency,
            MinorCell(one.signed_minor, one.currency),
        ]
        for one in found
    ]


def reconcile_sheet(days: Sequence[ReconciledDay], first: dt.date, last: dt.date) -> Sheet:
    """Payments beside the cash numbers, a row for each day and currency."""
    return Sheet(
        name=f"reconcile-{first}-{last}",
        title=f"{_('Sales and money')} {first:%Y%m%d}-{last:%Y%m%d}",
        headers=[
            _("Day"),
            _("Currency"),
            _("Payments took in"),
            _("Cash sales"),
            _("Difference"),
            _("Payments gave back"),
            _("Cash refunds"),
            _("Difference"),
            _("Paid elsewhere"),
            _("Refunded elsewhere"),
        ],
        rows=[
            [
                one.day.isoformat(),
                one.currency,
                *(
                    MinorCell(minor, one.currency)
                    for minor in (
                        one.captured_minor,
                        one.sold_minor,
                        one.captured_difference_minor,
                        one.refunded_minor,
                        one.sale_refunds_minor,
                        one.refunded_difference_minor,
                        one.elsewhere_minor,
                        one.elsewhere_refunds_minor,
                    )
                ),
            ]
            for one in days
        ],
        totals=[],
    )


def members_sheet(found: Sequence[MemberRow], as_of: dt.date) -> Sheet:
    """Recency, frequency and money of each member and currency; amounts are in minor units, as they are told."""
    return Sheet(
        name=f"members-{as_of}",
        title=f"{_('Members')} {as_of:%Y%m%d}",
        headers=["member_id", "currency", "last_sale", "recency_days", "frequency", "gross_minor", "net_minor"],
        rows=[
            [
                str(one.member_id),
                one.currency,
                one.last_sale.isoformat() if one.last_sale else "",
                "" if one.recency_days is None else one.recency_days,
                one.frequency,
                one.gross_minor,
                one.net_minor,
            ]
            for one in found
        ],
        totals=[],
    )


def kind_label(kind: FactKind) -> str:
    return _("Sale") if kind is FactKind.SALE else _("Refund")


def charts_of(report: SalesReport) -> list[dict[str, Any]]:
    """What charts draw, a chart for each currency: the numbers of the table, in major units."""
    return [_chart(report, figures.currency) for figures in report.totals]


def change(now: int, before: int) -> float | None:
    """The change against the period before, as a share; nothing when there was nothing."""
    return (now - before) / before if before > 0 else None


def _chart(report: SalesReport, currency: str) -> dict[str, Any]:
    is_time = report.by in (By.DAY, By.MONTH)
    rows = [row for row in report.rows if row.figures.currency == currency]
    shown = rows if is_time else rows[:MOST_BARS]

    def values(name: str) -> list[float]:
        return [float(Money(getattr(row.figures, name), currency).to_decimal()) for row in shown]

    return {
        "kind": "time" if is_time else "bars",
        "currency": currency,
        "labels": [label_of(report.by, row) for row in shown],
        "series": [
            {"name": _("Net sales"), "values": values("net_minor")},
            {"name": _("Refunded"), "values": values("refunds_minor")},
        ],
    }


def _cells(label: str, figures: Figures) -> list[Cell]:
    def money(minor: int) -> MinorCell:
        return MinorCell(minor, figures.currency)

    return [
        label,
        figures.currency,
        figures.orders,
        figures.buyers,
        money(figures.gross_minor),
        figures.refunds,
        money(figures.refunds_minor),
        money(figures.net_minor),
    ]


def _place_of(text: str) -> str | None:
    """Of a country or province: narrowed to none, to a known one, or not at all."""
    return "" if text == "none" else text or None


def _id_of(field: str, text: str) -> uuid.UUID | None:
    if text in ("", "all"):
        return None
    if text == "none":
        return NOBODY
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidInput(field, "Not an id") from error

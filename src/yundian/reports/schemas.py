"""What reports are asked with, and what they are called: one table for the screen and for files."""

import datetime as dt
import uuid
from typing import Any

import msgspec

from yundian.platform.core.errors import InvalidInput
from yundian.platform.core.money import Money
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.sheets import Cell, MinorCell, Sheet
from yundian.reports import rules
from yundian.reports.types import (
    NOBODY,
    Basis,
    By,
    Figures,
    SalesQuery,
    SalesReport,
    SalesRow,
)

# More bars than one screen shows, more rows than anybody scrolls; files have them all.
MOST_BARS = 20
MOST_ROWS = 400


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What the address of a report says; ``shop`` and ``campaign`` are ids or ``none``."""

    by: By = By.DAY
    basis: Basis = Basis.ACCRUAL
    first: dt.date | None = None
    last: dt.date | None = None
    preset: str = ""
    shop: str = ""
    campaign: str = ""
    channel: str = ""

    def query(self, *, today: dt.date, mine: frozenset[uuid.UUID] | None) -> SalesQuery:
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
        By.DAY: _("Day"),
        By.MONTH: _("Month"),
    }[by]


def basis_label(basis: Basis) -> str:
    return {
        Basis.ACCRUAL: _("Accrual: when the goods may be handed over"),
        Basis.CASH: _("Cash: when money came and went"),
    }[basis]


def basis_name(basis: Basis) -> str:
    return {Basis.ACCRUAL: _("Accrual (sold)"), Basis.CASH: _("Cash (paid)")}[basis]


def channel_label(channel: str) -> str:
    """The channels of the house by name, others by their code."""
    return {"groupbuy": _("Group buying"), "shop": _("Online shop"), "appointment": _("Appointments")}.get(
        channel, channel
    )


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
        return channel_label(row.key)
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


def _id_of(field: str, text: str) -> uuid.UUID | None:
    if text in ("", "all"):
        return None
    if text == "none":
        return NOBODY
    try:
        return uuid.UUID(text)
    except ValueError as error:
        raise InvalidInput(field, "Not an id") from error

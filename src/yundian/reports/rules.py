"""Decisions without a database: which facts a document makes, which days a report shows."""

import datetime as dt
from collections.abc import Iterator

import msgspec

from yundian.platform.core import clock
from yundian.platform.core.errors import InvalidInput
from yundian.reports.types import Basis, By, Document, DocumentLine, FactRow, Figures, Place, SalesQuery

# A chart of more days is not read by anybody; months go on.
MAX_DAYS = 400
MAX_YEARS = 20
FIRST_YEAR, LAST_YEAR = 1990, 2100
# Below, whoever bought is counted sale by sale in a moment; above, a screen does not wait for it.
MANY_SALES = 50_000


def rows_of(document: Document, place: Place) -> list[FactRow]:
    """The facts of a document: by line where sales accrue, one where money moves."""
    day = clock.business_day(document.occurred_at, place.time_zone)
    whole = DocumentLine(line_no=0, sku_id=None, quantity=0, amount_minor=document.amount_minor)
    return [
        FactRow(
            basis=basis,
            kind=document.kind,
            document_type=document.document_type,
            document_id=document.document_id,
            line_no=line.line_no,
            order_id=document.order_id,
            number=document.number,
            occurred_at=document.occurred_at,
            business_date=day,
            channel=document.channel,
            shop_id=document.shop_id,
            fulfil_shop_id=document.fulfil_shop_id,
            home_shop_id=document.home_shop_id,
            staff_id=document.staff_id,
            campaign_id=document.campaign_id,
            member_id=document.member_id,
            country=place.country,
            province=place.province,
            sku_id=line.sku_id,
            quantity=line.quantity,
            amount_minor=line.amount_minor,
            currency=document.currency,
        )
        for basis in document.bases
        for line in ([whole] if basis is Basis.CASH else _lines(document))
    ]


def at_place(row: FactRow, place: Place) -> FactRow:
    """The same fact, booked elsewhere: on the business day of that place."""
    return msgspec.structs.replace(
        row,
        business_date=clock.business_day(row.occurred_at, place.time_zone),
        country=place.country,
        province=place.province,
    )


def checked(wanted: SalesQuery) -> SalesQuery:
    """The query if its range can be shown."""
    days = (wanted.last - wanted.first).days + 1
    if days < 1:
        raise InvalidInput("to", "The last day is before the first")
    if wanted.by is By.DAY and days > MAX_DAYS:
        raise InvalidInput("to", "Choose at most 400 days, or months")
    if days > MAX_YEARS * 366:
        raise InvalidInput("to", "Choose at most 20 years")
    return wanted


def shown_day(field: str, day: dt.date) -> dt.date:
    """A day that may have sales: around the ends of the calendar there is no day before, and no month after."""
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InvalidInput(field, "Choose days between 1990 and 2100")
    return day


def previous(first: dt.date, last: dt.date) -> tuple[dt.date, dt.date]:
    """The period before: whole calendar months before whole calendar months, else as many days."""
    if first.day == 1 and (last + dt.timedelta(days=1)).day == 1:
        months = (last.year - first.year) * 12 + last.month - first.month + 1
        return months_before(first, months), first - dt.timedelta(days=1)
    return first - (last - first) - dt.timedelta(days=1), first - dt.timedelta(days=1)


def months_before(first: dt.date, months: int) -> dt.date:
    """The first day of a month, so many months earlier."""
    year, month = divmod(first.year * 12 + first.month - 1 - months, 12)
    return dt.date(year, month + 1, 1)


def periods(by: By, first: dt.date, last: dt.date) -> Iterator[dt.date]:
    """Every day, or the first day of every month, of a range: those without sales are shown too."""
    day = first if by is By.DAY else first.replace(day=1)
    while day <= last:
        yield day
        day = day + dt.timedelta(days=1) if by is By.DAY else months_before(day, -1)


def whole_months(first: dt.date, last: dt.date) -> tuple[dt.date, dt.date] | None:
    """The first days of the first and the last month that lie whole in a range."""
    begin = first if first.day == 1 else months_before(first.replace(day=1), -1)
    end = months_before((last + dt.timedelta(days=1)).replace(day=1), 1)
    return (begin, end) if begin <= end else None


def is_less_by_member(sales: int, all_sales: int) -> bool:
    """Whether to look at every member once is less work than at the ``sales`` of a range, of ``all_sales`` that
    there ever were: members are no more than those, and each costs less than half of a sale."""
    return 5 * sales >= 2 * all_sales


def net(figures: Figures) -> Figures:
    """The figures with their difference filled in."""
    return msgspec.structs.replace(figures, net_minor=figures.gross_minor - figures.refunds_minor)


def summed(cells: list[Figures], currency: str, buyers: int) -> Figures:
    """The sum of figures of one currency; buyers are counted apart, for who buys twice is one."""
    return net(
        Figures(
            currency=currency,
            orders=sum(one.orders for one in cells),
            buyers=buyers,
            quantity=sum(one.quantity for one in cells),
            gross_minor=sum(one.gross_minor for one in cells),
            refunds=sum(one.refunds for one in cells),
            refunds_minor=sum(one.refunds_minor for one in cells),
        )
    )


def _lines(document: Document) -> list[DocumentLine]:
    rest = document.amount_minor - sum(line.amount_minor for line in document.lines)
    lines = list(document.lines)
    if rest or not lines:
        lines.append(DocumentLine(line_no=0, sku_id=None, quantity=0, amount_minor=rest))
    return lines

"""What the address of a page of numbers asks, and the addresses that its numbers lead to."""

import datetime as dt
import uuid
from urllib.parse import urlencode

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.platform.core.errors import InvalidInput
from yundian.platform.web.context import current
from yundian.platform.web.formats import place
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.pages import AnyRequest
from yundian.reports import rules, schemas
from yundian.reports.schemas import Asked
from yundian.reports.service import reading
from yundian.reports.types import NOBODY, Basis, By, FactKind, SalesReport, SalesRow

PAGE = "/hq/sales"

_MOST_TYPED = 60


def asked_of(request: AnyRequest) -> Asked:
    """What the address says. Whatever is no view, basis or day of ours counts as not given: people edit addresses.

    Not a dependency: one that refuses leaves the session that was opened beside it behind.
    """
    query = {name: value[:_MOST_TYPED] for name, value in request.query_params.items()}
    kind = query.get("kind", "")
    by, basis, preset = query.get("by", ""), query.get("basis", ""), query.get("range", "")
    return Asked(
        by=By(by) if by in set(By) else By.DAY,
        basis=Basis(basis) if basis in set(Basis) else Basis.ACCRUAL,
        first=day_of(query.get("from", "")),
        last=day_of(query.get("to", "")),
        preset=preset if preset in schemas.PRESETS else "",
        shop=query.get("shop", ""),
        campaign=query.get("campaign", ""),
        channel=query.get("channel", ""),
        country=query.get("country", ""),
        province=query.get("province", ""),
        kind=FactKind(kind) if kind in set(FactKind) else None,
        currency=query.get("currency", ""),
    )


def query_of(asked: Asked, *, first: dt.date, last: dt.date, **changes: object) -> dict[str, str]:
    """The parameters of the same question, with changes; without what only documents are narrowed by."""
    query = {
        "by": asked.by.value,
        "basis": asked.basis.value,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "shop": asked.shop,
        "campaign": asked.campaign,
        "channel": asked.channel,
        "country": asked.country,
        "province": asked.province,
        **{name: str(value) for name, value in changes.items()},
    }
    return {name: value for name, value in query.items() if value}


def links_of(asked: Asked, report: SalesReport, row: SalesRow | None, currency: str) -> dict[str, str]:
    """Where a row, or the total, leads: ``deeper`` to what it is made of, the others to its documents."""
    first, last, changes = _within(report, row)
    by = {By.DAY: By.SHOP, By.COUNTRY: By.PROVINCE}.get(report.by, By.DAY)
    query = query_of(asked, first=first, last=last, **changes)
    links = {"deeper": f"{PAGE}?{urlencode({**query, 'by': by.value})}"}
    for kind in ("", "sale", "refund"):
        narrowed = {**query, "currency": currency, **({"kind": kind} if kind else {})}
        links[kind or "all"] = f"{PAGE}/documents?{urlencode(narrowed)}"
    return links


def _within(report: SalesReport, row: SalesRow | None) -> tuple[dt.date, dt.date, dict[str, str]]:
    """The days of a row, and what else it is narrowed to."""
    first, last = report.first, report.last
    if row is None:
        return first, last, {}
    if report.by in (By.SHOP, By.CAMPAIGN, By.CHANNEL, By.COUNTRY):
        return first, last, {report.by.value: "none" if row.key in (str(NOBODY), "") else row.key}
    if report.by is By.PROVINCE:
        country, _slash, province = row.key.partition("/")
        return first, last, {"country": country or "none", "province": province or "none"}
    if report.by is By.DAY:
        day = dt.date.fromisoformat(row.key)
        return day, day, {}
    month = dt.date.fromisoformat(f"{row.key}-01")
    return max(first, month), min(last, schemas.month_end(month)), {}


async def chips_of(session: AsyncSession, asked: Asked, channels: schemas.Channels) -> list[tuple[str, str]]:
    """What the numbers are narrowed to: the parameter and its name."""
    chips = []
    if asked.shop:
        shop = _uuid(asked.shop)
        names = await reading.shop_names(session, ids={shop} if shop else set(), locale=current().locale)
        chips.append(("shop", names.get(shop, asked.shop[-6:]) if shop else schemas.nobody_label(By.SHOP)))
    if asked.campaign:
        one = _uuid(asked.campaign)
        names = await reading.campaign_names(session, ids={one} if one else set())
        chips.append(
            ("campaign", names.get(one, asked.campaign[-6:]) if one else schemas.nobody_label(By.CAMPAIGN))
        )
    if asked.channel:
        chips.append(("channel", schemas.channel_label(asked.channel, channels)))
    if asked.country:
        chips.append(("country", schemas.country_label("" if asked.country == "none" else asked.country)))
    if asked.province:
        chips.append(("province", _("Province unknown") if asked.province == "none" else place(asked.province)))
    if asked.kind:
        chips.append(("kind", schemas.kind_label(asked.kind)))
    if asked.currency:
        chips.append(("currency", asked.currency))
    return chips


def _uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except ValueError:
        return None


def day_of(text: str) -> dt.date | None:
    try:
        return rules.shown_day("from", dt.date.fromisoformat(text))
    except (ValueError, InvalidInput):
        return None

"""Reports of appointments as tables: the screen, the files and the command line show the same cells."""

from collections.abc import Sequence

from appointments.repository.funnel import By, FunnelRow
from appointments.repository.usage import Usage
from appointments.service.reporting import FunnelReport
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.sheets import Cell, MinorCell, Sheet


def channel_label(name: str) -> str:
    """How somebody came."""
    return {
        "web": _("Browser"),
        "wechat": _("WeChat"),
        "api": _("Mini program"),
        "customer": _("Customer"),
        "shop": _("Shop"),
        "walk_in": _("Walk-in"),
        "waitlist": _("Waiting list"),
        "group": _("Group-buy"),
        "import": _("Another system"),
    }.get(name, name)


def by_label(by: By) -> str:
    return {By.SHOP: _("Shop"), By.STAFF: _("Person"), By.SERVICE: _("Service"), By.CHANNEL: _("Channel")}[by]


def name_of(report: FunnelReport, name: str) -> str:
    """What a row is of."""
    if not name:
        return _("Whoever is free") if report.by is By.STAFF else _("Unknown")
    return channel_label(name) if report.by is By.CHANNEL else name


def funnel_sheet(report: FunnelReport) -> Sheet:
    """Counts, and what was bought in each currency."""
    currencies = sorted(report.total.net)

    def cells(name: str, row: FunnelRow) -> list[Cell]:
        counts: list[Cell] = [name, row.viewed, row.held, row.booked, row.arrived, row.bought]
        return [*counts, *(MinorCell(row.net.get(currency, 0), currency) for currency in currencies)]

    steps = [_("Looked"), _("Asked"), _("Booked"), _("Came"), _("Bought")]
    return Sheet(
        name=f"appointments-{report.first.isoformat()}-{report.last.isoformat()}",
        title=_("From looking to buying"),
        headers=[by_label(report.by), *steps, *(_("Bought, %(currency)s", currency=one) for one in currencies)],
        rows=[cells(name_of(report, name), row) for name, row in report.rows],
        totals=[cells(_("Total"), report.total)],
    )


def people_sheet(rows: Sequence[tuple[str, str, Usage]]) -> Sheet:
    """What became of appointments, person by person; shares in tenths of a percent of all that were booked."""
    return Sheet(
        name="appointments-people",
        title=_("Appointments by person"),
        headers=[
            _("Shop"),
            _("Person"),
            _("Appointments"),
            _("Served"),
            _("Did not come"),
            _("Cancelled"),
            _("Cancelled late"),
        ],
        rows=[
            [shop, person, one.booked, one.served, one.missed, one.cancelled, one.cancelled_late]
            for shop, person, one in rows
        ],
        totals=[
            [
                _("Total"),
                "",
                *(
                    sum(getattr(one, field) for _shop, _person, one in rows)
                    for field in ("booked", "served", "missed", "cancelled", "cancelled_late")
                ),
            ]
        ],
    )

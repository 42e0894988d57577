"""Reports of appointments as tables: the screen, the files and the command line show the same cells."""

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from appointments.repository.funnel import By, FunnelRow
from appointments.repository.listing import Listed, What
from appointments.repository.usage import Usage
from appointments.schemas.forms import state_label
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

    steps = [_("Looked"), _("Asked"), _("Booked"), _("Came"), _("Bought something")]
    return Sheet(
        name=f"appointments-{report.first.isoformat()}-{report.last.isoformat()}",
        title=_("From looking to buying"),
        headers=[by_label(report.by), *steps, *(_("Bought, %(currency)s", currency=one) for one in currencies)],
        rows=[cells(name_of(report, name), row) for name, row in report.rows],
        totals=[cells(_("Total"), report.total)],
    )


_USAGE = ("booked", "served", "missed", "cancelled", "cancelled_late", "minutes", "planned")


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
            _("Booked, minutes"),
            _("Planned, minutes"),
        ],
        rows=[[shop, person, *(getattr(one, field) for field in _USAGE)] for shop, person, one in rows],
        totals=[
            [
                _("Total"),
                "",
                *(sum(getattr(one, field) for _shop, _person, one in rows) for field in _USAGE),
            ]
        ],
    )


def what_label(what: What) -> str:
    """What a list of appointments is of."""
    return {
        What.ALL: _("Appointments"),
        What.SERVED: _("Served"),
        What.MISSED: _("Did not come"),
        What.CANCELLED: _("Cancelled"),
        What.CANCELLED_LATE: _("Cancelled late"),
        What.STOOD: _("When they come"),
        What.ASKED: _("Asked"),
        What.BOOKED: _("Booked"),
        What.CAME: _("Came"),
        What.BOUGHT: _("Bought something"),
    }[what]


def list_headers() -> list[str]:
    """Of the appointments behind a number."""
    return [
        _("Appointment code"), _("Date"), _("Time"), _("Shop"), _("Service"), _("Person"), _("Status"),
        _("Channel"), _("Length in minutes"), _("First asked for"),
    ]  # fmt: skip


def list_row(one: Listed, shop: str) -> list[str]:
    """One of them, by the clock of its shop."""
    zone = ZoneInfo(one.time_zone)
    start, asked = one.starts_at.astimezone(zone), one.asked_at.astimezone(zone)
    minutes = int((one.ends_at - one.starts_at).total_seconds() // 60)
    return [
        one.code,
        start.date().isoformat(),
        "" if one.is_day_only else f"{start:%H:%M}",
        shop,
        one.service_name,
        one.staff_name,
        state_label(one.state),
        channel_label(one.channel),
        "" if one.is_day_only else str(minutes),
        f"{asked:%Y-%m-%d %H:%M}",
    ]

"""Words of the stores' pages in the reader's language."""

from stores.states import MovementKind, ShopStatus
from stores.types import Datum
from yundian.platform.web.i18n import gettext as _

TONES = {"opening": "info", "open": "good", "paused": "warn", "closed": "neutral"}


def status_label(status: ShopStatus) -> str:
    return {
        ShopStatus.OPENING: _("Opening soon"),
        ShopStatus.OPEN: _("In business"),
        ShopStatus.PAUSED: _("Paused"),
        ShopStatus.CLOSED: _("Closed for good"),
    }[status]


def status_action(status: ShopStatus) -> str:
    """What the button says that moves a shop to this status."""
    return {
        ShopStatus.OPENING: _("Announce again"),
        ShopStatus.OPEN: _("Open for business"),
        ShopStatus.PAUSED: _("Pause"),
        ShopStatus.CLOSED: _("Close for good"),
    }[status]


def weekday_names() -> list[tuple[int, str]]:
    return [
        (1, _("Monday")),
        (2, _("Tuesday")),
        (3, _("Wednesday")),
        (4, _("Thursday")),
        (5, _("Friday")),
        (6, _("Saturday")),
        (7, _("Sunday")),
    ]


def datum_choices() -> list[tuple[str, str]]:
    return [
        (Datum.GCJ02.value, _("WeChat, Tencent or AMap (GCJ-02)")),
        (Datum.BD09.value, _("Baidu Maps (BD-09)")),
        (Datum.WGS84.value, _("GPS or any map outside China (WGS-84)")),
    ]


def movement_label(kind: MovementKind) -> str:
    return {
        MovementKind.RECEIVE: _("Received"),
        MovementKind.ADJUST: _("Corrected"),
        MovementKind.RESERVE: _("Reserved"),
        MovementKind.RELEASE: _("Released"),
        MovementKind.COMMIT: _("Handed out"),
    }[kind]

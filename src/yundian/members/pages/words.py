"""What things are called on screens."""

from collections.abc import Mapping, Sequence

from yundian.members.types import Happening, IdentityKind, JoinedVia, TimelineKind, TotalsView
from yundian.platform.web.i18n import gettext as _

TONES = {
    TimelineKind.PAID: "good",
    TimelineKind.COLLECTED: "good",
    TimelineKind.RELEASED: "info",
    TimelineKind.REFUNDED: "warn",
    TimelineKind.CANCELLED: "warn",
    TimelineKind.APPOINTED: "info",
    TimelineKind.APPOINTMENT_ENDED: "warn",
    TimelineKind.MISSED: "bad",
    TimelineKind.SERVED: "good",
}

# What has an amount that says something: money moved.
MONEY = frozenset({TimelineKind.PLACED, TimelineKind.PAID, TimelineKind.REFUNDED})


# Where orders wait in a shop until somebody comes.
_HOUSE = frozenset({"groupbuy", "shop", "appointment"})
_BY_ANOTHER_ROOM = frozenset({TimelineKind.RELEASED, TimelineKind.COLLECTED})


def kind_label(one: Happening) -> str:
    """What happened. Another system's order is collected nowhere here: it counts as sold; nor is what was
    bought for an appointment."""
    if one.kind is TimelineKind.RELEASED and one.channel not in _HOUSE:
        return _("Sold")
    if one.facts.get("handed_by") and one.kind in _BY_ANOTHER_ROOM:
        return {TimelineKind.RELEASED: _("Booked"), TimelineKind.COLLECTED: _("Attended")}[one.kind]
    return {
        TimelineKind.JOINED: _("Joined"),
        TimelineKind.PHONE_BOUND: _("Bound a phone"),
        TimelineKind.PLACED: _("Ordered"),
        TimelineKind.PAID: _("Paid"),
        TimelineKind.RELEASED: _("Ready to collect"),
        TimelineKind.COLLECTED: _("Collected"),
        TimelineKind.REFUNDED: _("Refunded"),
        TimelineKind.CANCELLED: _("Cancelled"),
        TimelineKind.CLOSED: _("Closed unpaid"),
        TimelineKind.APPOINTED: _("Booked an appointment"),
        TimelineKind.APPOINTMENT_ENDED: _("Appointment cancelled"),
        TimelineKind.MISSED: _("Did not come"),
        TimelineKind.ARRIVED: _("Came to an appointment"),
        TimelineKind.SERVED: _("Was served"),
        TimelineKind.TRIED: _("Tried"),
    }[one.kind]


def via_label(via: JoinedVia) -> str:
    return {
        JoinedVia.WECHAT: _("WeChat"),
        JoinedVia.MINI_PROGRAM: _("Mini program"),
        JoinedVia.PHONE: _("Mobile number"),
        JoinedVia.IMPORT: _("An order of another system"),
    }[via]


def identity_label(kind: IdentityKind) -> str:
    return {
        IdentityKind.PHONE: _("Mobile number"),
        IdentityKind.UNIONID: _("WeChat"),
        IdentityKind.OPENID: _("WeChat app"),
        IdentityKind.CARD: _("Member card"),
        IdentityKind.MEMBER_NO: _("Member number"),
        IdentityKind.MARKETPLACE: _("Marketplace account"),
    }[kind]


def channel_label(channel: str, names: Mapping[str, str]) -> str:
    """The channels of the house and the brand's own by name, others by their code."""
    own = {"groupbuy": _("Group buying"), "shop": _("Online shop"), "appointment": _("Appointments")}
    return own.get(channel) or names.get(channel) or channel


def shares(totals: Sequence[TotalsView]) -> list[tuple[TotalsView, int]]:
    """Each channel's total with the length of its bar: hundredths of the greatest of its currency."""
    greatest: dict[str, int] = {}
    for one in totals:
        greatest[one.currency] = max(greatest.get(one.currency, 0), one.net_minor)
    return [(one, max(0, 100 * one.net_minor // (greatest[one.currency] or 1))) for one in totals]


def notes(one: Happening) -> list[str]:
    """What is unusual about it."""
    found = []
    if one.facts.get("is_estimated"):
        found.append(_("Date estimated: the source does not tell it"))
    if one.facts.get("is_unseen"):
        found.append(_("Its order was never seen"))
    return found


def tone(kind: TimelineKind) -> str:
    return TONES.get(kind, "neutral")

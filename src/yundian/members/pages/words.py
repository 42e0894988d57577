"""What things are called on screens."""

from yundian.members.types import IdentityKind, JoinedVia, TimelineKind
from yundian.platform.web.i18n import gettext as _

TONES = {
    TimelineKind.PAID: "good",
    TimelineKind.COLLECTED: "good",
    TimelineKind.RELEASED: "info",
    TimelineKind.REFUNDED: "warn",
    TimelineKind.CANCELLED: "warn",
}

# What has an amount that says something: money moved.
MONEY = frozenset({TimelineKind.PLACED, TimelineKind.PAID, TimelineKind.REFUNDED})


def kind_label(kind: TimelineKind) -> str:
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
    }[kind]


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


def channel_label(channel: str) -> str:
    """The channels of the house by name, others by their code."""
    return {"groupbuy": _("Group buying"), "shop": _("Online shop"), "appointment": _("Appointments")}.get(
        channel, channel
    )


def tone(kind: TimelineKind) -> str:
    return TONES.get(kind, "neutral")

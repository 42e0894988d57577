"""What things are called on the pages."""

from groupbuy.states import GroupState, LatePolicy, Standing
from groupbuy.types import GroupView
from yundian.platform.web.i18n import gettext as _

STANDING_TONES = {
    Standing.DRAFT: "neutral",
    Standing.SCHEDULED: "info",
    Standing.RUNNING: "good",
    Standing.ENDED: "neutral",
    Standing.CLOSED: "bad",
}


def standing_label(standing: Standing) -> str:
    return {
        Standing.DRAFT: _("Draft"),
        Standing.SCHEDULED: _("Scheduled"),
        Standing.RUNNING: _("Running"),
        Standing.ENDED: _("Ended"),
        Standing.CLOSED: _("Closed"),
    }[standing]


def standing_tone(standing: Standing) -> str:
    return STANDING_TONES[standing]


def group_label(group: GroupView) -> str:
    return {
        GroupState.OPENING: _("Waits for its first payment"),
        GroupState.OPEN: _("Fills"),
        GroupState.FILLED: _("Complete"),
        GroupState.SUCCEEDED: _("Complete"),
        GroupState.EXPIRED: _("Time is up"),
        GroupState.CANCELLED: _("Called off"),
        GroupState.REFUNDING: _("Pays back"),
        GroupState.FAILED: _("Not complete"),
    }[group.state]


def group_tone(group: GroupView) -> str:
    if group.state in (GroupState.FILLED, GroupState.SUCCEEDED):
        return "good"
    return "info" if group.state in (GroupState.OPENING, GroupState.OPEN) else "warn"


def policies() -> list[tuple[str, str]]:
    return [
        (LatePolicy.OPEN_NEW_GROUP.value, _("A new group of the same shop (or her own, if it has room)")),
        (LatePolicy.JOIN_OTHER_GROUP.value, _("Another open group of the same shop, else paid back")),
        (LatePolicy.REFUND.value, _("Paid back at once")),
    ]

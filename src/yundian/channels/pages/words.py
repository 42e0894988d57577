"""What the screens call things."""

from yundian.channels.service.syncing import KIND as SYNC
from yundian.channels.states import ChannelKind, InboxState
from yundian.channels.types import ChannelView, DocumentKind
from yundian.platform.intake.models import QuarantineState
from yundian.platform.web.context import current
from yundian.platform.web.i18n import gettext as _

STANDING_TONES = {
    "waiting": "info",
    "running": "info",
    "finished": "good",
    "failed": "bad",
    "interrupted": "warn",
}
HELD_TONES = {"open": "warn", "replayed": "good", "discarded": "neutral"}
INBOX_TONES = {"applied": "good", "stale": "neutral"}


def channel_name(channel: ChannelView) -> str:
    """In the reader's language."""
    return channel.name_en if current().locale == "en" else channel.name_zh


def channel_kind(kind: ChannelKind) -> str:
    return {
        ChannelKind.TILL: _("Tills in shops"),
        ChannelKind.MARKETPLACE: _("Marketplace"),
        ChannelKind.OWN: _("Own web shop or app"),
    }[kind]


def document_kind(kind: DocumentKind) -> str:
    return {
        DocumentKind.SALE: _("Sale"),
        DocumentKind.REFUND: _("Refund"),
        DocumentKind.ADJUSTMENT: _("Adjustment"),
        DocumentKind.IGNORED: _("Ignored"),
    }[kind]


def tally(name: str) -> str:
    """What a run counted beside its documents."""
    return _("Stale") if name == "stale" else document_kind(DocumentKind(name))


def inbox_state(state: InboxState) -> str:
    return {
        InboxState.APPLIED: _("Taken in"),
        InboxState.STALE: _("Stale: a newer one was here"),
    }[state]


def standing(value: str) -> str:
    return {
        "waiting": _("Waiting for a worker"),
        "running": _("Running"),
        "finished": _("Finished"),
        "failed": _("Failed"),
        "interrupted": _("Interrupted"),
    }[value]


def held_state(state: QuarantineState) -> str:
    return {
        QuarantineState.OPEN: _("To be looked at"),
        QuarantineState.REPLAYED: _("Taken in"),
        QuarantineState.DISCARDED: _("Discarded"),
    }[state]


def way(kind: str) -> str:
    return _("HTTP") if kind == SYNC else _("File")


def size(count: int) -> str:
    """Bytes for people."""
    if count < 1024:
        return _("%(number)s bytes", number=count)
    if count < 1024 * 1024:
        return f"{count / 1024:.0f} KiB"
    return f"{count / 1024 / 1024:.1f} MiB"

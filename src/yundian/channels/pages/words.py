"""What the screens call things."""

from yundian.channels.service.syncing import KIND as SYNC
from yundian.channels.states import ChannelKind, InboxState
from yundian.channels.types import ChannelView, DocumentKind
from yundian.platform.web.context import current
from yundian.platform.web.i18n import gettext as _

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


def way(kind: str) -> str:
    return _("HTTP") if kind == SYNC else _("File")

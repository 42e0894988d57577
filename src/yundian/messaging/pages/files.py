"""The log of messages as a file: as long as it is, a part at a time."""

import uuid
from collections.abc import AsyncIterator, Mapping
from zoneinfo import ZoneInfo

import anyio
import anyio.lowlevel

from yundian.messaging.schemas import words
from yundian.messaging.service import reading
from yundian.messaging.types import MessageFilter, MessageView
from yundian.platform.db.database import Database
from yundian.platform.web.i18n import gettext as _
from yundian.platform.web.sheets import Cell

# A part keeps everybody else waiting while it is written.
_AT_ONCE = 250


def headers() -> list[str]:
    return [
        _("Asked for"), _("Template"), _("Kind of message"), _("Shop"), _("Way"), _("Recipient"), _("Status"),
        _("Why"), _("Tries"), _("Sent out"), _("Delivered"), _("Fact"), _("Test"),
    ]  # fmt: skip


async def rows(
    database: Database, *, brand_id: uuid.UUID, wanted: MessageFilter, shops: Mapping[uuid.UUID, str], zone: str
) -> AsyncIterator[list[list[Cell]]]:
    """The newest first. Each part is read in a transaction of its own: none stays open while somebody's line is
    slow. Recipients are masked as on the screen."""
    clock, cursor = ZoneInfo(zone), None
    while True:
        # Whoever breaks off lets a part be read to its end: torn out of a query, a connection is lost to the pool.
        with anyio.CancelScope(shield=True):
            async with database.connection(brand_id) as tx:
                found = await reading.list_messages(tx, wanted=wanted, cursor=cursor, limit=_AT_ONCE)
        # Between two parts, else nobody hears that she has gone.
        await anyio.lowlevel.checkpoint()
        yield [_row(one, shops, clock) for one in found.items]
        cursor = found.next_cursor
        if cursor is None:
            return


def _row(one: MessageView, shops: Mapping[uuid.UUID, str], zone: ZoneInfo) -> list[Cell]:
    asked, sent, delivered = (
        at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S") if at else ""
        for at in (one.created_at, one.sent_at, one.delivered_at)
    )
    return [
        asked,
        words.template_label(one.template),
        words.class_label(one.message_class),
        shops.get(one.shop_id, "") if one.shop_id else "",
        words.channel_label(one.channel) if one.channel else "",
        one.recipient,
        words.state_label(one.state),
        words.reason_label(one.reason) if one.reason else "",
        one.tries,
        sent,
        delivered,
        one.fact_key,
        _("Test") if one.is_test else "",
    ]

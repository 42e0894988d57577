"""Stored notices are handled, many at once."""

from collections.abc import Sequence

from yundian.payments.events import NoticeReceived
from yundian.payments.service import notices
from yundian.platform.db.database import Tx
from yundian.platform.outbox.declare import Delivered, batch_subscriber


@batch_subscriber(NoticeReceived, name="payments.handle_notice")
async def handle_notice(tx: Tx, delivered: Sequence[Delivered[NoticeReceived]]) -> None:
    """A notice that was handled before is skipped."""
    await notices.handle(tx, ids=[one.event.notice_id for one in delivered])


SUBSCRIBERS = (handle_notice,)

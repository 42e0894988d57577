"""Scans that WeChat tells of, whose they turn out to be, and money that goes back."""

from collections.abc import Sequence

from yundian.attribution.repository import credits
from yundian.attribution.service import links
from yundian.attribution.types import Scan, Subject
from yundian.members import api as members
from yundian.members.events import MemberJoined, WeChatHappened
from yundian.orders.events import OrderRefunded
from yundian.platform.db.database import Tx
from yundian.platform.outbox.declare import Delivered, batch_subscriber

ORDER = "order"


@batch_subscriber(WeChatHappened, name="attribution.note_scan")
async def note_scan(tx: Tx, delivered: Sequence[Delivered[WeChatHappened]]) -> None:
    """A code whose scene is a link's token was scanned."""
    events = (one.event for one in delivered)
    await links.note_scans(tx, scans=[Scan(one.event_id, one.scene, one.member_id) for one in events if one.scene])


@batch_subscriber(MemberJoined, name="attribution.claim_scans")
async def claim_scans(tx: Tx, delivered: Sequence[Delivered[MemberJoined]]) -> None:
    """Who scanned first and joined afterwards."""
    owners = await members.scans_of(tx, member_ids={one.event.member_id for one in delivered})
    await links.claim_scans(tx, owners=owners)


@batch_subscriber(OrderRefunded, name="attribution.note_refund")
async def note_refund(tx: Tx, delivered: Sequence[Delivered[OrderRefunded]]) -> None:
    """A credit is worth what was paid and not given back."""
    events = [one.event for one in delivered]
    subjects = [Subject(ORDER, one.order.order_id) for one in events]
    await credits.refunded(tx, subjects=subjects, sums=[one.refunded_minor for one in events])


SUBSCRIBERS = (note_scan, claim_scans, note_refund)

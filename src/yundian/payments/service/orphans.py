"""What HQ does about money that fits nothing; every action is kept with who did it."""

import uuid

from sqlmodel.ext.asyncio.session import AsyncSession

from yundian.payments.errors import OrphanTaken, OrphanUnknown, PaymentUnknown
from yundian.payments.repository import orphans, trades
from yundian.payments.service import refunding
from yundian.payments.states import OrphanStatus
from yundian.payments.types import OrphanView
from yundian.platform.core import clock


async def refund(session: AsyncSession, *, orphan_id: uuid.UUID, reason: str, actor_id: uuid.UUID | None) -> None:
    """Send all that is left of it back."""
    made = await refunding.refund_orphan(
        session, orphan_id=orphan_id, amount_minor=None, reason=reason, actor_id=actor_id
    )
    await _keep(session, orphan_id, "refund", f"{made.out_refund_no}: {reason}", actor_id)


async def note(session: AsyncSession, *, orphan_id: uuid.UUID, text: str, actor_id: uuid.UUID | None) -> None:
    """Keep what was found out."""
    await _known(session, orphan_id)
    await _keep(session, orphan_id, "note", text, actor_id)


async def link(
    session: AsyncSession, *, orphan_id: uuid.UUID, payment_id: uuid.UUID, actor_id: uuid.UUID | None
) -> None:
    """Say which payment it belongs to."""
    if (await _known(session, orphan_id)).status is not OrphanStatus.OPEN:
        raise OrphanTaken
    if await trades.payment(session, payment_id=payment_id) is None:
        raise PaymentUnknown
    await orphans.link(session, orphan_id=orphan_id, payment_id=payment_id)
    await _keep(session, orphan_id, "link", str(payment_id), actor_id)


async def resolve(session: AsyncSession, *, orphan_id: uuid.UUID, text: str, actor_id: uuid.UUID | None) -> None:
    """Nothing more is to be done; a second time is nothing."""
    await _known(session, orphan_id)
    if await orphans.resolve(session, orphan_id=orphan_id):
        await _keep(session, orphan_id, "resolve", text, actor_id)


async def _known(session: AsyncSession, orphan_id: uuid.UUID) -> OrphanView:
    found = await orphans.orphan(session, orphan_id=orphan_id, lock=True)
    if found is None:
        raise OrphanUnknown
    return found


async def _keep(
    session: AsyncSession, orphan_id: uuid.UUID, action: str, text: str, actor_id: uuid.UUID | None
) -> None:
    await orphans.add_action(
        session, orphan_id=orphan_id, action=action, text=text[:400], actor_id=actor_id, now=clock.now()
    )

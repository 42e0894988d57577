"""Money that came late or twice becomes the payment of another subject."""

import uuid

from yundian.payments.errors import NotAdoptable, OrphanTaken, OrphanUnknown, SubjectBusy
from yundian.payments.events import PaymentCaptured
from yundian.payments.repository import opening, orphans, trades
from yundian.payments.states import OrphanReason, OrphanStatus
from yundian.payments.types import OrphanView, PaymentView
from yundian.platform.core import clock
from yundian.platform.core.ids import new_id
from yundian.platform.core.steps import step
from yundian.platform.outbox import outbox
from yundian.platform.outbox.door import Door

_ADOPTABLE = frozenset({OrphanReason.LATE, OrphanReason.DUPLICATE})


async def adopt(
    door: Door,
    *,
    orphan_id: uuid.UUID,
    subject_type: str,
    subject_id: uuid.UUID,
    description: str,
    return_path: str,
    actor_id: uuid.UUID | None = None,
) -> PaymentView:
    """The subject's payment, captured; the same again for the same subject. Records captured."""
    orphan = await orphans.orphan(door, orphan_id=orphan_id, lock=True)
    if orphan is None:
        raise OrphanUnknown
    known = await _adopted(door, orphan)
    if known is not None:
        if (known.subject_type, known.subject_id) != (subject_type, subject_id):
            raise OrphanTaken
        return known
    if orphan.reason not in _ADOPTABLE or orphan.amount_minor <= 0:
        raise NotAdoptable(reason=orphan.reason.value)
    if orphan.status is not OrphanStatus.OPEN or orphan.reserved_minor > 0:
        raise OrphanTaken
    made = await opening.adopt(
        door,
        orphan_id=orphan_id,
        payment_id=new_id(),
        subject_type=subject_type,
        subject_id=subject_id,
        description=description[:120],
        return_path=return_path,
    )
    if made is None:
        raise SubjectBusy(subject_type=subject_type, subject_id=str(subject_id))
    await orphans.add_action(
        door,
        orphan_id=orphan_id,
        action="adopt",
        text=f"{subject_type} {subject_id}",
        actor_id=actor_id,
        now=clock.now(),
    )
    step("payments.adopted")
    await outbox.record(door, _captured(made, orphan))
    return made


async def _adopted(door: Door, orphan: OrphanView) -> PaymentView | None:
    if orphan.status is not OrphanStatus.ADOPTED or orphan.linked_payment_id is None:
        return None
    return await trades.payment(door, payment_id=orphan.linked_payment_id)


def _captured(made: PaymentView, orphan: OrphanView) -> PaymentCaptured:
    return PaymentCaptured(
        payment_id=made.id,
        subject_type=made.subject_type,
        subject_id=made.subject_id,
        amount_minor=made.captured_minor,
        currency=made.currency,
        provider=orphan.provider.value,
        paid_at=made.paid_at or clock.now(),
    )

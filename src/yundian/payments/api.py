"""What upper rooms ask of payments. A subject is theirs: an opaque ``(type, id)``; events name it again."""

import datetime as dt
import uuid

from yundian.payments.repository import trades
from yundian.payments.rules import page_token
from yundian.payments.service import refunding, starting
from yundian.payments.types import PaymentView, RefundView
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.money import Money
from yundian.platform.outbox.door import Door


async def start_payment(
    door: Door,
    *,
    keyring: Keyring,
    subject_type: str,
    subject_id: uuid.UUID,
    amount: Money,
    description: str,
    expires_at: dt.datetime,
    return_path: str = "/",
    payer: str = "",
) -> PaymentView:
    """The subject's payment, in the caller's transaction; no provider is called. Asking again gives the same.

    ``description`` is what the payer reads at the provider. ``return_path`` is a local path, for after paying.
    ``payer`` is her openid, where she pays inside WeChat. Unpaid at ``expires_at`` it is closed.
    Afterwards come ``payments.captured.v1`` or ``payments.closed.v1``, and ``payments.orphaned.v1`` for what is
    paid all the same.

    Raises:
        SubjectBusy: the subject has a payment of another amount that lives.
    """
    return await starting.open_payment(
        door,
        keyring=keyring,
        subject_type=subject_type,
        subject_id=subject_id,
        amount=amount,
        description=description,
        expires_at=expires_at,
        return_path=return_path,
        payer=payer,
    )


def pay_path(keyring: Keyring, *, brand_id: uuid.UUID, payment_id: uuid.UUID) -> str:
    """Where the payer pays; send her browser there."""
    return f"/pay/{page_token(keyring, brand_id=brand_id, payment_id=payment_id)}"


async def find_payment(door: Door, *, subject_type: str, subject_id: uuid.UUID) -> PaymentView | None:
    """The subject's payment that lives, else its newest one."""
    return await trades.payment_of_subject(door, subject_type=subject_type, subject_id=subject_id)


async def close_payment(door: Door, *, payment_id: uuid.UUID) -> bool:
    """Let nobody pay any more; whether it was still open. The providers are asked afterwards, and paying may
    be faster: wait for ``payments.closed.v1`` or ``payments.captured.v1``."""
    return await starting.begin_closing(door, payment_id=payment_id)


async def request_refund(
    door: Door,
    *,
    payment_id: uuid.UUID,
    amount_minor: int,
    reason: str,
    actor_id: uuid.UUID | None = None,
    needs_approval: bool = False,
) -> RefundView:
    """Pay back, whole or in part; ``payments.refunded.v1`` says when it arrived.

    Raises:
        NotRefundable: more than what was paid and is not on its way back already.
    """
    return await refunding.request_refund(
        door,
        payment_id=payment_id,
        amount_minor=amount_minor,
        reason=reason,
        actor_id=actor_id,
        needs_approval=needs_approval,
    )


async def refund_orphan(
    door: Door, *, orphan_id: uuid.UUID, reason: str, actor_id: uuid.UUID | None = None
) -> RefundView:
    """Pay an orphan's money back: what a subject's owner does about a late payment it does not want."""
    return await refunding.refund_orphan(
        door, orphan_id=orphan_id, amount_minor=None, reason=reason, actor_id=actor_id
    )

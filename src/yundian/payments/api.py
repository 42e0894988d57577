"""What upper rooms ask of payments. A subject is theirs: an opaque ``(type, id)``; events name it again."""

import datetime as dt
import uuid
from collections.abc import Sequence

from yundian.payments.repository import accounts, books, opening, trades
from yundian.payments.rules import page_token
from yundian.payments.service import adopting, refunding, starting
from yundian.payments.types import DayBooks, PaymentView, Provider, RefundView, RefundWish
from yundian.platform.core.crypto import Keyring
from yundian.platform.core.ids import new_id
from yundian.platform.core.money import Money
from yundian.platform.db.cte import Cte
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
    values = starting.new_payment(
        keyring,
        payment_id=new_id(),
        subject_type=subject_type,
        subject_id=subject_id,
        amount=amount,
        description=description,
        expires_at=expires_at,
        return_path=return_path,
        payer=payer,
    )
    return await starting.open_payment(door, values=values)


def open_payment_part(
    cte: Cte,
    *,
    keyring: Keyring,
    brand_id: uuid.UUID,
    payment_id: uuid.UUID,
    subject_type: str,
    subject_id: uuid.UUID,
    amount: Money,
    description: str,
    expires_at: dt.datetime,
    given: str,
    return_path: str = "/",
    payer: str = "",
    name: str = "payment",
) -> None:
    """``start_payment`` as the part ``name`` of a larger statement: the same row, if the part ``given`` has one.

    It returns the payment's columns, ``id`` among them; no row for a subject that has a payment that lives.
    """
    values = starting.new_payment(
        keyring,
        payment_id=payment_id,
        subject_type=subject_type,
        subject_id=subject_id,
        amount=amount,
        description=description,
        expires_at=expires_at,
        return_path=return_path,
        payer=payer,
    )
    opening.payment_part(cte, brand_id=brand_id, values=values, given=given, name=name)


def pay_path(keyring: Keyring, *, brand_id: uuid.UUID, payment_id: uuid.UUID) -> str:
    """Where the payer pays; send her browser there."""
    return f"/pay/{page_token(keyring, brand_id=brand_id, payment_id=payment_id)}"


async def is_offered(door: Door, provider: Provider) -> bool:
    """Whether the brand takes payments by this provider now."""
    return await accounts.active(door, provider=provider) is not None


async def find_payment(door: Door, *, subject_type: str, subject_id: uuid.UUID) -> PaymentView | None:
    """The subject's payment that lives, else its newest one."""
    return await trades.payment_of_subject(door, subject_type=subject_type, subject_id=subject_id)


async def close_payment(door: Door, *, payment_id: uuid.UUID) -> bool:
    """Let nobody pay any more; whether it was still open. The providers are asked afterwards, and paying may
    be faster: wait for ``payments.closed.v1`` or ``payments.captured.v1``, which comes within about a minute.

    While a provider does not answer, the payment is closed here alone, and asked about further: money that comes
    all the same is an orphan, ``late``.
    """
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
        TooManyRefunds: refunded in 50 parts already.
    """
    return await refunding.request_refund(
        door,
        payment_id=payment_id,
        amount_minor=amount_minor,
        reason=reason,
        actor_id=actor_id,
        needs_approval=needs_approval,
    )


async def request_refunds(
    door: Door, *, refunds: Sequence[RefundWish], actor_id: uuid.UUID | None = None
) -> dict[uuid.UUID, RefundView]:
    """Pay many payments back, in a fixed number of statements; the refunds by payment.

    A payment that is missing could not be refunded: nothing is left of it, or it was never paid. The provider
    hears of them some at a time.

    Raises:
        ValueError: two wishes for one payment.
    """
    return await refunding.request_refunds(door, wishes=refunds, actor_id=actor_id)


async def adopt_orphan(
    door: Door,
    *,
    orphan_id: uuid.UUID,
    subject_type: str,
    subject_id: uuid.UUID,
    description: str,
    return_path: str = "/",
) -> PaymentView:
    """Money that came late or twice becomes the captured payment of another subject, once.

    ``payments.captured.v1`` is recorded for that subject, with the provider's time; refunds go the usual way.
    Asking again for the same subject gives the same payment.

    Raises:
        OrphanTaken: another subject has it, it is on its way back, or somebody resolved it.
        NotAdoptable: not late or doubled money.
        SubjectBusy: the subject has a payment that lives.
    """
    return await adopting.adopt(
        door,
        orphan_id=orphan_id,
        subject_type=subject_type,
        subject_id=subject_id,
        description=description,
        return_path=return_path,
    )


async def refund_orphan(
    door: Door, *, orphan_id: uuid.UUID, reason: str, actor_id: uuid.UUID | None = None
) -> RefundView:
    """Pay an orphan's money back: what a subject's owner does about a late payment it does not want.

    Raises:
        OrphanTaken: another subject has it, or somebody resolved it.
        NotRefundable: nothing of it is left.
    """
    return await refunding.refund_orphan(
        door, orphan_id=orphan_id, amount_minor=None, reason=reason, actor_id=actor_id, is_resolved_too=False
    )


async def books_by_day(
    door: Door, *, subject_type: str, zone: str, first: dt.date, last: dt.date
) -> Sequence[DayBooks]:
    """What was captured and what went back for subjects of a type, by day of an IANA zone and currency; days
    without any are left out. Both days are included."""
    return await books.by_day(door, subject_type=subject_type, zone=zone, first=first, last=last)

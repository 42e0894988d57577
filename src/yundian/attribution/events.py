"""What attribution tells other rooms. A shop that is null is HQ."""

import datetime as dt
import uuid

from yundian.platform.outbox.declare import Event


class Credited(Event, frozen=True, kw_only=True, tag="attribution.credited.v1"):
    """A credit became final: what it is for stands. Once per subject."""

    credit_id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID
    shop_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    campaign_id: uuid.UUID | None
    rule: str
    amount_minor: int
    currency: str
    final_at: dt.datetime


class Transferred(Event, frozen=True, kw_only=True, tag="attribution.transferred.v1"):
    """Somebody moved a credit from one shop to another, ``final`` already or still ``provisional``."""

    credit_id: uuid.UUID
    transfer_id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID
    from_shop_id: uuid.UUID | None
    to_shop_id: uuid.UUID | None
    staff_id: uuid.UUID | None
    state: str
    amount_minor: int
    currency: str
    transferred_at: dt.datetime


class CreditReversed(Event, frozen=True, kw_only=True, tag="attribution.reversed.v1"):
    """What was credited came to nothing. ``was_final``: whether ``credited`` had been told."""

    credit_id: uuid.UUID
    subject_type: str
    subject_id: uuid.UUID
    shop_id: uuid.UUID | None
    amount_minor: int
    currency: str
    was_final: bool
    reversed_at: dt.datetime


EVENTS = (Credited, Transferred, CreditReversed)

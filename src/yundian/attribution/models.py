"""Share links, the touches on them, whose each order is, and who moved it."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from yundian.attribution.states import CreditState
from yundian.attribution.types import AgentClass, Channel, CreditRule, LinkKind, TouchKind
from yundian.platform.db.base import Row, brand_key, brand_reference, currency_code, minor_units, text_enum

_HASH_BYTES = 32


class Link(Row, table=True):
    """A random token that leads to a page and says whose the visit is. Kept for ever; it ends by its times."""

    __tablename__ = "attribution_link"
    __table_args__ = (
        brand_key("token"),
        brand_reference("shop_id", "stores_shop"),
        brand_reference("parent_link_id", "attribution_link"),
        brand_reference("sharer_member_id", "members_member"),
        # Asking for a link again gives the same.
        sa.Index(
            "uq_attribution_link_live",
            "brand_id",
            "target_id",
            "target_type",
            "channel",
            "shop_id",
            "staff_id",
            "sharer_member_id",
            "parent_link_id",
            unique=True,
            postgresql_nulls_not_distinct=True,
            postgresql_where=sa.text("revoked_at IS NULL"),
        ),
        sa.Index(None, "brand_id", "shop_id", "id"),
        sa.Index("ix_attribution_link_parent", "brand_id", "parent_link_id"),
    )

    token: str = Field(sa_type=sa.String(12, collation="C"))
    shop_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None
    kind: LinkKind = Field(sa_type=text_enum(LinkKind))
    target_type: str = Field(sa_type=sa.String(40))
    target_id: uuid.UUID
    target_path: str = Field(sa_type=sa.String(300))
    campaign_id: uuid.UUID | None = None
    channel: Channel = Field(sa_type=text_enum(Channel))
    parent_link_id: uuid.UUID | None = None
    sharer_member_id: uuid.UUID | None = None
    title: str = Field(default="", sa_type=sa.String(120))
    picture: str = Field(default="", sa_type=sa.String(300))
    price_minor: int | None = minor_units(default=None)
    currency: str = currency_code()
    expires_at: dt.datetime | None = None
    revoked_at: dt.datetime | None = None
    # Opens whose touches are no longer kept.
    old_opens: int = 0


class Touch(Row, table=True):
    """Somebody came by a link. No reference to the link: every open would lock its one hot row.

    ``slot`` is the half minute: the same browser on the same link counts once in it. ``is_own``: people of the
    link's own shop looked at it.
    """

    __tablename__ = "attribution_touch"
    __table_args__ = (
        brand_key("link_id", "visitor_hash", "kind", "slot"),
        brand_reference("member_id", "members_member"),
        sa.Index("ix_attribution_touch_visitor", "brand_id", "visitor_hash", "at"),
        sa.Index("ix_attribution_touch_member", "brand_id", "member_id", "at"),
    )

    link_id: uuid.UUID
    visitor_hash: bytes | None = Field(default=None, sa_type=sa.LargeBinary(_HASH_BYTES))
    slot: int = Field(sa_type=sa.BigInteger)
    member_id: uuid.UUID | None = None
    kind: TouchKind = Field(sa_type=text_enum(TouchKind))
    at: dt.datetime
    agent: AgentClass = Field(sa_type=text_enum(AgentClass))
    is_bot: bool = False
    is_own: bool = False


class CreditRow(Row, table=True):
    """Whose an order is: decided once, with its evidence, changed by audited transfers only.

    No references to shop, link and touch: every order would lock their hot rows, and touches are forgotten.
    """

    __tablename__ = "attribution_credit"
    __table_args__ = (
        brand_key("subject_type", "subject_id"),
        sa.CheckConstraint("amount_minor >= 0 AND refunded_minor >= 0", name="amounts"),
        sa.Index(None, "brand_id", "link_id"),
    )

    subject_type: str = Field(sa_type=sa.String(40))
    subject_id: uuid.UUID
    member_id: uuid.UUID | None = None
    shop_id: uuid.UUID | None = None
    staff_id: uuid.UUID | None = None
    campaign_id: uuid.UUID | None = None
    rule: CreditRule = Field(sa_type=text_enum(CreditRule))
    link_id: uuid.UUID | None = None
    touch_id: uuid.UUID | None = None
    assist_link_id: uuid.UUID | None = None
    marks: list[str] = Field(default_factory=list, sa_type=ARRAY(sa.String(32)))
    evidence: dict[str, object] = Field(sa_type=JSONB)
    state: CreditState = Field(default=CreditState.PROVISIONAL, sa_type=text_enum(CreditState))
    amount_minor: int = minor_units(default=0)
    refunded_minor: int = minor_units(default=0)
    currency: str = currency_code()
    decided_at: dt.datetime
    final_at: dt.datetime | None = None
    reversed_at: dt.datetime | None = None


class Transfer(Row, table=True):
    """Somebody moved a credit. Never changed, never deleted; to undo it is another transfer."""

    __tablename__ = "attribution_transfer"
    __table_args__ = (
        brand_reference("credit_id", "attribution_credit"),
        sa.Index(None, "brand_id", "credit_id"),
    )

    credit_id: uuid.UUID
    from_shop_id: uuid.UUID | None = None
    to_shop_id: uuid.UUID | None = None
    actor_id: uuid.UUID | None = None
    actor_name: str = Field(default="", sa_type=sa.String(80))
    reason: str = Field(sa_type=sa.String(400))

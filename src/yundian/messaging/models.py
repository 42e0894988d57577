"""Messages and each try to send them, consents and their use, what members want, what HQ decides."""

import datetime as dt
import uuid
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlmodel import Field

from yundian.messaging.states import AttemptState, MessageState
from yundian.messaging.types import Channel, MessageClass
from yundian.platform.db.base import EditableRow, Row, brand_key, brand_reference, text_enum


class Message(Row, table=True):
    """Once per fact: the key of (fact, template). Its words are sealed, and erased after the retention time.

    ``next_at`` is when a worker looks at it next: null when it is over. ``tried`` are the ways that refused.
    """

    __tablename__ = "messaging_message"
    __table_args__ = (
        brand_key("fact_key", "template"),
        brand_reference("member_id", "members_member"),
        brand_reference("shop_id", "stores_shop"),
        sa.Index(
            "ix_messaging_message_shop",
            "brand_id",
            "shop_id",
            "id",
            postgresql_where=sa.text("shop_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_messaging_message_due", "brand_id", "next_at", postgresql_where=sa.text("next_at IS NOT NULL")
        ),
        sa.Index("ix_messaging_message_member", "brand_id", "member_id", "id"),
        sa.Index("ix_messaging_message_state", "brand_id", "state", "id"),
        sa.Index("ix_messaging_message_tests", "brand_id", "template", "id", postgresql_where=sa.text("is_test")),
        sa.Index(
            "ix_messaging_message_kept",
            "brand_id",
            "ended_at",
            postgresql_where=sa.text("values_sealed IS NOT NULL"),
        ),
    )

    member_id: uuid.UUID
    shop_id: uuid.UUID | None = None
    fact_key: str = Field(sa_type=sa.String(120))
    template: str = Field(sa_type=sa.String(60))
    message_class: MessageClass = Field(sa_type=text_enum(MessageClass))
    is_test: bool = False
    only_channel: str = Field(default="", sa_type=sa.String(16))
    locale: str = Field(default="", sa_type=sa.String(8))
    zone: str = Field(default="", sa_type=sa.String(40))
    path: str = Field(default="", sa_type=sa.String(300))
    values_sealed: bytes | None = None
    send_after: dt.datetime
    useless_after: dt.datetime | None = None
    recheck: str = Field(default="", sa_type=sa.String(60))
    checked_at: dt.datetime | None = None
    state: MessageState = Field(sa_type=text_enum(MessageState))
    reason: str = Field(default="", sa_type=sa.String(60))
    channel: str = Field(default="", sa_type=sa.String(16))
    recipient: str = Field(default="", sa_type=sa.String(40))
    tried: list[str] = Field(default_factory=list, sa_column=sa.Column(ARRAY(sa.String(16)), nullable=False))
    tries: int = 0
    channel_tries: int = 0
    is_counted: bool = False
    next_at: dt.datetime | None = None
    sent_at: dt.datetime | None = None
    delivered_at: dt.datetime | None = None
    ended_at: dt.datetime | None = None


class Attempt(Row, table=True):
    """One try: stored before a provider hears of it.

    ``reference`` is the number of ours that the provider is told, where it takes one: the same again is no second
    message. Empty where nobody knows it: a worker of before began the try.
    """

    __tablename__ = "messaging_attempt"
    __table_args__ = (
        brand_key("message_id", "number"),
        brand_reference("message_id", "messaging_message"),
        sa.Index(
            "ix_messaging_attempt_provider_ref",
            "brand_id",
            "app_id",
            "provider_ref",
            postgresql_where=sa.text("provider_ref <> ''"),
        ),
    )

    message_id: uuid.UUID
    number: int
    channel: Channel = Field(sa_type=text_enum(Channel, 16))
    app_id: str = Field(default="", sa_type=sa.String(32))
    template_ref: str = Field(default="", sa_type=sa.String(64))
    recipient: str = Field(default="", sa_type=sa.String(40))
    state: AttemptState = Field(sa_type=text_enum(AttemptState, 16))
    code: str = Field(default="", sa_type=sa.String(60))
    provider_ref: str = Field(default="", sa_type=sa.String(80))
    reference: str = Field(default="", sa_type=sa.String(80), sa_column_kwargs={"server_default": ""})
    ended_at: dt.datetime | None = None


class Credit(Row, table=True):
    """How many messages of a WeChat template a member has agreed to and not got yet."""

    __tablename__ = "messaging_credit"
    __table_args__ = (
        brand_key("member_id", "app_id", "template_id"),
        brand_reference("member_id", "members_member"),
        sa.CheckConstraint("remaining >= 0", name="not_negative"),
    )

    member_id: uuid.UUID
    app_id: str = Field(sa_type=sa.String(32))
    template_id: str = Field(sa_type=sa.String(64))
    remaining: int


class CreditEntry(Row, table=True):
    """Why the number of credits changed. Never changed itself; the sum of the entries is the number."""

    __tablename__ = "messaging_credit_entry"
    __table_args__ = (
        brand_key("member_id", "app_id", "template_id", "reference", name="uq_messaging_credit_entry_reference"),
        brand_reference("member_id", "members_member"),
    )

    member_id: uuid.UUID
    app_id: str = Field(sa_type=sa.String(32))
    template_id: str = Field(sa_type=sa.String(64))
    # What happened and to what: ``gained:<dialogue>``, ``used:<attempt>``, ``returned:<attempt>``, ``voided:...``.
    reference: str = Field(sa_type=sa.String(80))
    change: int


class ChoiceRow(Row, table=True):
    """A member decided about a class of messages, at that time, that way. Never changed: the newest counts."""

    __tablename__ = "messaging_choice"
    __table_args__ = (
        brand_reference("member_id", "members_member"),
        sa.Index("ix_messaging_choice_member", "brand_id", "member_id", "message_class", "id"),
    )

    member_id: uuid.UUID
    message_class: MessageClass = Field(sa_type=text_enum(MessageClass))
    is_allowed: bool
    text_version: str = Field(sa_type=sa.String(20))
    via: str = Field(sa_type=sa.String(32))


class DayCount(Row, table=True):
    """How many marketing messages a member got on a day of the brand's zone."""

    __tablename__ = "messaging_day_count"
    __table_args__ = (brand_key("member_id", "day"),)

    member_id: uuid.UUID
    day: dt.date
    sent: int


class Template(EditableRow, table=True):
    """A brand's own version of a template of the house."""

    __tablename__ = "messaging_template"
    __table_args__ = (brand_key("code"),)

    code: str = Field(sa_type=sa.String(60))
    is_enabled: bool = True
    is_urgent: bool
    official_template_id: str = Field(default="", sa_type=sa.String(64))
    mini_template_id: str = Field(default="", sa_type=sa.String(64))
    mini_page: str = Field(default="", sa_type=sa.String(200))
    texts: dict[str, Any] = Field(sa_column=sa.Column(JSONB, nullable=False))


class Policy(EditableRow, table=True):
    """When and how often the brand writes; one row, whose id is the brand's."""

    __tablename__ = "messaging_policy"
    __table_args__ = (
        sa.CheckConstraint("id = brand_id", name="one_row"),
        sa.CheckConstraint("marketing_per_day BETWEEN 0 AND 20", name="marketing_per_day"),
        sa.CheckConstraint("retention_days BETWEEN 1 AND 1095", name="retention"),
    )

    quiet_from: dt.time
    quiet_until: dt.time
    marketing_per_day: int
    retention_days: int
    is_sms_on: bool

"""Members, what they are recognised by, what they agreed to; codes on their way; the brand's apps at WeChat."""

import datetime as dt
import uuid

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from yundian.members.states import MemberStatus
from yundian.members.types import AppKind, IdentityKind, JoinedVia, TimelineKind
from yundian.platform.db.base import (
    EditableRow,
    Row,
    brand_key,
    brand_reference,
    currency_code,
    minor_units,
    text_enum,
)

_HASH_BYTES = 32


class Member(EditableRow, table=True):
    """A customer of the brand: one person, as far as is known."""

    __tablename__ = "members_member"
    # HQ's search by the beginning of a name.
    # Partial, so that the checks of foreign keys cannot take it for the primary key (ADR 0003).
    __table_args__ = (
        sa.Index(
            "ix_members_member_named", "brand_id", "nickname", "id", postgresql_where=sa.text("nickname <> ''")
        ),
    )

    # "C": a prefix is a range of bytes, whatever the database's language.
    nickname: str = Field(default="", sa_type=sa.String(80, collation="C"))
    picture_url: str = Field(default="", sa_type=sa.String(500))
    status: MemberStatus = Field(default=MemberStatus.ACTIVE, sa_type=text_enum(MemberStatus))
    joined_via: JoinedVia = Field(sa_type=text_enum(JoinedVia))
    # Of messages to her; empty: nobody knows, so the brand's.
    locale: str = Field(default="", sa_type=sa.String(8), sa_column_kwargs={"server_default": ""})


class Identity(Row, table=True):
    """What a member is recognised by: found by its keyed hash, sealed to be shown or used. It ends, unchanged."""

    __tablename__ = "members_identity"
    __table_args__ = (
        brand_reference("member_id", "members_member"),
        sa.Index(
            "uq_members_identity_live",
            "brand_id",
            "kind",
            "scope",
            "value_hash",
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.Index("ix_members_identity_member", "brand_id", "member_id"),
    )

    member_id: uuid.UUID
    kind: IdentityKind = Field(sa_type=text_enum(IdentityKind))
    scope: str = Field(default="", sa_type=sa.String(64))
    value_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    value_sealed: bytes
    verified_at: dt.datetime
    ended_at: dt.datetime | None = None


class Twin(SQLModel, table=True):
    """Two members whom somebody's verified identities name together: perhaps one person, for headquarters to say.

    ``decided_at``: that they are two.
    """

    __tablename__ = "members_twin"
    __table_args__ = (
        brand_reference("member_id", "members_member"),
        brand_reference("other_id", "members_member"),
        sa.CheckConstraint("member_id < other_id", name="once"),
        sa.Index(None, "brand_id", "other_id"),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    member_id: uuid.UUID = Field(primary_key=True)
    other_id: uuid.UUID = Field(primary_key=True)
    seen_at: dt.datetime
    decided_at: dt.datetime | None = None
    decided_by: uuid.UUID | None = None


class Consent(Row, table=True):
    """A member agreed to a text, in this version, at that time. Never changed."""

    __tablename__ = "members_consent"
    __table_args__ = (
        brand_key("member_id", "document", "text_version"),
        brand_reference("member_id", "members_member"),
    )

    member_id: uuid.UUID
    document: str = Field(sa_type=sa.String(40))
    text_version: str = Field(sa_type=sa.String(20))
    via: JoinedVia = Field(sa_type=text_enum(JoinedVia))


class Terms(Row, table=True):
    """A text of the brand's own that members agree to. Never changed; the next number replaces it."""

    __tablename__ = "members_terms"
    __table_args__ = (brand_key("number"),)

    number: int
    text_version: str = Field(sa_type=sa.String(20))
    text_zh: str = Field(sa_type=sa.String(20_000))
    text_en: str = Field(sa_type=sa.String(20_000))
    actor_id: uuid.UUID | None = None


class SmsCode(Row, table=True):
    """A code on its way to a phone; only its keyed hash is kept."""

    __tablename__ = "members_sms_code"
    __table_args__ = (sa.Index("ix_members_sms_code_expires", "brand_id", "expires_at"),)

    phone_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    code_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    expires_at: dt.datetime
    tries: int = 0
    used_at: dt.datetime | None = None


class SmsQuota(Row, table=True):
    """How many codes went to a phone, or were asked for from an address, since ``day_at``."""

    __tablename__ = "members_sms_quota"
    __table_args__ = (
        brand_key("key_hash"),
        sa.Index("ix_members_sms_quota_last", "brand_id", "last_at"),
    )

    key_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    sent: int
    day_at: dt.datetime
    last_at: dt.datetime


class UsedState(Row, table=True):
    """A way back from WeChat that was taken: it leads in once."""

    __tablename__ = "members_used_state"
    __table_args__ = (
        brand_key("state_hash"),
        sa.Index("ix_members_used_state_created", "brand_id", "created_at"),
    )

    state_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))


class WeChatApp(EditableRow, table=True):
    """The brand's official account or mini program. Secrets are sealed and never shown again."""

    __tablename__ = "members_wechat_app"
    __table_args__ = (brand_key("kind"), brand_key("app_id"))

    kind: AppKind = Field(sa_type=text_enum(AppKind))
    app_id: str = Field(sa_type=sa.String(32))
    secret_sealed: bytes
    token_sealed: bytes | None = None
    aes_key_sealed: bytes | None = None


class WeChatEvent(Row, table=True):
    """What WeChat told of a follower: subscribed, left, scanned a code with a scene. Kept once."""

    __tablename__ = "members_wechat_event"
    __table_args__ = (
        brand_key("app_id", "ref_hash"),
        sa.Index("ix_members_wechat_event_openid", "brand_id", "openid_hash", "id"),
    )

    app_id: str = Field(sa_type=sa.String(32))
    # The openid is part of WeChat's own reference.
    ref_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    kind: str = Field(sa_type=sa.String(32))
    openid_hash: bytes = Field(sa_type=sa.LargeBinary(_HASH_BYTES))
    openid_sealed: bytes
    scene: str = Field(default="", sa_type=sa.String(64))
    happened_at: dt.datetime


class TimelineEntry(SQLModel, table=True):
    """Something that happened with a member, once per kind and thing. What the house's own events tell is never
    changed; what an imported order tells is replaced when its source corrects it.

    ``number`` is the order's, as people see it; ``facts`` what a screen says beside the columns.
    """

    __tablename__ = "members_timeline"
    __table_args__ = (
        brand_reference("member_id", "members_member"),
        sa.Index("ix_members_timeline_newest", "brand_id", "member_id", "at", "kind", "ref_id"),
        sa.Index("ix_members_timeline_ref", "brand_id", "ref_id"),
        sa.Index("ix_members_timeline_number", "brand_id", "number", postgresql_where=sa.text("number <> ''")),
    )

    brand_id: uuid.UUID = Field(primary_key=True)
    member_id: uuid.UUID = Field(primary_key=True)
    kind: TimelineKind = Field(primary_key=True, sa_type=text_enum(TimelineKind))
    ref_type: str = Field(primary_key=True, sa_type=sa.String(32))
    ref_id: uuid.UUID = Field(primary_key=True)
    at: dt.datetime
    order_id: uuid.UUID | None = None
    number: str = Field(sa_type=sa.String(120))
    channel: str = Field(sa_type=sa.String(32))
    shop_id: uuid.UUID | None = None
    amount_minor: int = minor_units()
    currency: str = currency_code()
    facts: str = Field(sa_type=JSONB)


class Totals(SQLModel, table=True):
    """What a member bought through one channel, in one currency: summed up from her timeline as it grows.

    ``orders`` were paid, ``sales`` are those of them that were released; first and last payment.
    """

    __tablename__ = "members_totals"
    __table_args__ = (brand_reference("member_id", "members_member"),)

    brand_id: uuid.UUID = Field(primary_key=True)
    member_id: uuid.UUID = Field(primary_key=True)
    channel: str = Field(primary_key=True, sa_type=sa.String(32))
    currency: str = Field(primary_key=True, sa_type=sa.CHAR(3))
    orders: int = Field(sa_type=sa.BigInteger)
    sales: int = Field(sa_type=sa.BigInteger)
    paid_minor: int = minor_units()
    refunds: int = Field(sa_type=sa.BigInteger)
    refunded_minor: int = minor_units()
    first_at: dt.datetime | None = None
    last_at: dt.datetime | None = None
